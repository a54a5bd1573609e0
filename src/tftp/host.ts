// The main thread's side of the TFTP worker: starts it, keeps its replica of the table in step, replaces it when it fails.

import { createRequire } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
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
/** Once more after that: when this thread was held up itself, the answers are there but not read yet. */
const graceMs = 100
const stopLimitMs = 1000
const startLimitMs = 30_000
/** Before a worker is started again that could not listen, or lived no longer than this. */
const retryMs = 1000

type Waiting = { readonly revision: number; readonly resolve: () => void }

export class TftpHost {
  private readonly parts: TftpHostParts
  private state: 'idle' | 'running' | 'stopped' = 'idle'
  private worker?: Worker | undefined
  private isListening = false
  private startedAt = 0
  /** Deltas that are not yet known to be in force over there, in order. */
  private waiting: Waiting[] = []
  private watchdog?: NodeJS.Timeout | undefined
  private readonly stopping = new AbortController()
  private replacing = Promise.resolve()

  constructor(parts: TftpHostParts) {
    this.parts = parts
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
    this.stopping.abort()
    const { worker } = this
    this.worker = undefined
    this.settle(Infinity)
    if (worker !== undefined) {
      const timer = setTimeout(() => void worker.terminate(), stopLimitMs)
      await new Promise<void>((resolve) => {
        worker.once('exit', () => resolve())
        this.say(worker, { kind: 'stop' })
      })
      clearTimeout(timer)
    }
    await this.replacing
  }

  /** Resolves when a new worker listens. It hears deltas from its first moment on. */
  private async launch(): Promise<readonly string[]> {
    const { settings, clients, advertise, site, snapshot } = this.parts
    const start: WorkerStart = { settings, clients, advertise, site, snapshot: snapshot() }
    const worker = thread(start)
    this.worker = worker
    this.isListening = false
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
        else reject(new Error(`the TFTP thread did not start: ${why}`))
      })
    })
  }

  private hear(worker: Worker, message: FromWorker): void {
    if (message.kind === 'event') return this.parts.tell(message.event)
    // What a worker said that was replaced meanwhile says nothing of its successor.
    if (message.kind === 'failed' || worker !== this.worker) return
    if (message.kind === 'listening') this.isListening = true
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
    this.watchdog ??= setTimeout(() => {
      this.watchdog = setTimeout(() => this.replace(worker, 'it does not answer'), graceMs)
    }, answerLimitMs)
  }

  private replace(worker: Worker, why: string): void {
    if (this.worker !== worker || this.state !== 'running') return
    this.worker = undefined
    clearTimeout(this.watchdog)
    this.watchdog = undefined
    this.complain(`the TFTP thread is started anew: ${printable(why)}`)
    const lived = performance.now() - this.startedAt
    this.replacing = this.relaunch(worker, lived < retryMs ? retryMs - lived : 0)
  }

  private async relaunch(worker: Worker, waitMs: number): Promise<void> {
    await worker.terminate()
    // Nobody serves, so nothing old is served.
    if (waitMs > 0) this.settle(Infinity)
    for (let wait = waitMs; this.isRunning(); wait = retryMs) {
      await pause(wait, undefined, { signal: this.stopping.signal }).catch(() => undefined)
      if (!this.isRunning()) return
      try {
        await this.launch()
        return
      } catch (error) {
        this.worker = undefined
        if (this.isRunning()) this.complain(error instanceof Error ? error.message : String(error))
        this.settle(Infinity)
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
    worker.postMessage(message)
  }
}

function thread(workerData: WorkerStart): Worker {
  const options = { workerData, name: 'tftp' }
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options)
  // Run from its source, as the tests do: Node 20 gives a thread no loader of TypeScript, so it brings one along.
  const loader = JSON.stringify(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/cjs$/, 'mjs'),
  )
  const here = JSON.stringify(import.meta.url)
  const code = `import(${loader}).then(({ tsImport }) => tsImport('./worker.ts', ${here}))`
  return new Worker(code, { ...options, eval: true })
}
