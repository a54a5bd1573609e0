// The embedded store: one SQLite file, one connection, one synced transaction per tick.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely, Migrator, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import { migrations, type Schema } from './schema.ts'
import type { Outcome, Store, StoreChange, StoredState } from './store.ts'

type Call = {
  readonly changes: readonly StoreChange[]
  readonly resolve: (outcomes: readonly Outcome[]) => void
  readonly reject: (error: unknown) => void
}

/** Opens or makes the file at `path` (its folder too) and brings its tables up to date; rejects, naming it, where it cannot. */
export async function openSqliteStore(path: string): Promise<Store> {
  try {
    mkdirSync(dirname(path), { recursive: true })
    const database = new Database(path)
    // FULL: each commit is synced, so that what was acknowledged survives a power loss. WAL: one sync per commit.
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 2000')
    const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database }) })
    const provider = { getMigrations: () => Promise.resolve({ ...migrations }) }
    const { error } = await new Migrator({ db, provider }).migrateToLatest()
    if (error !== undefined) throw error
    return new SqliteStore(db, database)
  } catch (error) {
    throw new Error(`The store ${path} cannot be opened: ${textOf(error)}`, { cause: error })
  }
}

// Written as statements prepared once: a query built anew for each lease took longer than its transaction and its sync.
const sql = {
  lease: `insert into lease (ip, mac, client_id, hostname, state, since, expires) values (?, ?, ?, ?, ?, ?, ?)
    on conflict (ip) do update set mac = excluded.mac, client_id = excluded.client_id, hostname = excluded.hostname,
      state = excluded.state, since = excluded.since, expires = excluded.expires
    where lease.mac = excluded.mac or lease.client_id = excluded.client_id
      or lease.expires <= ? or lease.state = 'released'`,
  assign: `insert into assignment (host, configuration) values (?, ?)
    on conflict (host) do update set configuration = excluded.configuration`,
  unassign: 'delete from assignment where host = ?',
  register: 'insert into registered_host (name, mac) values (?, ?) on conflict do nothing',
  unregister: 'delete from registered_host where name = ?',
} as const

type Statements = Readonly<Record<keyof typeof sql, Database.Statement>>

class SqliteStore implements Store {
  private readonly db: Kysely<Schema>
  private readonly database: Database.Database
  private readonly statements: Statements
  private waiting: Call[] = []
  private writing: Promise<void> | undefined

  constructor(db: Kysely<Schema>, database: Database.Database) {
    this.db = db
    this.database = database
    const { lease, assign, unassign, register, unregister } = sql
    this.statements = {
      lease: database.prepare(lease),
      assign: database.prepare(assign),
      unassign: database.prepare(unassign),
      register: database.prepare(register),
      unregister: database.prepare(unregister),
    }
  }

  async load(): Promise<StoredState> {
    const leases = await this.db.selectFrom('lease').selectAll().execute()
    const assignments = await this.db.selectFrom('assignment').selectAll().execute()
    const registered = await this.db.selectFrom('registered_host').selectAll().execute()
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
      registered: registered.map((row) => ({ name: row.name, mac: row.mac as Mac })),
    }
  }

  apply(changes: readonly StoreChange[]): Promise<readonly Outcome[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ changes, resolve, reject })
      this.writing ??= this.writeWaiting()
    })
  }

  async close(): Promise<void> {
    await this.writing
    await this.db.destroy()
  }

  /** Writes all that waits, tick by tick, until nothing does. Never rejects: each call gets its own answer. */
  private async writeWaiting(): Promise<void> {
    while (this.waiting.length > 0) {
      // What else comes in this tick shares the sync.
      await new Promise((resolve) => setImmediate(resolve))
      const calls = this.waiting
      this.waiting = []
      this.writeTogether(calls)
    }
    this.writing = undefined
  }

  private writeTogether(calls: readonly Call[]): void {
    try {
      this.database.exec('begin immediate')
      const answers = calls.map(({ changes }) => changes.map((change) => this.write(change)))
      this.database.exec('commit')
      for (const [index, call] of calls.entries()) call.resolve(answers[index] ?? [])
    } catch (error) {
      if (this.database.inTransaction) this.database.exec('rollback')
      for (const call of calls) {
        if (isFull(error)) call.resolve(call.changes.map((): Outcome => 'full'))
        else call.reject(error)
      }
    }
  }

  private write(change: StoreChange): Outcome {
    const { lease, assign, unassign, register, unregister } = this.statements
    switch (change.kind) {
      case 'lease': {
        const { ip, mac, clientId = null, hostname = null, state, since, expires } = change.lease
        const result = lease.run(ip, mac, clientId, hostname, state, since, expires, change.now)
        return result.changes === 0 ? 'conflict' : 'ok'
      }
      case 'assignment':
        if (change.configuration === null) unassign.run(change.host)
        else assign.run(change.host, change.configuration)
        return 'ok'
      case 'registered-host':
        register.run(change.name, change.mac)
        return 'ok'
      case 'registered-host-removed':
        unregister.run(change.name)
        unassign.run(change.name)
        return 'ok'
    }
  }
}

function isFull(error: unknown): boolean {
  return codeOf(error) === 'SQLITE_FULL'
}

/** libsql's SqliteError is no instance of Error. */
function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

function textOf(error: unknown): string {
  const text = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : ''
  return text || codeOf(error) || String(error)
}
