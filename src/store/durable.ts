// The store: decides each change in memory, in order, and answers when it is on disk. The changes of one tick share a sync.

import type { Disk } from './disk.ts'
import { codeOf } from './code.ts'
import { decide, type State } from './state.ts'
import type { Outcome, Store, StoreChange, StoredState } from './store.ts'

/** The copy of the database is at most so old, in milliseconds, once it is quiet. */
const copyEveryMs = 600_000

type Call = {
  readonly changes: readonly StoreChange[]
  readonly resolve: (outcomes: readonly Outcome[]) => void
  readonly reject: (error: unknown) => void
}

export class DurableStore implements Store {
  private readonly state: State
  private readonly disk: Disk
  private waiting: Call[] = []
  /** The journal is to be moved, slice by slice, between what is kept. */
  private moving: NodeJS.Immediate | undefined
  /** Goes off when nothing was kept for some time: then the journal is moved. */
  private readonly quiet: NodeJS.Timeout
  private isQuiet = false
  private copiedAt = -Infinity
  private isClosed = false
  readonly damage: string | undefined

  /** `quiet`: after so many milliseconds without a change, the journal is moved to SQLite, and that is copied. */
  constructor(state: State, disk: Disk, quiet: number, damage: string | undefined) {
    this.state = state
    this.disk = disk
    this.damage = damage
    this.quiet = setTimeout(() => {
      this.isQuiet = true
      this.move()
    }, quiet).unref()
  }

  load(): Promise<StoredState> {
    this.answer()
    return Promise.resolve(this.state.snapshot())
  }

  apply(changes: readonly StoreChange[]): Promise<readonly Outcome[]> {
    if (this.isClosed) return Promise.reject(new Error('The store is closed'))
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ changes, resolve, reject }) === 1) setImmediate(() => this.answer())
    })
  }

  commit(changes: readonly StoreChange[]): readonly Outcome[] {
    if (this.isClosed) throw new Error('The store is closed')
    let answer: readonly Outcome[] = []
    let fault: { readonly error: unknown } | undefined
    this.waiting.push({
      changes,
      resolve: (outcomes) => void (answer = outcomes),
      reject: (error) => void (fault = { error }),
    })
    this.answer()
    if (fault !== undefined) throw fault.error
    return answer
  }

  close(): Promise<void> {
    if (!this.isClosed) this.moveAndClose()
    return Promise.resolve()
  }

  private moveAndClose(): void {
    this.answer()
    this.isClosed = true
    clearTimeout(this.quiet)
    clearImmediate(this.moving)
    try {
      this.disk.moveAll()
      this.disk.copy()
    } catch {
      // A full disk: the journal keeps it. Or damage, which the next start tells: it goes on with the copy before.
    }
    this.disk.close()
  }

  private answer(): void {
    const calls = this.waiting
    if (calls.length === 0) return
    this.isQuiet = false
    this.waiting = []
    const { answers, made, undo } = decide(calls, this.state)
    try {
      if (made.length > 0) this.disk.keep(made)
      for (const [index, call] of calls.entries()) call.resolve(answers[index] ?? [])
    } catch (error) {
      undo()
      for (const call of calls) {
        if (isFull(error)) call.resolve(call.changes.map((): Outcome => 'full'))
        else call.reject(error)
      }
    }
    if (this.disk.isMoveDue) this.move()
    this.quiet.refresh()
  }

  /** A slice in each turn of the event loop, so that those who were just answered, and others, go first. */
  private move(): void {
    if (this.disk.isBehind) this.moving ??= setImmediate(() => this.moveSlice())
    else if (this.isQuiet && performance.now() - this.copiedAt > copyEveryMs) this.copy()
  }

  private copy(): void {
    try {
      this.disk.copy()
      this.copiedAt = performance.now()
    } catch {
      // A full disk, or damage, which the next start tells. The copy before stays.
    }
  }

  private moveSlice(): void {
    this.moving = undefined
    try {
      this.disk.moveSlice()
      this.move()
    } catch {
      // The journal keeps it. The next try is after some quiet, or with the next change if it is half full.
    }
  }
}

function isFull(error: unknown): boolean {
  return ['SQLITE_FULL', 'ENOSPC', 'EDQUOT'].includes(codeOf(error))
}
