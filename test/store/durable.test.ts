// The journal and SQLite as one store: nothing acknowledged is lost, and nothing refused comes back, wherever it stops.

import { spawn } from 'node:child_process'
import {
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { basename, dirname, join } from 'node:path'
import test from 'ava'
import type Database from 'libsql'
import { openJournal } from '../../src/store/journal.ts'
import { joined, openFile } from '../../src/store/open.ts'
import { openTables } from '../../src/store/sqlite.ts'
import type { StoreChange } from '../../src/store/store.ts'
import {
  afterKill,
  applyEach,
  claim,
  copied,
  freshPath,
  idsOf,
  leaseOf,
  limits,
  movedBy,
  upTo,
} from './crash.ts'

const claims = (count: number, from = 0) => upTo(count, from).map((id) => claim(leaseOf(id)))
const assign = (host: string, configuration: string): StoreChange => ({
  kind: 'assignment',
  host,
  configuration,
})

/** The parts at hand, so that a test can make one of them fail. */
async function parts(more: Partial<typeof limits> = {}) {
  const path = freshPath()
  const tables = openTables(path)
  const journal = openJournal(`${path}.log`, more.journal ?? limits.journal)
  const store = joined(tables, journal, { ...limits, ...more })
  const write = tables.write.bind(tables)
  const append = journal.append.bind(journal)
  const fillDisk = () => {
    tables.write = () => {
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    }
  }
  return { path, tables, journal, store, append, fillDisk, freeDisk: () => void (tables.write = write) }
}

test('what resolved is there after a kill, from the journal alone', async (t) => {
  const path = freshPath()
  const store = await openFile(path, limits)
  await applyEach(store, [...claims(20), assign('h', 'x'), assign('h', 'y')])
  const state = await afterKill(path)
  t.deepEqual(idsOf(state), upTo(20))
  t.deepEqual(state.assignments, [['h', 'y']])
  await store.close()
})

test('the journal is used again and again: at each point a kill leaves all that was acknowledged', async (t) => {
  const path = freshPath()
  const store = await openFile(path, { ...limits, journal: 4096, slice: 3 })
  for (let id = 0; id < 200; id++) {
    t.deepEqual(await store.apply([claim(leaseOf(id)), assign('h', `c${id}`)]), ['ok', 'ok'])
    if (id % 10 !== 9) continue
    const state = await afterKill(path)
    t.deepEqual(idsOf(state), upTo(id + 1))
    t.deepEqual(state.assignments, [['h', `c${id}`]])
  }
  await store.close()
})

test('killed after any slice of a move: no change is lost, and none is made twice', async (t) => {
  const { path, store, tables, fillDisk } = await parts({ slice: 7 })
  const host = {
    name: 'x',
    macs: [leaseOf(1).mac],
    origin: 'added',
    locked: false,
    vars: {},
    options: [],
  } as const
  const register = { kind: 'host', host } as const
  // Made twice, the removal would take the second assignment along.
  await applyEach(store, [register, assign('x', 'a'), { kind: 'host-removed', name: 'x' }, assign('x', 'b')])
  await applyEach(store, claims(30))
  const tablesWrite = tables.write.bind(tables)
  for (let slices = 1; slices < 5; slices++) {
    let left = 1
    tables.write = (...args) => {
      if (left-- <= 0) throw new Error('stopped here')
      tablesWrite(...args)
    }
    await t.throwsAsync(store.apply([assign('big', 'x'.repeat(limits.journal))]), { message: 'stopped here' })
    const state = await afterKill(path)
    t.deepEqual(idsOf(state), upTo(30), `${slices} slices`)
    t.deepEqual(state.assignments, [['x', 'b']])
    t.deepEqual(state.hosts, [])
  }
  fillDisk()
  await store.close()
  t.deepEqual(idsOf(await afterKill(path)), upTo(30))
})

test('a second claim of an address is refused, in the same call, the same tick, and the next', async (t) => {
  const store = await openFile(freshPath(), limits)
  t.deepEqual(await store.apply([claim(leaseOf(1, 1)), claim(leaseOf(1, 2))]), ['ok', 'conflict'])
  const outcomes = Promise.all([store.apply([claim(leaseOf(2, 1))]), store.apply([claim(leaseOf(2, 2))])])
  t.deepEqual(await outcomes, [['ok'], ['conflict']])
  const first = store.apply([claim(leaseOf(3, 1))])
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(await Promise.all([first, store.apply([claim(leaseOf(3, 2))])]), [['ok'], ['conflict']])
  await store.close()
})

const withId = (holder: number, clientId: string) => claim({ ...leaseOf(1, holder), clientId })

test('one client-id is one client, whatever its MAC; none is nobody’s', async (t) => {
  const store = await openFile(freshPath(), limits)
  t.deepEqual(
    await applyEach(store, [withId(1, '01aa'), withId(2, '01aa'), withId(3, '01bb'), claim(leaseOf(1, 4))]),
    ['ok', 'ok', 'conflict', 'conflict'],
  )
  await store.close()
})

test('a record bigger than the journal goes to SQLite, behind what was before it', async (t) => {
  const path = freshPath()
  const store = await openFile(path, limits)
  await store.apply([assign('h', 'before')])
  await store.apply([assign('h', 'after'), ...claims(2000)])
  const state = await afterKill(path)
  t.is(state.leases.length, 2000)
  t.deepEqual(state.assignments, [['h', 'after']])
  await store.close()
})

test('after some quiet the journal is in SQLite', async (t) => {
  const path = freshPath()
  const store = await openFile(path, { ...limits, quiet: 20 })
  await applyEach(store, claims(25))
  for (let tries = 0; tries < 100 && (await movedBy(path)).leases.length < 25; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.deepEqual(idsOf(await movedBy(path)), upTo(25))
  await store.close()
})

test('once closed, SQLite alone holds everything, and nothing more is taken', async (t) => {
  const path = freshPath()
  const store = await openFile(path, limits)
  await applyEach(store, claims(25))
  await store.close()
  await store.close()
  await t.throwsAsync(store.apply(claims(1)), { message: /closed/ })
  t.deepEqual(idsOf(await movedBy(path)), upTo(25))
})

test('a database that was thrown away takes nothing from the journal it left', async (t) => {
  const path = freshPath()
  const store = await openFile(path, limits)
  await applyEach(store, claims(3))
  for (const file of [path, `${path}-wal`]) rmSync(file)
  t.deepEqual(idsOf(await afterKill(path)), [])
  await store.close()
})

test('a full disk is lived on with the journal; when that is full, too, it is said; room brings it back', async (t) => {
  const { path, store, fillDisk, freeDisk } = await parts({ journal: 4096 })
  fillDisk()
  const outcomes = await applyEach(store, claims(100))
  const kept = outcomes.indexOf('full')
  t.true(kept > 15 && kept < 80, `${kept}`)
  t.true(outcomes.slice(kept).every((outcome) => outcome === 'full'))
  t.deepEqual(idsOf(await store.load()), upTo(kept))
  t.deepEqual(idsOf(await afterKill(path)), upTo(kept))
  freeDisk()
  t.deepEqual(
    await applyEach(store, claims(100)),
    claims(100).map(() => 'ok' as const),
  )
  t.deepEqual(idsOf(await afterKill(path)), upTo(100))
  await store.close()
})

test('a write that failed is as if it had never been, even where its bytes are on disk', async (t) => {
  const { path, store, journal, append } = await parts()
  await applyEach(store, [claim(leaseOf(1, 1)), assign('h', 'a')])
  journal.append = (payload) => {
    journal.append = append
    append(payload)
    throw Object.assign(new Error('i/o error'), { code: 'EIO' })
  }
  const refused = store.apply([claim(leaseOf(2, 1)), assign('h', 'b')])
  const refusedToo = store.apply([claim(leaseOf(3, 1))])
  await t.throwsAsync(refused, { code: 'EIO' })
  await t.throwsAsync(refusedToo, { code: 'EIO' })
  t.deepEqual(await store.apply([claim(leaseOf(2, 2))]), ['ok'], 'another client may have it')
  const state = await afterKill(path)
  t.deepEqual(idsOf(state), [1, 2])
  t.is(state.leases.find(({ ip }) => ip === leaseOf(2).ip)?.mac, leaseOf(2, 2).mac)
  t.deepEqual(state.assignments, [['h', 'a']])
  await store.close()
})

test('nobody else may read what it keeps: it holds passwords', async (t) => {
  const path = freshPath()
  for (const file of [path, `${path}.log`]) writeFileSync(file, '', { mode: 0o644 })
  const store = await openFile(path, limits)
  await applyEach(store, claims(1))
  const lock = join(dirname(path), `.${basename(path)}.lock`)
  for (const file of [path, `${path}-wal`, `${path}.log`, lock]) {
    t.is((statSync(file).mode & 0o777).toString(8), '600', file)
  }
  await store.close()
})

test('each write that answers somebody is synced: by O_DSYNC in the journal, by FULL in SQLite', async (t) => {
  const { path, store, tables } = await parts({ slice: 7 })
  const written: [how: string, synchronous: unknown][] = []
  const write = tables.write.bind(tables)
  const { database } = tables as unknown as { database: Database.Database }
  tables.write = (changes, mark, how) => {
    write(changes, mark, how)
    written.push([how, (database.prepare('pragma synchronous').get() as { synchronous: number }).synchronous])
  }
  await applyEach(store, claims(20))
  t.deepEqual(written, [], 'the journal alone answers')
  const fds = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === `${path}.log`)
  t.is(fds.length, 1)
  const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fds[0]}`, 'utf8'))?.[1]
  t.not(Number.parseInt(flags ?? '', 8) & constants.O_DSYNC, 0)
  // Too big for the journal: all of it is moved, and the last slice frees it.
  await store.apply([assign('big', 'x'.repeat(limits.journal))])
  const full = 2
  const normal = 1
  t.deepEqual(written, [
    ['unsynced', normal],
    ['unsynced', normal],
    ['synced', full],
    ['synced', full],
  ])
  await store.close()
})

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}

/** What becomes of another process that opens the store. */
async function secondOpener(path: string): Promise<string> {
  const code = `import { openFile } from './src/store/open.ts'
    await openFile(${JSON.stringify(path)}).then(() => console.log('open'), (error) => console.log(error.message))`
  const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '--eval', code])
  let said = ''
  child.stdout.on('data', (bytes) => (said += String(bytes)))
  await once(child, 'close')
  return said
}

test('a second process is kept out, and told why: at once, after a copy was made, and until the stop', async (t) => {
  const path = freshPath()
  const store = await openFile(path, { ...limits, quiet: 500 })
  const comm = readFileSync('/proc/self/comm', 'utf8').trim()
  const refusal = `The store ${path} cannot be opened: another process has it open: ${comm} (pid ${process.pid}); if PXE Pilot runs already, stop it first\n`
  t.is(await secondOpener(path), refusal)
  await applyEach(store, claims(25))
  for (let tries = 0; tries < 500 && !existsSync(`${path}.copy`); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.true(existsSync(`${path}.copy`))
  t.is(await secondOpener(path), refusal, 'after a copy')
  // As the HTTP and TFTP servers do where a root holds the store.
  readFileSync(path)
  t.is(await secondOpener(path), refusal, 'after a machine fetched it')
  t.deepEqual(await store.apply([claim(leaseOf(26))]), ['ok'])
  await store.close()
  t.is(await secondOpener(path), 'open\n')
  const again = await openFile(path, limits)
  t.is(again.damage, undefined)
  t.deepEqual(idsOf(await again.load()), [...upTo(25), 26])
  await again.close()
})

const full = existsSync('/dev/full') ? test : test.skip

full(
  'no room for the journal at start is an error with both paths, and the database stays free',
  async (t) => {
    const path = freshPath()
    symlinkSync('/dev/full', `${path}.log`)
    await t.throwsAsync(openFile(path), { message: new RegExp(`${path} .*${path}.log.*ENOSPC`) })
    rmSync(`${path}.log`)
    await (await openFile(path)).close()
  },
)

/** Of this process; measured against itself, as a busy machine makes all of it dearer. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

test.serial('10,000 leases and a full journal are open by less CPU than it took to write them', async (t) => {
  const { path, store, fillDisk, freeDisk } = await parts({ journal: 1024 * 1024 })
  const start = cpuMs()
  await store.apply(claims(10_000))
  fillDisk()
  const renew = (from: number) => store.apply(claims(100, from % 10_000))
  for (let from = 0; !(await renew(from)).includes('full'); from += 100) t.true(from < 20_000)
  const written = cpuMs() - start
  freeDisk()
  const copy = copied(path)
  const before = cpuMs()
  const again = await openFile(copy, limits)
  t.is((await again.load()).leases.length, 10_000)
  const opened = cpuMs() - before
  t.log(`${Math.round(written)} ms written, ${Math.round(opened)} ms opened`)
  t.true(opened < written)
  await again.close()
  await store.close()
})
