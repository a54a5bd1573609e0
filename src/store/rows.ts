// Changes as one statement of PostgreSQL: one transaction, and one way there and back, however many they are.

import type { Lease } from '../model.ts'
import { jsonOf } from './record.ts'
import type { StoreChange, StoredState } from './store.ts'

/** Of each table its columns; the first is its key. */
const columns = {
  lease: ['ip', 'mac', 'client_id', 'hostname', 'state', 'since', 'expires'],
  assignment: ['host', 'configuration'],
  host: ['name', 'body'],
  fact: ['name', 'body'],
  audit: ['id', 'body'],
} as const

type Table = keyof typeof columns
type Row = Readonly<Record<string, unknown>>

/** What becomes of the rows of each table, by key. Undefined: it is to be gone. */
type Fates = Readonly<Record<Table, Map<string | number, Row | undefined>>>

export type Statement = { readonly text: string; readonly values: string[] }

/** `only`: the tables hold nothing else afterwards. */
export function statementFor(changes: readonly StoreChange[], only = false): Statement {
  const values: string[] = []
  const given = (table: Table, rows: readonly Row[]) =>
    `json_populate_recordset(null::${table}, $${values.push(JSON.stringify(rows, storable))})`
  const parts: string[] = []
  for (const [table, fates] of Object.entries(fatesOf(changes)) as [Table, Fates[Table]][]) {
    const [key, ...others] = columns[table]
    const rows = [...fates.values()].filter((row) => row !== undefined)
    const gone = [...fates].filter(([, row]) => row === undefined).map(([value]) => ({ [key]: value }))
    const set = others.map((column) => `${column} = excluded.${column}`).join(', ')
    if (rows.length > 0) {
      // Rows that are as they should be are not touched: a disk may be full.
      const fresh = `select * from ${given(table, rows)}${only ? ` except select * from ${table}` : ''}`
      parts.push(`insert into ${table} ${fresh} on conflict (${key}) do update set ${set}`)
    }
    if (only)
      parts.push(`delete from ${table} where ${key} not in (select ${key} from ${given(table, rows)})`)
    else if (gone.length > 0) {
      parts.push(`delete from ${table} where ${key} in (select ${key} from ${given(table, gone)})`)
    }
  }
  const oldest = changes.findLast((change) => change.kind === 'audit')?.oldest
  if (!only && oldest !== undefined) parts.push(`delete from audit where id < ${oldest}`)
  const named = parts.map((part, index) => `part${index} as (${part})`)
  return { text: `with ${named.join(', ')} select`, values }
}

/** All of it, as changes. */
export function changesOf(state: StoredState): readonly StoreChange[] {
  const { leases, assignments, hosts, audit, hold, imported } = state
  return [
    ...leases.map((lease): StoreChange => ({ kind: 'lease', lease, now: 0 })),
    ...assignments.map(([host, configuration]): StoreChange => ({ kind: 'assignment', host, configuration })),
    ...hosts.map((host): StoreChange => ({ kind: 'host', host })),
    ...audit.map((entry): StoreChange => ({ kind: 'audit', entry, oldest: 0 })),
    { kind: 'hold', hold },
    ...(imported ? [{ kind: 'imported' } as const] : []),
  ]
}

/** A statement changes a row once: the last change of each counts. */
function fatesOf(changes: readonly StoreChange[]): Fates {
  const fates: Fates = {
    lease: new Map(),
    assignment: new Map(),
    host: new Map(),
    fact: new Map(),
    audit: new Map(),
  }
  for (const change of changes) {
    switch (change.kind) {
      case 'lease':
        fates.lease.set(change.lease.ip, rowOf(change.lease))
        break
      case 'assignment': {
        const { host, configuration } = change
        fates.assignment.set(host, configuration === null ? undefined : { host, configuration })
        break
      }
      case 'host':
        fates.host.set(change.host.name, { name: change.host.name, body: JSON.stringify(change.host) })
        break
      case 'host-removed':
        fates.host.set(change.name, undefined)
        fates.assignment.set(change.name, undefined)
        break
      case 'audit':
        fates.audit.set(change.entry.id, { id: change.entry.id, body: jsonOf(change.entry) })
        break
      case 'hold': {
        const body = JSON.stringify(change.hold)
        fates.fact.set('hold', change.hold === null ? undefined : { name: 'hold', body })
        break
      }
      case 'imported':
        fates.fact.set('imported', { name: 'imported', body: 'true' })
    }
  }
  return fates
}

function rowOf({ ip, mac, clientId, hostname, state, since, expires }: Lease): Row {
  return { ip, mac, client_id: clientId, hostname, state, since, expires }
}

/** Clients send names that no text of PostgreSQL can be, and our clock has fractions of milliseconds. */
function storable(_: string, value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\0|\p{Cs}/gu, '\u{fffd}')
  return typeof value === 'number' ? Math.round(value) : value
}
