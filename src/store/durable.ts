// The store: decides each change in memory, in order, and answers when it is on disk. What waits meanwhile is kept together.

import { nextTurn, type Disk } from './disk.ts'
import { codeOf } from './sqlite.ts'
import type { State, Undo } from './state.ts'
import type { Outcome, Store, StoreChange, StoredState } from './store.ts'

type Call = {
  readonly changes: readonly StoreChange[]
  readonly resolve: (outcomes: readonly Outcome[]) => void
  readonly reject: (error: unknown) => void
}

export class DurableStore implements Store {
  private readonly state: State
  private readonly disk: Disk
  /** After so many milliseconds without a change, the journal is moved to SQLite. */
  private readonly quiet: number
  private waiting: Call[] = []
  private working: Promise<void> | undefined
  /** The journal is to be moved, slice by slice, between what is kept. */
  private isMoving = false
  private quietTimer: NodeJS.Timeout | undefined
  private closed: Promise<void> | undefined

  constructor(state: State, disk: Disk, quiet: number) {
    this.state = state
    this.disk = disk
    this.quiet = quiet
  }

  async load(): Promise<StoredState> {
    await (this.working ??= this.work())
    return this.state.snapshot()
  }

  apply(changes: readonly StoreChange[]): Promise<readonly Outcome[]> {
    if (this.closed !== undefined) return Promise.reject(new Error('The store is closed'))
    return new Promise((resolve, reject) => {
      this.waiting.push({ changes, resolve, reject })
      this.working ??= this.work()
    })
  }

  close(): Promise<void> {
    return (this.closed ??= this.moveAndClose())
  }

  private async moveAndClose(): Promise<void> {
    this.isMoving = true
    await (this.working ??= this.work())
    clearTimeout(this.quietTimer)
    await this.disk.close()
  }

  /** Answers all that waits, and moves where that is due, until there is nothing of either. Never rejects. */
  private async work(): Promise<void> {
    clearTimeout(this.quietTimer)
    // What else comes in this tick shares the sync.
    await nextTurn()
    while (this.waiting.length > 0 || (this.isMoving && this.disk.isBehind)) {
      const calls = this.waiting
      this.waiting = []
      if (calls.length > 0) await this.answer(calls)
      this.isMoving ||= this.disk.isMoveDue
      if (this.isMoving && this.disk.isBehind) await this.moveSlice()
    }
    this.isMoving = false
    this.working = undefined
    if (this.disk.isBehind) this.moveAfterQuiet()
  }

  private async answer(calls: readonly Call[]): Promise<void> {
    const made: StoreChange[] = []
    const undos: Undo[] = []
    const judge = (change: StoreChange): Outcome => {
      if (this.state.conflicts(change)) return 'conflict'
      undos.push(this.state.make(change))
      made.push(change)
      return 'ok'
    }
    const answers = calls.map(({ changes }) => changes.map(judge))
    try {
      if (made.length > 0) await this.disk.keep(made)
      for (const [index, call] of calls.entries()) call.resolve(answers[index] ?? [])
    } catch (error) {
      for (const undo of undos.toReversed()) undo()
      for (const call of calls) {
        if (isFull(error)) call.resolve(call.changes.map((): Outcome => 'full'))
        else call.reject(error)
      }
    }
  }

  private async moveSlice(): Promise<void> {
    // Those who were just answered go first.
    await nextTurn()
    try {
      this.disk.moveSlice()
    } catch {
      // The journal keeps it. The next try is after some quiet, or with the next change if it is half full.
      this.isMoving = false
    }
  }

  private moveAfterQuiet(): void {
    this.quietTimer = setTimeout(() => {
      this.isMoving = true
      this.working ??= this.work()
    }, this.quiet).unref()
  }
}

function isFull(error: unknown): boolean {
  return ['SQLITE_FULL', 'ENOSPC'].includes(codeOf(error))
}
