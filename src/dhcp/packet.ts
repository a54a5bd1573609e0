// The DHCP codec: datagrams to messages and back (RFC 2131 2, RFC 2132 2, RFC 3396). No socket, clock or log.

import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import { options as codes } from './codes.ts'

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
  /** Empty where the field held options. */
  readonly sname: Buffer
  readonly file: Buffer
  readonly options: ReadonlyMap<number, Buffer>
}

export type Malformed = { readonly malformed: string }

/** What a reply carries: octets under a code, in the order they are written. */
export type OptionList = readonly (readonly [code: number, value: Uint8Array])[]

export const broadcastFlag = 0x8000
export const bootRequest = 1
export const bootReply = 2

const optionsAt = 240
const magicCookie = 0x63825363
const chaddrLength = 16
const snameLength = 64
const fileLength = 128
const empty = Buffer.alloc(0)

/** RFC 951: a BOOTP message has 300 octets, and old relays drop shorter ones. */
const shortest = 300

/** Total: any bytes give a message, or the reason why they are none. The message's buffers are parts of `bytes`. */
export function decode(bytes: Buffer): Message | Malformed {
  if (bytes.length < optionsAt) return { malformed: `${bytes.length} octets are too few` }
  if (bytes.readUInt32BE(236) !== magicCookie) return { malformed: 'it has no magic cookie (plain BOOTP)' }
  const found = new Map<number, Buffer>()
  const further = new Map<number, Buffer[]>()
  const cut = readOptions(bytes, optionsAt, bytes.length, found, further)
  if (cut !== undefined) return { malformed: cut }
  // RFC 2131 4.1: option 52 may stand in the options field only; file is read before sname.
  const overload = found.get(codes.overload)?.[0] ?? 0
  const [hasFile, hasSname] = [(overload & 1) === 0, (overload & 2) === 0]
  const cutField =
    (hasFile ? undefined : readOptions(bytes, 108, 108 + fileLength, found, further)) ??
    (hasSname ? undefined : readOptions(bytes, 44, 44 + snameLength, found, further))
  if (cutField !== undefined) return { malformed: cutField }
  // Once per code: joined at each of its options, a datagram of many short ones would take time by their square.
  for (const [code, parts] of further) found.set(code, Buffer.concat([found.get(code) ?? empty, ...parts]))
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
    sname: hasSname ? bytes.subarray(44, 44 + snameLength) : empty,
    file: hasFile ? bytes.subarray(108, 108 + fileLength) : empty,
    options: found,
  }
}

/** Adds what stands from `at` to `end`; yields why the field is broken. RFC 3396 5: a repeated code goes on. */
function readOptions(
  bytes: Buffer,
  at: number,
  end: number,
  found: Map<number, Buffer>,
  further: Map<number, Buffer[]>,
): string | undefined {
  while (at < end) {
    const code = bytes[at++]
    if (code === codes.pad || code === undefined) continue
    if (code === codes.end) return undefined
    const length = bytes[at++]
    // Some clients leave the end option out; what is cut off in the middle of an option is another matter.
    if (length === undefined || at + length > end) return `option ${code} is cut off`
    const value = bytes.subarray(at, at + length)
    const more = found.has(code) ? (further.get(code) ?? []) : undefined
    if (more === undefined) found.set(code, value)
    else further.set(code, more)
    more?.push(value)
    at += length
  }
  return undefined
}

export type Reply = Omit<Message, 'sname' | 'file' | 'options'> & {
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
  const options = fitting(reply.options, most - optionsAt - 1)
  const length = optionsAt + options.reduce((sum, [, value]) => sum + sizeOf(value), 0) + 1
  const bytes = Buffer.alloc(Math.max(length, shortest))
  bytes.writeUInt8(reply.op, 0)
  bytes.writeUInt8(reply.htype, 1)
  bytes.writeUInt8(reply.hlen, 2)
  bytes.writeUInt8(reply.hops, 3)
  bytes.writeUInt32BE(reply.xid, 4)
  bytes.writeUInt16BE(reply.secs, 8)
  bytes.writeUInt16BE(reply.flags, 10)
  bytes.writeUInt32BE(reply.ciaddr, 12)
  bytes.writeUInt32BE(reply.yiaddr, 16)
  bytes.writeUInt32BE(reply.siaddr, 20)
  bytes.writeUInt32BE(reply.giaddr, 24)
  reply.chaddr.copy(bytes, 28, 0, chaddrLength)
  bytes.write(reply.sname, 44, snameLength - 1, 'utf8')
  bytes.write(reply.file, 108, fileLength - 1, 'utf8')
  bytes.writeUInt32BE(magicCookie, 236)
  let at = optionsAt
  for (const [code, value] of options) at = writeOption(bytes, at, code, value)
  bytes.writeUInt8(codes.end, at)
  return bytes
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
  return at
}

function sizeOf(value: Uint8Array): number {
  return value.length + 2 * Math.max(1, Math.ceil(value.length / 255))
}

function fitting(options: OptionList, room: number): OptionList {
  let size = 0
  for (const [, value] of options) size += sizeOf(value)
  if (size <= room) return options
  // What an admin added, of which we know no rank, goes before what we do know.
  const victims = options.filter(([code]) => !indispensable.has(code)).toSorted((a, b) => rank(a) - rank(b))
  const dropped = new Set<number>()
  for (const [code, value] of victims) {
    if (size <= room) break
    dropped.add(code)
    size -= sizeOf(value)
  }
  return options.filter(([code]) => !dropped.has(code))
}

function rank([code]: readonly [number, Uint8Array]): number {
  return dispensable.findIndex((known) => known === code)
}
