// The loaders a machine can be sent, what each can run on, and the language of its configurations.

import type { Bootloader, Firmware, Language } from '../model.ts'

/** In order of preference, for settings that name none. SYSLINUX runs PXELINUX configurations on UEFI. */
export const builtInBootloaders: readonly Bootloader[] = [
  bootloader({ name: 'pxelinux', file: 'pxelinux.0' }),
  bootloader({ name: 'syslinux-efi64', file: 'efi64/syslinux.efi' }),
  bootloader({ name: 'syslinux-efi32', file: 'efi32/syslinux.efi' }),
]

/** A bootloader as settings write it; what they leave out is inferred from the file's name. */
export function bootloader(written: {
  name: string
  file: string
  config_path?: string | undefined
  arch?: readonly Firmware[] | undefined
}): Bootloader {
  return {
    name: written.name,
    file: written.file.replace(/^\/+/, ''),
    configPath: written.config_path ?? '',
    language: languageOf(written.file),
    firmwares: written.arch ?? firmwaresOf(written.file),
  }
}

function languageOf(file: string): Language {
  const name = file.toLowerCase()
  if (/ipxe|undionly|snponly|\.kpxe$|\.kkpxe$/.test(name)) return 'ipxe'
  if (/grub|shim|boot(x64|ia32|aa64)\.efi$|core\.0$/.test(name)) return 'grub'
  return 'pxelinux'
}

function firmwaresOf(file: string): readonly Firmware[] {
  const name = file.toLowerCase()
  if (!name.endsWith('.efi')) return ['bios']
  // SYSLINUX has no HTTP boot of its own: after HTTPClient it would ask TFTP with no server address.
  const http = languageOf(file) !== 'pxelinux'
  if (/ia32|i386|efi32/.test(name)) return http ? ['uefi-ia32', 'http-ia32'] : ['uefi-ia32']
  if (/aa64|arm64/.test(name)) return http ? ['uefi-arm64', 'http-arm64'] : ['uefi-arm64']
  return http ? ['uefi-x64', 'http-x64'] : ['uefi-x64']
}
