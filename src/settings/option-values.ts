// Turns the written value of a DHCP option into its bytes, by the option's type.

import { parseIpv4, parseSubnet } from '../net/ipv4.ts'

/** One text, or a list of them. */
export type Written = readonly string[]

type Kind = {
  /** What must be written, for the fault. */
  readonly what: string
  readonly encode: (written: Written) => Uint8Array | undefined
}

const anAddress = 'an IPv4 address such as 10.77.0.1'

const optionKinds = {
  address: { what: anAddress, encode: one((text) => packed(parseIpv4(text), 4)) },
  addresses: { what: 'IPv4 addresses such as [10.77.0.1, 10.77.0.2]', encode: listOf(octetsOf) },
  pairs: {
    what: 'pairs of IPv4 addresses such as [10.1.0.0 10.77.0.1]',
    encode: (written) => even(listOf(octetsOf)(written.map((text) => text.replace(/\s+via\s+|\s+/g, ',')))),
  },
  text: { what: 'a text', encode: one(textBytes) },
  url: {
    what: 'a URL such as https://portal.lab.example/',
    encode: one((text) => (URL.canParse(text) ? textBytes(text) : undefined)),
  },
  boolean: { what: 'true or false', encode: one(booleanByte) },
  uint8: { what: wholeFrom(0, 0xff), encode: one((text) => packed(whole(text, 0, 0xff), 1)) },
  uint16: { what: wholeFrom(0, 0xffff), encode: one((text) => packed(whole(text, 0, 0xffff), 2)) },
  uint16s: {
    what: 'whole numbers from 0 to 65535 such as [68, 1500]',
    encode: listOf((text) => packed(whole(text, 0, 0xffff), 2)),
  },
  uint32: { what: wholeFrom(0, 0xffffffff), encode: one((text) => packed(whole(text, 0, 0xffffffff), 4)) },
  int32: {
    what: wholeFrom(-0x80000000, 0x7fffffff),
    encode: one((text) => packed(whole(text, -0x80000000, 0x7fffffff), 4)),
  },
  domains: { what: 'domain names such as [lab.example, example]', encode: listOf(domainName) },
  routes: { what: 'routes such as [10.0.0.0/8 via 10.77.0.1]', encode: listOf(route) },
  hex: { what: 'bytes in hexadecimal such as 01:02:0a or 0x01020a', encode: one(hexBytes) },
  /** An option we do not know: what its value looks like. */
  any: {
    what: 'a text, an IPv4 address or several, or bytes in hexadecimal such as 0x01020a',
    encode: (written) => listOf(octetsOf)(written) ?? one(looseBytes)(written),
  },
} as const satisfies Readonly<Record<string, Kind>>

export type OptionKind = keyof typeof optionKinds

/** The bytes, or what must be written instead. `hex:01:02:0a` is bytes for an option of any type. */
export function encodeOption(kind: OptionKind, written: Written): Uint8Array | { readonly what: string } {
  const [first = ''] = written
  if (!first.startsWith('hex:')) return optionKinds[kind].encode(written) ?? optionKinds[kind]
  return one((text) => hexBytes(text.slice(4)))(written) ?? optionKinds.hex
}

function one(encode: (text: string) => Uint8Array | undefined): Kind['encode'] {
  return ([text, ...more]) => (text === undefined || more.length > 0 ? undefined : encode(text.trim()))
}

/** A list, or one text with commas. */
function listOf(encode: (text: string) => Uint8Array | undefined): Kind['encode'] {
  return (written) => {
    const parts = written.flatMap((text) => text.split(',')).map((text) => encode(text.trim()))
    const known = parts.filter((part) => part !== undefined)
    return known.length > 0 && known.length === parts.length ? concat(known) : undefined
  }
}

function wholeFrom(least: number, most: number): string {
  return `a whole number from ${least} to ${most}`
}

function whole(text: string, least: number, most: number): number | undefined {
  if (!/^(?:-?\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text)) return undefined
  const value = Number(text)
  return value >= least && value <= most ? value : undefined
}

/** In network byte order; a negative number as its two's complement. */
function packed(value: number | undefined, size: number): Uint8Array | undefined {
  if (value === undefined) return undefined
  return Uint8Array.from({ length: size }, (_, index) => (value >>> (8 * (size - 1 - index))) & 0xff)
}

function octetsOf(text: string): Uint8Array | undefined {
  return packed(parseIpv4(text), 4)
}

function even(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes !== undefined && bytes.length % 8 === 0 ? bytes : undefined
}

/** RFC 2132 2: no NUL at its end; clients written in C would stop at one anywhere. */
function textBytes(text: string): Uint8Array | undefined {
  return text === '' || text.includes('\0') ? undefined : new TextEncoder().encode(text)
}

function booleanByte(text: string): Uint8Array | undefined {
  if (/^(?:true|yes|on|1)$/i.test(text)) return Uint8Array.of(1)
  return /^(?:false|no|off|0)$/i.test(text) ? Uint8Array.of(0) : undefined
}

/** `0x01020a`, `01020a`, `01:02:0a`, `01-02-0a`, `01 02 0a`. */
function hexBytes(text: string): Uint8Array | undefined {
  const pairs = /^(?:0x)?[0-9a-f]{2}(?:[:\- ]?[0-9a-f]{2})*$/i.test(text.trim())
  return pairs ? Uint8Array.from(Buffer.from(text.replace(/^\s*0x|[:\-\s]/gi, ''), 'hex')) : undefined
}

/** Only what cannot be meant as a text is taken for bytes: `0x…`, or at least two pairs with colons. */
function looseBytes(text: string): Uint8Array | undefined {
  const bytes = /^0x/i.test(text) || /^[0-9a-f]{2}(?::[0-9a-f]{2})+$/i.test(text)
  return bytes ? hexBytes(text) : textBytes(text)
}

/** RFC 3397 2, RFC 1035 4.1.4. Without compression, which is a sender's choice and which clients got wrong. */
function domainName(text: string): Uint8Array | undefined {
  const labels = text.replace(/\.$/, '').split('.')
  if (!labels.every((label) => /^[a-z0-9_-]{1,63}$/i.test(label))) return undefined
  const name = concat([...labels.map(labelBytes), Uint8Array.of(0)])
  return name.length <= 255 ? name : undefined
}

function labelBytes(label: string): Uint8Array {
  return Uint8Array.of(label.length, ...Buffer.from(label, 'latin1'))
}

/** RFC 3442: the prefix length, the octets of the network that it covers, the router. */
function route(text: string): Uint8Array | undefined {
  const [, to = '', by = ''] = /^(\S+)\s+via\s+(\S+)$/i.exec(text) ?? []
  const subnet = parseSubnet(to.toLowerCase() === 'default' ? '0.0.0.0/0' : to)
  const network = packed(subnet?.network, 4)
  const router = packed(parseIpv4(by), 4)
  if (subnet === undefined || network === undefined || router === undefined) return undefined
  return concat([Uint8Array.of(subnet.prefix), network.subarray(0, Math.ceil(subnet.prefix / 8)), router])
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}
