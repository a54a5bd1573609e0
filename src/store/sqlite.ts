// The embedded store: one SQLite file, one connection, one synced transaction per tick.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely, Migrator, SqliteDialect, type Transaction } from 'kysely'
import Database from 'libsql'
import { ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Lease } from '../model.ts'
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
    return new SqliteStore(db)
  } catch (error) {
    throw new Error(`The store ${path} cannot be opened: ${textOf(error)}`, { cause: error })
  }
}

class SqliteStore implements Store {
  private readonly db: Kysely<Schema>
  private waiting: Call[] = []
  private writing: Promise<void> | undefined

  constructor(db: Kysely<Schema>) {
    this.db = db
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
    await new Promise((resolve) => setImmediate(resolve))
    while (this.waiting.length > 0) {
      const calls = this.waiting
      this.waiting = []
      await this.writeTogether(calls)
    }
    this.writing = undefined
  }

  private async writeTogether(calls: readonly Call[]): Promise<void> {
    try {
      const answers = await this.db.transaction().execute(async (transaction) => {
        const outcomes: Outcome[][] = []
        for (const call of calls) {
          const ofCall: Outcome[] = []
          for (const change of call.changes) ofCall.push(await write(transaction, change))
          outcomes.push(ofCall)
        }
        return outcomes
      })
      for (const [index, call] of calls.entries()) call.resolve(answers[index] ?? [])
    } catch (error) {
      for (const call of calls) {
        if (isFull(error)) call.resolve(call.changes.map((): Outcome => 'full'))
        else call.reject(error)
      }
    }
  }
}

async function write(db: Transaction<Schema>, change: StoreChange): Promise<Outcome> {
  switch (change.kind) {
    case 'lease':
      return await writeLease(db, change.lease, change.now)
    case 'assignment':
      if (change.configuration === null) {
        await db.deleteFrom('assignment').where('host', '=', change.host).execute()
      } else {
        const row = { host: change.host, configuration: change.configuration }
        await db
          .insertInto('assignment')
          .values(row)
          .onConflict((conflict) => conflict.column('host').doUpdateSet(row))
          .execute()
      }
      return 'ok'
    case 'registered-host':
      await db
        .insertInto('registered_host')
        .values({ name: change.name, mac: change.mac })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      return 'ok'
    case 'registered-host-removed':
      await db.deleteFrom('registered_host').where('name', '=', change.name).execute()
      await db.deleteFrom('assignment').where('host', '=', change.name).execute()
      return 'ok'
  }
}

async function writeLease(db: Transaction<Schema>, lease: Lease, now: number): Promise<Outcome> {
  const row = {
    ip: lease.ip,
    mac: lease.mac,
    client_id: lease.clientId ?? null,
    hostname: lease.hostname ?? null,
    state: lease.state,
    since: lease.since,
    expires: lease.expires,
  }
  const result = await db
    .insertInto('lease')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .column('ip')
        .doUpdateSet(row)
        .where((is) =>
          is.or([
            is('lease.mac', '=', lease.mac),
            is('lease.expires', '<=', now),
            is('lease.state', '=', 'released'),
          ]),
        ),
    )
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 0n ? 'conflict' : 'ok'
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
