// What the journal's records say: changes as JSON, the many leases among them as short as can be.

import type { Lease } from '../model.ts'
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
  return Buffer.from(
    JSON.stringify(changes.map((change) => (change.kind === 'lease' ? rowOf(change.lease) : change))),
  )
}

export function decode(record: Buffer): readonly StoreChange[] {
  const written = JSON.parse(String(record)) as readonly (Row | StoreChange)[]
  // It was judged before it was written, at a time that matters no more.
  return written.map((entry) => (isRow(entry) ? { kind: 'lease', lease: leaseOf(entry), now: 0 } : entry))
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
