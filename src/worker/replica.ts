// A worker's own side: its replica of the table, kept in step by its post, and what it tells the main thread.

import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { applyDelta, emptyTable, type Delta, type Table } from '../boot/table.ts'
import type { Site } from '../boot/decide.ts'
import { Recent } from '../boot/recent.ts'
import { hushed, type Event, type Tell } from '../events.ts'
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts'

const now = () => performance.now()

export type Replica<Own> = {
  readonly own: Own
  readonly site: Site
  readonly table: Table
  /** What this worker sent lately. */
  readonly recent: Recent
  /**
   * Call it before a request is decided. The other thread posts a delta before it answers a deploy or sends an ACK.
   * Whoever asks here because of that answer comes later, so that it is enough to read the post; nobody has to wait.
   */
  readonly catchUp: () => void
  /** A storm of honest clients is told in full. */
  readonly tell: Tell
  /** A flood of forged requests is not. */
  readonly tellSparingly: Tell
}

export type Served = {
  /**
   * Yields address:port of each socket.
   * @throws BindError
   */
  readonly start: () => Promise<readonly string[]>
  /** Closes the sockets; transfers under way end. */
  readonly stop: () => unknown
}

/** Of the worker that calls it, when the main thread has something for it. `Own` is what that gave it. */
export async function openReplica<Own>(): Promise<Replica<Own>> {
  const { own, site, snapshot, deltas } = await begun<Own>()
  const table = emptyTable()
  applyDelta(table, snapshot)
  const recent = new Recent(table)
  const catchUp = () => {
    for (let mail = receiveMessageOnPort(deltas); mail !== undefined; mail = receiveMessageOnPort(deltas)) {
      const delta = mail.message as Delta
      // The snapshot may hold the first of them already.
      if (delta.revision <= table.revision) continue
      recent.follow(delta)
      applyDelta(table, delta)
    }
  }
  return {
    own,
    site,
    table,
    recent,
    catchUp,
    tell: hushed(post, 500, now),
    tellSparingly: hushed(post, 20, now),
  }
}

function begun<Own>(): Promise<WorkerStart<Own>> {
  return new Promise((resolve) => {
    // Left in place: without a listener the port would not keep this thread alive.
    parentPort?.on('message', resolve)
  })
}

/** Runs the worker's server until the main thread says stop. */
export async function serve<Own>({ catchUp }: Replica<Own>, { start, stop }: Served): Promise<void> {
  parentPort?.on('message', ({ kind }: ToWorker) => {
    if (kind === 'stop') return void end(stop)
    // Also where nobody asks for anything, the post does not pile up.
    catchUp()
    say({ kind: 'alive' })
  })
  try {
    say({ kind: 'listening', where: await start() })
  } catch (error) {
    say({ kind: 'failed', because: error instanceof Error ? error.message : String(error) })
    parentPort?.close()
  }
}

async function end(stop: Served['stop']): Promise<void> {
  await stop()
  postEvents()
  parentPort?.close()
}

/** Told, and soon on their way together: each post wakes the main thread, and costs as much as small files do. */
let events: Event[] = []
const postAfterMs = 10

/** Only what is told has its text made, and only plain data can be posted. */
const post: Tell = ({ level, step, text, client, data }) => {
  if (events.push({ level, step, text, client, data }) === 1) setTimeout(postEvents, postAfterMs)
}

function postEvents(): void {
  if (events.length > 0) say({ kind: 'events', events })
  events = []
}

function say(message: FromWorker): void {
  parentPort?.postMessage(message)
}
