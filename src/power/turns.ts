// Lets so many at a time have their turn; the others wait in order, or leave when their time is over.

export class Turns {
  private free: number
  private readonly waiting: (() => void)[] = []

  constructor(atOnce: number) {
    this.free = atOnce
  }

  /** Rejects with the reason of `signal` when the turn did not come before; `work` has then not begun. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.turn(signal)
    try {
      signal.throwIfAborted()
      return await work()
    } finally {
      this.pass()
    }
  }

  private async turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.free > 0) {
      this.free--
      return
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.waiting.splice(this.waiting.indexOf(come), 1)
        reject(signal.reason)
      }
      const come = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      this.waiting.push(come)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  private pass(): void {
    const next = this.waiting.shift()
    if (next === undefined) this.free++
    else next()
  }
}
