// What the engine needs of a UDP port of ours, whoever drives the sockets.

import type { Ipv4 } from '../net/ipv4.ts'

export type Port = {
  /** Ours; what a request came to, and what its answers leave from (iPXE and PXELINUX check it). */
  readonly address: Ipv4
  /** Requests come in here. */
  readonly isListening: boolean
  /** Never throws; what cannot be sent is as good as lost on the way. `bytes` must not change afterwards. */
  send(bytes: Buffer, address: string, port: number): void
  /** The port for a transfer asked for here, other than `unlike`; itself where one port does everything. */
  forTransfer(unlike?: Port): Port
}

/** A datagram came in; `address` in dotted decimal. */
export type Receive = (port: Port, bytes: Buffer, address: string, clientPort: number) => void
