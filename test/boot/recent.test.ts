// What tells a loop from a boot: three of one loader in a minute, each machine by itself.

import test from 'ava'
import { isLoop, Recent } from '../../src/boot/recent.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'

const mac = parseMac('52:54:00:00:00:01') as Mac
const numbered = (number: number) => parseMac(number.toString(16).padStart(12, '0')) as Mac
const other = parseMac('52:54:00:00:00:02') as Mac

test('three in a minute are a loop, until the first is a minute old', (t) => {
  const recent = new Recent()
  for (const at of [0, 20_000, 40_000]) {
    t.false(isLoop(recent.of(mac, at), 'undionly.kpxe'))
    recent.add(mac, 'undionly.kpxe', at)
  }
  t.true(isLoop(recent.of(mac, 50_000), 'undionly.kpxe'))
  t.false(isLoop(recent.of(mac, 50_000), 'pxelinux.0'))
  t.false(isLoop(recent.of(other, 50_000), 'undionly.kpxe'))
  t.false(isLoop(recent.of(mac, 60_000), 'undionly.kpxe'))
})

test('behind an address that no machine is known of, nothing is counted', (t) => {
  const recent = new Recent()
  for (let times = 0; times < 5; times++) recent.add(undefined, 'pxelinux.0', 0)
  t.deepEqual(recent.of(undefined, 1), [])
})

test('more machines than anyone has take no more memory, and the oldest go first', (t) => {
  const recent = new Recent()
  for (let number = 0; number < 5000; number++) recent.add(numbered(number), 'pxelinux.0', 0)
  t.is(recent.of(numbered(0), 1).length, 0)
  t.is(recent.of(numbered(4999), 1).length, 1)
})
