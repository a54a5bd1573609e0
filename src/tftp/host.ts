// The main thread's side of the TFTP worker: starts it, keeps its replica of the table in step, replaces it when it fails.

import { createRequire } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
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

/** A worker is asked so often, in milliseconds, whether it is alive; one that has not answered by the next time is replaced. */
const pingMs = 1000
/** Once more after that: when this thread was held up itself, the answer is there but not read yet. */
const graceMs = 100
const stopLimitMs = 1000
const startLimitMs = 30_000
/** How long a thread that is replaced is waited for. */
const endLimitMs = 5000
/** Before a worker is started again that could not listen, or lived no longer than this. */
const retryMs = 1000

export class TftpHost {
  private readonly parts: TftpHostParts
  private state: 'idle' | 'running' | 'stopped' = 'idle'
  private worker?: Worker | undefined
  private isListening = false
  private startedAt = 0
  /** What brings each delta to the worker. */
  private deltas?: MessagePort | undefined
  private pinging?: NodeJS.Timeout | undefined
  private isAlive = true
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

  /** Closes the sockets; transfers under way end. */
  async stop(): Promise<void> {
    this.state = 'stopped'
    this.stopping.abort()
    const { worker } = this
    this.forget()
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
    const { port1, port2 } = new MessageChannel()
    const worker = thread({ settings, clients, advertise, site, snapshot: snapshot(), deltas: port2 })
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
        else reject(new Error(`the TFTP thread did not start: ${why}`))
      })
    })
  }

  private hear(worker: Worker, message: FromWorker): void {
    if (message.kind === 'event') return this.parts.tell(message.event)
    // What a worker said that was replaced meanwhile says nothing of its successor.
    if (message.kind === 'failed' || worker !== this.worker) return
    this.isAlive = true
    if (message.kind !== 'listening') return
    this.isListening = true
    this.pinging = setInterval(() => void this.ping(worker), pingMs)
  }

  private async ping(worker: Worker): Promise<void> {
    if (!this.isAlive) await pause(graceMs)
    if (!this.isAlive) return this.replace(worker, 'it does not answer')
    this.isAlive = false
    this.say(worker, { kind: 'ping' })
  }

  private replace(worker: Worker, why: string): void {
    if (this.worker !== worker || this.state !== 'running') return
    this.forget()
    this.complain(`the TFTP thread is started anew: ${printable(why)}`)
    const lived = performance.now() - this.startedAt
    this.replacing = this.relaunch(worker, lived < retryMs ? retryMs - lived : 0)
  }

  private forget(): void {
    clearInterval(this.pinging)
    this.worker = undefined
    this.isListening = false
    this.deltas?.close()
    this.deltas = undefined
    this.isAlive = true
  }

  private async relaunch(worker: Worker, waitMs: number): Promise<void> {
    // A thread that waits for a disk in the kernel ends when the disk answers, and holds its port until then.
    const ended = await Promise.race([worker.terminate(), pause(endLimitMs, 'never', { ref: false })])
    if (ended === 'never') this.complain('the old TFTP thread does not end: is a file server down?')
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
    this.parts.tell({ level: 'error', step: 'tftp.thread', text })
  }

  private say(worker: Worker, message: ToWorker): void {
    worker.postMessage(message)
  }
}

function thread(workerData: WorkerStart): Worker {
  const options = { workerData, transferList: [workerData.deltas], name: 'tftp' }
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
