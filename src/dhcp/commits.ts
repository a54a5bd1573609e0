// Gathers the leases of what was read together, so that a storm of REQUESTs pays for one write.

import type { Lease } from '../model.ts'
import type { Committed, Outcome } from '../store/store.ts'

/** They are on disk, and in force everywhere, once the outcomes are known. */
export type Commit = (leases: readonly Lease[]) => Committed

type Waiting = {
  readonly leases: readonly Lease[]
  readonly resolve: (outcomes: readonly Outcome[]) => void
  readonly reject: (error: unknown) => void
}

export class Commits {
  private readonly commit: Commit
  private waiting: Waiting[] = []

  constructor(commit: Commit) {
    this.commit = commit
  }

  /** Resolves when `leases` are on disk and in force everywhere, or with what kept each from that. */
  add(leases: readonly Lease[]): Promise<readonly Outcome[]> {
    return new Promise((resolve, reject) => {
      // After all that is read from the sockets now: Node runs microtasks after each datagram that it reads itself.
      if (this.waiting.push({ leases, resolve, reject }) === 1) setImmediate(() => this.flush())
    })
  }

  /** Commits what waits now. */
  readonly flush = (): void => {
    const calls = this.waiting
    if (calls.length === 0) return
    this.waiting = []
    const answer = (outcomes: readonly Outcome[]) => {
      let from = 0
      for (const { leases, resolve } of calls) {
        resolve(outcomes.slice(from, from + leases.length))
        from += leases.length
      }
    }
    const refuse = (error: unknown) => {
      for (const { reject } of calls) reject(error)
    }
    try {
      const committed = this.commit(calls.flatMap(({ leases }) => leases))
      if (committed instanceof Promise) committed.then(answer, refuse)
      else answer(committed)
    } catch (error) {
      refuse(error)
    }
  }
}
