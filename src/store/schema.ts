// The tables of the store, the steps that make them, and what their rows say: the same for SQLite and PostgreSQL.

import type Database from 'libsql'
import type { AuditEntry, Hold, Host } from '../model.ts'
import { ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import { mostAudited, type StoredState } from './store.ts'

/** The rows as they are read; `body` is JSON. */
type LeaseRow = {
  readonly ip: number
  readonly mac: string
  readonly client_id: string | null
  readonly hostname: string | null
  readonly state: 'bound' | 'released' | 'declined'
  readonly since: number
  readonly expires: number
}
type AssignmentRow = { readonly host: string; readonly configuration: string }
type BodyRow = { readonly body: string }
/** What there is one of: `hold`, and `imported`. */
type FactRow = { readonly name: string; readonly body: string }

/** In order; one that has landed in a release is never changed again. Each store counts those that were made. */
const steps: readonly string[] = [
  `create table lease (ip bigint primary key, mac text not null, client_id text, hostname text, state text not null,
     since bigint not null, expires bigint not null);
   create table assignment (host text primary key, configuration text not null);
   create table registered_host (name text primary key, mac text not null unique)`,
  // One row: the journal's generation, and how many of its changes are in these tables by now. In PostgreSQL: whose the
  // tables are, and 0.
  'create table journal (generation bigint not null, moved bigint not null)',
  `create table host (name text primary key, body text not null);
   create table fact (name text primary key, body text not null);
   create table audit (id bigint primary key, body text not null);
   insert into host select name, '{"name":"' || name || '","macs":["' || mac ||
     '"],"origin":"registered","locked":false,"vars":{}}' from registered_host;
   drop table registered_host`,
]

/** Of a store with all its tables. */
export const schemaVersion = steps.length

/** The steps that a store still lacks of which `from` were made. Throws where a later version of ours made it. */
export function stepsAfter(from: number): readonly string[] {
  if (from > steps.length) {
    throw new Error(`a later version of PXE Pilot made it (${from}, and this one knows ${steps.length})`)
  }
  return steps.slice(from)
}

/** Each part of the state is read by one query. */
export const queries = {
  leases: 'select * from lease',
  assignments: 'select * from assignment',
  hosts: 'select body from host',
  // The youngest that are not too much together: one at least.
  audit: `select body from audit where id >= (select coalesce(min(id), (select max(id) from audit)) from
    (select id, sum(length(body)) over (order by id desc) as bytes from audit) as entry where bytes <= ${mostAudited})
    order by id`,
  facts: 'select * from fact',
} as const

/** The rows that each of the queries yields. */
export type Rows = {
  readonly leases: readonly LeaseRow[]
  readonly assignments: readonly AssignmentRow[]
  readonly hosts: readonly BodyRow[]
  readonly audit: readonly BodyRow[]
  readonly facts: readonly FactRow[]
}

export function stateOf({ leases, assignments, hosts, audit, facts }: Rows): StoredState {
  const hold = facts.find(({ name }) => name === 'hold')
  return {
    leases: leases.map((row) => ({
      ip: ipv4(row.ip),
      mac: row.mac as Mac,
      clientId: row.client_id ?? undefined,
      hostname: row.hostname ?? undefined,
      state: row.state,
      since: row.since,
      expires: row.expires,
    })),
    assignments: assignments.map((row) => [row.host, row.configuration] as const),
    // Options are bytes, and these have none.
    hosts: hosts.map(({ body }) => ({ ...(JSON.parse(body) as Host), options: [] })),
    audit: audit.map(({ body }) => JSON.parse(body) as AuditEntry),
    hold: hold === undefined ? null : (JSON.parse(hold.body) as Hold),
    imported: facts.some(({ name }) => name === 'imported'),
  }
}

/** Brings the tables of SQLite up to date, all of it or nothing. Throws where a later version of ours made them. */
export function migrate(database: Database.Database): void {
  const missing = stepsAfter(versionOf(database))
  if (missing.length === 0) return
  database.exec('begin immediate')
  try {
    for (const step of missing) database.exec(step)
    database.exec(`pragma user_version = ${schemaVersion}; commit`)
  } catch (error) {
    if (database.inTransaction) database.exec('rollback')
    throw error
  }
}

function versionOf(database: Database.Database): number {
  const { user_version: version } = database.prepare('pragma user_version').get() as { user_version: number }
  if (version > 0) return version
  // Stores of before 0.1.0 were counted by the library that made them.
  const counted = "select count(*) as made from sqlite_master where name = 'kysely_migration'"
  const { made } = database.prepare(counted).get() as { made: number }
  if (made === 0) return 0
  return (database.prepare('select count(*) as made from kysely_migration').get() as { made: number }).made
}
