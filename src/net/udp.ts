// A UDP port as servers use it: by Node's own calls or, many datagrams at a time, by libc's.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { canBatch, EAGAIN, longestPayload, Receiver, Sender } from './batch.ts'
import { bindToDevice } from './devices.ts'
import { formatIpv4, ipv4, parseIpv4, type Ipv4 } from './ipv4.ts'
import type { Libc } from './libc.ts'
import { batchSize } from './messages.ts'

export type UdpPort = {
  /** Calls `heard` with each datagram, which it may keep, and its sender, beside whoever hears it too; yields what ends that. */
  readonly hear: (heard: Heard) => () => void
  /** Never throws; what cannot be sent is told to `unsent`, and as good as lost on the way. */
  readonly send: (bytes: Buffer, to: Ipv4, toPort: number) => void
  readonly close: () => void
  /** Node's, for who needs it as such; what comes in is not all heard there. */
  readonly socket: Socket
}

type Heard = (bytes: Buffer, from: Ipv4, fromPort: number) => void

export type Unsent = (why: string) => void

/** How many batches are taken in one turn of the event loop, so that others have theirs. */
const mostBatches = 4

/** Octets that wait for room in a full send buffer; what comes on top is as good as lost. */
const mostWaiting = 1024 * 1024

/** Opens ports that are bound to one interface each (devices.ts). */
export class DevicePorts {
  private readonly libc: Libc
  private readonly batch: Batch | undefined

  /** `inBatches`: read and written to by libc. */
  constructor(libc: Libc, inBatches = canBatch()) {
    this.libc = libc
    this.batch = inBatches ? new Batch(libc) : undefined
  }

  /** @throws Error with the code of bind(2) */
  async open(device: string, port: number, unsent: Unsent): Promise<UdpPort> {
    const { socket, fd } = await bindToDevice(this.libc, device, port)
    socket.on('error', (error) => unsent(error.message))
    return this.batch === undefined ? nodePort(socket, unsent) : new BatchPort(this.batch, socket, fd, unsent)
  }
}

/** What the ports share: the buffers, and whose datagrams leave next. */
class Batch {
  private readonly receiver: Receiver
  private readonly sender: Sender
  private sending: BatchPort | undefined

  constructor(libc: Libc) {
    this.receiver = new Receiver(libc, longestPayload)
    this.sender = new Sender(libc)
  }

  /** Yields whether more may have come in. */
  receive({ fd }: BatchPort, heard: Heard): boolean {
    const count = this.receiver.receive(fd, batchSize, (bytes, from, fromPort) =>
      heard(Buffer.from(bytes), from, fromPort),
    )
    return count === batchSize
  }

  /** It leaves together with what else is sent now, and by those who go on in the microtasks that wait. */
  send(port: BatchPort, bytes: Buffer, to: Ipv4, toPort: number): void {
    if (this.sending !== port || this.sender.isFull) this.flush()
    if (this.sending === undefined) queueMicrotask(this.flush)
    this.sending = port
    bytes.copy(this.sender.octets, this.sender.at)
    this.sender.add(bytes.length, to, toPort)
  }

  readonly flush = (): void => {
    const port = this.sending
    this.sending = undefined
    if (port !== undefined) this.sender.flush(port.fd, port.refused)
  }
}

class BatchPort implements UdpPort {
  readonly socket: Socket
  readonly fd: number
  private readonly batch: Batch
  private readonly unsent: Unsent
  private readonly listeners = new Set<Heard>()
  private isOpen = true
  /** Batches of this turn. */
  private taken = 0
  /** Octets. */
  private waiting = 0

  constructor(batch: Batch, socket: Socket, fd: number, unsent: Unsent) {
    this.batch = batch
    this.socket = socket
    this.fd = fd
    this.unsent = unsent
    socket.on('message', (bytes, from) => {
      this.heard(bytes, parseIpv4(from.address) ?? ipv4(0), from.port)
      this.takeMore()
    })
  }

  hear(heard: Heard): () => void {
    this.listeners.add(heard)
    return () => void this.listeners.delete(heard)
  }

  private readonly heard: Heard = (bytes, from, fromPort) => {
    for (const heard of this.listeners) heard(bytes, from, fromPort)
  }

  /** Node tells that something came, and reads it; what waits behind it is taken at once. */
  private takeMore(): void {
    // Of a flood Node reads up to 32 in a turn, each of which tells that something came.
    if (this.taken === 0) setImmediate(() => (this.taken = 0))
    let isMore = true
    while (isMore && this.isOpen && this.taken < mostBatches) {
      this.taken++
      isMore = this.batch.receive(this, this.heard)
    }
  }

  send(bytes: Buffer, to: Ipv4, toPort: number): void {
    // A closed descriptor's number may be somebody else's by now.
    if (this.isOpen && bytes.length <= longestPayload) this.batch.send(this, bytes, to, toPort)
    else this.lose(to)
  }

  /** Node waits for room where there is none: whoever got no answer would ask again only after seconds. */
  readonly refused = (bytes: Buffer, to: Ipv4, toPort: number, errno: number): void => {
    const { length } = bytes
    if (errno !== EAGAIN || !this.isOpen || this.waiting + length > mostWaiting) return this.lose(to)
    this.waiting += length
    this.socket.send(Buffer.from(bytes), toPort, formatIpv4(to), (error) => {
      this.waiting -= length
      if (error !== null) this.lose(to)
    })
  }

  private lose(to: Ipv4): void {
    this.unsent(`nothing can be sent to ${formatIpv4(to)}`)
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.batch.flush()
    this.socket.close()
  }
}

/**
 * On one address, or on all of them (0.0.0.0). `shared`: another socket of ours has the port, too.
 * @throws Error with the code of bind(2)
 */
export async function openOnAddress(
  address: Ipv4,
  port: number,
  shared: boolean,
  unsent: Unsent,
): Promise<UdpPort> {
  const socket = createSocket({ type: 'udp4', reuseAddr: shared })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ address: formatIpv4(address), port, exclusive: true }, resolve)
  })
  socket.removeAllListeners('error')
  socket.setBroadcast(true)
  socket.on('error', (error) => unsent(error.message))
  return nodePort(socket, unsent)
}

function nodePort(socket: Socket, unsent: Unsent): UdpPort {
  return {
    socket,
    hear: (heard) => {
      const hears = (bytes: Buffer, from: RemoteInfo) =>
        heard(bytes, parseIpv4(from.address) ?? ipv4(0), from.port)
      socket.on('message', hears)
      return () => void socket.off('message', hears)
    },
    send: (bytes, to, toPort) => {
      try {
        socket.send(bytes, toPort, formatIpv4(to), (error) => {
          if (error !== null) unsent(error.message)
        })
      } catch (error) {
        unsent(error instanceof Error ? error.message : String(error))
      }
    },
    close: () => void socket.close(),
  }
}
