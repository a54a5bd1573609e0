// What the engine needs of a UDP port of ours, whoever drives the sockets.

import type { Sender } from '../net/batch.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import { dataHeader, opcodes } from './packet.ts'
import type { Source } from './source.ts'

/** A run of DATA blocks; one object serves a whole transfer. */
export type Blocks = {
  readonly source: Source
  readonly blksize: number
  /** Octets of the whole, as far as they are known: where the last block ends. */
  ready: number
  first: number
  last: number
  /** Whether they may leave as one datagram that the kernel cuts up; it refuses on some ways. */
  mayBeOne: boolean
}

export type Port = {
  /** Ours; what a request came to, and what its answers leave from (iPXE and PXELINUX check it). */
  readonly address: Ipv4
  /** Requests come in here. */
  readonly isListening: boolean
  /** Never throws; what cannot be sent is as good as lost on the way. `bytes` must not change afterwards. */
  send(bytes: Buffer, to: Ipv4, toPort: number): void
  /** As send(). */
  sendBlocks(blocks: Blocks, to: Ipv4, toPort: number): void
  /** What was sent leaves now, before whoever sent it does something that takes its time. */
  flush(): void
  /** The port for a transfer asked for here, other than `unlike`; itself where one port does everything. */
  forTransfer(unlike?: Port): Port
}

/** A datagram came in; `bytes` is only good during the call. */
export type Receive = (port: Port, bytes: Buffer, from: Ipv4, fromPort: number) => void

/** Writes one DATA packet into `target`; yields its length. */
export function putBlock(
  { source, blksize, ready }: Blocks,
  block: number,
  target: Buffer,
  at: number,
): number {
  const from = (block - 1) * blksize
  target[at] = 0
  target[at + 1] = opcodes.data
  target[at + 2] = (block >> 8) & 0xff
  target[at + 3] = block & 0xff
  const to = Math.min(from + blksize, ready)
  if (to > from) source.copy(target, at + dataHeader, from, to)
  return dataHeader + Math.max(0, to - from)
}

/** The same as a part of what `sender` sends next, its octets sent from where they lie. */
export function appendBlock(sender: Sender, { source, blksize, ready }: Blocks, block: number): void {
  const head = opcodes.data * 65536 + (block & 0xffff)
  const from = (block - 1) * blksize
  const to = Math.max(from, Math.min(from + blksize, ready))
  const piece = source.pieceOf(from, to)
  if (piece === undefined) source.copy(sender.octets, sender.at, from, to)
  sender.append(head, to - from, piece, piece && from - piece.start)
}
