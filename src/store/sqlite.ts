// The tables: one SQLite file, one connection that nobody shares, one transaction per write.

import { closeSync, existsSync, fchmodSync, openSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'libsql'
import { lockerOf } from '../holders.ts'
import { codeOf } from './code.ts'
import { replaceCopy } from './copy.ts'
import { jsonOf } from './record.ts'
import { migrate, queries, stateOf, type Rows } from './schema.ts'
import type { StoreChange, StoredState } from './store.ts'

/** Which generation of the journal is not in the tables yet, but for its first `moved` changes. */
export type Mark = { readonly generation: number; readonly moved: number }

/** Opens or makes the file at `path`, brings its tables up to date, and keeps every other process out. */
export function openTables(path: string): Tables {
  const isDatabase = ownOnly(path)
  // Beside what another program's file is, and a setting names by mistake, nothing is left.
  if (!isDatabase && !existsSync(lockOf(path)))
    throw Object.assign(new Error('file is not a database'), { code: 'SQLITE_NOTADB' })
  ownOnly(lockOf(path))
  const lock = new Database(lockOf(path))
  let database: Database.Database | undefined
  try {
    // Without a file for its journal, which a full disk may have no room for.
    lock.exec('pragma busy_timeout = 2000; pragma journal_mode = memory; begin exclusive')
    database = new Database(path)
    // EXCLUSIVE: whatever else knows SQLite would change it, too. FULL: each commit is synced. WAL: by one sync.
    database.exec('pragma busy_timeout = 2000; pragma locking_mode = exclusive')
    database.exec('pragma journal_mode = wal; pragma synchronous = full; begin immediate; commit')
    checkWhole(database)
    migrate(database)
    return new Tables(path, database, lock)
  } catch (error) {
    database?.close()
    lock.close()
    if (codeOf(error) !== 'SQLITE_BUSY') throw error
    const locker = lockerOf([lockOf(path), path])
    const who = `another process has it open${locker === undefined ? '' : `: ${locker}`}`
    throw new Error(`${who}; if PXE Pilot runs already, stop it first`, { cause: error })
  }
}

/**
 * POSIX ends a process's locks on a file when it closes any descriptor of it, as our own servers do with the database
 * where it lies in a root and somebody fetches it. They open no name with a dot in front.
 */
export function lockOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.lock`)
}

// Written as statements prepared once: a query built anew for each lease took longer than its transaction and its sync.
const sql = {
  lease: `insert into lease (ip, mac, client_id, hostname, state, since, expires) values (?, ?, ?, ?, ?, ?, ?)
    on conflict (ip) do update set mac = excluded.mac, client_id = excluded.client_id, hostname = excluded.hostname,
      state = excluded.state, since = excluded.since, expires = excluded.expires`,
  assign: `insert into assignment (host, configuration) values (?, ?)
    on conflict (host) do update set configuration = excluded.configuration`,
  unassign: 'delete from assignment where host = ?',
  putHost:
    'insert into host (name, body) values (?, ?) on conflict (name) do update set body = excluded.body',
  removeHost: 'delete from host where name = ?',
  addAudit: 'insert into audit (id, body) values (?, ?) on conflict (id) do update set body = excluded.body',
  forgetAudit: 'delete from audit where id < ?',
  putFact:
    'insert into fact (name, body) values (?, ?) on conflict (name) do update set body = excluded.body',
  removeFact: 'delete from fact where name = ?',
  unmark: 'delete from journal',
  mark: 'insert into journal (generation, moved) values (?, ?)',
} as const

type Statements = Readonly<Record<keyof typeof sql, Database.Statement>>

export class Tables {
  private readonly path: string
  private readonly database: Database.Database
  private readonly lock: Database.Database
  private readonly statements: Statements

  constructor(path: string, database: Database.Database, lock: Database.Database) {
    this.path = path
    this.database = database
    this.lock = lock
    const prepared = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)])
    this.statements = Object.fromEntries(prepared) as Statements
  }

  read(): StoredState {
    const read = Object.entries(queries).map(([name, query]) => [name, this.rows(query)])
    return stateOf(Object.fromEntries(read) as Rows)
  }

  /** Undefined where no journal has ever been used. */
  readMark(): Mark | undefined {
    return (this.rows('select generation, moved from journal') as readonly Mark[])[0]
  }

  private rows(query: string): unknown {
    return this.database.prepare(query).all()
  }

  /**
   * The changes, none of which is judged here, and the mark: all of them when it returns, or none, and it throws. Where
   * it is unsynced, a power failure may take back the last of such writes, each with its mark.
   */
  write(changes: readonly StoreChange[], { generation, moved }: Mark, how: 'synced' | 'unsynced'): void {
    try {
      // In a WAL, NORMAL syncs a commit with the next checkpoint, or with the next commit that is FULL.
      this.database.exec(`pragma synchronous = ${how === 'synced' ? 'full' : 'normal'}`)
      this.database.exec('begin immediate')
      for (const change of changes) this.writeOne(change)
      this.statements.unmark.run()
      this.statements.mark.run(generation, moved)
      this.database.exec('commit')
    } catch (error) {
      if (this.database.inTransaction) this.database.exec('rollback')
      throw error
    }
  }

  /** Keeps a second file of it as it is now. Throws where it is damaged, or there is no room: the copy before stays. */
  copy(): void {
    checkWhole(this.database)
    // By SQLite and never by Node: to close a file of the database would end its lock.
    replaceCopy(this.path, (fresh) => void this.database.prepare('vacuum into ?').run(fresh))
  }

  /** Lets others in. */
  close(): void {
    try {
      // libsql's close() keeps its lock until every statement is collected as garbage; and a WAL, until it is left.
      this.database.exec(
        'pragma journal_mode = delete; pragma locking_mode = normal; select ip from lease limit 1',
      )
      // But the file is to be opened on a full disk, too, which can be done with a WAL alone.
      const last = new Database(this.path)
      last.exec('pragma locking_mode = exclusive; pragma journal_mode = wal')
      last.close()
    } catch {
      // A full disk. The lock ends with the process.
    }
    this.database.close()
    this.lock.close()
  }

  private writeOne(change: StoreChange): void {
    const { lease, assign, unassign, putHost, removeHost, addAudit, forgetAudit, putFact, removeFact } =
      this.statements
    switch (change.kind) {
      case 'lease': {
        const { ip, mac, clientId = null, hostname = null, state, since, expires } = change.lease
        lease.run(ip, mac, clientId, hostname, state, since, expires)
        return
      }
      case 'assignment':
        if (change.configuration === null) unassign.run(change.host)
        else assign.run(change.host, change.configuration)
        return
      case 'host':
        putHost.run(change.host.name, JSON.stringify(change.host))
        return
      case 'host-removed':
        removeHost.run(change.name)
        unassign.run(change.name)
        return
      case 'audit':
        addAudit.run(change.entry.id, jsonOf(change.entry))
        forgetAudit.run(change.oldest)
        return
      case 'hold':
        if (change.hold === null) removeFact.run('hold')
        else putFact.run('hold', JSON.stringify(change.hold))
        return
      case 'imported':
        putFact.run('imported', 'true')
    }
  }
}

/** Pages that are damaged would be found only when they are read. */
function checkWhole(database: Database.Database): void {
  const found = database.prepare('pragma quick_check(1)').get() as { quick_check: string }
  if (found.quick_check === 'ok') return
  // Behind a line that names the connection's database, which is `main` always.
  throw Object.assign(new Error(found.quick_check.split('\n').at(-1)), { code: 'SQLITE_CORRUPT' })
}

/** How a database of SQLite begins (sqlite.org/fileformat2.html, 1.3). */
const magic = 'SQLite format 3\0'

/**
 * It holds passwords of management controllers. SQLite gives its WAL the mode of the database. A file that is none, as a
 * misspelled setting may name, stays as it is: nobody can log in where /etc/passwd is root's alone.
 */
function ownOnly(path: string): boolean {
  const fd = openSync(path, 'a+', 0o600)
  try {
    const head = Buffer.alloc(magic.length)
    const length = readSync(fd, head, 0, head.length, 0)
    const isDatabase = length === 0 || head.toString('latin1') === magic
    if (isDatabase) fchmodSync(fd, 0o600)
    return isDatabase
  } finally {
    closeSync(fd)
  }
}
