// The one door for every change, on a real store: all of a deploy or nothing, durable and in force when it resolves.

import { join } from 'node:path'
import test from 'ava'
import { applyDelta, emptyTable, snapshotOf, type Table } from '../src/boot/table.ts'
import type { AuditEntry, Host } from '../src/model.ts'
import { ipv4 } from '../src/net/ipv4.ts'
import { parseMac, type Mac } from '../src/net/mac.ts'
import { Registry, type DeployTarget } from '../src/registry.ts'
import { openStore } from '../src/store/open.ts'
import type { Store } from '../src/store/store.ts'
import { newFolder } from './folder.ts'

const mac = (text: string) => parseMac(text) as Mac
const h1: Host = {
  name: 'h1',
  macs: [mac('00:00:00:00:00:01'), mac('00:00:00:00:0b:01')],
  origin: 'settings',
  locked: false,
  vars: {},
  options: [],
}
const h2: Host = { ...h1, name: 'h2', macs: [mac('00:00:00:00:00:02')] }
const guarded: Host = { ...h1, name: 'guarded', macs: [mac('00:00:00:00:00:03')], locked: true }
const bare: Host = { ...h1, name: 'bare', macs: [] }

async function make(policy: 'register' | 'declared' = 'declared', wrap = (store: Store): Store => store) {
  const path = join(newFolder('registry'), 'p.db')
  const store = await openStore(path)
  const table = emptyTable()
  const form = { language: 'pxelinux', file: 'conf/x', text: 'x', template: false } as const
  applyDelta(table, {
    revision: 1,
    changes: [
      ...[h1, h2, guarded, bare].map((host) => ({ kind: 'host', host }) as const),
      {
        kind: 'catalog',
        catalog: {
          configurations: ['ubuntu', 'grml'].map((name) => ({ name, forms: [form] })),
          menus: [],
          loaders: [],
        },
      },
    ],
  })
  const registry = new Registry({
    table,
    store: wrap(store),
    guards: { policy },
    tell: () => {},
    now: () => 1_000,
  })
  return { registry, store, table }
}

const refusals: readonly (readonly [string, readonly DeployTarget[], string, string])[] = [
  ['an unknown configuration', [{ name: 'h1' }], 'nope', "Configuration 'nope' does not exists"],
  ['an unknown name', [{ name: 'h9' }], 'ubuntu', 'No host declared for name <h9>'],
  [
    'an unknown MAC',
    [{ mac: '00:00:00:00:00:0F' }],
    'ubuntu',
    'No host declared with MAC address <00:00:00:00:00:0f>',
  ],
  [
    'a name with another host’s MAC',
    [{ name: 'h1', mac: '00:00:00:00:00:02' }],
    'ubuntu',
    'Host <h1> does not match MAC address <00:00:00:00:00:02>',
  ],
  [
    'a name with a MAC of nobody',
    [{ name: 'h1', mac: '00:00:00:00:00:0f' }],
    'ubuntu',
    'MAC address <00:00:00:00:00:0f> does not match host <h1>',
  ],
  [
    'a host twice',
    [{ name: 'h1' }, { mac: '00:00:00:00:0b:01' }],
    'ubuntu',
    'Host <h1> appears several times in query',
  ],
  ['neither name nor MAC', [{}], 'ubuntu', 'Either Name or MACAddress must be provided for each Host'],
  [
    'a configuration per host',
    [{ name: 'h1', configuration: 'x' }],
    'ubuntu',
    'Configuration attribute for a host in this context is not allowed',
  ],
]

for (const [given, targets, configuration, message] of refusals) {
  test(`${given} is refused in the original’s words, and nothing changes`, async (t) => {
    const { registry, store } = await make()
    const result = await registry.deploy(configuration, [{ name: 'h2' }, ...targets])
    t.true('fault' in result && result.fault.message === message, JSON.stringify(result))
    t.deepEqual([...registry.table.assignments], [])
    t.deepEqual((await store.load()).assignments, [])
  })
}

test('a deploy is on disk and in force on every follower before it resolves', async (t) => {
  const { registry, store } = await make()
  const replica = emptyTable()
  applyDelta(replica, snapshotOf(registry.table))
  registry.follow((delta) => applyDelta(replica, structuredClone(delta)))
  const result = await registry.deploy('ubuntu', [{ name: 'h1' }, { mac: '0000.0000.0002' }])
  t.deepEqual(result, {
    hosts: [
      { name: 'h1', configuration: 'ubuntu', before: null, registered: false },
      { name: 'h2', configuration: 'ubuntu', before: null, registered: false },
    ],
  })
  t.deepEqual(snapshotOf(replica), snapshotOf(registry.table))
  t.deepEqual(
    new Map((await store.load()).assignments),
    new Map([
      ['h1', 'ubuntu'],
      ['h2', 'ubuntu'],
    ]),
  )
})

test('a MAC that nobody declared becomes a host where the policy says so', async (t) => {
  const { registry, store } = await make('register')
  const result = await registry.deploy('local', [{ mac: '23-34-A3-E9-09-CC' }])
  t.deepEqual(result, {
    hosts: [{ name: '23-34-a3-e9-09-cc', configuration: 'local', before: null, registered: true }],
  })
  t.like((await store.load()).hosts, [{ name: '23-34-a3-e9-09-cc', macs: [mac('23:34:a3:e9:09:cc')] }])
  const again = await registry.deploy('ubuntu', [{ mac: '23:34:a3:e9:09:cc' }])
  t.true('hosts' in again && !again.hosts[0]?.registered)
  const wrong = await registry.deploy('ubuntu', [{ mac: '23:34' }])
  t.true('fault' in wrong && wrong.fault.code === 'body_invalid')
})

test('a locked host takes nothing but local', async (t) => {
  const { registry } = await make()
  const refused = await registry.deploy('ubuntu', [{ name: 'guarded' }])
  t.true('fault' in refused && refused.fault.code === 'host_locked')
  t.true('hosts' in (await registry.deploy('local', [{ name: 'guarded' }])))
})

test('a host without a MAC is refused with what to do', async (t) => {
  const { registry } = await make()
  const refused = await registry.deploy('ubuntu', [{ name: 'bare' }])
  t.true('fault' in refused && /mac_addresses/.test(refused.fault.message))
})

test('a full disk changes nothing and says so', async (t) => {
  const { registry } = await make('declared', (store) => ({
    load: () => store.load(),
    close: () => store.close(),
    commit: (changes) => changes.map(() => 'full' as const),
    apply: (changes) => Promise.resolve(changes.map(() => 'full' as const)),
  }))
  const result = await registry.deploy('ubuntu', [{ name: 'h1' }])
  t.true('fault' in result && result.fault.code === 'store_full')
  t.is(registry.table.assignments.size, 0)
})

test('100 deploys at once: store, table and replica agree on the last of each host', async (t) => {
  const { registry, store } = await make('register')
  const replica = emptyTable()
  applyDelta(replica, snapshotOf(registry.table))
  registry.follow((delta) => applyDelta(replica, structuredClone(delta)))
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      registry.deploy(index % 2 === 0 ? 'ubuntu' : 'grml', [{ mac: `52:54:00:00:00:0${index % 10}` }]),
    ),
  )
  t.is(registry.table.assignments.size, 10)
  t.deepEqual(new Map((await store.load()).assignments), registry.table.assignments)
  t.deepEqual(replica.assignments, registry.table.assignments)
})

test('deploys that come one after the other in a turn of the event loop share one write', async (t) => {
  let writes = 0
  const { registry } = await make('register', (store) => ({
    load: () => store.load(),
    close: () => store.close(),
    commit: (changes) => store.commit(changes),
    apply: (changes) => {
      writes++
      return store.apply(changes)
    },
  }))
  const results = Array.from({ length: 9 }, async (_, index) => {
    // As Node calls back for each socket that it reads.
    await new Promise((resolve) => setImmediate(resolve))
    return await registry.deploy('ubuntu', [{ mac: `52:54:00:00:00:0${index}` }])
  })
  t.true((await Promise.all(results)).every((result) => 'hosts' in result))
  t.is(writes, 1)
})

/** Ascending. */
function heldIn(table: Table): readonly number[] {
  return Array.from(table.addresses, ([ip]) => ip).toSorted((a, b) => a - b)
}

test('more leases than there was room for: every thread follows', async (t) => {
  const { registry } = await make()
  const replica = emptyTable()
  applyDelta(replica, snapshotOf(registry.table))
  registry.follow((delta) => applyDelta(replica, delta))
  const holder = mac('00:00:00:00:00:01')
  const leases = Array.from({ length: 20_000 }, (_, index) => ({
    ip: ipv4(0x0a000001 + index),
    mac: holder,
    state: 'bound' as const,
    since: 0,
    expires: 5_000,
  }))
  const outcomes = await registry.commitLeases(leases)
  t.true(outcomes.every((outcome) => outcome === 'ok'))
  t.is(heldIn(registry.table).length, 20_000)
  t.deepEqual(heldIn(replica), heldIn(registry.table))
})

test('a lease is known as address -> MAC on every thread when its commit returns', async (t) => {
  const { registry } = await make()
  const replica = emptyTable()
  applyDelta(replica, snapshotOf(registry.table))
  const ip = ipv4(0x0a4d0081)
  const lease = { ip, mac: mac('00:00:00:00:00:01'), state: 'bound', since: 0, expires: 5_000 } as const
  t.deepEqual(registry.commitLeases([lease]), ['ok'])
  t.is(registry.table.addresses.get(ip), lease.mac)
  t.is(replica.addresses.get(ip), lease.mac)
  t.deepEqual(registry.commitLeases([{ ...lease, mac: mac('00:00:00:00:00:02') }]), ['conflict'])
  t.is(registry.table.addresses.get(ip), lease.mac)
  void registry.commitLeases([{ ...lease, state: 'released' }])
  t.is(registry.table.addresses.get(ip), undefined)
  // InfiniBand: fetches of a hall of machines without a MAC would be those of one, and a loop.
  const nameless = { ...lease, mac: mac('00:00:00:00:00:00'), clientId: '7831' }
  t.deepEqual(registry.commitLeases([nameless]), ['ok'])
  t.is(registry.table.addresses.get(ip), undefined)
})

test('a lease that has ended names nobody, one that was renewed does, also after a restart', async (t) => {
  const path = join(newFolder('registry'), 'p.db')
  let time = 1_000
  const boot = async () => {
    const store = await openStore(path)
    const parts = { guards: { policy: 'register' }, tell: () => {}, now: () => time } as const
    const registry = new Registry({ ...parts, store, table: emptyTable() })
    await registry.load([h1])
    return { store, registry }
  }
  const { store, registry } = await boot()
  const replica = emptyTable()
  applyDelta(replica, snapshotOf(registry.table))
  const lease = { mac: mac('00:00:00:00:00:01'), state: 'bound', since: 0, expires: 5_000 } as const
  void registry.commitLeases([
    { ...lease, ip: ipv4(1) },
    { ...lease, ip: ipv4(2) },
  ])
  void registry.commitLeases([{ ...lease, ip: ipv4(2), expires: 9_000 }])
  time = 4_999
  registry.forgetEnded()
  t.deepEqual(heldIn(replica), [ipv4(1), ipv4(2)])
  time = 5_000
  registry.forgetEnded()
  t.deepEqual(heldIn(replica), [ipv4(2)])
  await store.close()
  const again = await boot()
  t.deepEqual(heldIn(again.registry.table), [ipv4(2)])
  time = 9_000
  again.registry.forgetEnded()
  t.deepEqual(heldIn(again.registry.table), [])
  await again.store.close()
})

test('what a machine took of another server names it for hours, and not for ever', async (t) => {
  const path = join(newFolder('registry'), 'p.db')
  let time = 0
  const store = await openStore(path)
  const parts = { guards: { policy: 'register' }, tell: () => {}, now: () => time } as const
  const registry = new Registry({ ...parts, store, table: emptyTable() })
  await registry.load([h1, h2])
  const [own, second] = h1.macs as [Mac, Mac]
  const hour = 3_600_000
  registry.learnAddress(ipv4(1), own)
  registry.learnAddress(ipv4(2), second)
  time = 3 * hour
  registry.learnAddress(ipv4(2), second)
  registry.forgetEnded()
  t.is(registry.table.addresses.get(ipv4(1)), own)
  time = 5 * hour
  registry.forgetEnded()
  t.deepEqual([...registry.table.addresses], [[ipv4(2), second]])
  // A stranger takes it, and then a host that had another.
  registry.learnAddress(ipv4(2), mac('00:00:00:00:00:99'))
  t.deepEqual(heldIn(registry.table), [])
  registry.learnAddress(ipv4(3), own)
  registry.learnAddress(ipv4(4), own)
  t.deepEqual([...registry.table.addresses], [[ipv4(4), own]])
  await store.close()
})

test('after a restart the table is what it was, and a declared host absorbs a registered one with its MAC', async (t) => {
  const path = join(newFolder('registry'), 'p.db')
  const parts = { guards: { policy: 'register' }, tell: () => {}, now: () => 1_000 } as const
  const boot = async (declared: readonly Host[]) => {
    const store = await openStore(path)
    const registry = new Registry({ ...parts, store, table: emptyTable() })
    const leases = await registry.load(declared)
    return { store, registry, leases }
  }
  const first = await boot([])
  await first.registry.deploy('local', [{ mac: '00:00:00:00:0b:01' }, { mac: '52:54:00:00:00:09' }])
  const lease = {
    ip: ipv4(1),
    mac: mac('52:54:00:00:00:09'),
    state: 'bound',
    since: 0,
    expires: 5_000,
  } as const
  void first.registry.commitLeases([lease])
  await first.store.close()

  const second = await boot([h1])
  t.deepEqual(
    second.registry.table.assignments,
    new Map([
      ['52-54-00-00-00-09', 'local'],
      ['h1', 'local'],
    ]),
  )
  t.deepEqual([...second.registry.table.hosts.keys()], ['h1', '52-54-00-00-00-09'])
  t.is(second.registry.table.addresses.get(ipv4(1)), lease.mac)
  t.like(second.leases[0], lease)
  await second.store.close()

  const third = await boot([h1])
  t.is(third.registry.table.assignments.get('h1'), 'local')
  await third.store.close()
})

test('the audit keeps 8 MiB, the youngest of it, in memory and on disk, and a start reads no more', async (t) => {
  const path = join(newFolder('registry'), 'p.db')
  const parts = { guards: { policy: 'declared' }, tell: () => {}, now: () => 1_000 } as const
  const store = await openStore(path)
  const registry = new Registry({ ...parts, store, table: emptyTable() })
  await registry.load([])
  const how = { caller: { by: 'ci', from: '10.77.0.9' } }
  const record = { name: 'x', macs: [mac('52:54:00:00:00:09')], locked: false, vars: {} }
  await registry.addHost(record, 'add', how)
  for (let index = 0; index < 12; index++) {
    // Each has what was before in it, too.
    const text = `${index} `.padEnd(600_000, 'v')
    await registry.changeHost('x', (host) => ({ ...host, vars: { text } }), how)
  }
  const kept = registry.audit.map(({ id }) => id)
  t.deepEqual(kept, [8, 9, 10, 11, 12, 13])
  await store.close()

  // One that was written before there was this bound: more than a start is to read.
  const again = await openStore(path)
  const entry = (id: number) => ({ ...registry.audit.at(-1), id }) as AuditEntry
  for (let id = 14; id < 34; id++) await again.apply([{ kind: 'audit', entry: entry(id), oldest: 0 }])
  await again.close()
  const last = await openStore(path)
  t.deepEqual(
    (await last.load()).audit.map(({ id }) => id),
    [28, 29, 30, 31, 32, 33],
  )
  const giant = { ...entry(34), by: 'x'.repeat(9_000_000) }
  await last.apply([{ kind: 'audit', entry: giant, oldest: 0 }])
  await last.close()
  const end = await openStore(path)
  t.deepEqual(
    (await end.load()).audit.map(({ id }) => id),
    [34],
  )
  await end.close()
})
