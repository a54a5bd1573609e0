// The loaders a machine can be sent, what each can run on, and the language of its configurations.

import type { Bootloader, Firmware, Language } from '../model.ts'

type Written = {
  name: string
  file?: string | undefined
  config_path?: string | undefined
  arch?: readonly Firmware[] | undefined
}

/**
 * A bootloader as settings write it; what they leave out is inferred from the file's name. To the original the file was
 * a word to show: without one it is that of the built-in bootloader of the name, else it runs on nothing.
 */
export function bootloader({ name, file = '', config_path, arch }: Written): Bootloader {
  const path = file.replace(/^\/+/, '') || (builtInFiles.get(name) ?? '')
  if (path === '') {
    return { name, file: '', configPath: config_path ?? '', language: languageOf(name), firmwares: [] }
  }
  return {
    name,
    file: path,
    configPath: config_path ?? '',
    language: languageOf(path),
    firmwares: arch ?? residents.get(path) ?? firmwaresOf(path),
    ...(residents.has(path) && { resident: true }),
  }
}

function quiet(written: Written): Bootloader {
  return { ...bootloader(written), quiet: true }
}

/** No programs, but what some firmware reads itself. */
const residents: ReadonlyMap<string, readonly Firmware[]> = new Map(
  Object.entries({
    'extlinux.conf': ['uboot-arm32', 'uboot-arm64'],
    'petitboot.conf': ['opal'],
    'bootcode.bin': ['rpi'],
  }),
)

/** By the file's own name; the folder only says what to think of one that says nothing. */
function languageOf(file: string): Language {
  if (file === 'bootcode.bin') return 'rpi'
  const [name = '', ...folders] = namesOf(file)
  if (/ipxe|undionly|snponly|\.kpxe$|\.kkpxe$/.test(name)) return 'ipxe'
  if (/grub|shim|boot(x64|ia32|aa64|arm|riscv64|loongarch64)\.efi$|core\.(0|elf|efi)$/.test(name))
    return 'grub'
  if (/linux/.test(name)) return 'pxelinux'
  return folders.find((folder) => folder === 'ipxe' || folder === 'grub') ?? 'pxelinux'
}

/** The file's name and its folders', the innermost first. */
function namesOf(file: string): readonly string[] {
  return file.toLowerCase().split('/').toReversed()
}

/** What names say of the processor they are for, behind `uefi-` and `http-`. */
const processors = (
  [
    [/aa64|arm64|aarch64/, 'arm64'],
    [/ia32|i386|efi32/, 'ia32'],
    [/riscv64/, 'riscv64'],
    [/loongarch64|loongson/, 'loongarch64'],
    [/(?:^|[^a-z]|boot|grub|grubnet|shim|mm|ipxe|snponly)arm(?:32|hf)?(?![a-z0-9])/, 'arm32'],
    [/x64|x86_64|amd64|efi64/, 'x64'],
  ] as const
).map(([named, processor]) => ({
  processor,
  named,
  /** A folder says it by a word of its own: `efi32`, `arm64-efi`, `bin-i386-efi`. */
  folder: new RegExp(`(?:^|[^a-z0-9])(?:${named.source})(?:[^a-z0-9]|$)`),
}))

function processorOf(file: string) {
  const [name = '', ...folders] = namesOf(file)
  const own = processors.find(({ named }) => named.test(name))
  if (own !== undefined) return own.processor
  for (const outer of folders) {
    const found = processors.find(({ folder }) => folder.test(outer))
    if (found !== undefined) return found.processor
  }
  return 'x64'
}

function firmwaresOf(file: string): readonly Firmware[] {
  const [name = '', ...folders] = namesOf(file)
  if (name.endsWith('.elf') || [name, ...folders].some((word) => /(?:^|[^a-z0-9])powerpc/.test(word)))
    return ['ppc']
  const isIpxe = languageOf(file) === 'ipxe'
  if (!name.endsWith('.efi')) return isIpxe ? ['bios', 'http-bios'] : ['bios']
  const processor = processorOf(file)
  // After HTTPClient SYSLINUX would ask TFTP with no server address, and Debian's GRUB asks nobody.
  return isIpxe ? [`uefi-${processor}`, `http-${processor}`] : [`uefi-${processor}`]
}

/**
 * In order of preference, for settings that name none. On UEFI shim and signed GRUB go before SYSLINUX, which knows
 * no Secure Boot. UEFI HTTP boot gets iPXE: Debian's GRUB stops at its prompt there, and SYSLINUX asks TFTP of nobody.
 */
export const builtInBootloaders: readonly Bootloader[] = [
  bootloader({ name: 'pxelinux', file: 'pxelinux.0' }),
  quiet({ name: 'lpxelinux', file: 'lpxelinux.0' }),
  quiet({ name: 'grub', file: 'bootx64.efi' }),
  quiet({ name: 'grub-arm64', file: 'bootaa64.efi' }),
  quiet({ name: 'grub-ia32', file: 'bootia32.efi' }),
  quiet({ name: 'grub-arm32', file: 'bootarm.efi' }),
  quiet({ name: 'grub-riscv64', file: 'bootriscv64.efi' }),
  quiet({ name: 'grub-loongarch64', file: 'bootloongarch64.efi' }),
  quiet({ name: 'grub-bios', file: 'boot/grub/i386-pc/core.0' }),
  quiet({ name: 'grub-ppc', file: 'boot/grub/powerpc-ieee1275/core.elf' }),
  bootloader({ name: 'syslinux-efi64', file: 'efi64/syslinux.efi' }),
  bootloader({ name: 'syslinux-efi32', file: 'efi32/syslinux.efi' }),
  quiet({ name: 'ipxe', file: 'undionly.kpxe' }),
  // snponly.efi drives the card through its firmware, as the firmware itself just did; ipxe.efi brings drivers along.
  quiet({ name: 'ipxe-snponly', file: 'snponly.efi', arch: ['uefi-x64'] }),
  quiet({ name: 'ipxe-efi', file: 'ipxe.efi' }),
  quiet({ name: 'ipxe-arm64', file: 'ipxe-arm64.efi' }),
  quiet({ name: 'ipxe-ia32', file: 'ipxe-i386.efi' }),
  bootloader({ name: 'u-boot', file: 'extlinux.conf' }),
  bootloader({ name: 'petitboot', file: 'petitboot.conf' }),
  bootloader({ name: 'rpi', file: 'bootcode.bin' }),
]

const builtInFiles: ReadonlyMap<string, string> = new Map(
  builtInBootloaders.map(({ name, file }) => [name, file]),
)
