// What the name of a loader's file says of it, where the settings do not.

import test from 'ava'
import { bootloader } from '../../src/boot/bootloaders.ts'

for (const [file, language, ...firmwares] of [
  ['pxelinux.0', 'pxelinux', 'bios'],
  ['lpxelinux.0', 'pxelinux', 'bios'],
  ['ipxe/pxelinux.0', 'pxelinux', 'bios'],
  ['grub/pxelinux.0', 'pxelinux', 'bios'],
  ['grub/syslinux.efi', 'pxelinux', 'uefi-x64'],
  ['efi32/syslinux.efi', 'pxelinux', 'uefi-ia32'],
  ['efi64/syslinux.efi', 'pxelinux', 'uefi-x64'],
  ['i386/efi64/syslinux.efi', 'pxelinux', 'uefi-x64'],
  ['bootx64.efi', 'grub', 'uefi-x64'],
  ['farm/bootx64.efi', 'grub', 'uefi-x64'],
  ['ipxe/bootx64.efi', 'grub', 'uefi-x64'],
  ['efi32/bootx64.efi', 'grub', 'uefi-x64'],
  ['farm/boot.efi', 'pxelinux', 'uefi-x64'],
  ['x/alarm/grubx64.efi', 'grub', 'uefi-x64'],
  ['alarm/grub.efi', 'grub', 'uefi-x64'],
  ['bootarm.efi', 'grub', 'uefi-arm32'],
  ['shimarm.efi', 'grub', 'uefi-arm32'],
  ['arm/grub.efi', 'grub', 'uefi-arm32'],
  ['boot/grub/arm-efi/core.efi', 'grub', 'uefi-arm32'],
  ['boot/grub/arm64-efi/core.efi', 'grub', 'uefi-arm64'],
  ['boot/grub/x86_64-efi/core.efi', 'grub', 'uefi-x64'],
  ['boot/grub/i386-pc/core.0', 'grub', 'bios'],
  ['boot/grub/powerpc-ieee1275/core.elf', 'grub', 'ppc'],
  ['grub/custom.efi', 'grub', 'uefi-x64'],
  ['EFI/BOOT/BOOTAA64.EFI', 'grub', 'uefi-arm64'],
  ['undionly.kpxe', 'ipxe', 'bios', 'http-bios'],
  ['ipxe-arm32.efi', 'ipxe', 'uefi-arm32', 'http-arm32'],
  ['ipxe-arm64.efi', 'ipxe', 'uefi-arm64', 'http-arm64'],
  ['ipxe/arm64/x.efi', 'ipxe', 'uefi-arm64', 'http-arm64'],
  ['ipxe/snponly.efi', 'ipxe', 'uefi-x64', 'http-x64'],
  ['extlinux.conf', 'pxelinux', 'uboot-arm32', 'uboot-arm64'],
  ['bootcode.bin', 'rpi', 'rpi'],
] as const) {
  test(`${file} is ${language} for ${firmwares.join(' and ')}`, (t) => {
    const guessed = bootloader({ name: 'x', file })
    t.is(guessed.language, language)
    t.deepEqual(guessed.firmwares, firmwares)
  })
}
