// The tables of the store and the steps that make them.

import type Database from 'libsql'

/** The rows as they are read; `body` is JSON. */
export type LeaseRow = {
  readonly ip: number
  readonly mac: string
  readonly client_id: string | null
  readonly hostname: string | null
  readonly state: 'bound' | 'released' | 'declined'
  readonly since: number
  readonly expires: number
}
export type AssignmentRow = { readonly host: string; readonly configuration: string }
export type BodyRow = { readonly body: string }
/** What there is one of: `hold`, and `imported`. */
export type FactRow = { readonly name: string; readonly body: string }

/** In order; one that has landed in a release is never changed again. `pragma user_version` counts those that were made. */
const steps: readonly string[] = [
  `create table lease (ip bigint primary key, mac text not null, client_id text, hostname text, state text not null,
     since bigint not null, expires bigint not null);
   create table assignment (host text primary key, configuration text not null);
   create table registered_host (name text primary key, mac text not null unique)`,
  // One row: the journal's generation, and how many of its changes are in these tables by now.
  'create table journal (generation bigint not null, moved bigint not null)',
  `create table host (name text primary key, body text not null);
   create table fact (name text primary key, body text not null);
   create table audit (id bigint primary key, body text not null);
   insert into host select name, json_object('name', name, 'macs', json_array(mac), 'origin', 'registered',
     'locked', json('false'), 'vars', json_object()) from registered_host;
   drop table registered_host`,
]

/** Brings the tables up to date, all of it or nothing. Throws where a later version of ours made them. */
export function migrate(database: Database.Database): void {
  const from = versionOf(database)
  if (from > steps.length) {
    throw new Error(`a later version of PXE Pilot made it (${from}, and this one knows ${steps.length})`)
  }
  if (from === steps.length) return
  database.exec('begin immediate')
  try {
    for (const step of steps.slice(from)) database.exec(step)
    database.exec(`pragma user_version = ${steps.length}; commit`)
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
