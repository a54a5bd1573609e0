// The store's contract: what survives a kill -9. Everything acknowledged to a client went through apply() first.

import type { Lease } from '../model.ts'
import type { Mac } from '../net/mac.ts'

export type StoreChange =
  /** Conflict: another client holds the address, bound and not expired at `now`. */
  | { readonly kind: 'lease'; readonly lease: Lease; readonly now: number }
  | { readonly kind: 'assignment'; readonly host: string; readonly configuration: string | null }
  | { readonly kind: 'registered-host'; readonly name: string; readonly mac: Mac }
  | { readonly kind: 'registered-host-removed'; readonly name: string }

/** `full`: the disk has no room; nothing of the call was kept. */
export type Outcome = 'ok' | 'conflict' | 'full'

export type StoredState = {
  readonly leases: readonly Lease[]
  readonly assignments: readonly (readonly [host: string, configuration: string])[]
  readonly registered: readonly { readonly name: string; readonly mac: Mac }[]
}

export type Store = {
  load(): Promise<StoredState>
  /**
   * Resolves when the changes are on disk, an outcome each, in order. The changes of one tick share one
   * transaction and one sync; calls are carried out in the order they were made.
   */
  apply(changes: readonly StoreChange[]): Promise<readonly Outcome[]>
  close(): Promise<void>
}
