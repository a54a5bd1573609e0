// The tables in a database of PostgreSQL: one connection, whose lock keeps every other instance out, one statement per write.

import { hostname } from 'node:os'
import { Client, DatabaseError, types } from 'pg'
import pgpass from 'pgpass'
import { changesOf, statementFor } from './rows.ts'
import { queries, schemaVersion, stateOf, stepsAfter, type Rows } from './schema.ts'
import { codeOf } from './code.ts'
import type { StoreChange, StoredState } from './store.ts'

/** `PXEPILOT` in ASCII: whoever has this advisory lock of a database has the store in it. */
const lock = '5789453532114210644'

/** A connection that opens, and an answer, are waited for so many milliseconds. */
const openMs = 5000
const answerMs = 10_000

/** PostgreSQL cuts off more of an application's name. */
const longestName = 63

type Row = Readonly<Record<string, unknown>>

const sql = {
  /**
   * Whatever the role's or the server's own settings say: a commit is on disk, an idle session is not ended, and one
   * whose machine died gives its lock back within half a minute, not two hours, or 15 minutes where an answer to it was
   * under way: keepalive does not count then.
   */
  session: `select set_config(name, value, false) from pg_settings join (values ('application_name', $1),
    ('synchronous_commit', 'on'), ('idle_session_timeout', '0'), ('tcp_keepalives_idle', '10'),
    ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '25000')) as ours (name, value) using (name)`,
  /** The server may not know yet that an older connection of ours is dead. */
  endOlder: `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = $1 and pid <> pg_backend_pid()`,
  /** One transaction: where the lock is not had, the timeout is as before, too. */
  lock: `set lock_timeout = 2000; select pg_advisory_lock(${lock}); reset lock_timeout`,
  holder: `select application_name as name, host(client_addr) as address, backend_start as since
    from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32 | objid::bigint) = ${lock}`,
  encoding: "select current_setting('server_encoding') as encoding",
  versions: 'create table if not exists store_version (version integer not null)',
  version: 'select version from store_version',
  isMade: "select to_regclass('store_version') is not null as made",
  owner: 'select generation from journal',
} as const

/** Another instance has used the tables since: what this one has in memory counts no more. */
export class Superseded extends Error {}

export class Connection {
  private readonly client: Client
  private readonly owner: number
  /** Whoever asked is told what went wrong. */
  private isAsked = true

  private constructor(client: Client, owner: number, lost: (connection: Connection, error: unknown) => void) {
    this.client = client
    this.owner = owner
    client.on('error', (error) => {
      if (!this.isAsked) lost(this, error)
    })
  }

  /**
   * Connects. `owner`: drawn by each instance, 32 bits; its older connections are ended. `lost`: the connection broke while
   * nothing was asked of it.
   */
  static async open(
    url: string,
    owner: number,
    lost: (connection: Connection, error: unknown) => void,
  ): Promise<Connection> {
    const connection = new Connection(clientFor(url), owner, lost)
    return await connection.orClosed(async () => {
      await connection.client.connect()
      const name = `pxe-pilot ${owner.toString(16)} on ${hostname()}`.slice(0, longestName)
      await connection.ask(sql.session, [name])
      await connection.ask(sql.endOlder, [name])
      return connection
    })
  }

  /** Takes the lock, brings the tables up to date, makes them this instance's, and reads them. First of all, and once. */
  begin(): Promise<StoredState> {
    return this.orClosed(async () => {
      await this.take()
      const [{ encoding } = {}] = await this.ask(sql.encoding)
      if (encoding !== 'UTF8') throw new Error(`its encoding is ${String(encoding)}: make it with UTF8`)
      await this.ask(sql.versions)
      const [{ version = 0 } = {}] = await this.ask(sql.version)
      const missing = stepsAfter(Number(version))
      const ours = [
        'delete from store_version',
        `insert into store_version values (${schemaVersion})`,
        'delete from journal',
        `insert into journal values (${this.owner}, 0)`,
      ]
      await this.ask(['begin', ...missing, ...ours, 'commit'].join(';\n'))
      return await this.state()
    })
  }

  /** Takes the lock, and reads the tables, which stay whose they are; undefined where there are none. */
  read(): Promise<StoredState | undefined> {
    return this.orClosed(async () => {
      await this.take()
      const [{ made } = {}] = await this.ask(sql.isMade)
      if (made !== true) return undefined
      const [{ version = 0 } = {}] = await this.ask(sql.version)
      if (stepsAfter(Number(version)).length > 0) {
        throw new Error('an earlier version of PXE Pilot made it: start this one with it once')
      }
      return await this.state()
    })
  }

  /** Takes the lock, and makes the tables what `state` says, whatever of the last writes got through. @throws Superseded */
  resume(state: StoredState): Promise<void> {
    return this.orClosed(async () => {
      // Before, too: another that has the lock has made the tables its own.
      await this.own()
      await this.take()
      await this.own()
      const { text, values } = statementFor(changesOf(state), true)
      await this.ask(text, values)
    })
  }

  /** Committed, all of them, when it resolves. After an error that is not isRefused() nobody knows. */
  async write(changes: readonly StoreChange[]): Promise<void> {
    const { text, values } = statementFor(changes)
    await this.ask(text, values)
  }

  /** Lets others in. */
  async close(): Promise<void> {
    await this.client.end().catch(() => undefined)
  }

  private async state(): Promise<StoredState> {
    const read: [name: string, rows: readonly Row[]][] = []
    for (const [name, query] of Object.entries(queries)) read.push([name, await this.ask(query)])
    return stateOf(Object.fromEntries(read) as unknown as Rows)
  }

  private async own(): Promise<void> {
    const [{ generation } = {}] = await this.ask(sql.owner)
    if (generation !== this.owner) throw new Superseded()
  }

  private async take(): Promise<void> {
    try {
      await this.ask(sql.lock)
    } catch (error) {
      if (codeOf(error) !== '55P03') throw error
      const [holder = {}] = await this.ask(sql.holder)
      throw new Error(
        `another PXE Pilot has it open${whoIs(holder)}; if that is to serve no more, stop it first`,
        {
          cause: error,
        },
      )
    }
  }

  private async ask(text: string, values: unknown[] = []): Promise<readonly Row[]> {
    this.isAsked = true
    try {
      return (await this.client.query<Row>(text, values)).rows
    } finally {
      this.isAsked = false
    }
  }

  private async orClosed<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      void this.close()
      throw error
    }
  }
}

/**
 * PostgreSQL itself said that what was asked was not done. Its classes 08 and 57 tell of a connection or a server that
 * ends, which may be behind a commit.
 */
export function isRefused(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(?:08|57)/.test(codeOf(error))
}

/** For a person: what PostgreSQL, or the network, has to say, and what to do. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const remedy = sayings.find(([saying]) => saying.test(text))?.[1] ?? remedies[codeOf(error)]
  return `${text || codeOf(error)}${remedy === undefined ? '' : `; ${remedy}`}`
}

const reach = 'see that PostgreSQL runs there, and can be reached from here'
const password = 'the password comes from PGPASSWORD, or from ~/.pgpass (PGPASSFILE)'

const authority = 'name the authority of its certificate: sslrootcert=FILE'

/** Of what has no code, or shares it. */
const sayings: readonly (readonly [saying: RegExp, remedy: string])[] = [
  [/^connect ENOENT/, reach],
  [/^The server does not support SSL/, 'switch ssl on there, or leave sslmode out'],
  [/^URI malformed/, 'in its address a % that stands for itself is written %25'],
  [/^role .* does not exist$/, 'make it: createuser --pwprompt USER'],
]

const remedies: Readonly<Record<string, string>> = {
  ECONNREFUSED: reach,
  ECONNRESET: reach,
  EHOSTUNREACH: reach,
  ENETUNREACH: reach,
  ENOTFOUND: reach,
  EAI_AGAIN: reach,
  ETIMEDOUT: reach,
  SELF_SIGNED_CERT_IN_CHAIN: authority,
  DEPTH_ZERO_SELF_SIGNED_CERT: authority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: authority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: authority,
  ERR_TLS_CERT_ALTNAME_INVALID: 'name the server as its certificate does',
  '28P01': password,
  '28000': 'see pg_hba.conf there',
  '3D000': 'make it: createdb --owner USER DATABASE',
  '42501': 'let the database be that of its user: alter database DATABASE owner to USER',
  '25006': 'it is a standby: name the primary',
}

// Else they are strings; ours are exact as numbers.
types.setTypeParser(types.builtins.INT8, Number)

function clientFor(url: string): Client {
  const client = new Client({
    connectionString: verified(url),
    connectionTimeoutMillis: openMs,
    query_timeout: answerMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: openMs,
  })
  // pg would look there itself, and warn that its next version will not.
  if (!client.password) Object.assign(client, { password: passwordFor })
  return client
}

/** As pg takes these modes, too, but with a warning past the log. */
function verified(url: string): string {
  if (/[?&]uselibpqcompat=/.test(url)) return url
  return url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/g, '$1verify-full')
}

/** Of ~/.pgpass. */
function passwordFor(connection: object): Promise<string> {
  return new Promise((resolve, reject) => {
    pgpass(connection, (found) => {
      if (found === undefined) reject(new Error(`it asks for a password; ${password}`))
      else resolve(found)
    })
  })
}

/** A role sees nothing of another's sessions. */
function whoIs({ name, address, since }: Row): string {
  const from = typeof address === 'string' ? `, from ${address}` : ''
  return typeof name === 'string' && since instanceof Date
    ? ` (${name}${from}, since ${since.toISOString()})`
    : ''
}
