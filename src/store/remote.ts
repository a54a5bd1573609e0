// The store in a database elsewhere: decides each change in memory, in order, and answers when the database has it on disk.

import { randomInt } from 'node:crypto'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { Tell } from '../events.ts'
import { Connection, isRefused, reasonOf, Superseded } from './postgres.ts'
import { codeOf } from './code.ts'
import { decide, State } from './state.ts'
import type { Outcome, Refusal, Store, StoreChange, StoredState } from './store.ts'

/** Who asks waits so many milliseconds for a connection that was lost: a restart of PostgreSQL takes less. */
const patienceMs = 5000
/** Between two tries. */
const retryMs = 1000
/** The appliance is to end in 5 s, also where the database hangs while the API and HTTP have a second each for what is under way. */
const closeMs = 2500

type Call = {
  readonly changes: readonly StoreChange[]
  readonly resolve: (outcomes: readonly Outcome[]) => void
}

type Connect = () => Promise<Connection>

export class RemoteStore implements Store {
  private readonly name: string
  private readonly state: State
  private readonly connect: Connect
  private readonly tell: Tell
  private connection: Connection | undefined
  private lostAt = 0
  private triedAt = 0
  /** Resolves when there is a connection again, or never will be. */
  private coming = Promise.resolve()
  private waiting: Call[] = []
  private working: Promise<void> | undefined
  private isClosed = false
  /** The database may hold changes that were refused. */
  private inDoubt = false
  /** In milliseconds of performance.now(): so long a change in doubt is taken back by a store that was closed. */
  private until = 0
  private over: () => void = () => undefined
  /** Resolves when another instance has used the database, which the log says then: this one is to end. */
  readonly ended = new Promise<void>((resolve) => (this.over = resolve))

  private constructor(
    name: string,
    state: StoredState,
    connection: Connection,
    connect: Connect,
    tell: Tell,
  ) {
    this.name = name
    this.state = new State(state)
    this.connection = connection
    this.connect = connect
    this.tell = tell
  }

  /** Rejects where the database cannot be used, or another instance uses it. `name`: what it is called in the log. */
  static async open(url: string, name: string, tell: Tell): Promise<RemoteStore> {
    const owner = newOwner()
    let store: RemoteStore | undefined
    const connect = () => Connection.open(url, owner, (connection, error) => store?.lost(connection, error))
    try {
      const connection = await connect()
      store = new RemoteStore(name, await connection.begin(), connection, connect, tell)
      return store
    } catch (error) {
      throw new Error(reasonOf(error), { cause: error })
    }
  }

  async load(): Promise<StoredState> {
    await this.working
    return this.state.snapshot()
  }

  /** What gathers while a transaction is under way shares the next. */
  apply(changes: readonly StoreChange[]): Promise<readonly Outcome[]> {
    if (this.isClosed) return Promise.reject(new Error('The store is closed'))
    return new Promise((resolve) => {
      this.waiting.push({ changes, resolve })
      this.working ??= this.work()
    })
  }

  commit(changes: readonly StoreChange[]): Promise<readonly Outcome[]> {
    return this.apply(changes)
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.until = performance.now() + closeMs
    await Promise.race([this.finish(), sleep(closeMs, undefined, { ref: false })])
    if (this.inDoubt) this.tellInDoubt()
  }

  private async finish(): Promise<void> {
    await this.working
    if (this.inDoubt) await this.coming
    await this.connection?.close()
  }

  /** Never rejects. */
  private async work(): Promise<void> {
    // What else comes in this tick shares the transaction.
    await turn()
    while (this.waiting.length > 0) await this.answer(this.waiting.splice(0))
    this.working = undefined
  }

  private async answer(calls: readonly Call[]): Promise<void> {
    const until = (this.connection === undefined ? this.lostAt : performance.now()) + patienceMs
    let refusal: Refusal = 'unavailable'
    for (;;) {
      const connection = await this.connected(until)
      if (connection === undefined) return refuse(calls, refusal)
      const { answers, made, undo } = decide(calls, this.state)
      try {
        if (made.length > 0) await connection.write(made)
        for (const [index, call] of calls.entries()) call.resolve(answers[index] ?? [])
        return
      } catch (error) {
        // Before the next connection, which brings the tables to what is in memory.
        undo()
        refusal = isRefused(error) ? 'unavailable' : 'unknown'
        this.inDoubt = refusal === 'unknown'
        this.lost(connection, error)
        // disk_full
        if (codeOf(error) === '53100') return refuse(calls, 'full')
      }
    }
  }

  private async connected(until: number): Promise<Connection | undefined> {
    const ms = until - performance.now()
    if (this.connection === undefined && ms > 0) {
      await Promise.race([this.coming, sleep(ms, undefined, { ref: false })])
    }
    return this.connection
  }

  private lost(connection: Connection, error: unknown): void {
    if (connection !== this.connection) return
    void connection.close()
    this.connection = undefined
    this.lostAt = performance.now()
    const reason = reasonOf(error)
    this.tellLost(reason)
    this.coming = this.reconnect(reason)
  }

  /** Never rejects. */
  private async reconnect(lost: string): Promise<void> {
    const told = new Set([lost])
    while (!this.isClosed || (this.inDoubt && performance.now() < this.until)) {
      const pause = this.triedAt + retryMs - performance.now()
      if (pause > 0) await sleep(pause, undefined, { ref: false })
      this.triedAt = performance.now()
      try {
        const connection = await this.connect()
        await connection.resume(this.state.snapshot())
        this.inDoubt = false
        if (this.isClosed) return await connection.close()
        this.connection = connection
        const away = Math.round((performance.now() - this.lostAt) / 1000)
        const text = `The store ${this.name} can be used again, after ${away} s; it was lost: ${lost}`
        return this.tell({ level: 'warn', step: 'store.back', text })
      } catch (error) {
        if (error instanceof Superseded) {
          this.inDoubt = false
          this.tellSuperseded()
          return this.over()
        }
        const reason = reasonOf(error)
        if (!told.has(reason)) this.tellLost(reason)
        told.add(reason)
      }
    }
  }

  private tellLost(reason: string): void {
    const meanwhile = 'Until it can, which is tried every second, no lease is given and nothing deployed'
    const text = `The store ${this.name} cannot be used: ${reason}. ${meanwhile}; machines boot as before`
    this.tell({ level: 'error', step: 'store.lost', text })
  }

  private tellSuperseded(): void {
    const text = `Another PXE Pilot has used the store ${this.name} while the connection was lost: this one ends, as what it knows may be old. See that only one of them runs: each reads the store when it starts`
    this.tell({ level: 'error', step: 'store.lost', text })
  }

  private tellInDoubt(): void {
    const text = `The store ${this.name} could not be reached to take back the last changes that were refused: see what is deployed after the next start`
    this.tell({ level: 'error', step: 'store.lost', text })
  }
}

/** What the database holds, as it is; undefined where nobody has used it. Rejects as open(). */
export async function read(url: string): Promise<StoredState | undefined> {
  try {
    const connection = await Connection.open(url, newOwner(), () => undefined)
    const state = await connection.read()
    await connection.close()
    return state
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error })
  }
}

function newOwner(): number {
  return randomInt(1, 2 ** 32)
}

function refuse(calls: readonly Call[], refusal: Refusal): void {
  for (const { changes, resolve } of calls) resolve(changes.map(() => refusal))
}
