// Option 93 -> firmware: the whole registry as one table, and the machines that say the wrong thing.

import type { Firmware, Processor } from '../model.ts'
import type { Mac } from '../net/mac.ts'

export type Architecture = {
  readonly code: number
  /** As the registry writes it. */
  readonly name: string
  /** Undefined: nothing here boots it. */
  readonly firmware?: Firmware | undefined
}

const architecture = (code: number, name: string, firmware?: Firmware): Architecture => ({
  code,
  name,
  firmware,
})

/** RFC 4578 2.1, RFC 5970 3.3 and IANA's "Processor Architecture Types". */
export const architectures: readonly Architecture[] = [
  architecture(0, 'x86 BIOS', 'bios'),
  architecture(1, 'NEC/PC98'),
  architecture(2, 'Itanium'),
  architecture(3, 'DEC Alpha'),
  architecture(4, 'Arc x86'),
  architecture(5, 'Intel Lean Client'),
  architecture(6, 'x86 UEFI', 'uefi-ia32'),
  architecture(7, 'x64 UEFI', 'uefi-x64'),
  // RFC 4578 calls 8 Xscale and 9 x86-64; VMware sends 9 for x64 UEFI, and no Xscale firmware is known.
  architecture(8, 'EFI Xscale', 'uefi-x64'),
  architecture(9, 'EBC', 'uefi-x64'),
  architecture(10, 'ARM 32-bit UEFI', 'uefi-arm32'),
  architecture(11, 'ARM 64-bit UEFI', 'uefi-arm64'),
  architecture(12, 'PowerPC Open Firmware', 'ppc'),
  architecture(13, 'PowerPC ePAPR', 'ppc'),
  architecture(14, 'POWER OPAL v3', 'opal'),
  architecture(15, 'x86 UEFI boot from HTTP', 'http-ia32'),
  architecture(16, 'x64 UEFI boot from HTTP', 'http-x64'),
  architecture(17, 'EBC boot from HTTP', 'http-x64'),
  architecture(18, 'ARM 32-bit UEFI boot from HTTP', 'http-arm32'),
  architecture(19, 'ARM 64-bit UEFI boot from HTTP', 'http-arm64'),
  architecture(20, 'PC/AT BIOS boot from HTTP', 'http-bios'),
  architecture(21, 'ARM 32-bit U-Boot', 'uboot-arm32'),
  architecture(22, 'ARM 64-bit U-Boot', 'uboot-arm64'),
  architecture(23, 'ARM 32-bit U-Boot boot from HTTP', 'uboot-arm32'),
  architecture(24, 'ARM 64-bit U-Boot boot from HTTP', 'uboot-arm64'),
  architecture(25, 'RISC-V 32-bit UEFI'),
  architecture(26, 'RISC-V 32-bit UEFI boot from HTTP'),
  architecture(27, 'RISC-V 64-bit UEFI', 'uefi-riscv64'),
  architecture(28, 'RISC-V 64-bit UEFI boot from HTTP', 'http-riscv64'),
  architecture(29, 'RISC-V 128-bit UEFI'),
  architecture(30, 'RISC-V 128-bit UEFI boot from HTTP'),
  architecture(31, 's390 Basic'),
  architecture(32, 's390 Extended'),
  architecture(33, 'MIPS 32-bit UEFI'),
  architecture(34, 'MIPS 64-bit UEFI'),
  architecture(35, 'Sunway 32-bit UEFI'),
  architecture(36, 'Sunway 64-bit UEFI'),
  architecture(37, 'LoongArch 32-bit UEFI'),
  architecture(38, 'LoongArch 32-bit UEFI boot from HTTP'),
  architecture(39, 'LoongArch 64-bit UEFI', 'uefi-loongarch64'),
  architecture(40, 'LoongArch 64-bit UEFI boot from HTTP', 'http-loongarch64'),
  architecture(41, 'ARM rpiboot', 'rpi'),
]

const byCode: ReadonlyMap<number, Architecture> = new Map(architectures.map((entry) => [entry.code, entry]))

/** The Raspberry Pi Foundation and Raspberry Pi Ltd, in the IEEE's registry. */
const raspberryPi: ReadonlySet<string> = new Set([
  'b8:27:eb',
  'dc:a6:32',
  'e4:5f:01',
  'd8:3a:dd',
  '28:cd:c1',
  '2c:cf:67',
  '88:a2:9e',
])

/**
 * The firmware of a machine that sent these architecture codes in this order.
 * The first code that something here boots wins (RFC 4578 2.1: the list is in order of preference).
 * A client that sends none is a BIOS of before RFC 4578; undefined: only codes that nothing here boots.
 */
export function firmwareOf(archs: readonly number[], mac?: Mac): Firmware | undefined {
  const firmware =
    archs.length === 0
      ? 'bios'
      : archs.map((code) => byCode.get(code)?.firmware).find((known) => known !== undefined)
  // The boot ROM of a Raspberry Pi 3 or 4 says 0, as a PC does (raspberrypi/firmware #1928).
  return firmware === 'bios' && archs.length > 0 && raspberryPi.has(mac?.slice(0, 8) ?? '') ? 'rpi' : firmware
}

/** For a person: `31 (s390 Basic)`. */
export function nameArchitectures(archs: readonly number[]): string {
  return archs.map((code) => `${code} (${byCode.get(code)?.name ?? 'not assigned'})`).join(', ')
}

/** The code a machine with `firmware` sends first. */
export function codeOf(firmware: Firmware): number {
  return architectures.find((entry) => entry.firmware === firmware)?.code ?? 0
}

/** What kernels run there, the better one first. On BIOS the loader tells a 64-bit processor from one of 32. */
export const processorsOf: Readonly<Record<Firmware, readonly Processor[]>> = {
  bios: ['x64', 'ia32'],
  'http-bios': ['x64', 'ia32'],
  'uefi-x64': ['x64'],
  'http-x64': ['x64'],
  'uefi-ia32': ['ia32'],
  'http-ia32': ['ia32'],
  'uefi-arm64': ['arm64'],
  'http-arm64': ['arm64'],
  'uboot-arm64': ['arm64'],
  'uefi-arm32': ['arm32'],
  'http-arm32': ['arm32'],
  'uboot-arm32': ['arm32'],
  'uefi-riscv64': ['riscv64'],
  'http-riscv64': ['riscv64'],
  'uefi-loongarch64': ['loongarch64'],
  'http-loongarch64': ['loongarch64'],
  ppc: ['ppc'],
  opal: ['ppc'],
  // What its own files start, UEFI or U-Boot, is of either kind.
  rpi: ['arm64', 'arm32'],
}
