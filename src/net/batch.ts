// Many UDP datagrams by one system call: recvmmsg and sendmmsg, with UDP_SEGMENT a window of equal ones by one of them.

import { ipv4, type Ipv4 } from './ipv4.ts'
import type { Libc } from './libc.ts'
import { batchSize, headerSize, Messages, nameSize, octetsAt } from './messages.ts'

/** linux/udp.h: what older kernels take. */
export const mostSegments = 64
/** An IPv4 packet's 65535 octets, less both headers. */
export const longestPayload = 65_507

/** errno(3): the send buffer is full. */
export const EAGAIN = 11

/** Whether the layouts above are those of this machine. */
export function canBatch(): boolean {
  return process.platform === 'linux' && ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch)
}

export type Heard = (bytes: Buffer, from: Ipv4, fromPort: number) => void

/** Reads datagrams into a buffer of its own. Longer ones than `longest` are cut. */
export class Receiver {
  private readonly libc: Libc
  private readonly messages: Messages
  private readonly short: readonly Buffer[]

  constructor(libc: Libc, longest: number) {
    this.libc = libc
    this.messages = new Messages(libc, longest, 1)
    const { octets, slot } = this.messages
    // An ACK's length, by far the most common one.
    this.short = Array.from({ length: batchSize }, (_, index) =>
      octets.subarray(index * slot, index * slot + 4),
    )
  }

  /** Calls `heard` with what waits at `fd`, up to `most`; `bytes` is good until the next call. Yields how many. */
  receive(fd: number, most: number, heard: Heard): number {
    const { headers, names, octets, slot } = this.messages
    const count = this.libc.receiveMany(fd, headers, most)
    for (let index = 0; index < count; index++) {
      const length = headers.readUInt32LE(index * headerSize + octetsAt)
      const start = index * slot
      const short = length === 4 ? this.short[index] : undefined
      const bytes = short ?? octets.subarray(start, start + Math.min(length, slot))
      const name = index * nameSize
      heard(bytes, ipv4(names.readUInt32BE(name + 4)), names.readUInt16BE(name + 2))
    }
    return count
  }
}

/** Datagrams that could not leave: `bytes` is good until it returns. `errno` as in errno(3). */
export type Unsent = (bytes: Buffer, to: Ipv4, toPort: number, errno: number) => void

/** Why the kernel does not cut a datagram up: longer than the link takes, or no checksums by the card (udp(7)). */
const uncuttable: ReadonlySet<number> = new Set([5, 22, 90])

/** Whether datagrams may leave as one that the kernel cuts up: set to false where it refuses. */
export type Cut = { mayBeOne: boolean }

/** Octets that are sent from where they lie. */
export type Lent = {
  readonly bytes: Buffer
  /** Where they lie, once it was asked. */
  address?: number | undefined
  /** They stay as they are until they are released as often. */
  hold(): void
  release(): void
}

/** Octets in front of each part. */
const headSize = 4
/** A head and its octets for each part, and the slot. */
const vectorsEach = 2 * mostSegments + 1
const slotVector = vectorsEach - 1

/** Collects datagrams, and sends them by one call. */
export class Sender {
  readonly octets: Buffer
  private readonly libc: Libc
  private readonly messages: Messages
  private readonly heads = Buffer.allocUnsafeSlow(batchSize * mostSegments * headSize)
  /** Of each message; 0: it is what lies in its slot. */
  private readonly parts = Array.from({ length: batchSize }, () => 0)
  private readonly lent: (Lent | undefined)[] = Array.from({ length: batchSize * mostSegments })
  private readonly cuts: (Cut | undefined)[] = []
  private count = 0
  /** Of the next datagram: its parts so far, and their octets in its slot. */
  private partCount = 0
  private used = 0

  constructor(libc: Libc) {
    this.libc = libc
    this.messages = new Messages(libc, longestPayload, vectorsEach)
    this.octets = this.messages.octets
    const heads = Number(libc.addressOf(this.heads))
    for (let part = 0; part < batchSize * mostSegments; part++) {
      const index = Math.floor(part / mostSegments)
      this.messages.place(index, 2 * (part % mostSegments), heads + part * headSize, headSize)
    }
  }

  get isFull(): boolean {
    return this.count === batchSize
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  /** Where octets that are not lent belong in `octets`. */
  get at(): number {
    return this.count * this.messages.slot + this.used
  }

  /** A datagram: the `length` octets from `at` on. */
  add(length: number, to: Ipv4, toPort: number): void {
    const { messages, count } = this
    messages.place(count, slotVector, messages.base + count * messages.slot, length)
    messages.use(count, slotVector, 1, 0)
    this.address(0, to, toPort, undefined)
  }

  /** A part of the next datagram: `head` (32 bits), and `length` octets of `from` from `start` on, or else from `at` on. */
  append(head: number, length: number, from?: Lent, start = 0): void {
    const { messages, count } = this
    const part = count * mostSegments + this.partCount
    this.heads.writeUInt32BE(head, part * headSize)
    if (from === undefined) {
      messages.place(count, 2 * this.partCount + 1, messages.base + this.at, length)
      this.used += length
    } else {
      from.address ??= Number(this.libc.addressOf(from.bytes))
      messages.place(count, 2 * this.partCount + 1, from.address + start, length)
      from.hold()
      this.lent[part] = from
    }
    this.partCount++
  }

  /**
   * The datagram of all parts appended. Several are datagrams of `segment` octets each, the last one perhaps shorter,
   * that the kernel cuts up; `cut` hears when it does not, and they went one by one.
   */
  addParts(segment: number, to: Ipv4, toPort: number, cut: Cut): void {
    const { partCount } = this
    this.messages.use(this.count, 0, 2 * partCount, partCount > 1 ? segment : 0)
    this.address(partCount, to, toPort, cut)
  }

  private address(parts: number, to: Ipv4, toPort: number, cut: Cut | undefined): void {
    const { names } = this.messages
    const index = this.count++
    names.writeUInt16BE(toPort, index * nameSize + 2)
    names.writeUInt32BE(to, index * nameSize + 4)
    this.parts[index] = parts
    this.cuts[index] = cut
    this.partCount = 0
    this.used = 0
  }

  /** Sends all that was added. `hold`: an errno for which nothing is to be sent now. */
  flush(fd: number, unsent: Unsent, hold = 0): void {
    const { headers } = this.messages
    const { count } = this
    for (let index = 0; index < count;) {
      const from = index === 0 ? headers : headers.subarray(index * headerSize)
      const sent = hold > 0 ? -hold : this.libc.sendMany(fd, from, count - index)
      if (sent <= 0) this.single(fd, index, -sent, unsent)
      index += Math.max(1, sent)
    }
    for (let index = 0; index < count; index++) this.release(index)
    this.count = 0
  }

  private release(index: number): void {
    const parts = this.parts[index] ?? 0
    for (let part = index * mostSegments; part < index * mostSegments + parts; part++) {
      this.lent[part]?.release()
      this.lent[part] = undefined
    }
  }

  /** What did not leave as it is: cut up here where that may be why. */
  private single(fd: number, index: number, errno: number, unsent: Unsent): void {
    const { headers, names } = this.messages
    const parts = this.parts[index] ?? 0
    const to = ipv4(names.readUInt32BE(index * nameSize + 4))
    const toPort = names.readUInt16BE(index * nameSize + 2)
    const isCut = parts > 1 && uncuttable.has(errno)
    const cut = this.cuts[index]
    if (isCut && cut !== undefined) cut.mayBeOne = false
    for (let part = 0; part < Math.max(1, parts); part++) {
      let why = errno
      if (isCut) {
        this.messages.use(index, 2 * part, 2, 0)
        const sent = this.libc.sendMany(fd, headers.subarray(index * headerSize), 1)
        why = sent > 0 ? 0 : -sent
      }
      if (why !== 0) unsent(this.octetsOf(index, part, parts), to, toPort, why)
    }
  }

  private octetsOf(index: number, part: number, parts: number): Buffer {
    const { octets, base } = this.messages
    const [address, length] = this.messages.placed(index, parts === 0 ? slotVector : 2 * part + 1)
    const number = index * mostSegments + part
    const from = this.lent[number] ?? { bytes: octets, address: base }
    const start = address - (from.address ?? 0)
    const bytes = from.bytes.subarray(start, start + length)
    if (parts === 0) return bytes
    return Buffer.concat([this.heads.subarray(number * headSize, (number + 1) * headSize), bytes])
  }
}
