// Keeps changes on disk: in the journal at once, in SQLite later, and at once there where the journal cannot take them.

import { randomInt } from 'node:crypto'
import type { Journal } from './journal.ts'
import type { Mark, Tables } from './sqlite.ts'
import type { StoreChange } from './store.ts'

export type Limits = {
  /** The journal's size in bytes. It is moved to SQLite when it is half full. */
  readonly journal: number
  /** So many changes are moved by one transaction, which the event loop waits for. */
  readonly slice: number
  /** After so many milliseconds without a change, the journal is moved, too. */
  readonly quiet: number
  /** A write to the journal that takes longer, in milliseconds, is not waited for: SQLite takes its changes. */
  readonly patience: number
}

/** One thing at a time: nothing is called while a promise of an earlier call is pending. */
export class Disk {
  private readonly tables: Tables
  private readonly journal: Journal
  private readonly limits: Limits
  private mark: Mark = { generation: 0, moved: 0 }
  /** What is in the journal and not in SQLite yet. */
  private readonly unmoved: StoreChange[] = []
  /** A write failed or was given up: nobody knows which of it is in the journal. */
  private isSoiled = false
  /** A write that was given up has not returned. */
  private isHung = false

  constructor(tables: Tables, journal: Journal, limits: Limits) {
    this.tables = tables
    this.journal = journal
    this.limits = limits
  }

  /** What the journal holds beyond SQLite. First of all, and once. */
  async replay(): Promise<readonly StoreChange[]> {
    const mark = await this.tables.readMark()
    if (mark === undefined) {
      // SQLite is new: nothing in a journal that was there before is its.
      this.write([], nextMark())
      return []
    }
    this.mark = mark
    const payloads = this.journal.replay(mark.generation).map(String)
    const changes = payloads.flatMap((text) => JSON.parse(text) as StoreChange[]).slice(mark.moved)
    this.unmoved.push(...changes)
    return changes
  }

  /** The journal holds something that SQLite does not. */
  get isBehind(): boolean {
    return this.unmoved.length > 0 || this.isSoiled
  }

  get isMoveDue(): boolean {
    return this.journal.isHalfFull
  }

  /** On disk, all of them, when it resolves; none is ever replayed that was here when it rejected, once SQLite works. */
  async keep(changes: readonly StoreChange[]): Promise<void> {
    const payload = Buffer.from(JSON.stringify(changes))
    if (this.isSoiled || !this.fits(payload)) await this.moveAll()
    if (this.fits(payload) && (await this.append(payload))) {
      for (const change of changes) this.unmoved.push(change)
      return
    }
    await this.moveAll()
    this.write(changes, nextMark())
  }

  /** Moves the oldest changes of the journal to SQLite; with the last of them, all its room is free again. */
  moveSlice(): void {
    const slice = this.unmoved.slice(0, this.limits.slice)
    const isLast = slice.length === this.unmoved.length
    const { generation, moved } = this.mark
    this.write(slice, isLast ? nextMark() : { generation, moved: moved + slice.length })
    this.unmoved.splice(0, slice.length)
  }

  async close(): Promise<void> {
    // What still hangs would go to whatever file gets the descriptor next.
    if (!this.isHung) this.journal.close()
    await this.tables.close()
  }

  private async moveAll(): Promise<void> {
    while (this.isBehind) {
      this.moveSlice()
      await nextTurn()
    }
  }

  private fits(payload: Buffer): boolean {
    return !this.isHung && this.journal.fits(payload)
  }

  /** False where it takes too long: Node's few file threads may all be waiting for another, dead, file system. */
  private async append(payload: Buffer): Promise<boolean> {
    this.isSoiled = true
    const written = this.journal.append(payload)
    if (await inTime(written, this.limits.patience)) {
      this.isSoiled = false
      return true
    }
    this.isHung = true
    const returned = () => void (this.isHung = false)
    written.then(returned, returned)
    return false
  }

  private write(changes: readonly StoreChange[], mark: Mark): void {
    this.tables.write(changes, mark)
    if (mark.generation !== this.mark.generation) {
      this.journal.restart(mark.generation)
      this.isSoiled = false
    }
    this.mark = mark
  }
}

/** Drawn, not counted: what lies about in the journal from any earlier time is never taken for a record of this one. */
function nextMark(): Mark {
  return { generation: randomInt(1, 2 ** 32), moved: 0 }
}

/** What else happened is worked on first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Rejects as `promise` does, unless that is late. */
function inTime(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), milliseconds)
    promise.then(() => resolve(true), reject).finally(() => clearTimeout(timer))
  })
}
