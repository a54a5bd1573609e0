// Opens the store at its path: the database, its journal beside it, and what the two hold together.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Disk, type Limits } from './disk.ts'
import { DurableStore } from './durable.ts'
import { openJournal, type Journal } from './journal.ts'
import { codeOf, openTables, type Tables } from './sqlite.ts'
import { State } from './state.ts'
import type { Store } from './store.ts'

const usual: Limits = { journal: 8 * 1024 * 1024, slice: 50, quiet: 5000 }

/** Opens or makes the database at `path` (its folder too) and its journal; rejects, naming it, where it cannot. */
export async function openStore(path: string, limits: Limits = usual): Promise<Store> {
  try {
    mkdirSync(dirname(path), { recursive: true })
    const tables = openTables(path)
    try {
      return joined(tables, openJournal(`${path}.log`, limits.journal), limits)
    } catch (error) {
      tables.close()
      throw error
    }
  } catch (error) {
    throw new Error(`The store ${path} cannot be opened: ${textOf(error)}`, { cause: error })
  }
}

/** The store of both. */
export function joined(tables: Tables, journal: Journal, limits: Limits): Store {
  const state = new State(tables.read())
  const disk = new Disk(tables, journal, limits)
  for (const change of disk.replay()) state.make(change)
  return new DurableStore(state, disk, limits.quiet)
}

function textOf(error: unknown): string {
  const text = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : ''
  return text || codeOf(error) || String(error)
}
