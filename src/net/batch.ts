// Many UDP datagrams by one system call: recvmmsg and sendmmsg, with UDP_SEGMENT a window of equal ones by one copy.

import { ipv4, type Ipv4 } from './ipv4.ts'
import { AF_INET, type Libc } from './libc.ts'

// struct mmsghdr and what it points to, on every 64-bit Linux (recvmsg(2), cmsg(3)):
//  0 name * | 8 name length | 16 iovec * | 24 iovecs | 32 control * | 40 control length | 48 flags | 56 octets received
const headerSize = 64
const nameAt = 0
const nameLengthAt = 8
const vectorAt = 16
const vectorsAt = 24
const controlAt = 32
const controlLengthAt = 40
const octetsAt = 56
const nameSize = 16
const vectorSize = 16
/** cmsghdr (16 octets), the segment's size as u16, padding. */
const controlSize = 24
const controlUsed = 18
const SOL_UDP = 17
const UDP_SEGMENT = 103

/** Datagrams of one call. */
export const batchSize = 64
/** linux/udp.h: what older kernels take. */
export const mostSegments = 64
/** An IPv4 packet's 65535 octets, less both headers. */
export const longestPayload = 65_507

/** Whether the layouts above are those of this machine. */
export function canBatch(): boolean {
  return process.platform === 'linux' && ['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch)
}

/** One buffer for headers, names, vectors and control data, and one for the octets; laid out once. */
class Messages {
  readonly headers = Buffer.allocUnsafeSlow(batchSize * headerSize).fill(0)
  readonly names = Buffer.allocUnsafeSlow(batchSize * nameSize).fill(0)
  readonly vectors = Buffer.allocUnsafeSlow(batchSize * vectorSize).fill(0)
  readonly control = Buffer.allocUnsafeSlow(batchSize * controlSize).fill(0)
  readonly octets: Buffer
  readonly slot: number
  private readonly base: bigint

  constructor(libc: Libc, slot: number) {
    // An odd number of cache lines: slots a power of two apart would all want the same ones.
    this.slot = Math.ceil(slot / 128) * 128 + 64
    this.octets = Buffer.allocUnsafeSlow(batchSize * this.slot)
    this.base = libc.addressOf(this.octets)
    const [names, vectors, control] = [this.names, this.vectors, this.control].map((buffer) =>
      libc.addressOf(buffer),
    ) as [bigint, bigint, bigint]
    for (let index = 0; index < batchSize; index++) {
      const header = index * headerSize
      this.headers.writeBigUInt64LE(names + BigInt(index * nameSize), header + nameAt)
      this.headers.writeUInt32LE(nameSize, header + nameLengthAt)
      this.headers.writeBigUInt64LE(vectors + BigInt(index * vectorSize), header + vectorAt)
      this.headers.writeUInt32LE(1, header + vectorsAt)
      this.headers.writeBigUInt64LE(control + BigInt(index * controlSize), header + controlAt)
      this.names.writeUInt16LE(AF_INET, index * nameSize)
      this.control.writeUInt32LE(controlUsed, index * controlSize)
      this.control.writeInt32LE(SOL_UDP, index * controlSize + 8)
      this.control.writeInt32LE(UDP_SEGMENT, index * controlSize + 12)
      this.place(index, index * this.slot, this.slot)
    }
  }

  /** Message `index` is `length` octets from `at` on. */
  place(index: number, at: number, length: number): void {
    this.vectors.writeBigUInt64LE(this.base + BigInt(at), index * vectorSize)
    this.vectors.writeUInt32LE(length, index * vectorSize + 8)
  }
}

export type Heard = (bytes: Buffer, from: Ipv4, fromPort: number) => void

/** Reads datagrams into a buffer of its own. Longer ones than `longest` are cut. */
export class Receiver {
  private readonly libc: Libc
  private readonly messages: Messages
  private readonly short: readonly Buffer[]

  constructor(libc: Libc, longest: number) {
    this.libc = libc
    this.messages = new Messages(libc, longest)
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

/** Collects datagrams, and sends them by one call. */
export class Sender {
  readonly octets: Buffer
  private readonly libc: Libc
  private readonly messages: Messages
  private readonly lengths = new Uint32Array(batchSize)
  private readonly segments = new Uint16Array(batchSize)
  private readonly cuts: (Cut | undefined)[] = []
  private count = 0

  constructor(libc: Libc) {
    this.libc = libc
    this.messages = new Messages(libc, longestPayload)
    this.octets = this.messages.octets
  }

  get isFull(): boolean {
    return this.count === batchSize
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  /** Where the next datagram's octets belong in `octets`. */
  get at(): number {
    return this.count * this.messages.slot
  }

  /**
   * The `length` octets from `at` on. `segment`: they are datagrams of so many octets each, the last one perhaps
   * shorter; 0: they are one. `cut` hears when they could not leave as one and went one by one.
   */
  add(length: number, segment: number, to: Ipv4, toPort: number, cut?: Cut): void {
    const { headers, names, vectors, control } = this.messages
    const index = this.count++
    this.lengths[index] = length
    this.segments[index] = segment
    this.cuts[index] = cut
    vectors.writeUInt32LE(length, index * vectorSize + 8)
    headers.writeUInt32LE(segment > 0 ? controlSize : 0, index * headerSize + controlLengthAt)
    if (segment > 0) control.writeUInt16LE(segment, index * controlSize + 16)
    names.writeUInt16BE(toPort, index * nameSize + 2)
    names.writeUInt32BE(to, index * nameSize + 4)
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
    this.count = 0
  }

  /** What did not leave as it is: cut up here where that may be why. */
  private single(fd: number, index: number, errno: number, unsent: Unsent): void {
    const { headers, names, slot, octets } = this.messages
    const [length = 0, segment = 0] = [this.lengths[index], this.segments[index]]
    const to = ipv4(names.readUInt32BE(index * nameSize + 4))
    const toPort = names.readUInt16BE(index * nameSize + 2)
    const isCut = segment > 0 && uncuttable.has(errno)
    const cut = this.cuts[index]
    if (isCut && cut !== undefined) cut.mayBeOne = false
    const start = index * slot
    const step = segment > 0 ? segment : length
    headers.writeUInt32LE(0, index * headerSize + controlLengthAt)
    for (let at = 0; at < Math.max(1, length); at += Math.max(1, step)) {
      const size = Math.min(step, length - at)
      let why = errno
      if (isCut) {
        this.messages.place(index, start + at, size)
        const sent = this.libc.sendMany(fd, headers.subarray(index * headerSize), 1)
        why = sent > 0 ? 0 : -sent
      }
      if (why !== 0) unsent(octets.subarray(start + at, start + at + size), to, toPort, why)
    }
    this.messages.place(index, start, slot)
  }
}
