// The DHCP codec: datagrams to messages and back (RFC 2131 2, RFC 2132 2, RFC 3396). No socket, clock or log.

import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import { options as codes } from './codes.ts'
import { firstOctetOf, Options, optionsAt, type Malformed } from './options.ts'

export type { Malformed } from './options.ts'

//   0  | op | htype | hlen | hops |
//   4  | xid                      |
//   8  | secs      | flags        |   flags: bit 0 is "broadcast"
//  12  | ciaddr                   |   the address the client has
//  16  | yiaddr                   |   the address it gets
//  20  | siaddr                   |   where it boots from
//  24  | giaddr                   |   the relay's address on the client's link
//  28  | chaddr (16)              |
//  44  | sname (64)               |
// 108  | file (128)               |
// 236  | 99 130 83 99             |   "magic cookie"
// 240  | options                  |   code, length, value; 0 is padding, 255 the end
export type Message = {
  readonly op: number
  readonly htype: number
  readonly hlen: number
  readonly hops: number
  readonly xid: number
  readonly secs: number
  readonly flags: number
  readonly ciaddr: Ipv4
  readonly yiaddr: Ipv4
  readonly siaddr: Ipv4
  readonly giaddr: Ipv4
  /** All sixteen octets. */
  readonly chaddr: Buffer
  readonly options: Options
}

/** Octets under a code. */
export type Option = readonly [code: number, value: Uint8Array]

/** What a reply carries, in the order it is written. */
export type OptionList = readonly Option[]

export const broadcastFlag = 0x8000
export const bootRequest = 1
export const bootReply = 2

const discover = 1
const magicCookie = 0x63825363
const chaddrLength = 16
const snameLength = 64
const fileLength = 128

/** RFC 951: a BOOTP message has 300 octets, and old relays drop shorter ones. */
const shortest = 300

/** Total: whatever the bytes, they give a message, or the reason why they are none. The message's buffers are parts of `bytes`. */
export function decode(bytes: Buffer): Message | Malformed {
  if (bytes.length < optionsAt) return { malformed: `${bytes.length} octets are too few` }
  if (bytes.readUInt32BE(236) !== magicCookie) return { malformed: 'it has no magic cookie (plain BOOTP)' }
  const options = Options.in(bytes)
  if ('malformed' in options) return options
  return {
    op: bytes.readUInt8(0),
    htype: bytes.readUInt8(1),
    hlen: bytes.readUInt8(2),
    hops: bytes.readUInt8(3),
    xid: bytes.readUInt32BE(4),
    secs: bytes.readUInt16BE(8),
    flags: bytes.readUInt16BE(10),
    ciaddr: ipv4(bytes.readUInt32BE(12)),
    yiaddr: ipv4(bytes.readUInt32BE(16)),
    siaddr: ipv4(bytes.readUInt32BE(20)),
    giaddr: ipv4(bytes.readUInt32BE(24)),
    chaddr: bytes.subarray(28, 28 + chaddrLength),
    options,
  }
}

/** Whether it says that it is a DISCOVER, without a look at the rest. */
export function isDiscover(bytes: Buffer): boolean {
  return firstOctetOf(bytes, codes.messageType) === discover
}

export type Reply = Omit<Message, 'options'> & {
  /** At most 127 octets each; the rest is zero. */
  readonly sname: string
  readonly file: string
  readonly options: OptionList
}

/** What a client can do without, what goes first coming first; the others are never dropped. */
const dispensable = [
  // We send what a client takes for granted without them (RFC 2131 4.4.5).
  codes.renewalTime,
  codes.rebindingTime,
  codes.pathPrefix,
  codes.configurationFile,
  codes.broadcastAddress,
  codes.ntpServers,
  codes.hostName,
  codes.domainName,
  codes.tftpServerName,
  codes.domainNameServer,
  codes.message,
  codes.router,
] as const

const indispensable: ReadonlySet<number> = new Set([
  codes.messageType,
  codes.serverIdentifier,
  codes.leaseTime,
  codes.subnetMask,
  codes.vendorClass,
  codes.vendorSpecific,
  codes.clientIdentifier,
  codes.machineIdentifier,
  codes.bootfileName,
  codes.subnetSelection,
  codes.relayAgentInformation,
])

/**
 * The octets of `reply`, at most `most` of them as far as its indispensable options allow: what does not fit is left
 * out whole, the most dispensable first (RFC 2132 9.10; an option in part would be a wrong one).
 */
export function encode(reply: Reply, most: number): Buffer {
  const room = most - optionsAt - 1
  const whole = sizeOfAll(reply.options)
  const options = whole <= room ? reply.options : fitting(reply.options, whole, room)
  const length = optionsAt + (options === reply.options ? whole : sizeOfAll(options)) + 1
  const bytes = Buffer.allocUnsafe(Math.max(length, shortest)).fill(0)
  bytes[0] = reply.op
  bytes[1] = reply.htype
  bytes[2] = reply.hlen
  bytes[3] = reply.hops
  put32(bytes, 4, reply.xid)
  put32(bytes, 8, (reply.secs << 16) | reply.flags)
  put32(bytes, 12, reply.ciaddr)
  put32(bytes, 16, reply.yiaddr)
  put32(bytes, 20, reply.siaddr)
  put32(bytes, 24, reply.giaddr)
  bytes.set(reply.chaddr, 28)
  if (reply.sname !== '') bytes.write(reply.sname, 44, snameLength - 1, 'utf8')
  if (reply.file !== '') bytes.write(reply.file, 108, fileLength - 1, 'utf8')
  put32(bytes, 236, magicCookie)
  let at = optionsAt
  for (const [code, value] of options) at = writeOption(bytes, at, code, value)
  bytes[at] = codes.end
  return bytes
}

/** Four times as fast as Buffer's own, which checks what is checked already. */
function put32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** RFC 3396 4: what has more than 255 octets is split over several options of its code. */
function writeOption(bytes: Buffer, start: number, code: number, value: Uint8Array): number {
  let at = start
  let from = 0
  do {
    const part = value.length <= 255 ? value : value.subarray(from, from + 255)
    bytes[at] = code
    bytes[at + 1] = part.length
    bytes.set(part, at + 2)
    at += 2 + part.length
    from += part.length
  } while (from < value.length)
  if (isOverrun(code)) bytes[at++] = codes.pad
  return at
}

/**
 * EDK2 ends the boot file's name with a NUL of its own, in place of what follows it (PxeBcDhcp4.c, HttpBootDhcp4.c):
 * were that the next option's code, it would read its length for a code, and soon the subnet mask for nonsense.
 */
function isOverrun(code: number): boolean {
  return code === codes.bootfileName
}

function sizeOf([code, value]: OptionList[number]): number {
  return value.length + 2 * Math.max(1, Math.ceil(value.length / 255)) + (isOverrun(code) ? 1 : 0)
}

function sizeOfAll(options: OptionList): number {
  let size = 0
  for (const option of options) size += sizeOf(option)
  return size
}

/** Of `options`, which take `whole` octets, what has room. */
function fitting(options: OptionList, whole: number, room: number): OptionList {
  let size = whole
  // What an admin added, of which we know no rank, goes before what we do know.
  const victims = options.filter(([code]) => !indispensable.has(code)).toSorted((a, b) => rank(a) - rank(b))
  const dropped = new Set<number>()
  for (const option of victims) {
    if (size <= room) break
    dropped.add(option[0])
    size -= sizeOf(option)
  }
  return options.filter(([code]) => !dropped.has(code))
}

function rank([code]: readonly [number, Uint8Array]): number {
  return dispensable.findIndex((known) => known === code)
}
