// The way to the disk: few reads at a time, so that a root that hangs takes no thread that others need.
// Node's file threads are one pool for the whole process.

/** A root that does not answer; what waits for it fails at once. */
export class DiskStuck extends Error {
  override readonly name = 'DiskStuck'
}

export class Disk {
  private readonly most: number
  private readonly stuckAfterMs: number
  private readonly now: () => number
  private readonly running = new Set<{ readonly since: number }>()
  private readonly waiting: { readonly go: () => void; readonly fail: (error: Error) => void }[] = []

  /** `most` reads at a time; when all of them have taken longer than `stuckAfterMs`, further ones fail. */
  constructor(most: number, stuckAfterMs: number, now: () => number) {
    this.most = most
    this.stuckAfterMs = stuckAfterMs
    this.now = now
  }

  /** @throws DiskStuck; and whatever `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running.size >= this.most) {
      if (this.isStuck()) this.failAll()
      await this.turn()
    }
    const job = { since: this.now() }
    this.running.add(job)
    try {
      return await work()
    } finally {
      this.running.delete(job)
      this.waiting.shift()?.go()
    }
  }

  private async turn(): Promise<void> {
    if (this.isStuck()) throw new DiskStuck('the disk does not answer')
    await new Promise<void>((go, fail) => this.waiting.push({ go, fail }))
  }

  private isStuck(): boolean {
    const limit = this.now() - this.stuckAfterMs
    return Array.from(this.running).every((job) => job.since <= limit)
  }

  private failAll(): void {
    for (const { fail } of this.waiting.splice(0)) fail(new DiskStuck('the disk does not answer'))
  }
}
