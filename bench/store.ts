// What a commit costs, alone and by 64: the journal against plain SQLite. `node --import=tsx bench/store.ts [FOLDER]`

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { ipv4 } from '../src/net/ipv4.ts'
import { parseMac } from '../src/net/mac.ts'
import { openStore } from '../src/store/open.ts'
import type { StoreChange } from '../src/store/store.ts'

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'pxe-pilot-bench-'))
const hour = 3_600_000

/** One of 10,000 leases. */
function changeOf(id: number): StoreChange & { readonly kind: 'lease' } {
  const mac = parseMac(`525400${id.toString(16).padStart(6, '0')}`)
  if (mac === undefined) throw new Error('no MAC')
  const now = Date.now()
  const lease = { ip: ipv4(0x0a010000 + id), mac, clientId: `01${id}`, hostname: `node-${id}` }
  return { kind: 'lease', now, lease: { ...lease, state: 'bound', since: now, expires: now + hour } }
}

const leases = Array.from({ length: 10_000 }, (_, id) => changeOf(id))

type Commit = (changes: readonly StoreChange[]) => unknown

/** Medians over windows of 20 commits, in microseconds per commit; `held` is how long nothing else could be worked on. */
async function measure(name: string, size: number, commit: Commit): Promise<void> {
  const wall: number[] = []
  const cpu: number[] = []
  const held: number[] = []
  let longest = 0
  let ticked = performance.now()
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - ticked - 1)
    ticked = performance.now()
  }, 1)
  let index = 0
  for (let window = 0; window < 100; window++) {
    const started = performance.now()
    const before = process.cpuUsage()
    const loop = performance.eventLoopUtilization()
    for (let count = 0; count < 20; count++) {
      await commit(leases.slice(index, index + size))
      index = (index + size) % (leases.length - size)
    }
    const { user, system } = process.cpuUsage(before)
    cpu.push((user + system) / 20)
    held.push((performance.eventLoopUtilization(loop).active * 1000) / 20)
    wall.push(((performance.now() - started) * 1000) / 20)
    await new Promise((resolve) => setImmediate(resolve))
  }
  clearInterval(ticking)
  const row = [
    name.padEnd(8),
    String(size).padStart(3),
    median(wall),
    median(cpu),
    median(held),
    longest.toFixed(1),
  ]
  console.log(row.map((cell) => cell.padStart(8)).join(' '))
}

function median(values: readonly number[]): string {
  return (values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0).toFixed(0)
}

function plainSqlite(path: string): Commit {
  const database = new Database(path)
  database.exec('pragma journal_mode = wal; pragma synchronous = full')
  database.exec(
    'create table lease (ip integer primary key, mac text, client_id text, hostname text, state text, since int, expires int)',
  )
  const insert = database.prepare('insert or replace into lease values (?, ?, ?, ?, ?, ?, ?)')
  return async (changes) => {
    // What else comes in this tick would share the transaction.
    await new Promise((resolve) => setImmediate(resolve))
    database.exec('begin immediate')
    for (const change of changes) {
      if (change.kind !== 'lease') continue
      const { ip, mac, clientId, hostname, state, since, expires } = change.lease
      insert.run(ip, mac, clientId, hostname, state, since, expires)
    }
    database.exec('commit')
  }
}

const sqlite = plainSqlite(join(folder, 'plain.db'))
const store = await openStore(join(folder, 'store.db'))
// Each change as a call of its own, as DHCP and the API would make them in one tick.
const journal: Commit = (changes) => Promise.all(changes.map((change) => store.apply([change])))

console.log('    what  changes   wall     CPU     held us  longest pause ms')
for (const size of [1, 64]) {
  await measure('SQLite', size, sqlite)
  await measure('journal', size, journal)
}

await store.apply(leases)
await store.close()
const started = performance.now()
const again = await openStore(join(folder, 'store.db'))
const state = await again.load()
console.log(`opened with ${state.leases.length} leases in ${(performance.now() - started).toFixed(0)} ms`)
await again.close()
rmSync(folder, { recursive: true })
