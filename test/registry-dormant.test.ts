// What a host boots that the settings declare no more: kept without effect, given back to it alone, and forgotten on demand.

import { join } from 'node:path'
import test from 'ava'
import { emptyTable } from '../src/boot/table.ts'
import type { Event } from '../src/events.ts'
import type { Host } from '../src/model.ts'
import { parseMac, type Mac } from '../src/net/mac.ts'
import { Registry } from '../src/registry.ts'
import { ourselves } from '../src/registry/caller.ts'
import { openStore } from '../src/store/open.ts'
import type { Outcome, Store } from '../src/store/store.ts'
import { newFolder } from './folder.ts'

const mac = parseMac('52:54:00:00:00:01') as Mac
const h1: Host = { name: 'h1', macs: [mac], origin: 'settings', locked: false, vars: {}, options: [] }
const record = { name: 'h1', macs: [mac], locked: false, vars: {} }
const guards = { policy: 'register' } as const
const rules = { file: 'pxe-pilot.yml', takenBy: () => undefined }
const form = { language: 'pxelinux', file: 'x', text: 'x', template: false } as const

async function make(wrap = (store: Store): Store => store) {
  const store = await openStore(join(newFolder('dormant'), 'p.db'))
  const told: Event[] = []
  const registry = new Registry({
    table: emptyTable(),
    store: wrap(store),
    guards,
    rules,
    tell: (event) => void told.push(event),
    now: () => 1_000,
  })
  await registry.load([h1])
  const configurations = ['sheep', 'goat'].map((name) => ({ name, forms: [form] }))
  registry.setCatalog({ configurations, menus: [], loaders: [] })
  const boots = () => registry.table.assignments.get('h1')
  const declare = (hosts: readonly Host[]) => registry.reload(hosts, guards, rules)
  return { registry, store, told, boots, declare }
}

test('a host that is added under the name of one that is gone boots nothing of that one', async (t) => {
  const { registry, boots, declare } = await make()
  await registry.deploy('sheep', [{ name: 'h1' }])
  await declare([])
  t.is(boots(), 'sheep')
  await registry.addHost(record, 'add', { caller: ourselves })
  t.is(boots(), undefined)
})

test('a host that was added, and whose card the settings declare for another one, is told of with the lock that goes', async (t) => {
  const { registry, told, declare } = await make()
  const card = parseMac('52:54:00:00:00:02') as Mac
  await registry.addHost({ ...record, name: 'kept', macs: [card], locked: true }, 'add', {
    caller: ourselves,
  })
  await declare([h1, { ...h1, name: 'other', macs: [card] }])
  t.false(registry.table.hosts.has('kept'))
  const warned = told.filter(({ level }) => level === 'warn').map(({ text }) => text)
  t.is(warned.length, 1)
  t.regex(warned[0] ?? '', /host kept, which was added .* is gone, its lock too: .*52:54:00:00:00:02/)
})

test('a machine that was installed while its host was gone is not installed again', async (t) => {
  const { registry, boots, declare } = await make()
  await registry.deploy('sheep', [{ name: 'h1' }])
  await declare([])
  await registry.deploy('local', [{ mac }])
  await declare([h1])
  t.is(boots(), 'local')
})

test('removing a host that is gone forgets what it booted; undo brings that back', async (t) => {
  const { registry, store, boots, declare } = await make()
  await registry.deploy('sheep', [{ name: 'h1' }])
  await declare([])
  t.deepEqual(await registry.removeHost('h1', { caller: ourselves }), { name: 'h1' })
  t.deepEqual((await store.load()).assignments, [])
  t.true('fault' in (await registry.removeHost('h1', { caller: ourselves })))
  t.false('fault' in (await registry.undo({ confirm: 1 }, ourselves)))
  await declare([h1])
  t.is(boots(), 'sheep')
})

test('settings that the store refuses change nothing: names, guards and rules stay those in force', async (t) => {
  let outcome: Outcome = 'ok'
  const { registry, declare } = await make((store) => ({
    load: () => store.load(),
    close: () => store.close(),
    commit: (changes) => store.commit(changes),
    apply: (changes) =>
      outcome === 'ok' ? store.apply(changes) : Promise.resolve(changes.map(() => outcome)),
  }))
  await registry.deploy('sheep', [{ name: 'h1' }])
  outcome = 'full'
  const done = await registry.reload([], { policy: 'declared' }, rules)
  t.true('fault' in done && done.fault.code === 'store_full')
  t.deepEqual(registry.declared, ['h1'])
  outcome = 'ok'
  const deployed = await registry.deploy('sheep', [{ mac: '52:54:00:00:00:02' }])
  t.true('hosts' in deployed)
  await declare([])
  t.deepEqual(registry.declared, [])
})
