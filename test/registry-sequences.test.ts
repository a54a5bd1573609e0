// Any sequence of changes and restarts: table, store, replica and API agree, each card has one host, and each address; and
// the table knows the variables that its hosts declare.

import { join } from 'node:path'
import test from 'ava'
import * as fc from 'fast-check'
import { listHosts } from '../src/api/hosts.ts'
import { builtInBootloaders } from '../src/boot/bootloaders.ts'
import type { Site } from '../src/boot/decide.ts'
import { applyDelta, emptyTable, snapshotOf, type Catalog, type Table } from '../src/boot/table.ts'
import type { Host } from '../src/model.ts'
import { ipv4 } from '../src/net/ipv4.ts'
import { parseMac, type Mac } from '../src/net/mac.ts'
import { Registry } from '../src/registry.ts'
import { ourselves } from '../src/registry/caller.ts'
import { openStore } from '../src/store/open.ts'
import type { Store } from '../src/store/store.ts'
import { newFolder } from './folder.ts'

const macs = Array.from({ length: 6 }, (_, number) => parseMac(`52:54:00:00:00:0${number}`) as Mac)
const names = ['h0', 'h1', 'h2', '52-54-00-00-00-01']
const form = { language: 'pxelinux', file: 'x', text: 'x', template: false } as const
const catalog: Catalog = {
  configurations: ['ubuntu', 'grml'].map((name) => ({ name, forms: [form] })),
  menus: [],
  loaders: [],
}

const mac = fc.constantFrom(...macs)
const name = fc.constantFrom(...names)
const some = fc.uniqueArray(mac, { minLength: 1, maxLength: 3 })
const ip = fc.option(fc.constantFrom(ipv4(1), ipv4(2)), { nil: undefined })
const vars = fc.dictionary(fc.constantFrom('rack', 'disk', 'console'), fc.constant('1'), { maxKeys: 2 })
const record = fc.record({ name, macs: some, ip, locked: fc.boolean(), vars })
const target = fc.oneof(
  name.map((it) => ({ name: it })),
  mac.map((it) => ({ mac: it })),
)

/** Of the settings: no name, no address and no card twice. */
const declared = fc
  .uniqueArray(fc.record({ name, macs: some, ip, vars }), { selector: (host) => host.name, maxLength: 2 })
  .map((hosts) =>
    hosts.map((host, index): Host => ({
      ...host,
      ip: hosts.findIndex((other) => other.ip === host.ip) === index ? host.ip : undefined,
      macs: host.macs.filter((it) => !hosts.slice(0, index).some((other) => other.macs.includes(it))),
      origin: 'settings',
      locked: false,
      options: [],
    })),
  )

type World = {
  registry: Registry
  store: Store
  replica: Table
  declared: readonly Host[]
  readonly path: string
}

type Step = { readonly what: string; readonly run: (world: World) => Promise<unknown> }

const configuration = fc.constantFrom('ubuntu', 'grml', 'local')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(configuration, fc.array(target, { maxLength: 3 })).map(([to, targets]) => ({
      what: `deploy ${to} ${JSON.stringify(targets)}`,
      run: ({ registry }: World) => registry.deploy(to, targets),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(record, fc.constantFrom('add' as const, 'adopt' as const)).map(([host, how]) => ({
      what: `${how} ${JSON.stringify(host)}`,
      run: ({ registry }: World) => registry.addHost(host, how, { caller: ourselves }),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(name, record).map(([old, host]) => ({
      what: `change ${old} to ${JSON.stringify(host)}`,
      run: ({ registry }: World) => registry.changeHost(old, () => host, { caller: ourselves }),
    })),
  },
  name.map((it) => ({
    what: `remove ${it}`,
    run: ({ registry }: World) => registry.removeHost(it, { caller: ourselves }),
  })),
  name.map((it) => ({
    what: `undeploy ${it}`,
    run: ({ registry }: World) => registry.undeploy(it, { caller: ourselves }),
  })),
  {
    weight: 3,
    arbitrary: fc.nat({ max: 3 }).map((confirm) => ({
      what: `undo, confirm ${confirm}`,
      run: ({ registry }: World) => registry.undo({ confirm }, ourselves),
    })),
  },
  fc.boolean().map((hold) => ({
    what: hold ? 'hold' : 'release',
    run: ({ registry }: World) => (hold ? registry.holdAll('', ourselves) : registry.release(ourselves)),
  })),
  declared.map((hosts) => ({
    what: `settings ${JSON.stringify(hosts.map((host) => [host.name, host.macs]))}`,
    run: async (world: World) => {
      await world.registry.reload(hosts, guards, rules)
      world.declared = hosts
    },
  })),
  fc.array(fc.tuple(configuration, target), { maxLength: 5 }).map((deploys) => ({
    what: `at once ${JSON.stringify(deploys)}`,
    run: ({ registry }: World) => Promise.all(deploys.map(([to, it]) => registry.deploy(to, [it]))),
  })),
  fc.constant({
    what: 'restart',
    run: async (world: World) => {
      await world.store.close()
      Object.assign(world, await open(world.path, world.declared))
    },
  }),
)

const guards = { policy: 'register' } as const
const site: Site = { bootloaders: builtInBootloaders, default: null, localMethod: 'auto', apiPort: 3478 }
const rules = { file: 'pxe-pilot.yml', takenBy: () => undefined }

async function open(path: string, hosts: readonly Host[]) {
  const store = await openStore(path)
  const registry = new Registry({
    table: emptyTable(),
    store,
    guards,
    rules,
    tell: () => {},
    now: () => 1_000,
  })
  const replica = emptyTable()
  registry.follow((delta) => applyDelta(replica, structuredClone(delta)))
  await registry.load(hosts)
  registry.setCatalog(catalog)
  return { store, registry, replica }
}

/** As it is kept: what is undefined is left out. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** In an order of their own. */
const sorted = (values: Iterable<unknown>): readonly string[] =>
  Array.from(values, (value) => JSON.stringify(plain(value))).toSorted((a, b) => (a < b ? -1 : 1))

/** Each with its keys in order. */
const records = (hosts: readonly Host[]) =>
  sorted(hosts.map((host) => sorted(Object.entries(host).filter(([, value]) => value !== undefined))))

function different(what: string, a: unknown, b: unknown): string | undefined {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b))
    ? undefined
    : `${what}: ${JSON.stringify([a, b])}`
}

async function disagreement(world: World): Promise<string | undefined> {
  const { registry, store, replica } = world
  const { table } = registry
  const stored = await store.load()
  const hosts = [...table.hosts.values()]
  const kept = hosts.filter(({ origin }) => origin !== 'settings')
  const told = hosts.filter(({ origin }) => origin === 'settings')
  const owners = hosts.flatMap((host) => host.macs.map((it) => [it, host.name]))
  const variables = new Set(hosts.flatMap((host) => Object.keys(host.vars)))
  const listed = listHosts(registry.declared, () => ({ state: '' }), { table, site })
  const shown = listed.map(({ name: it, macAddresses: cards }) => [it, cards ?? []])
  const assigned = listed.flatMap(({ name: it, configuration: to }) => (to === null ? [] : [[it, to.name]]))
  // What a host had that is declared no more waits for it.
  const inForce = [...stored.assignments].filter(([it]) => table.hosts.has(it))
  const reserved = hosts.flatMap((host) => (host.ip === undefined ? [] : [[host.ip, host.name]]))
  return (
    different('hosts', records(kept), records(stored.hosts)) ??
    different('assignments', sorted(table.assignments), sorted(stored.assignments)) ??
    different('API', sorted(shown), sorted(hosts.map((host) => [host.name, host.macs]))) ??
    different('assignments of the API', sorted(assigned), sorted(inForce)) ??
    different('hold', table.held, stored.hold !== null) ??
    different('audit', registry.audit, stored.audit) ??
    different('cards', sorted(owners), sorted(table.hostByMac)) ??
    different('variables', sorted(variables), sorted(table.variables.names)) ??
    different('reserved', sorted(reserved), sorted(table.reserved)) ??
    different(
      'declared',
      sorted(told.map((host) => host.name)),
      sorted(world.declared.map((host) => host.name)),
    ) ??
    different('variables of the replica', sorted(variables), sorted(replica.variables.names)) ??
    different('replica', snapshotOf(replica), snapshotOf(table))
  )
}

test('table, store, replica, API and audit agree after each of any changes', async (t) => {
  await fc.assert(
    fc.asyncProperty(declared, fc.array(step, { minLength: 1, maxLength: 12 }), async (hosts, steps) => {
      const path = join(newFolder('sequence'), 'p.db')
      const world: World = { ...(await open(path, hosts)), declared: hosts, path }
      const done: string[] = []
      try {
        for (const { what, run } of steps) {
          done.push(what)
          await run(world)
          const wrong = await disagreement(world)
          if (wrong !== undefined) throw new Error(`${wrong}\nafter ${done.join('\n')}`)
        }
      } finally {
        await world.store.close()
      }
    }),
    { numRuns: 60, includeErrorInReport: true },
  )
  t.pass()
})
