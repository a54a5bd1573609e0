// What the journal's records say: changes as JSON, the many leases among them as short as can be.

import type { AuditEntry, Lease } from '../model.ts'
import type { StoreChange } from './store.ts'

/** JSON has no undefined. */
type Row = readonly [
  ip: Lease['ip'],
  mac: Lease['mac'],
  clientId: string | null,
  hostname: string | null,
  state: Lease['state'],
  since: number,
  expires: number,
]

export function encode(changes: readonly StoreChange[]): Buffer {
  const isAudited = changes.some(({ kind }) => kind === 'audit')
  return Buffer.from(isAudited ? `[${changes.map(textOf).join()}]` : JSON.stringify(changes.map(written)))
}

function written(change: StoreChange): Row | StoreChange {
  return change.kind === 'lease' ? rowOf(change.lease) : change
}

function textOf(change: StoreChange): string {
  return change.kind === 'audit'
    ? `{"kind":"audit","entry":${jsonOf(change.entry)},"oldest":${change.oldest}}`
    : JSON.stringify(written(change))
}

const known = new WeakMap<AuditEntry, string>()

/** An entry, as JSON. None ever changes, and each is measured, and written to the journal and then to the database. */
export function jsonOf(entry: AuditEntry): string {
  const before = known.get(entry)
  if (before !== undefined) return before
  const json = JSON.stringify(entry)
  known.set(entry, json)
  return json
}

export function decode(record: Buffer): readonly StoreChange[] {
  const entries = JSON.parse(String(record)) as readonly (Row | StoreChange)[]
  // It was judged before it was written, at a time that matters no more.
  return entries.map((entry) => (isRow(entry) ? { kind: 'lease', lease: leaseOf(entry), now: 0 } : entry))
}

function rowOf(lease: Lease): Row {
  const { ip, mac, clientId = null, hostname = null, state, since, expires } = lease
  return [ip, mac, clientId, hostname, state, since, expires]
}

function leaseOf([ip, mac, clientId, hostname, state, since, expires]: Row): Lease {
  return { ip, mac, clientId: clientId ?? undefined, hostname: hostname ?? undefined, state, since, expires }
}

function isRow(entry: Row | StoreChange): entry is Row {
  return Array.isArray(entry)
}
