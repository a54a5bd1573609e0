// The way to the disk: few reads at a time, so that a root that hangs takes no thread that others need.
// Node's file threads are one pool for the whole process.

/** A root that does not answer; what waits for it fails at once. */
export class DiskStuck extends Error {
  override readonly name = 'DiskStuck'
}

type Job = { readonly since: number; readonly timer: NodeJS.Timeout }

type Waiting = {
  readonly isWanted: () => boolean
  /** Outlasts a root that hangs. */
  readonly isPatient: boolean
  readonly go: (job: Job) => void
  readonly fail: (error: Error) => void
}

/**
 * How many reads of one root may be under way, and so hang: the rest of the pool is for the store and other roots.
 * Node's own pool has 4 threads; main.ts sees to it that ours has more.
 */
export const readsPerRoot = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) >= 16 ? 4 : 2

export class Disk {
  private readonly most: number
  private readonly stuckAfterMs: number
  private readonly now: () => number
  private readonly running = new Set<Job>()
  private waiting: Waiting[] = []

  /** `most` reads at a time; when all of them have taken longer than `stuckAfterMs`, further ones fail. */
  constructor(most: number, stuckAfterMs: number, now: () => number) {
    this.most = most
    this.stuckAfterMs = stuckAfterMs
    this.now = now
  }

  /**
   * Work whose turn comes when it is no longer wanted is not begun: a flood of requests leaves no queue behind.
   * @throws DiskStuck; and whatever `work` throws
   */
  async run<T>(work: () => Promise<T>, isWanted: () => boolean = () => true): Promise<T> {
    const job = this.running.size < this.most ? this.take() : await this.turn(isWanted)
    try {
      return await work()
    } finally {
      this.leave(job)
    }
  }

  /**
   * As run(), but the caller waits for the work no longer than `ms`: then DiskStuck, and what `work` yields too late goes
   * to `undo`. It may wait longer for its turn, as long as others have theirs.
   */
  async runWithin<T>(
    ms: number,
    isWanted: () => boolean,
    work: () => Promise<T>,
    undo: (late: T) => unknown = () => undefined,
  ): Promise<T> {
    return await new Promise((resolve, reject) => {
      const timely = async () => {
        let isLate = false
        const timer = setTimeout(() => {
          isLate = true
          reject(stuck())
        }, ms)
        try {
          const result = await work()
          if (isLate) await undo(result)
          return result
        } finally {
          clearTimeout(timer)
        }
      }
      this.run(timely, isWanted).then(resolve, reject)
    })
  }

  /** What has to be done some time and nobody waits for, as closing a file: it may hang, too. What it throws is lost. */
  afterwards(work: () => Promise<unknown>): void {
    const job = this.running.size < this.most ? this.take() : undefined
    const turn = job === undefined ? this.wait(() => true, true) : Promise.resolve(job)
    turn.then((taken) => work().finally(() => this.leave(taken))).catch(() => undefined)
  }

  private take(): Job {
    // When the last of those that run is late, nobody may come any more who would see it.
    const timer = setTimeout(() => this.failIfStuck(), this.stuckAfterMs + 5).unref()
    const job = { since: this.now(), timer }
    this.running.add(job)
    return job
  }

  private turn(isWanted: () => boolean): Promise<Job> {
    if (this.failIfStuck()) throw stuck()
    return this.wait(isWanted, false)
  }

  private wait(isWanted: () => boolean, isPatient: boolean): Promise<Job> {
    return new Promise((go, fail) => this.waiting.push({ isWanted, isPatient, go, fail }))
  }

  // The place is handed over here and now: whoever came between this and the next one's turn would take it, too.
  private leave(job: Job): void {
    clearTimeout(job.timer)
    this.running.delete(job)
    const next = this.waiting.findIndex(({ isWanted }) => isWanted())
    const passed = this.waiting.splice(0, next < 0 ? this.waiting.length : next)
    for (const { fail } of passed) fail(new Error('nobody waits for it any more'))
    this.waiting.shift()?.go(this.take())
  }

  private failIfStuck(): boolean {
    if (!this.isStuck()) return false
    const failing = this.waiting.filter(({ isPatient }) => !isPatient)
    this.waiting = this.waiting.filter(({ isPatient }) => isPatient)
    for (const { fail } of failing) fail(stuck())
    return true
  }

  private isStuck(): boolean {
    const limit = this.now() - this.stuckAfterMs
    return Array.from(this.running).every((job) => job.since <= limit)
  }
}

function stuck(): DiskStuck {
  return new DiskStuck('the disk does not answer')
}
