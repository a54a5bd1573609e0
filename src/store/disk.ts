// Keeps changes on disk: in the journal at once, in SQLite later, and at once there where the journal cannot take them.

import { randomInt } from 'node:crypto'
import type { Journal } from './journal.ts'
import { decode, encode } from './record.ts'
import { sliceOf } from './slice.ts'
import type { Mark, Tables } from './sqlite.ts'
import type { StoreChange } from './store.ts'

export type Limits = {
  /** The journal's size in bytes. It is moved to SQLite when it is half full. */
  readonly journal: number
  /** So many changes are written by one transaction, which the event loop waits for. */
  readonly slice: number
  /** After so many milliseconds without a change, the journal is moved, too. */
  readonly quiet: number
}

/**
 * All of it waits for the disk on the thread that calls: a write of a small record that is synced takes some 0.3 ms, and
 * a hop to a file thread and back costs more than can be done meanwhile. No dead file system can hold it up, either, as
 * it could by taking all of Node's file threads.
 */
export class Disk {
  private readonly tables: Tables
  private readonly journal: Journal
  private readonly limits: Limits
  private mark: Mark = { generation: 0, moved: 0 }
  /** What is in the journal and not in SQLite yet. */
  private readonly unmoved: StoreChange[] = []
  /** Entries of the audit before it are forgotten. */
  private oldest = 0
  /** A write failed: nobody knows which of it is in the journal. */
  private isSoiled = false

  constructor(tables: Tables, journal: Journal, limits: Limits) {
    this.tables = tables
    this.journal = journal
    this.limits = limits
  }

  /** What the journal holds beyond SQLite. First of all, and once. */
  replay(): readonly StoreChange[] {
    const mark = this.tables.readMark()
    if (mark === undefined) {
      // SQLite is new: nothing in a journal that was there before is its.
      this.write([], nextMark())
      return []
    }
    this.mark = mark
    const changes = this.journal.replay(mark.generation).flatMap(decode).slice(mark.moved)
    this.remember(changes)
    return changes
  }

  /** The journal holds something that SQLite does not. */
  get isBehind(): boolean {
    return this.unmoved.length > 0 || this.isSoiled
  }

  get isMoveDue(): boolean {
    return this.journal.isHalfFull
  }

  /** On disk, all of them, when it returns; none is ever replayed that was here when it threw, once SQLite works. */
  keep(changes: readonly StoreChange[]): void {
    const payload = encode(changes)
    if (this.isSoiled || !this.journal.fits(payload)) this.moveAll()
    if (!this.journal.fits(payload)) return this.write(changes, nextMark())
    this.isSoiled = true
    this.journal.append(payload)
    this.isSoiled = false
    this.remember(changes)
  }

  private remember(changes: readonly StoreChange[]): void {
    for (const change of changes) {
      this.unmoved.push(change)
      if (change.kind === 'audit') this.oldest = change.oldest
    }
  }

  /** Moves the oldest changes of the journal to SQLite; with the last of them, all its room is free again. */
  moveSlice(): void {
    const { moved, changes } = sliceOf(this.unmoved, this.limits.slice, this.oldest)
    const isLast = moved === this.unmoved.length
    const { generation, moved: before } = this.mark
    this.write(changes, isLast ? nextMark() : { generation, moved: before + moved })
    this.unmoved.splice(0, moved)
  }

  moveAll(): void {
    while (this.isBehind) this.moveSlice()
  }

  /** What SQLite holds, a second time. Throws where it is damaged, or there is no room for it. */
  copy(): void {
    this.tables.copy()
  }

  close(): void {
    this.journal.close()
    this.tables.close()
  }

  private write(changes: readonly StoreChange[], mark: Mark): void {
    const isNew = mark.generation !== this.mark.generation
    // Until the generation ends, the journal holds these changes too.
    this.tables.write(changes, mark, isNew ? 'synced' : 'unsynced')
    if (isNew) {
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
