// The entries of the audit: what is written of a change, and how many are kept.

import type { AuditEntry } from '../model.ts'
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
  /** Of hosts. */
  readonly changes: number
  /** Of JSON. */
  readonly bytes: number
}

/** With `fresh` at its end, and without the oldest where that is too much; one is kept at least. */
export function lengthened(trail: Trail, fresh: readonly AuditEntry[]): Trail {
  const entries = [...trail.entries, ...fresh]
  let { changes, bytes } = trail
  for (const entry of fresh) {
    changes += entry.changes.length
    bytes += sizeOf(entry)
  }
  const last = entries.length - 1
  let first = 0
  for (const entry of entries) {
    const isTooMuch = entries.length - first > mostEntries || changes > mostChanges || bytes > mostAudited
    if (first >= last || !isTooMuch) break
    first++
    changes -= entry.changes.length
    bytes -= sizeOf(entry)
  }
  return { entries: entries.slice(first), changes, bytes }
}

const sizes = new WeakMap<AuditEntry, number>()

/** Bytes of JSON. */
function sizeOf(entry: AuditEntry): number {
  const known = sizes.get(entry)
  if (known !== undefined) return known
  const size = Buffer.byteLength(JSON.stringify(entry))
  sizes.set(entry, size)
  return size
}
