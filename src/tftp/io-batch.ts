// TFTP's sockets by libc: datagrams in batches, windows cut up by the kernel, and no sleep between two of a busy client.

import { createSocket, type Socket } from 'node:dgram'
import { getSystemErrorName } from 'node:util'
import type { Tell } from '../events.ts'
import { EAGAIN, longestPayload, mostSegments, Receiver, Sender } from '../net/batch.ts'
import { ipv4, parseIpv4, type Ipv4 } from '../net/ipv4.ts'
import { AF_INET, inetAddress, int, SOCK_DGRAM, SO_RCVBUF, SO_REUSEADDR, SO_SNDBUF } from '../net/libc.ts'
import type { Libc } from '../net/libc.ts'
import { batchSize } from '../net/messages.ts'
import { bindError } from '../net/ports.ts'
import { dataHeader, longestRequest } from './packet.ts'
import { appendBlock, type Blocks, type Port, type Receive } from './port.ts'
import { socketBuffer, tellUnsent, type OpenPlace } from './sockets.ts'

/** How long a turn of ours may take: timers and reads wait for its end. */
const turnMs = 4
/** Clients that answer sooner than this are waited for: to be woken takes longer. */
const shortGapMs = 0.06
/** Requests taken at a time: each may open a file. */
const mostRequests = 32
/** Octets that wait for room in a full send buffer; what comes on top is as good as lost. */
const mostWaiting = 4 * 1024 * 1024
const waitingRetryMs = 1
/** By then its client has been sent something else. */
const longestWaitMs = 250

export function openBatch(libc: Libc, receive: Receive, tell: Tell): OpenPlace {
  const batch = new Batch(libc, receive, tell)
  return async (address, port, transfers) => {
    const ports: BatchPort[] = []
    const close = () => {
      for (const open of ports) open.close()
    }
    try {
      for (let count = 0; count < transfers; count++) ports.push(await bind(batch, address, 0, undefined))
      const listening = await bind(batch, address, port, [...ports])
      ports.push(listening)
      return { port: listening.socket.address().port, close }
    } catch (error) {
      close()
      throw error
    }
  }
}

/** @throws BindError */
async function bind(
  batch: Batch,
  address: Ipv4,
  port: number,
  transfers: readonly BatchPort[] | undefined,
): Promise<BatchPort> {
  const { libc } = batch
  try {
    const fd = libc.socket(AF_INET, SOCK_DGRAM, 0)
    try {
      libc.setOption(fd, SO_RCVBUF, int(socketBuffer))
      libc.setOption(fd, SO_SNDBUF, int(socketBuffer))
      libc.bind(fd, inetAddress(address, port))
    } catch (error) {
      libc.close(fd)
      throw error
    }
    // Node tells that something came; a thread that waits in a call of libc would hear nobody else.
    const socket = createSocket('udp4')
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ fd }, resolve)
    })
    socket.removeAllListeners('error')
    // libuv sets it on a descriptor it is handed; a second program could then bind the port without a word.
    libc.setOption(fd, SO_REUSEADDR, int(0))
    return new BatchPort(batch, socket, fd, address, transfers)
  } catch (error) {
    throw bindError({ service: 'TFTP', protocol: 'udp', port, setting: 'tftp.port' }, error)
  }
}

/** What all sockets of the thread share: the buffers, and whose turn it is. */
class Batch {
  readonly libc: Libc
  readonly receive: Receive
  readonly tell: Tell
  readonly receiver: Receiver
  private readonly sender: Sender
  /** The one whose datagrams are in the sender. */
  private sending?: BatchPort | undefined
  /** Those heard or sent by since it was last quiet. */
  private readonly busy = new Set<BatchPort>()
  private isTurn = false
  private quietSince = 0
  /** How long it was quiet before something came last. */
  private gap = Infinity
  private next?: NodeJS.Immediate | undefined

  constructor(libc: Libc, receive: Receive, tell: Tell) {
    this.libc = libc
    this.receive = receive
    this.tell = tell
    this.receiver = new Receiver(libc, longestRequest + 1)
    this.sender = new Sender(libc)
  }

  /** Hands a datagram that Node has read to the engine, and takes all behind it. */
  hear(port: BatchPort, bytes: Buffer, from: Ipv4, fromPort: number): void {
    this.gap = performance.now() - this.quietSince
    this.busy.add(port)
    this.isTurn = true
    this.receive(port, bytes, from, fromPort)
    // Node may have read several: one turn for all of them, or others would never have theirs.
    if (this.next === undefined) this.turn()
    else this.isTurn = false
  }

  /** The sender, with room for one datagram of `port`; call `added` afterwards. */
  senderFor(port: BatchPort): Sender {
    if (this.sending === port && !this.sender.isFull) return this.sender
    this.flush()
    if (this.isTurn) this.busy.add(port)
    this.sending = port
    return this.sender
  }

  /** Within a turn all leave together at its end. */
  added(): void {
    if (!this.isTurn) this.flush()
  }

  /** Whether datagrams of `port` are waiting to leave together. */
  isSending(port: BatchPort): boolean {
    return this.sending === port
  }

  forget(port: BatchPort): void {
    if (this.sending === port) this.flush()
    this.busy.delete(port)
  }

  flush(): void {
    const port = this.sending
    this.sending = undefined
    port?.sendAll(this.sender)
  }

  /**
   * Takes what comes until it is quiet, or others have to have their turn. What was taken last is then answered by the
   * next turn: the ACKs of those answers would find Node reading, which takes them one at a time.
   */
  private readonly turn = (): void => {
    this.next = undefined
    this.isTurn = true
    this.flush()
    let now = performance.now()
    const end = now + turnMs
    this.quietSince = now
    let isQuiet = false
    while (!isQuiet && now < end) {
      const began = now
      let count = 0
      for (const port of this.busy) count += port.take()
      now = performance.now()
      if (count === 0) {
        isQuiet = now - this.quietSince >= (this.gap < shortGapMs ? shortGapMs : 0)
      } else if (now < end) {
        this.flush()
        this.gap = began - this.quietSince
        now = performance.now()
        this.quietSince = now
      }
    }
    this.isTurn = false
    if (isQuiet) this.busy.clear()
    else this.next ??= setImmediate(this.turn)
  }
}

type Waiting = { readonly bytes: Buffer; readonly to: Ipv4; readonly toPort: number; readonly since: number }

class BatchPort implements Port {
  readonly socket: Socket
  readonly address: Ipv4
  private readonly batch: Batch
  private readonly fd: number
  private readonly transfers: readonly BatchPort[] | undefined
  private turn = 0
  private isOpen = true
  private waiting: Waiting[] = []
  private waitingOctets = 0
  private retry?: NodeJS.Timeout | undefined

  /** `transfers`: for a socket that takes requests, those they are answered from; empty: itself. */
  constructor(
    batch: Batch,
    socket: Socket,
    fd: number,
    address: Ipv4,
    transfers: readonly BatchPort[] | undefined,
  ) {
    this.batch = batch
    this.socket = socket
    this.fd = fd
    this.address = address
    this.transfers = transfers
    socket.on('error', (error) => tellUnsent(batch.tell, error))
    socket.on('message', (bytes, from) =>
      batch.hear(this, bytes, parseIpv4(from.address) ?? ipv4(0), from.port),
    )
  }

  get isListening(): boolean {
    return this.transfers !== undefined
  }

  send(bytes: Buffer, to: Ipv4, toPort: number): void {
    if (bytes.length > longestPayload)
      return tellUnsent(this.batch.tell, new Error('the datagram is too long'))
    const sender = this.batch.senderFor(this)
    sender.octets.set(bytes, sender.at)
    sender.add(bytes.length, to, toPort)
    this.batch.added()
  }

  sendBlocks(blocks: Blocks, to: Ipv4, toPort: number): void {
    const packet = dataHeader + blocks.blksize
    const most = blocks.mayBeOne ? Math.min(mostSegments, Math.floor(longestPayload / packet)) : 1
    for (let first = blocks.first; first <= blocks.last; first += most) {
      const end = Math.min(first + most, blocks.last + 1)
      const sender = this.batch.senderFor(this)
      for (let block = first; block < end; block++) appendBlock(sender, blocks, block)
      sender.addParts(packet, to, toPort, blocks)
      this.batch.added()
    }
  }

  /** One that is being sent by, so that the answers to several requests leave by one call. */
  forTransfer(unlike?: Port): Port {
    const choice = this.transfers?.filter((other) => other !== unlike) ?? []
    const current = choice.find((other) => this.batch.isSending(other))
    if (current !== undefined) return current
    this.turn = (this.turn + 1) % Math.max(1, choice.length)
    return choice[this.turn] ?? this
  }

  /** Hands on what waits, a batch of it; yields how many datagrams. */
  take(): number {
    const most = this.isListening ? mostRequests : batchSize
    return this.isOpen ? this.batch.receiver.receive(this.fd, most, this.hand) : 0
  }

  private readonly hand = (bytes: Buffer, from: Ipv4, fromPort: number): void =>
    this.batch.receive(this, bytes, from, fromPort)

  flush(): void {
    this.batch.flush()
  }

  sendAll(sender: Sender): void {
    if (this.waiting.length > 0) this.sendWaiting()
    sender.flush(this.fd, this.unsent, !this.isOpen || this.waiting.length > 0 ? EAGAIN : 0)
  }

  private readonly unsent = (bytes: Buffer, to: Ipv4, toPort: number, errno: number): void => {
    if (!this.isOpen) return
    if (errno !== EAGAIN || this.waitingOctets + bytes.length > mostWaiting) {
      return tellUnsent(this.batch.tell, new Error(`a datagram is lost: ${getSystemErrorName(-errno)}`))
    }
    this.waiting.push({ bytes: Buffer.from(bytes), to, toPort, since: performance.now() })
    this.waitingOctets += bytes.length
    this.retry ??= setTimeout(() => this.sendWaiting(), waitingRetryMs)
  }

  private sendWaiting(): void {
    clearTimeout(this.retry)
    this.retry = undefined
    const oldest = performance.now() - longestWaitMs
    let gone = 0
    for (const { bytes, to, toPort, since } of this.waiting) {
      const isSent = this.batch.libc.sendTo(this.fd, bytes, inetAddress(to, toPort))
      if (!isSent && since > oldest) break
      this.waitingOctets -= bytes.length
      gone++
    }
    this.waiting = this.waiting.slice(gone)
    if (this.waiting.length > 0) this.retry = setTimeout(() => this.sendWaiting(), waitingRetryMs)
  }

  close(): void {
    this.batch.forget(this)
    this.isOpen = false
    clearTimeout(this.retry)
    this.waiting = []
    this.socket.close()
  }
}
