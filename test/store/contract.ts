// What every store promises, tried on each engine: durable when it resolves, in order, all of a call or nothing.

import test from 'ava'
import type { AuditEntry, Host, Lease } from '../../src/model.ts'
import { ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { openStore } from '../../src/store/open.ts'

const a = parseMac('52:54:00:00:00:01') as Mac
const b = parseMac('52:54:00:00:00:02') as Mac
const ip = ipv4(0x0a4d0081)

const lease = (mac: Mac, more: Partial<Lease> = {}): Lease => ({
  ip,
  mac,
  state: 'bound',
  since: 1_000,
  expires: 2_000_000_000_000,
  ...more,
})

const host: Host = {
  name: 'x',
  macs: [a],
  origin: 'registered',
  locked: false,
  vars: {},
  options: [],
}

/** `fresh`: where a store is made that nobody has used. */
export function holdsContract(fresh: () => string | Promise<string>): void {
  test('what resolved is there after the store is opened again', async (t) => {
    const path = await fresh()
    const store = await openStore(path)
    const outcomes = await store.apply([
      { kind: 'host', host },
      { kind: 'assignment', host: 'x', configuration: 'ubuntu' },
      { kind: 'assignment', host: 'x', configuration: 'local' },
      { kind: 'lease', lease: lease(a, { hostname: 'x', clientId: '0102' }), now: 1_000 },
    ])
    t.deepEqual(outcomes, ['ok', 'ok', 'ok', 'ok'])
    await store.close()
    const again = await openStore(path)
    const state = await again.load()
    t.deepEqual(state.assignments, [['x', 'local']])
    t.deepEqual(state.hosts, [host])
    t.deepEqual(state.leases, [lease(a, { hostname: 'x', clientId: '0102' })])
    await again.close()
  })

  test('hosts, the audit, a hold and the import are there after the store is opened again', async (t) => {
    const path = await fresh()
    const store = await openStore(path)
    const entry = (id: number): AuditEntry => ({
      id,
      at: 1_000 + id,
      action: 'add',
      by: 'ci',
      from: '10.77.0.9',
      changes: [{ host: 'x', record: { before: null, after: host } }],
    })
    const hold = { since: 1_000, by: 'ci', from: '10.77.0.9', reason: 'a wrong seed' }
    const begun = await store.load()
    t.deepEqual([begun.hosts, begun.audit, begun.hold, begun.imported], [[], [], null, false])
    for (const id of [1, 2, 3]) await store.apply([{ kind: 'audit', entry: entry(id), oldest: id - 1 }])
    await store.apply([{ kind: 'hold', hold }, { kind: 'imported' }, { kind: 'host', host }])
    const changed = { ...host, name: 'y', locked: true }
    await store.apply([
      { kind: 'host', host: changed },
      { kind: 'assignment', host: 'x', configuration: 'ubuntu' },
      { kind: 'host-removed', name: 'x' },
    ])
    const before = await store.load()
    t.deepEqual(
      before.audit.map(({ id }) => id),
      [2, 3],
    )
    t.deepEqual([before.hosts, before.assignments, before.hold, before.imported], [[changed], [], hold, true])
    await store.close()
    const again = await openStore(path)
    t.deepEqual(await again.load(), before)
    await again.apply([{ kind: 'hold', hold: null }])
    t.is((await again.load()).hold, null)
    await again.close()
  })

  test('an address belongs to one client until its lease ends or is given back', async (t) => {
    const store = await openStore(await fresh())
    const claim = async (mac: Mac, now: number, more: Partial<Lease> = {}) => {
      const [outcome] = await store.apply([
        { kind: 'lease', lease: lease(mac, { expires: now + 100, ...more }), now },
      ])
      return outcome
    }
    t.is(await claim(a, 1_000), 'ok')
    t.is(await claim(b, 1_050), 'conflict')
    t.is(await claim(a, 1_060), 'ok', 'its holder renews it')
    t.is(await claim(b, 1_160), 'ok', 'it has expired')
    t.is(await claim(b, 1_170, { state: 'released' }), 'ok')
    t.is(await claim(a, 1_180), 'ok', 'it was given back')
    t.is(await claim(a, 1_190, { state: 'declined' }), 'ok')
    t.is(await claim(b, 1_200), 'conflict', 'it was declined: somebody else uses it')
    await store.close()
  })

  test('calls are carried out in the order they were made, though they share a transaction', async (t) => {
    const store = await openStore(await fresh())
    const names = Array.from({ length: 200 }, (_, index) => `c${index}`)
    await Promise.all(
      names.map((configuration) => store.apply([{ kind: 'assignment', host: 'h', configuration }])),
    )
    t.deepEqual((await store.load()).assignments, [['h', 'c199']])
    await store.close()
  })

  test('an assignment that is taken away is gone', async (t) => {
    const store = await openStore(await fresh())
    await store.apply([{ kind: 'assignment', host: 'h', configuration: 'x' }])
    await store.apply([{ kind: 'assignment', host: 'h', configuration: null }])
    t.deepEqual((await store.load()).assignments, [])
    await store.close()
  })

  test('closing waits for what was asked before', async (t) => {
    const path = await fresh()
    const store = await openStore(path)
    const asked = store.apply([{ kind: 'assignment', host: 'h', configuration: 'x' }])
    await store.close()
    t.deepEqual(await asked, ['ok'])
  })

  test('a second opener is kept out until the first has closed, and what that had goes on', async (t) => {
    const path = await fresh()
    const store = await openStore(path)
    await t.throwsAsync(openStore(path), { message: /has it open/ })
    t.deepEqual(await store.apply([{ kind: 'assignment', host: 'h', configuration: 'x' }]), ['ok'])
    await store.close()
    await t.throwsAsync(store.apply([]), { message: /closed/ })
    const again = await openStore(path)
    t.deepEqual((await again.load()).assignments, [['h', 'x']])
    await again.close()
  })

  test('what a client calls itself, whatever that is, keeps nobody from a lease', async (t) => {
    const path = await fresh()
    const store = await openStore(path)
    const names = ['a\0b', '\ud800', '\u{1f600}', `'"\\$1\n`]
    const leases = names.map((hostname, index) => lease(a, { ip: ipv4(ip + index), hostname, since: 1.25 }))
    const outcomes = await store.commit(leases.map((each) => ({ kind: 'lease', lease: each, now: 1_000 })))
    t.deepEqual(outcomes, ['ok', 'ok', 'ok', 'ok'])
    await store.close()
    const again = await openStore(path)
    const kept = (await again.load()).leases
    t.deepEqual(
      kept.map((each) => each.ip),
      leases.map((each) => each.ip),
    )
    t.deepEqual(
      kept.slice(2).map(({ hostname }) => hostname),
      names.slice(2),
    )
    await again.close()
  })
}
