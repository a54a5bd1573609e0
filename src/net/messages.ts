// The structures of recvmmsg(2) and sendmmsg(2) for a batch of datagrams, laid out once.

import { AF_INET, type Libc } from './libc.ts'

// struct mmsghdr and what it points to, on every 64-bit Linux (recvmsg(2), cmsg(3)):
//  0 name * | 8 name length | 16 iovec * | 24 iovecs | 32 control * | 40 control length | 48 flags | 56 octets received
export const headerSize = 64
const nameAt = 0
const nameLengthAt = 8
const vectorAt = 16
const vectorsAt = 24
const controlAt = 32
const controlLengthAt = 40
export const octetsAt = 56
export const nameSize = 16
const vectorSize = 16
/** cmsghdr (16 octets), the segment's size as u16, padding. */
const controlSize = 24
const controlUsed = 18
const SOL_UDP = 17
const UDP_SEGMENT = 103

/** Datagrams of one call. */
export const batchSize = 64

/** A 48-bit address in halves, as they lie in memory on these machines. */
function putAddress(target: Uint32Array, at: number, address: number): void {
  target[at] = address >>> 0
  target[at + 1] = address / 2 ** 32
}

/** Buffers for headers, names, vectors and control data, and one for the octets; laid out once. */
export class Messages {
  readonly headers = Buffer.allocUnsafeSlow(batchSize * headerSize).fill(0)
  readonly names = Buffer.allocUnsafeSlow(batchSize * nameSize).fill(0)
  readonly control = Buffer.allocUnsafeSlow(batchSize * controlSize).fill(0)
  readonly octets: Buffer
  readonly slot: number
  /** Where `octets` lie. */
  readonly base: number
  private readonly vectors: Uint32Array
  private readonly headerWords: Uint32Array
  private readonly vectorsAt: number
  private readonly vectorsEach: number

  /** Of each message: the octets of its slot, and its vectors, the last of which is the slot. */
  constructor(libc: Libc, slot: number, vectorsEach: number) {
    // An odd number of cache lines: slots a power of two apart would all want the same ones.
    this.slot = Math.ceil(slot / 128) * 128 + 64
    this.octets = Buffer.allocUnsafeSlow(batchSize * this.slot)
    const vectors = Buffer.allocUnsafeSlow(batchSize * vectorsEach * vectorSize).fill(0)
    this.vectors = words(vectors)
    this.headerWords = words(this.headers)
    this.vectorsEach = vectorsEach
    const address = (buffer: Buffer) => Number(libc.addressOf(buffer))
    this.base = address(this.octets)
    this.vectorsAt = address(vectors)
    const [names, control] = [address(this.names), address(this.control)]
    for (let index = 0; index < batchSize; index++) {
      const header = (index * headerSize) / 4
      putAddress(this.headerWords, header + nameAt / 4, names + index * nameSize)
      this.headerWords[header + nameLengthAt / 4] = nameSize
      putAddress(this.headerWords, header + controlAt / 4, control + index * controlSize)
      this.names.writeUInt16LE(AF_INET, index * nameSize)
      this.control.writeUInt32LE(controlUsed, index * controlSize)
      this.control.writeInt32LE(SOL_UDP, index * controlSize + 8)
      this.control.writeInt32LE(UDP_SEGMENT, index * controlSize + 12)
      this.place(index, vectorsEach - 1, this.base + index * this.slot, this.slot)
      this.use(index, vectorsEach - 1, 1, 0)
    }
  }

  /** Vector `vector` of message `index` is `length` octets at `address`. */
  place(index: number, vector: number, address: number, length: number): void {
    const at = ((index * this.vectorsEach + vector) * vectorSize) / 4
    putAddress(this.vectors, at, address)
    this.vectors[at + 2] = length
  }

  /** Address and length. */
  placed(index: number, vector: number): readonly [number, number] {
    const at = ((index * this.vectorsEach + vector) * vectorSize) / 4
    const [low = 0, high = 0, length = 0] = this.vectors.subarray(at, at + 3)
    return [high * 2 ** 32 + low, length]
  }

  /** Message `index` is `count` vectors from `first` on; `segment`: to be cut up by the kernel, 0: not. */
  use(index: number, first: number, count: number, segment: number): void {
    const header = (index * headerSize) / 4
    const vector = (index * this.vectorsEach + first) * vectorSize
    putAddress(this.headerWords, header + vectorAt / 4, this.vectorsAt + vector)
    this.headerWords[header + vectorsAt / 4] = count
    this.headerWords[header + controlLengthAt / 4] = segment > 0 ? controlSize : 0
    if (segment > 0) this.control.writeUInt16LE(segment, index * controlSize + 16)
  }
}

function words({ buffer, byteOffset, length }: Buffer): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length / 4)
}
