// What tells a loop from a boot: three of one loader in a minute, each machine by itself.

import test from 'ava'
import { isLoop, Recent } from '../../src/boot/recent.ts'
import { applyDelta, emptyTable, type Change } from '../../src/boot/table.ts'
import type { Host } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'

const numbered = (number: number) => parseMac(number.toString(16).padStart(12, '0')) as Mac
const [mac, second, other, stranger] = [numbered(1), numbered(2), numbered(3), numbered(4)]
const ip = parseIpv4('10.77.0.129') as Ipv4
const file = 'undionly.kpxe'

const host = (name: string, macs: readonly Mac[]): Host => ({
  name,
  macs,
  origin: 'settings',
  locked: false,
  vars: {},
  options: [],
})

/** h1 with two cards and h2 with one, of which each was sent a loader three times. */
function make() {
  const table = emptyTable()
  const changes: readonly Change[] = [
    { kind: 'host', host: host('h1', [mac, second]) },
    { kind: 'host', host: host('h2', [other]) },
  ]
  applyDelta(table, { revision: 1, changes })
  const recent = new Recent(table)
  for (const card of [mac, second, other]) {
    for (let times = 0; times < 3; times++) recent.add({ mac: card }, file, 0)
  }
  const change = (...wanted: readonly Change[]) => {
    const delta = { revision: table.revision + 1, changes: wanted }
    recent.follow(delta)
    applyDelta(table, delta)
  }
  const looping = () => [mac, second, other].filter((card) => isLoop(recent.of(card, 1), file))
  return { table, recent, change, looping }
}

test('three in a minute are a loop, until the first is a minute old', (t) => {
  const { recent } = make()
  for (const at of [100_000, 120_000, 140_000]) {
    t.false(isLoop(recent.of(mac, at), file))
    recent.add({ mac }, file, at)
  }
  t.true(isLoop(recent.of(mac, 150_000), file))
  t.false(isLoop(recent.of(mac, 150_000), 'pxelinux.0'))
  t.false(isLoop(recent.of(other, 150_000), file))
  t.false(isLoop(recent.of(mac, 160_000), file))
})

const renewals: Readonly<Record<string, readonly [Change, readonly Mac[]]>> = {
  'a deploy': [{ kind: 'assignment', host: 'h1', configuration: 'ubuntu' }, [other]],
  'what was deployed taken back': [{ kind: 'assignment', host: 'h1', configuration: null }, [other]],
  'a host that changes, and loses a card': [{ kind: 'host', host: host('h1', [mac]) }, [other]],
  'a host that takes over a card': [{ kind: 'host', host: host('h3', [second]) }, [mac, other]],
  'a host that goes': [{ kind: 'host-removed', name: 'h1' }, [other]],
  'a hold': [{ kind: 'hold', held: true }, []],
  'a look at the configurations': [
    { kind: 'catalog', catalog: { configurations: [], menus: [], loaders: [] } },
    [mac, second, other],
  ],
}

for (const [what, [renewal, left]] of Object.entries(renewals)) {
  test(`${what}: whoever is to boot something else begins anew`, (t) => {
    const { change, looping } = make()
    t.deepEqual(looping(), [mac, second, other])
    change(renewal)
    t.deepEqual(looping(), left)
  })
}

test('behind an address that no machine is known of, nothing is counted', (t) => {
  const { recent } = make()
  for (let times = 0; times < 5; times++) recent.add({ mac: undefined, ip }, file, 0)
  t.deepEqual(recent.of(undefined, 1), [])
})

test('a card that only answers for an address may be that of a router that translates: not counted', (t) => {
  const { table, recent } = make()
  const count = () => {
    for (let times = 0; times < 3; times++) recent.add({ mac: stranger, ip }, file, 0)
    return recent.of(stranger, 1).length
  }
  t.is(count(), 0)
  table.addresses.set(ip, other)
  t.is(count(), 0, 'somebody else holds it')
  table.addresses.set(ip, stranger)
  t.is(count(), 3, 'it holds it itself')
})

test('more machines than anyone has take no more memory, and the oldest go first', (t) => {
  const { table, recent } = make()
  for (let number = 10; number < 5010; number++) {
    table.addresses.set(ip, numbered(number))
    recent.add({ mac: numbered(number), ip }, file, 0)
  }
  t.is(recent.of(numbered(10), 1).length, 0)
  t.is(recent.of(numbered(5009), 1).length, 1)
})
