// The entries of the audit: what is written of a change, and how many are kept.

import type { AuditEntry } from '../model.ts'
import { mostAudited } from '../store/store.ts'
import type { Plan } from './plan.ts'

/** So many entries, and so many changes of hosts, are kept. */
const mostEntries = 1000
const mostChanges = 20_000

export function entryOf(
  { action, caller, hosts, undoes, reason }: Plan<unknown>,
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
  }
}

const sizes = new WeakMap<AuditEntry, number>()

/** Bytes of JSON. */
function sizeOf(entry: AuditEntry): number {
  const size = sizes.get(entry) ?? Buffer.byteLength(JSON.stringify(entry))
  sizes.set(entry, size)
  return size
}

/** The youngest of them. */
export function bounded(entries: readonly AuditEntry[]): readonly AuditEntry[] {
  let changes = 0
  let bytes = 0
  const first = entries.findLastIndex((entry, index) => {
    changes += entry.changes.length
    bytes += sizeOf(entry)
    return entries.length - index > mostEntries || changes > mostChanges || bytes > mostAudited
  })
  return entries.slice(Math.min(first + 1, entries.length - 1))
}
