// Files over HTTP on a thread of their own: a hall of machines that loads images never delays DHCP or the API.

import type { Links } from '../files.ts'
import type { Ipv4, Subnet } from '../net/ipv4.ts'
import type { HttpSettings } from '../settings/schema.ts'
import { ServerThread, type Fed } from '../worker/thread.ts'
import { standardLimits } from './server.ts'

export type HttpOwn = {
  readonly settings: HttpSettings
  /** tftp.root; undefined where the settings have no tftp section. */
  readonly tftproot: string | undefined
  /** tftp.follow_links. */
  readonly tftpLinks: Links
  /** Who may fetch; empty: everyone. */
  readonly clients: readonly Subnet[]
  /** What templates call us; the address a client reached where it is left out. */
  readonly advertise?: Ipv4 | undefined
}

/** Beyond what answers under way are given. */
const stopLimitMs = standardLimits.stopMs + 500

export function httpThread(own: HttpOwn, fed: Fed): ServerThread<HttpOwn> {
  return new ServerThread({ ...fed, service: 'HTTP', home: import.meta.url, stopLimitMs, own })
}
