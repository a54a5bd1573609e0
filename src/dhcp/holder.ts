// A client as a lease belongs to it.

import type { Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'

export type Identity = 'mac' | 'client-id'

export type Holder = {
  /** What `dhcp.identity` says a lease belongs to. */
  readonly key: string
  readonly mac: Mac
  /** Its reserved address. */
  readonly reserved?: Ipv4 | undefined
  /** Someone declared it or deployed to it: it is served also where strangers have had their share. */
  readonly known: boolean
}

const zeroMac = '00:00:00:00:00:00'

/** What a lease belongs to (RFC 2131 4.2); a client without the one goes by the other. */
export function keyOf(identity: Identity, mac: Mac, clientId: string | undefined): string {
  return clientId !== undefined && (identity === 'client-id' || mac === zeroMac) ? `id ${clientId}` : mac
}
