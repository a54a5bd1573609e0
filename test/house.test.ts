// The rooms and who may import whom: only downward, each never with its reason.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import test from 'ava'

/** Lower may be imported by higher. A file belongs to the longest prefix that fits. */
const levels: Readonly<Record<string, number>> = {
  'net/': 1,
  'threads.ts': 1,
  'files.ts': 1,
  'disk.ts': 1,
  'glance.ts': 1,
  'holders.ts': 1,
  'model.ts': 2,
  'settings/': 2,
  'faults.ts': 2,
  'html.ts': 1,
  'events.ts': 3,
  'boot/': 3,
  'catalog/': 3,
  'store/': 3,
  'cli/': 3,
  'power/': 3,
  'worker/': 3,
  'log.ts': 4,
  'registry.ts': 4,
  'registry/': 4,
  'dhcp/': 4,
  'tftp/': 4,
  'api/': 5,
  'http/': 6,
  'clock.ts': 4,
  'terminal.ts': 4,
  'site.ts': 6,
  'appliance.ts': 7,
  'banner.ts': 7,
  'run.ts': 8,
  'program.ts': 9,
  'main.ts': 10,
  'import.ts': 6,
  'worries.ts': 7,
  'export.ts': 7,
  'store-copy.ts': 7,
  'reload.ts': 7,
}

type Never = { readonly from: RegExp; readonly to: RegExp; readonly because: string }

const nevers: readonly Never[] = [
  {
    from: /^boot\//,
    to: /^(node:|[a-z@](?!.*\.ts$))/,
    because:
      'the decision is pure: the same facts and table give the same answer on every thread and in every test',
  },
  { from: /^dhcp\//, to: /^(tftp|http|api)\//, because: 'a protocol only translates the one decision' },
  { from: /^tftp\//, to: /^(dhcp|http|api)\//, because: 'a protocol only translates the one decision' },
  { from: /^http\//, to: /^(dhcp|tftp|api)\//, because: 'a protocol only translates the one decision' },
  {
    from: /^(dhcp|tftp)\/|^http\/files\.ts$/,
    to: /^(store\/|registry[./])/,
    because: 'servers are handed functions, so that they can be driven without a disk',
  },
  {
    from: /(^|\/)packet\.ts$/,
    to: /^node:(dgram|net|fs|worker_threads)|interfaces\.ts$|udp\.ts$/,
    because: 'a codec is pure',
  },
  {
    from: /^settings\//,
    to: /^(boot|dhcp|tftp|http|api)\//,
    because: 'settings are read before anything is built',
  },
  {
    from: /^cli\//,
    to: /^(?!cli\/|net\/|events\.ts$).*\.ts$/,
    because: 'the server may be elsewhere and of another version: only its API is known of it',
  },
]

const known = new Map<string, readonly Import[]>()
const imports = sources('src').flatMap((file) => importsOf(file))

test('imports run only downward', (t) => {
  t.true(imports.length > 50)
  for (const { from, to } of imports) {
    if (!to.endsWith('.ts') || roomOf(from) === roomOf(to)) continue
    t.true(levelOf(to) <= levelOf(from), `${from} imports ${to}, which lies above it`)
  }
})

test('every file has its room', (t) => {
  for (const file of sources('src')) t.notThrows(() => levelOf(file), file)
})

for (const { from, to, because } of nevers) {
  test(`${from.source} never imports ${to.source}: ${because}`, (t) => {
    const broken = imports.filter((entry) => from.test(entry.from) && to.test(entry.to) && !entry.typeOnly)
    t.deepEqual(broken, [])
  })
}

test('a worker reaches neither store, registry nor API, and the one of TFTP no HTTP', (t) => {
  for (const protocol of ['tftp', 'http']) {
    const reached = reach(`${protocol}/worker.ts`)
    t.true(reached.has('boot/decide.ts'))
    for (const file of reached) t.notRegex(file, /^(store\/|registry[./]|api\/|dhcp\/)/)
    if (protocol === 'tftp') for (const file of reached) t.notRegex(file, /^(koa|http\/)/)
  }
})

test('a start whose store is a file loads no PostgreSQL', (t) => {
  t.true(reach('store/remote.ts').has('pg'))
  t.false(reach('appliance.ts').has('pg'))
})

/** A host is switched as the settings write it. */
const counts = ({ from, to }: Import) => from !== 'model.ts' || to !== 'settings/schema.ts'

test('there is no circle of imports, nor of types', (t) => {
  for (const file of sources('src')) {
    for (const entry of importsOf(file).filter(counts)) {
      t.false(reach(entry.to, counts).has(file), `${file} and ${entry.to} import each other`)
    }
  }
})

test('no file is longer than 300 lines', (t) => {
  for (const file of sources('src')) {
    t.true(readFileSync(join('src', file), 'utf8').split('\n').length <= 301, file)
  }
})

test('every file opens with a sentence that says its job', (t) => {
  for (const file of sources('src')) {
    const [first = '', second = ''] = readFileSync(join('src', file), 'utf8').split('\n')
    t.regex(first.startsWith('#!') ? second : first, /^\/\/ [A-Z`].+/, file)
  }
})

function reach(
  start: string,
  follows = ({ typeOnly }: Import) => !typeOnly,
  seen = new Set<string>(),
): Set<string> {
  for (const entry of start.endsWith('.ts') ? importsOf(start) : []) {
    if (!follows(entry) || seen.has(entry.to)) continue
    seen.add(entry.to)
    reach(entry.to, follows, seen)
  }
  return seen
}

function sources(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
}

type Import = { readonly from: string; readonly to: string; readonly typeOnly: boolean }

/** Static imports and re-exports of one file; ours by their path under src, others by their name. */
function importsOf(from: string): readonly Import[] {
  const before = known.get(from)
  if (before !== undefined) return before
  const text = readFileSync(join('src', from), 'utf8')
  const found: Import[] = []
  for (const [, clause = '', to = ''] of text.matchAll(
    /^(?:import|export)\s+([^'"]*?)\s*from\s+['"]([^'"]+)['"]/gms,
  )) {
    const target = to.startsWith('.') ? normalize(join(dirname(from), to)) : to
    found.push({ from, to: target, typeOnly: clause.startsWith('type ') })
  }
  known.set(from, found)
  return found
}

function roomOf(file: string): string {
  const room = Object.keys(levels).find((prefix) =>
    prefix.endsWith('/') ? file.startsWith(prefix) : file === prefix,
  )
  if (room === undefined) throw new Error(`${file} is in no room of the house`)
  return room
}

function levelOf(file: string): number {
  return levels[roomOf(file)] ?? 0
}
