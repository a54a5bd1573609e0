// Opens the store that the settings name: a file, with its journal beside it, or a database elsewhere.

import { existsSync, lchownSync, mkdirSync, statSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import type { Tell } from '../events.ts'
import { isDatabase, shownDatabase } from '../settings/secrets.ts'
import { codeOf } from './code.ts'
import { copyOf, replaceByCopy } from './copy.ts'
import { Disk, type Limits } from './disk.ts'
import { DurableStore } from './durable.ts'
import { openJournal, type Journal } from './journal.ts'
import { lockOf, openTables, type Tables } from './sqlite.ts'
import { State } from './state.ts'
import type { Store, StoredState } from './store.ts'

const usual: Limits = { journal: 16 * 1024 * 1024, slice: 50, quiet: 5000 }

/** Rejects, naming it, where it cannot be opened; `tell`: what becomes of a database elsewhere. */
export async function openStore(where: string, tell: Tell = () => undefined): Promise<Store> {
  if (!isDatabase(where)) return await openFile(where)
  const name = shownDatabase(where)
  // Not loaded where the store is a file.
  const { RemoteStore } = await import('./remote.ts')
  try {
    return await RemoteStore.open(where, name, tell)
  } catch (error) {
    throw named(name, error)
  }
}

/**
 * What a store holds that no instance has open, and that stays whose it is; undefined where there is none. Rejects as
 * openStore(). `say`: what was wrong with a file, and what became of that.
 */
export async function readStore(
  where: string,
  say: (line: string) => void,
): Promise<StoredState | undefined> {
  if (isDatabase(where)) return await readDatabase(where)
  // To open one makes it.
  if (!existsSync(where)) return undefined
  const owner = statSync(where)
  try {
    const store = await openFile(where)
    if (store.damage !== undefined) say(store.damage)
    try {
      return await store.load()
    } finally {
      await store.close()
    }
  } finally {
    // Also where it could not be opened: its lock is made first.
    give(where, owner)
  }
}

/** Root's files beside the store of another (sudo pxe-pilot export) would keep its own server from starting. */
function give(path: string, { uid, gid }: Stats): void {
  if (process.getuid?.() !== 0) return
  for (const file of [lockOf(path), copyOf(path), path, `${path}.log`]) {
    if (existsSync(file)) lchownSync(file, uid, gid)
  }
}

/** Undefined where nobody has used it. */
async function readDatabase(where: string): Promise<StoredState | undefined> {
  const { read } = await import('./remote.ts')
  try {
    return await read(where)
  } catch (error) {
    throw named(shownDatabase(where), error)
  }
}

/**
 * Opens or makes the database at `path` (its folder too) and its journal; rejects, naming it, where it cannot. One that
 * is damaged is kept aside, its copy takes its place, and everything boots local until a person releases that hold: an
 * older copy may hold an installer that a machine has behind it.
 */
export async function openFile(path: string, limits: Limits = usual): Promise<Store> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    return open(path, limits, undefined)
  } catch (error) {
    if (isDamage(error) && isOurs(path)) return await recovered(path, limits, error)
    throw named(path, error)
  }
}

/** Whatever else a misspelled setting names is left as it is. */
function isOurs(path: string): boolean {
  return existsSync(`${path}.log`) || existsSync(copyOf(path))
}

function open(path: string, limits: Limits, damage: string | undefined): Store {
  const tables = openTables(path)
  try {
    return joined(tables, openJournal(`${path}.log`, limits.journal), limits, damage)
  } catch (error) {
    tables.close()
    throw error
  }
}

/** The file is no database any more, and not only busy or out of reach. */
function isDamage(error: unknown): boolean {
  return ['SQLITE_NOTADB', 'SQLITE_CORRUPT'].includes(codeOf(error))
}

async function recovered(path: string, limits: Limits, error: unknown): Promise<Store> {
  const now = new Date()
  const { aside, copied } = replaceByCopy(path, now)
  const from = copied === undefined ? 'begins anew' : `goes on with its copy of ${copied.toISOString()}`
  const what = `The store ${path} was damaged (${textOf(error)}); it is kept as ${aside}, and ${from}`
  try {
    const damage = `${what}: what was leased and deployed since is forgotten. Everything boots local until you have looked (pxe-pilot host list) and said so: pxe-pilot hold --release`
    const store = open(path, limits, damage)
    const reason = 'the store was damaged'
    await store.apply([{ kind: 'hold', hold: { since: now.getTime(), by: 'PXE Pilot', from: '', reason } }])
    return store
  } catch (again) {
    // The copy, too. It is aside now, so that this ends.
    if (isDamage(again)) return await recovered(path, limits, again)
    throw named(path, again)
  }
}

/** The store of both. */
export function joined(tables: Tables, journal: Journal, limits: Limits, damage?: string): Store {
  const state = new State(tables.read())
  const disk = new Disk(tables, journal, limits)
  for (const change of disk.replay()) state.make(change)
  return new DurableStore(state, disk, limits.quiet, damage)
}

/** What the disk says to a user who may not write there. */
const closed = new Set(['EACCES', 'EROFS'])

function named(path: string, error: unknown): Error {
  const mend = closed.has(codeOf(error))
    ? '; let the user that runs PXE Pilot write to its folder, or set store to another'
    : ''
  return new Error(`The store ${path} cannot be opened: ${textOf(error)}${mend}`, { cause: error })
}

function textOf(error: unknown): string {
  const text = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : ''
  return text || codeOf(error) || String(error)
}
