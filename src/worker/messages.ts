// What a worker and the main thread say to each other.

import type { MessagePort } from 'node:worker_threads'
import type { Site } from '../boot/decide.ts'
import type { Delta } from '../boot/table.ts'
import type { Event } from '../events.ts'

/** What a worker begins with, when its modules are loaded; `own`: what only its server needs. */
export type WorkerStart<Own> = {
  readonly own: Own
  readonly site: Site
  readonly snapshot: Delta
  /** Brings a `Delta` for each change of the table since the snapshot; nobody is woken by it. */
  readonly deltas: MessagePort
}

/** Behind its `WorkerStart`, which is the first message. */
export type ToWorker = { readonly kind: 'ping' | 'stop' }

export type FromWorker =
  /** `where`: address:port, each. */
  | { readonly kind: 'listening'; readonly where: readonly string[] }
  /** It cannot listen, in one line for a person. */
  | { readonly kind: 'failed'; readonly because: string }
  /** To a ping. */
  | { readonly kind: 'alive' }
  /** What happened since the last ones. */
  | { readonly kind: 'events'; readonly events: readonly Event[] }
