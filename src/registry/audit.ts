// The entries of the audit: what is written of a change, and how many are kept.

import type { AuditEntry } from '../model.ts'
import { jsonOf } from '../store/record.ts'
import { mostAudited } from '../store/store.ts'
import type { Plan } from './plan.ts'

/** So many entries, and so many changes of hosts, are kept. */
const mostEntries = 1000
const mostChanges = 20_000

export function entryOf(
  { action, caller, hosts, undoes, reason, lease }: Plan<unknown>,
  id: number,
  at: number,
): AuditEntry {
  // What the settings declare stays there, secrets and all.
  const changes =
    action === 'settings'
      ? hosts.map(({ host, configuration }) => ({ host, ...(configuration && { configuration }) }))
      : hosts
  const { by, from } = caller
  return {
    id,
    at,
    action,
    by,
    from,
    changes,
    ...(undoes !== undefined && { undoes }),
    ...(reason !== undefined && { reason }),
    ...(lease !== undefined && { lease }),
  }
}

/** The entries that are kept, oldest first, and what they come to. */
export type Trail = {
  readonly entries: readonly AuditEntry[]
  /** Of each, in bytes of JSON. */
  readonly sizes: readonly number[]
  /** Of hosts. */
  readonly changes: number
  readonly bytes: number
}

export const emptyTrail: Trail = { entries: [], sizes: [], changes: 0, bytes: 0 }

/** With `fresh` at its end, and without the oldest where that is too much; one is kept at least. */
export function lengthened(trail: Trail, fresh: readonly AuditEntry[]): Trail {
  const added = fresh.map((entry) => Buffer.byteLength(jsonOf(entry)))
  const entries = trail.entries.concat(fresh)
  const sizes = trail.sizes.concat(added)
  let changes = fresh.reduce((sum, entry) => sum + entry.changes.length, trail.changes)
  let bytes = added.reduce((sum, size) => sum + size, trail.bytes)
  let first = 0
  const isTooMuch = () => entries.length - first > mostEntries || changes > mostChanges || bytes > mostAudited
  for (; first < entries.length - 1 && isTooMuch(); first++) {
    changes -= entries[first]?.changes.length ?? 0
    bytes -= sizes[first] ?? 0
  }
  return { entries: entries.slice(first), sizes: sizes.slice(first), changes, bytes }
}
