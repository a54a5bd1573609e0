// The store's contract: what survives a kill -9. Everything acknowledged to a client went through apply() first.

import type { AuditEntry, Hold, Host, Lease } from '../model.ts'

export type StoreChange =
  /** Conflict: another client holds the address, bound and not expired at `now`. */
  | { readonly kind: 'lease'; readonly lease: Lease; readonly now: number }
  | { readonly kind: 'assignment'; readonly host: string; readonly configuration: string | null }
  /** Made or changed; only hosts that the settings do not declare are kept. */
  | { readonly kind: 'host'; readonly host: Host }
  /** Its assignment goes with it. */
  | { readonly kind: 'host-removed'; readonly name: string }
  /** Entries before `oldest` are forgotten. */
  | { readonly kind: 'audit'; readonly entry: AuditEntry; readonly oldest: number }
  | { readonly kind: 'hold'; readonly hold: Hold | null }
  /** The links that the original left have become assignments, or there were none: they are never looked at again. */
  | { readonly kind: 'imported' }

/** Bytes of JSON that the entries of the audit may take: a start reads no more of them. */
export const mostAudited = 8 * 1024 * 1024

/**
 * Nothing of the call was kept. `full`: the disk has no room; `unavailable`: the database is out of reach; `unknown`: it
 * went out of reach before it answered, so that it may hold the call until it is reached again, and a start the call, too.
 */
export type Refusal = 'full' | 'unavailable' | 'unknown'
export type Outcome = 'ok' | 'conflict' | Refusal

export function isRefusal(outcome: Outcome): outcome is Refusal {
  return outcome === 'full' || outcome === 'unavailable' || outcome === 'unknown'
}

/** An outcome for each change, in order: known already, or once it is on disk. */
export type Committed = readonly Outcome[] | Promise<readonly Outcome[]>

export type StoredState = {
  readonly leases: readonly Lease[]
  readonly assignments: readonly (readonly [host: string, configuration: string])[]
  readonly hosts: readonly Host[]
  /** Oldest first. */
  readonly audit: readonly AuditEntry[]
  readonly hold: Hold | null
  readonly imported: boolean
}

export type Store = {
  /** What was wrong with it when it was opened, and what became of that, for a person. */
  readonly damage?: string | undefined
  /** Resolves when it can be used no more, as the log says: who uses it is to end. */
  readonly ended?: Promise<void>
  load(): Promise<StoredState>
  /**
   * Resolves when the changes are on disk, an outcome each, in order. The changes of one tick share one
   * transaction and one sync; calls are carried out in the order they were made.
   */
  apply(changes: readonly StoreChange[]): Promise<readonly Outcome[]>
  /**
   * The same as soon as can be. What writes on the calling thread has it on disk when this returns, and with it all that
   * waits for the end of the tick, and throws what apply() rejects with; what is written elsewhere yields a promise.
   */
  commit(changes: readonly StoreChange[]): Committed
  close(): Promise<void>
}
