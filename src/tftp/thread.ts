// TFTP on a thread of its own: a boot storm never delays DHCP or the API, and a disk sync never delays a transfer.

import type { Ipv4, Subnet } from '../net/ipv4.ts'
import type { TftpSettings } from '../settings/schema.ts'
import { ServerThread, type Fed } from '../worker/thread.ts'

export type TftpOwn = {
  readonly settings: TftpSettings
  /** Who may fetch; empty: everyone. */
  readonly clients: readonly Subnet[]
  /** What templates call us; the address a client reached where it is left out. */
  readonly advertise?: Ipv4 | undefined
}

export type TftpThread = ServerThread<TftpOwn>

/** What ends with the thread's own stop: transfers are broken off at once. */
const stopLimitMs = 1000

export function tftpThread(own: TftpOwn, fed: Fed): TftpThread {
  return new ServerThread({ ...fed, service: 'TFTP', home: import.meta.url, stopLimitMs, own })
}
