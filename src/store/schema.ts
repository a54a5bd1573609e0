// The tables of the store and the steps that make them, the same for every engine.

import type { Kysely, Migration } from 'kysely'

export type Schema = {
  lease: {
    ip: number
    mac: string
    client_id: string | null
    hostname: string | null
    state: 'bound' | 'released' | 'declined'
    since: number
    expires: number
  }
  assignment: { host: string; configuration: string }
  /** Each as JSON. */
  host: { name: string; body: string }
  audit: { id: number; body: string }
  /** What there is one of: `hold`, and `imported`. */
  fact: { name: string; body: string }
  /** One row: the journal's generation, and how many of its changes are in these tables by now. */
  journal: { generation: number; moved: number }
}

/** In order; one that has landed in a release is never changed again. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-leases-and-assignments': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('lease')
        .addColumn('ip', 'bigint', (column) => column.primaryKey())
        .addColumn('mac', 'text', (column) => column.notNull())
        .addColumn('client_id', 'text')
        .addColumn('hostname', 'text')
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('since', 'bigint', (column) => column.notNull())
        .addColumn('expires', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('assignment')
        .addColumn('host', 'text', (column) => column.primaryKey())
        .addColumn('configuration', 'text', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('registered_host')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('mac', 'text', (column) => column.notNull().unique())
        .execute()
    },
  },
  '0002-journal': {
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('journal')
        .addColumn('generation', 'bigint', (column) => column.notNull())
        .addColumn('moved', 'bigint', (column) => column.notNull())
        .execute()
    },
  },
  '0003-hosts-and-audit': {
    up: async (db: Kysely<Pick<Schema, 'host'> & { registered_host: { name: string; mac: string } }>) => {
      for (const table of ['host', 'fact']) {
        await db.schema
          .createTable(table)
          .addColumn('name', 'text', (column) => column.primaryKey())
          .addColumn('body', 'text', (column) => column.notNull())
          .execute()
      }
      await db.schema
        .createTable('audit')
        .addColumn('id', 'bigint', (column) => column.primaryKey())
        .addColumn('body', 'text', (column) => column.notNull())
        .execute()
      for (const { name, mac } of await db.selectFrom('registered_host').selectAll().execute()) {
        const body = JSON.stringify({ name, macs: [mac], origin: 'registered', locked: false, vars: {} })
        await db.insertInto('host').values({ name, body }).execute()
      }
      await db.schema.dropTable('registered_host').execute()
    },
  },
}
