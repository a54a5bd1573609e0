// `store copy`: all that one store holds is in the other afterwards, or nothing, and neither is ever harmed.

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'ava'
import { copyStore } from '../src/store-copy.ts'
import { openStore } from '../src/store/open.ts'
import { run } from './cli/run.ts'
import { newFolder } from './folder.ts'
import { freshPath } from './store/crash.ts'
import { filled, heldBy } from './store/filled.ts'

const quietly = () => undefined

test('from file to file all of it is carried over, once', async (t) => {
  // The names of both make a line that is longer than a client's words may be.
  const folder = newFolder(
    'a-folder-whose-name-makes-the-line-long-enough-to-be-cut-off-as-the-words-of-a-client-are',
  )
  const state = await filled(join(folder, 'old.db'))
  t.deepEqual(state.assignments, [
    ['h1', 'local'],
    ['h2', 'ubuntu'],
  ])
  writeFileSync(join(folder, 'pxe-pilot.yml'), 'store: ./new.db\n')
  const copy = (from: string) => run('store', 'copy', join(folder, from), '-c', join(folder, 'pxe-pilot.yml'))
  const first = await copy('old.db')
  t.is(first.code, 0, first.stderr)
  t.regex(
    first.stdout,
    /^\S+new\.db holds now what \S+old\.db does: 1 hosts, 2 assignments, 3 leases, 2 entries of the audit, and a hold\n$/,
  )
  t.deepEqual(await heldBy(join(folder, 'new.db')), state)
  t.deepEqual(await heldBy(join(folder, 'old.db')), state)

  const other = await openStore(join(folder, 'other.db'))
  await other.apply([{ kind: 'assignment', host: 'h1', configuration: 'ubuntu' }])
  await other.close()
  const second = await copy('other.db')
  t.deepEqual([second.code, second.stdout], [1, ''])
  t.regex(second.stderr, /^The store \S+new\.db is left as it is, .* it holds 1 hosts, .* name a new one\n$/)
  t.deepEqual(await heldBy(join(folder, 'new.db')), state)
})

test('each thing alone keeps a store from being filled; that it has been started does not', async (t) => {
  const from = freshPath()
  const state = await filled(from)
  const [host, lease, entry] = [state.hosts[0], state.leases[0], state.audit[0]]
  if (host === undefined || lease === undefined || entry === undefined) return t.fail()
  for (const change of [
    { kind: 'host', host },
    { kind: 'assignment', host: 'h1', configuration: 'ubuntu' },
    { kind: 'lease', lease, now: 0 },
    { kind: 'audit', entry, oldest: 0 },
    { kind: 'hold', hold: state.hold },
    { kind: 'imported' },
  ] as const) {
    const to = freshPath()
    const store = await openStore(to)
    await store.apply([change])
    await store.close()
    const before = await heldBy(to)
    const copy = copyStore(from, { store: to }, quietly)
    if (change.kind === 'imported') await t.notThrowsAsync(copy)
    else await t.throwsAsync(copy, { message: /is left as it is, as it is not empty/ }, change.kind)
    t.deepEqual(await heldBy(to), change.kind === 'imported' ? state : before)
  }
})

test('what cannot be copied is said in a line, and makes no file', async (t) => {
  const to = freshPath()
  const copy = async (from: string, message: RegExp) =>
    await t.throwsAsync(copyStore(from, { store: to }, quietly), { message })
  const missing = join(dirname(to), 'missing.db')
  await copy(missing, /^There is no store \S+missing\.db$/)
  await copy(to, /is the store of the settings/)
  await copy('mysql://pxe@db/pxe', /^What is copied must be a file, or postgres:/)
  const error = await copy('postgres://pxe:hush@db:port/pxe', /^What is copied must be a file, or postgres:/)
  t.notRegex(String(error), /hush/)
  t.deepEqual(readdirSync(dirname(to)), [])
  const empty = freshPath()
  await (await openStore(empty)).close()
  await copy(empty, /holds nothing that could be copied$/)
  t.false(existsSync(to))
})

test('neither may be open elsewhere', async (t) => {
  const [from, to] = [freshPath(), freshPath()]
  const state = await filled(from)
  for (const path of [from, to]) {
    const holder = await openStore(path)
    await t.throwsAsync(copyStore(from, { store: to }, quietly), {
      message: /cannot be opened: another process has it open.*; .* stop it first$/,
    })
    await holder.close()
  }
  t.deepEqual((await heldBy(to)).hosts, [])
  t.deepEqual(await heldBy(from), state)
})
