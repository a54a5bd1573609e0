// DHCP messages as tests write and read them: by the drawings of RFC 2131 and RFC 2132, without the codec under test.

import { readFileSync } from 'node:fs'

export const DISCOVER = 1
export const OFFER = 2
export const REQUEST = 3
export const DECLINE = 4
export const ACK = 5
export const NAK = 6
export const RELEASE = 7
export const INFORM = 8

export type Option = readonly [code: number, value: Uint8Array | string]

export type Written = {
  readonly op?: number | undefined
  readonly htype?: number | undefined
  readonly hlen?: number | undefined
  readonly hops?: number | undefined
  readonly xid?: number | undefined
  readonly secs?: number | undefined
  readonly flags?: number | undefined
  readonly ciaddr?: string | undefined
  readonly yiaddr?: string | undefined
  readonly siaddr?: string | undefined
  readonly giaddr?: string | undefined
  readonly mac?: string | undefined
  /** The octets of chaddr behind the MAC. */
  readonly padding?: Uint8Array | undefined
  readonly sname?: Uint8Array | undefined
  readonly file?: Uint8Array | undefined
  /** Option 53, which comes first; undefined: none. */
  readonly type?: number | undefined
  readonly options?: readonly Option[] | undefined
  /** Everything behind the magic cookie, in place of `type` and `options`. */
  readonly raw?: Uint8Array | undefined
}

/** A request as a client sends it. */
export function write(written: Written): Buffer {
  const { op = 1, htype = 1, hlen = 6, hops = 0, xid = 1, secs = 0, flags = 0 } = written
  const head = Buffer.alloc(240)
  head.set([op, htype, hlen, hops])
  head.writeUInt32BE(xid, 4)
  head.writeUInt16BE(secs, 8)
  head.writeUInt16BE(flags, 10)
  const { ciaddr, yiaddr, siaddr, giaddr } = written
  for (const [index, address] of [ciaddr, yiaddr, siaddr, giaddr].entries()) {
    head.set(ip(address ?? '0.0.0.0'), 12 + 4 * index)
  }
  head.set(hardware(written.mac ?? '52:54:00:00:00:01'), 28)
  head.set(written.padding ?? [], 34)
  head.set(written.sname ?? [], 44)
  head.set(written.file ?? [], 108)
  head.set([99, 130, 83, 99], 236)
  if (written.raw !== undefined) return Buffer.concat([head, written.raw])
  const type: readonly Option[] = written.type === undefined ? [] : [[53, Uint8Array.of(written.type)]]
  return Buffer.concat([head, options([...type, ...(written.options ?? [])]), Buffer.of(255)])
}

/** Code, length and value of each, without an end. */
export function options(list: readonly Option[]): Buffer {
  return Buffer.concat(
    list.map(([code, value]) => {
      const bytes = Buffer.from(value)
      return Buffer.concat([Buffer.of(code, bytes.length), bytes])
    }),
  )
}

export type Read = {
  readonly op: number
  readonly htype: number
  readonly hlen: number
  readonly hops: number
  readonly xid: number
  readonly secs: number
  readonly flags: number
  readonly ciaddr: string
  readonly yiaddr: string
  readonly siaddr: string
  readonly giaddr: string
  /** All sixteen octets, in hexadecimal. */
  readonly chaddr: string
  readonly sname: string
  readonly file: string
  /** As they stand on the wire. */
  readonly list: readonly (readonly [code: number, value: Buffer])[]
  /** Joined where a code was repeated (RFC 3396). */
  readonly options: ReadonlyMap<number, Buffer>
  /** Option 53. */
  readonly type: number | undefined
  readonly bytes: Buffer
}

/** @throws Error when `bytes` are no well-formed message of a server */
export function read(bytes: Buffer): Read {
  if (bytes.length < 300) throw new Error(`${bytes.length} octets are fewer than a BOOTP message has`)
  if (bytes.readUInt32BE(236) !== 0x63825363) throw new Error('no magic cookie')
  const list: (readonly [number, Buffer])[] = []
  let at = 240
  while (bytes[at] !== 255) {
    if (bytes[at] === 0) {
      at++
      continue
    }
    const [code, length] = [bytes[at], bytes[at + 1]]
    if (code === undefined || length === undefined || at + 2 + length >= bytes.length) {
      throw new Error(`option ${code} at ${at} reaches beyond the end, or there is no end option`)
    }
    list.push([code, bytes.subarray(at + 2, at + 2 + length)])
    at += 2 + length
  }
  if (bytes.subarray(at + 1).some((octet) => octet !== 0)) throw new Error('something stands behind the end')
  const joined = new Map<number, Buffer>()
  for (const [code, value] of list) {
    joined.set(code, Buffer.concat([joined.get(code) ?? Buffer.alloc(0), value]))
  }
  const address = (offset: number) => dotted(bytes.subarray(offset, offset + 4))
  return {
    op: bytes.readUInt8(0),
    htype: bytes.readUInt8(1),
    hlen: bytes.readUInt8(2),
    hops: bytes.readUInt8(3),
    xid: bytes.readUInt32BE(4),
    secs: bytes.readUInt16BE(8),
    flags: bytes.readUInt16BE(10),
    ciaddr: address(12),
    yiaddr: address(16),
    siaddr: address(20),
    giaddr: address(24),
    chaddr: bytes.toString('hex', 28, 44),
    sname: field(bytes.subarray(44, 108)),
    file: field(bytes.subarray(108, 236)),
    list,
    options: joined,
    type: joined.get(53)?.[0],
    bytes,
  }
}

/** RFC 2131 2: a null-terminated string. */
function field(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  if (end < 0) throw new Error('a field of text has no NUL at its end')
  if (bytes.subarray(end).some((octet) => octet !== 0))
    throw new Error('a field of text goes on behind its NUL')
  return bytes.toString('utf8', 0, end)
}

export function ip(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number))
}

/** The addresses that `value` consists of. */
export function dotted(value: Uint8Array | undefined): string {
  const parts = Array.from(value ?? [])
  return Array.from({ length: parts.length / 4 }, (_, index) =>
    parts.slice(4 * index, 4 * index + 4).join('.'),
  ).join(' ')
}

export function hardware(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex')
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function uint16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index)
  return bytes
}

/** A captured message: `test/fixtures/dhcp/NAME.hex`, hexadecimal in any layout, `#` before a remark. */
export function captured(name: string): Buffer {
  const text = readFileSync(new URL(`../fixtures/dhcp/${name}.hex`, import.meta.url), 'utf8')
  return Buffer.from(text.replaceAll(/#.*|\s/g, ''), 'hex')
}
