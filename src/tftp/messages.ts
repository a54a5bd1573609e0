// What the TFTP worker and the main thread say to each other.

import type { Site } from '../boot/decide.ts'
import type { Delta } from '../boot/table.ts'
import type { Event } from '../events.ts'
import type { Ipv4, Subnet } from '../net/ipv4.ts'
import type { TftpSettings } from '../settings/schema.ts'

/** What a worker starts with. */
export type WorkerStart = {
  readonly settings: TftpSettings
  readonly clients: readonly Subnet[]
  readonly advertise?: Ipv4 | undefined
  readonly site: Site
  readonly snapshot: Delta
}

export type ToWorker = { readonly kind: 'delta'; readonly delta: Delta } | { readonly kind: 'stop' }

export type FromWorker =
  /** `where`: address:port, each. The table is that of `revision`. */
  | { readonly kind: 'listening'; readonly where: readonly string[]; readonly revision: number }
  /** It cannot listen, in one line for a person. */
  | { readonly kind: 'failed'; readonly because: string }
  | { readonly kind: 'applied'; readonly revision: number }
  | { readonly kind: 'event'; readonly event: Event }
