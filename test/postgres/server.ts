// A PostgreSQL of a test's own, on a free port of 127.0.0.1; gone with the process that made it.

import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { newFolder } from '../folder.ts'
import { freeTcp } from '../ports.ts'

const versions = '/usr/lib/postgresql'

/** Of the newest version that Debian has here. */
function programs(): string {
  const [newest] = existsSync(versions) ? readdirSync(versions).toSorted((x, y) => Number(y) - Number(x)) : []
  if (newest === undefined) throw new Error('apt-get install postgresql')
  return join(versions, newest, 'bin')
}

/** PostgreSQL refuses to run as root. */
function user(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const entry = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  return { uid: Number(entry?.[1] ?? 65534), gid: Number(entry?.[2] ?? 65534) }
}

export class PostgresServer {
  readonly port: number
  readonly #folder: string
  #made = 0

  private constructor(port: number, folder: string) {
    this.port = port
    this.#folder = folder
  }

  /** Runs when it resolves. `auth`: how it wants to be convinced; the superuser's password is `a secret`. */
  static async start(auth = 'trust'): Promise<PostgresServer> {
    const server = new PostgresServer(await freeTcp(), newFolder('postgres'))
    const own = user()
    const password = join(server.#folder, 'password')
    writeFileSync(password, 'a secret\n', { mode: 0o644 })
    if (own !== undefined) chownSync(server.#folder, own.uid, own.gid)
    const more = [
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      `--auth=${auth}`,
      `--pwfile=${password}`,
    ]
    server.#run('initdb', ['-D', server.#data, '-U', 'postgres', ...more])
    server.run()
    process.once('exit', () => server.stop('immediate'))
    return server
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  run(): void {
    const options = `-c listen_addresses=127.0.0.1 -c port=${this.port} -c unix_socket_directories=${this.#folder} -c fsync=off`
    this.#run('pg_ctl', ['-D', this.#data, '-w', '-l', join(this.#folder, 'log'), '-o', options, 'start'])
  }

  /** `immediate`: as if it were killed. */
  stop(mode: 'fast' | 'immediate' = 'fast'): void {
    if (!existsSync(join(this.#data, 'postmaster.pid'))) return
    this.#run('pg_ctl', ['-D', this.#data, '-w', '-m', mode, 'stop'])
  }

  url(database: string, role = 'postgres'): string {
    return `postgres://${role}@127.0.0.1:${this.port}/${database}`
  }

  /** Of a database that `fresh` made, for who is in a network namespace: by its socket's folder. */
  fromElsewhere(url: string): string {
    return `${url.replace('127.0.0.1', 'localhost')}?host=${this.#folder}`
  }

  /** Where a store can be made that nobody has used. */
  async fresh(how = ''): Promise<string> {
    const database = `pxe${++this.#made}`
    await this.sql('postgres', `create database ${database} ${how}`)
    return this.url(database)
  }

  /** As the superuser, in the database that is named, or that `database` is the address of. */
  async sql(database: string, text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const [name = ''] = /[^/]+$/.exec(database) ?? []
    const client = new Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'postgres',
      password: 'a secret',
      database: name,
    })
    // Also where a test stops it meanwhile: the query that was asked rejects.
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(text)).rows
    } finally {
      await client.end()
    }
  }

  #run(program: string, args: readonly string[]): void {
    execFileSync(join(programs(), program), args, { ...user(), cwd: '/', stdio: 'ignore' })
  }
}
