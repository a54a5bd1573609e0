// The main thread's side of the TFTP worker: starts it, keeps its replica of the table in step, replaces it when it fails.

import { Worker } from 'node:worker_threads'
import type { Site } from '../boot/decide.ts'
import type { Delta } from '../boot/table.ts'
import { printable, type Tell } from '../events.ts'
import type { Ipv4, Subnet } from '../net/ipv4.ts'
import { BindError } from '../net/ports.ts'
import type { TftpSettings } from '../settings/schema.ts'
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts'

export type TftpHostParts = {
  readonly settings: TftpSettings
  /** Who may fetch; empty: everyone. */
  readonly clients: readonly Subnet[]
  /** What templates call us; the address a client reached where it is left out. */
  readonly advertise?: Ipv4 | undefined
  readonly site: Site
  /** The whole table as of now. */
  readonly snapshot: () => Delta
  readonly tell: Tell
}

/** A worker that applies nothing for so long, with deltas waiting, is replaced. */
const answerLimitMs = 1000
const stopLimitMs = 1000
const startLimitMs = 30_000
/** Before a worker that could not listen is started again. */
const retryMs = 1000

type Waiting = { readonly revision: number; readonly resolve: () => void }

export class TftpHost {
  private readonly parts: TftpHostParts
  private state: 'idle' | 'running' | 'stopped' = 'idle'
  private worker?: Worker | undefined
  private isListening = false
  /** Deltas that are not yet known to be in force over there, in order. */
  private waiting: Waiting[] = []
  private watchdog?: NodeJS.Timeout | undefined

  constructor(parts: TftpHostParts) {
    this.parts = parts
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
      this.state = 'idle'
      this.worker = undefined
      this.settle(Infinity)
      throw error
    }
  }

  /**
   * Call it when the table that snapshot() gives has the delta. Resolves when no request is answered any more by an
   * older one: the worker has applied it, or is gone and another was started from a snapshot.
   */
  async follow(delta: Delta): Promise<void> {
    if (this.state !== 'running') return
    await new Promise<void>((resolve) => {
      this.waiting.push({ revision: delta.revision, resolve })
      // Without a worker, the snapshot of the next one has it.
      if (this.worker === undefined) return
      this.say(this.worker, { kind: 'delta', delta })
      this.watch()
    })
  }

  /** Closes the sockets; transfers under way end. */
  async stop(): Promise<void> {
    this.state = 'stopped'
    const { worker } = this
    this.worker = undefined
    this.settle(Infinity)
    if (worker === undefined) return
    const timer = setTimeout(() => void worker.terminate(), stopLimitMs)
    await new Promise<void>((resolve) => {
      worker.once('exit', () => resolve())
      this.say(worker, { kind: 'stop' })
    })
    clearTimeout(timer)
  }

  /** Resolves when a new worker listens. It hears deltas from its first moment on. */
  private async launch(): Promise<readonly string[]> {
    const { settings, clients, advertise, site, snapshot } = this.parts
    const start: WorkerStart = { settings, clients, advertise, site, snapshot: snapshot() }
    const worker = new Worker(workerFile(), { workerData: start, name: 'tftp' })
    this.worker = worker
    this.isListening = false
    let why = 'it ended'
    const timer = setTimeout(() => void worker.terminate(), startLimitMs)
    return await new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'listening') {
          clearTimeout(timer)
          this.isListening = true
          resolve(message.where)
        }
        if (message.kind === 'failed') reject(new BindError(message.because))
        this.hear(message)
      })
      worker.once('error', (error: Error) => (why = error.message))
      worker.once('exit', () => {
        clearTimeout(timer)
        reject(new Error(`the TFTP thread did not start: ${why}`))
        void this.replace(worker, why)
      })
    })
  }

  private hear(message: FromWorker): void {
    if (message.kind === 'event') return this.parts.tell(message.event)
    if (message.kind === 'failed') return
    this.settle(message.revision)
  }

  /** Lets go of those whose delta is in force; the others have their time from now. */
  private settle(revision: number): void {
    clearTimeout(this.watchdog)
    this.watchdog = undefined
    const settled = this.waiting.filter((entry) => entry.revision <= revision)
    this.waiting = this.waiting.filter((entry) => entry.revision > revision)
    for (const { resolve } of settled) resolve()
    if (this.waiting.length > 0) this.watch()
  }

  private watch(): void {
    const { worker } = this
    if (worker === undefined || !this.isListening) return
    this.watchdog ??= setTimeout(() => void this.replace(worker, 'it does not answer'), answerLimitMs)
  }

  private async replace(worker: Worker, why: string): Promise<void> {
    if (this.worker !== worker || this.state !== 'running') return
    this.worker = undefined
    clearTimeout(this.watchdog)
    this.watchdog = undefined
    this.complain(`the TFTP thread is started anew: ${printable(why)}`)
    await worker.terminate()
    while (this.isRunning()) {
      try {
        await this.launch()
        return
      } catch (error) {
        this.worker = undefined
        this.complain(error instanceof Error ? error.message : String(error))
        // Nobody serves, so nothing old is served.
        this.settle(Infinity)
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }

  private isRunning(): boolean {
    return this.state === 'running'
  }

  private complain(text: string): void {
    this.parts.tell({ level: 'error', step: 'tftp.thread', text })
  }

  private say(worker: Worker, message: ToWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(message)
  }
}

/** Beside this file, and in its language: run from src by a loader of TypeScript, or compiled. */
function workerFile(): URL {
  const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new URL(`./worker.${suffix}`, import.meta.url)
}
