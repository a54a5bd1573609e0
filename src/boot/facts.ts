// What one request tells of its client: the whole input of a decision beside the table.

import type { Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'

/** The program that asks. `rom`: firmware, BIOS or UEFI; `httpboot`: UEFI HTTP boot (option 60 HTTPClient). */
export type Agent = 'rom' | 'httpboot' | 'ipxe' | 'unknown'

/** A loader that was sent whole, and how long ago. */
export type Fetch = { readonly file: string; readonly agoMs: number }

export type Facts = {
  readonly via: 'dhcp' | 'proxy' | 'tftp' | 'http' | 'explain'
  /** The address of ours that the client reached, and so may fetch from. */
  readonly server: Ipv4
  /** chaddr in DHCP; elsewhere the holder of the client's address, where known. */
  readonly mac?: Mac | undefined
  /** The address the client has or is about to get. */
  readonly ip?: Ipv4 | undefined
  /** Option 97, lower-case with dashes. */
  readonly uuid?: string | undefined
  /** Option 93, in the client's order; empty where it sent none. */
  readonly archs: readonly number[]
  readonly agent: Agent
  /** An iPXE that was built without it, to fit into a small ROM: it can be sent no URL. */
  readonly lacksHttp?: boolean | undefined
  /** The loaders it was sent lately; left out where nobody keeps count. */
  readonly recent?: readonly Fetch[] | undefined
  readonly asks: { readonly kind: 'loader' } | { readonly kind: 'path'; readonly path: string }
}
