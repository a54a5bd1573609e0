// Option 93 (RFC 4578 2.1, IANA "Processor Architecture Types") -> firmware: one table.

import type { Firmware } from '../model.ts'

const byCode: ReadonlyMap<number, Firmware> = new Map<number, Firmware>([
  [0, 'bios'],
  [6, 'uefi-ia32'],
  [7, 'uefi-x64'],
  // RFC 4578 calls 8 Xscale and 9 x86-64; VMware sends 9 for x64 UEFI, and no Xscale firmware is known.
  [8, 'uefi-x64'],
  [9, 'uefi-x64'],
  [10, 'uefi-arm32'],
  [11, 'uefi-arm64'],
  [15, 'http-ia32'],
  [16, 'http-x64'],
  [17, 'http-x64'],
  [18, 'http-arm32'],
  [19, 'http-arm64'],
  [41, 'rpi'],
])

/**
 * The firmware of a machine that sent these architecture codes in this order.
 * The first code we know wins (RFC 4578 2.1: the list is in order of preference).
 * A client that sends none is a BIOS of before RFC 4578; undefined: only codes nobody here knows.
 */
export function firmwareOf(archs: readonly number[]): Firmware | undefined {
  if (archs.length === 0) return 'bios'
  for (const code of archs) {
    const firmware = byCode.get(code)
    if (firmware !== undefined) return firmware
  }
  return undefined
}
