// The main thread's side of a worker: starts it, keeps its replica of the table in step, replaces it when it fails.

import { setTimeout as pause } from 'node:timers/promises'
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import type { Site } from '../boot/decide.ts'
import type { Delta } from '../boot/table.ts'
import { printable, type Tell } from '../events.ts'
import { BindError } from '../net/ports.ts'
import { startWorker } from '../threads.ts'
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts'

/** What every worker lives on. */
export type Fed = {
  readonly site: Site
  /** The whole table as of now. */
  readonly snapshot: () => Delta
  readonly tell: Tell
}

export type ThreadParts<Own> = Fed & {
  /** Named to people, and in small letters in the log's steps: `TFTP`. */
  readonly service: string
  /** The module beside which its worker.ts lies. */
  readonly home: string
  /** How long its own stop may take before it is ended. */
  readonly stopLimitMs: number
  /** What its server needs besides, as plain data. */
  readonly own: Own
}

/** How often, in milliseconds, a worker is asked whether it is alive. */
const pingMs = 1000
/** So often in a row without an answer, and it is replaced: one that is busy answers late, and ends nobody's download. */
const mostMissed = 3
/** Once more after that: when this thread was held up itself, the answer is there but not read yet. */
const graceMs = 100
const startLimitMs = 30_000
/** How long a thread that is replaced is waited for. */
const endLimitMs = 5000
/** The same of one that ends with the process. */
const killLimitMs = 500
/** Before a worker is started again that could not listen, or lived no longer than this. */
const retryMs = 1000

/** What Node says of a worker that is no more. */
const ended = -1

export class ServerThread<Own> {
  private readonly parts: ThreadParts<Own>
  private state: 'idle' | 'running' | 'stopped' = 'idle'
  private worker?: Worker | undefined
  /** Loads its modules, or has, and waits for what to serve. */
  private spare?: Worker | undefined
  private isListening = false
  private startedAt = 0
  /** What brings each delta to the worker. */
  private deltas?: MessagePort | undefined
  private pinging?: NodeJS.Timeout | undefined
  private missed = 0
  private readonly stopping = new AbortController()
  private replacing = Promise.resolve()

  constructor(parts: ThreadParts<Own>) {
    this.parts = parts
  }

  /** Has a worker load its modules meanwhile, which takes as long as the rest of a start. */
  prepare(): void {
    this.spare ??= this.makeWorker()
  }

  /** Whether requests are taken now. */
  get listening(): boolean {
    return this.isListening
  }

  /**
   * Yields address:port of each socket that takes requests.
   * @throws BindError
   */
  async start(): Promise<readonly string[]> {
    this.state = 'running'
    try {
      return await this.launch()
    } catch (error) {
      if (this.isRunning()) this.state = 'idle'
      this.forget()
      throw error
    }
  }

  /**
   * Call it when the table that snapshot() gives has the delta. Every request that comes in after it returned is
   * answered by it: the worker reads its post first. Without a worker, the snapshot of the next one has it.
   */
  follow(delta: Delta): void {
    this.deltas?.postMessage(delta)
  }

  /** Closes the sockets; transfers under way end. A thread that waits for a disk in the kernel is left to it. */
  async stop(): Promise<void> {
    this.state = 'stopped'
    this.stopping.abort()
    const { worker, isListening } = this
    this.forget()
    await this.spare?.terminate()
    if (worker !== undefined) {
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
      // One that still starts would not hear it, and has nothing under way.
      if (isListening) {
        this.say(worker, { kind: 'stop' })
        await within(this.parts.stopLimitMs, exited)
      }
      await within(killLimitMs, worker.terminate())
    }
    await this.replacing
  }

  /** Resolves when a new worker listens. It hears deltas from its first moment on. */
  private async launch(): Promise<readonly string[]> {
    const { own, service, site, snapshot } = this.parts
    const { port1, port2 } = new MessageChannel()
    const worker = this.takeSpare() ?? this.makeWorker()
    const start: WorkerStart<Own> = { own, site, snapshot: snapshot(), deltas: port2 }
    worker.postMessage(start, [port2])
    this.worker = worker
    this.deltas = port1
    this.startedAt = performance.now()
    let hasStarted = false
    let why = 'it ended'
    const timer = setTimeout(() => void worker.terminate(), startLimitMs)
    return await new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'listening') {
          clearTimeout(timer)
          hasStarted = true
          resolve(message.where)
        }
        if (message.kind === 'failed') {
          reject(new BindError(message.because))
          void worker.terminate()
        }
        this.hear(worker, message)
      })
      worker.on('error', (error: unknown) => (why = error instanceof Error ? error.message : String(error)))
      worker.once('exit', () => {
        clearTimeout(timer)
        if (hasStarted) this.replace(worker, why)
        else reject(new Error(`the ${service} thread did not start: ${why}`))
      })
    })
  }

  private makeWorker(): Worker {
    const { home, service } = this.parts
    return startWorker(home, service.toLowerCase())
  }

  /** Undefined also where it ended: the next one tells why, to whoever waits for it. */
  private takeSpare(): Worker | undefined {
    const { spare } = this
    this.spare = undefined
    return spare?.threadId === ended ? undefined : spare
  }

  private hear(worker: Worker, message: FromWorker): void {
    if (message.kind === 'events') return message.events.forEach((event) => this.parts.tell(event))
    // What a worker said that was replaced meanwhile says nothing of its successor.
    if (message.kind === 'failed' || worker !== this.worker) return
    this.missed = 0
    if (message.kind !== 'listening') return
    this.isListening = true
    this.pinging = setInterval(() => void this.ping(worker), pingMs)
  }

  private async ping(worker: Worker): Promise<void> {
    if (this.missed >= mostMissed) await pause(graceMs)
    if (this.missed >= mostMissed) return this.replace(worker, 'it does not answer')
    this.missed++
    this.say(worker, { kind: 'ping' })
  }

  private replace(worker: Worker, why: string): void {
    if (this.worker !== worker || this.state !== 'running') return
    this.forget()
    this.complain(`the ${this.parts.service} thread is started anew: ${printable(why)}`)
    const lived = performance.now() - this.startedAt
    this.replacing = this.relaunch(worker, lived < retryMs ? retryMs - lived : 0)
  }

  private forget(): void {
    clearInterval(this.pinging)
    this.worker = undefined
    this.isListening = false
    this.deltas?.close()
    this.deltas = undefined
    this.missed = 0
  }

  private async relaunch(worker: Worker, waitMs: number): Promise<void> {
    // A thread that waits for a disk in the kernel ends when the disk answers, and holds its port until then.
    const end = await Promise.race([worker.terminate(), pause(endLimitMs, 'never', { ref: false })])
    if (end === 'never')
      this.complain(`the old ${this.parts.service} thread does not end: is a file server down?`)
    for (let wait = waitMs; this.isRunning(); wait = retryMs) {
      await pause(wait, undefined, { signal: this.stopping.signal }).catch(() => undefined)
      if (!this.isRunning()) return
      try {
        await this.launch()
        return
      } catch (error) {
        this.forget()
        if (this.isRunning()) this.complain(error instanceof Error ? error.message : String(error))
      }
    }
  }

  private isRunning(): boolean {
    return this.state === 'running'
  }

  private complain(text: string): void {
    const { service, tell } = this.parts
    tell({ level: 'error', step: `${service.toLowerCase()}.thread`, text })
  }

  private say(worker: Worker, message: ToWorker): void {
    worker.postMessage(message)
  }
}

/** Whether it came to its end in so many milliseconds. */
async function within(ms: number, end: Promise<unknown>): Promise<boolean> {
  const late = new AbortController()
  try {
    const timer = pause(ms, false, { signal: late.signal })
    return await Promise.race([end.then(() => true), timer])
  } finally {
    late.abort()
  }
}
