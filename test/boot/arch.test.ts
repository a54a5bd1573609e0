// Option 93: the whole registry, and the machines that say the wrong thing.

import test from 'ava'
import { architectures, codeOf, firmwareOf, nameArchitectures } from '../../src/boot/arch.ts'
import { firmwares } from '../../src/model.ts'
import { parseMac } from '../../src/net/mac.ts'

test('every code of the registry is there once, in order', (t) => {
  t.deepEqual(
    architectures.map(({ code }) => code),
    Array.from({ length: 42 }, (_, code) => code),
  )
  t.is(new Set(architectures.map(({ name }) => name)).size, 42)
})

test('every firmware has a code, and that code has the firmware', (t) => {
  for (const firmware of firmwares) t.is(firmwareOf([codeOf(firmware)]), firmware)
})

for (const [archs, mac, expected] of [
  [[], undefined, 'bios'],
  [[0], undefined, 'bios'],
  [[7], undefined, 'uefi-x64'],
  // VMware.
  [[9], undefined, 'uefi-x64'],
  [[16], undefined, 'http-x64'],
  [[20], undefined, 'http-bios'],
  [[22], undefined, 'uboot-arm64'],
  [[24], undefined, 'uboot-arm64'],
  [[31], undefined, undefined],
  [[65_535], undefined, undefined],
  [[31, 999, 7, 0], undefined, 'uefi-x64'],
  [[0], 'dc:a6:32:00:00:01', 'rpi'],
  [[0], 'b8:27:eb:00:00:01', 'rpi'],
  [[41], undefined, 'rpi'],
  // A Raspberry Pi with UEFI firmware or U-Boot of its own is what it says; one that says nothing is no boot ROM.
  [[11], 'dc:a6:32:00:00:01', 'uefi-arm64'],
  [[22], 'dc:a6:32:00:00:01', 'uboot-arm64'],
  [[], 'dc:a6:32:00:00:01', 'bios'],
] as const) {
  test(`${JSON.stringify(archs)} of ${mac ?? 'any machine'} is ${expected ?? 'nothing we boot'}`, (t) => {
    t.is(firmwareOf(archs, mac === undefined ? undefined : parseMac(mac)), expected)
  })
}

test('a person reads the name of a code', (t) => {
  t.is(nameArchitectures([31, 999]), '31 (s390 Basic), 999 (not assigned)')
})
