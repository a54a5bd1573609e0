// Carries what one store holds over to the one of the settings, for whoever moves from a file to a database, or back.

import { resolve } from 'node:path'
import { storeFault } from './settings/consistency.ts'
import type { Settings } from './settings/schema.ts'
import { isDatabase, shownDatabase } from './settings/secrets.ts'
import { openStore, readStore } from './store/open.ts'
import { changesOf } from './store/rows.ts'
import { isRefusal, type Store, type StoredState } from './store/store.ts'

type Say = (line: string) => void

/** All of `from`, or nothing. Neither may be open elsewhere. `say`: a line each. Rejects with what a person is to read. */
export async function copyStore(
  from: string,
  { store: to }: Pick<Settings, 'store'>,
  say: Say,
): Promise<void> {
  const fault = storeFault(from)
  if (fault !== undefined) throw new Error(`What is copied ${fault}`)
  if (from === to || resolve(from) === to) {
    throw new Error(`${shown(from)} is the store of the settings: name there the one that is to be filled`)
  }
  const state = await readStore(from, say)
  if (state === undefined) throw new Error(`There is no store ${shown(from)}`)
  if (isEmpty(state)) throw new Error(`The store ${shown(from)} holds nothing that could be copied`)
  const target = await openStore(to, ({ text }) => say(text))
  try {
    if (target.damage !== undefined) say(target.damage)
    await fill(target, shown(to), state)
  } finally {
    await target.close()
  }
  say(`${shown(to)} holds now what ${shown(from)} does: ${contentOf(state)}`)
}

async function fill(target: Store, name: string, state: StoredState): Promise<void> {
  const present = await target.load()
  if (!isEmpty(present)) {
    throw new Error(
      `The store ${name} is left as it is, as it is not empty: it holds ${contentOf(present)}. Let the settings name a new one`,
    )
  }
  // In one call, none of which is kept where it fails: of half of it, machines would be installed again.
  const [outcome] = (await target.apply(changesOf(state))).filter(isRefusal)
  if (outcome === undefined) return
  const why = outcome === 'full' ? 'its disk is full' : 'its database is out of reach'
  throw new Error(`Nothing was copied to the store ${name}: ${why}`)
}

/** Whether the links of the original were looked for counts not: a start that found none has done that. */
function isEmpty({ hosts, assignments, leases, audit, hold }: StoredState): boolean {
  return hold === null && [hosts, assignments, leases, audit].every((list) => list.length === 0)
}

function contentOf({ hosts, assignments, leases, audit, hold }: StoredState): string {
  const counts = `${hosts.length} hosts, ${assignments.length} assignments, ${leases.length} leases, ${audit.length} entries of the audit`
  return hold === null ? counts : `${counts}, and a hold`
}

function shown(where: string): string {
  return isDatabase(where) ? shownDatabase(where) : where
}
