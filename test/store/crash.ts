// What the tests of the store share: leases, folders, and what a kill -9 would leave.

import { cpSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Lease } from '../../src/model.ts'
import { ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import type { Limits } from '../../src/store/disk.ts'
import { openFile } from '../../src/store/open.ts'
import type { Outcome, Store, StoreChange, StoredState } from '../../src/store/store.ts'
import { newFolder } from '../folder.ts'

/** Nothing is moved in the background unless a test asks for it. */
export const limits: Limits = { journal: 64 * 1024, slice: 10, quiet: 60_000 }

export const freshPath = () => join(newFolder('store'), 'p.db')

const macOf = (id: number) => parseMac(`5254${id.toString(16).padStart(8, '0')}`) as Mac

export function leaseOf(id: number, holder = id): Lease {
  return {
    ip: ipv4(0x0a000000 + id),
    mac: macOf(holder),
    state: 'bound',
    since: 1,
    expires: 2_000_000_000_000,
  }
}

export const claim = (lease: Lease): StoreChange => ({ kind: 'lease', lease, now: 1 })

/** One call each, so that each is a batch of its own. */
export async function applyEach(store: Store, changes: readonly StoreChange[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const change of changes) outcomes.push(...(await store.apply([change])))
  return outcomes
}

/** The files as they are now, of whoever has `path` open. */
export function copied(path: string): string {
  const copy = freshPath()
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(basename(path))) cpSync(join(dirname(path), name), join(dirname(copy), name))
  }
  return copy
}

/** What another process finds if the one that has `path` open is killed now. */
export async function afterKill(path: string): Promise<StoredState> {
  return await stateOf(copied(path))
}

/** The same, from SQLite alone. */
export async function movedBy(path: string): Promise<StoredState> {
  const copy = copied(path)
  rmSync(`${copy}.log`)
  return await stateOf(copy)
}

async function stateOf(copy: string): Promise<StoredState> {
  const store = await openFile(copy, limits)
  const state = await store.load()
  await store.close()
  return state
}

export const idsOf = ({ leases }: StoredState) =>
  leases.map(({ ip }) => ip - 0x0a000000).toSorted((a, b) => a - b)

export const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)
