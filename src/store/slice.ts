// What a part of the journal comes to in SQLite: of changes that overwrite each other, the last alone.

import type { StoreChange } from './store.ts'

export type Slice = {
  /** So many of the oldest changes are dealt with by it. */
  readonly moved: number
  readonly changes: readonly StoreChange[]
}

/** Changes that are looked through for one that has to be written, at most. */
const perWrite = 20

/**
 * The first of `changes`, in order: at most `most` that are to be written. `oldest`: of the audit, which later ones
 * forget up to there; what is forgotten anyway is not written.
 */
export function sliceOf(changes: readonly StoreChange[], most: number, oldest: number): Slice {
  const last = new Map<string | number, StoreChange>()
  let moved = 0
  for (const change of changes) {
    if (last.size === most || moved === most * perWrite) break
    moved++
    if (change.kind === 'audit' && change.entry.id < oldest) continue
    const place = placeOf(change)
    // A host's removal takes its assignment along: what is left stays in the order of the last of each.
    last.delete(place)
    last.set(place, change)
  }
  return { moved, changes: [...last.values()] }
}

/** All changes of one place write the same, whatever was there. */
function placeOf(change: StoreChange): string | number {
  switch (change.kind) {
    case 'lease':
      return change.lease.ip
    case 'assignment':
      return `assignment ${change.host}`
    case 'host':
      return `host ${change.host.name}`
    case 'host-removed':
      return `host-removed ${change.name}`
    case 'audit':
      return `audit ${change.entry.id}`
    case 'hold':
    case 'imported':
      return change.kind
  }
}
