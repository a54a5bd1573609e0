// Changes in their order: each is decided on the table that all earlier ones made, and those that do not meet share one write.

import type { Fault } from '../faults.ts'
import { touched, type Plan, type Planned } from './plan.ts'

/** Brings them about, all together: undefined when they are on disk and in force, or why none is. */
export type Make = (plans: readonly Plan<unknown>[]) => Promise<Fault | undefined>

/** What those who came first wait for others. */
const mostGatheringMs = 2

type Request = {
  readonly plan: () => Planned<unknown>
  /** It reads more than the hosts it changes. */
  readonly alone: boolean
  readonly resolve: (planned: Planned<unknown>) => void
  readonly reject: (error: unknown) => void
}

export class Queue {
  private readonly make: Make
  private readonly waiting: Request[] = []
  private isWorking = false

  constructor(make: Make) {
    this.make = make
  }

  /** The plan's result once it is on disk and in force, or the fault that kept it from being so. */
  async add<T>(plan: () => Planned<T>, alone = false): Promise<T | { readonly fault: Fault }> {
    const planned = await new Promise<Planned<unknown>>((resolve, reject) => {
      this.waiting.push({ plan, alone, resolve, reject })
      if (!this.isWorking) void this.work()
    })
    return 'fault' in planned ? planned : (planned.result as T)
  }

  /** Never rejects. */
  private async work(): Promise<void> {
    this.isWorking = true
    while (this.waiting.length > 0) {
      await this.gather()
      const batch = this.nextBatch()
      if (batch.length === 0) continue
      try {
        const fault = await this.make(batch.map(({ plan }) => plan))
        for (const { request, plan } of batch) request.resolve(fault === undefined ? plan : { fault })
      } catch (error) {
        for (const { request } of batch) request.reject(error)
      }
    }
    this.isWorking = false
  }

  /** What comes meanwhile shares the write: until a turn of the event loop brought nothing more, or it took too long. */
  private async gather(): Promise<void> {
    const end = performance.now() + mostGatheringMs
    for (let seen = 0; seen < this.waiting.length && performance.now() < end;) {
      seen = this.waiting.length
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** The oldest, and those behind it that touch nothing of the ones before them. Refusals are answered on the way. */
  private nextBatch(): readonly { readonly request: Request; readonly plan: Plan<unknown> }[] {
    const batch: { readonly request: Request; readonly plan: Plan<unknown> }[] = []
    const taken = new Set<string>()
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      if (next.alone && batch.length > 0) break
      const plan = decided(next)
      if (plan !== undefined) {
        const names = touched(plan)
        if (names.some((name) => taken.has(name))) break
        for (const name of names) taken.add(name)
        batch.push({ request: next, plan })
      }
      this.waiting.shift()
      if (next.alone) break
    }
    return batch
  }
}

/** Undefined where it was refused, and answered. */
function decided({ plan, resolve, reject }: Request): Plan<unknown> | undefined {
  try {
    const planned = plan()
    if (!('fault' in planned)) return planned
    resolve(planned)
  } catch (error) {
    reject(error)
  }
  return undefined
}
