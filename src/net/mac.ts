// A hardware address of an Ethernet machine, checked once and then carried as one canonical string.

import { spelling } from './hex.ts'

declare const brand: unique symbol

/** Six octets, lower-case hexadecimal, joined by colons: `22:34:a3:e9:09:cc`. */
export type Mac = string & { readonly [brand]: 'Mac' }

const canonical = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/
// The original's files may have any one character between the octets.
const separated = /^[0-9a-f]{2}([^0-9a-f])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/
const dotted = /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/
const bare = /^[0-9a-f]{12}$/

/** Any notation (`22:34:..`, `22-34-..`, `2234.a3e9.09cc`, `2234a3e909cc`, any case), or undefined. */
export function parseMac(text: string): Mac | undefined {
  if (canonical.test(text)) return text as Mac
  const lower = text.trim().toLowerCase()
  if (!separated.test(lower) && !dotted.test(lower) && !bare.test(lower)) return undefined
  return macFromHex(lower.replace(/[^0-9a-f]/g, ''))
}

/** `0:0:0:0:a:1`, as `arp` of BSD and files of the original spell it, with two digits in each octet. */
export function padOctets(text: string): string {
  return /^[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5}$/i.test(text) ? text.replace(/\b[0-9a-f]\b/gi, '0$&') : text
}

/** Whether a machine can have it. Group addresses are let through: the use case's own 23:34:... has the bit of one. */
export function isStation(mac: Mac): boolean {
  return mac !== 'ff:ff:ff:ff:ff:ff' && mac !== '00:00:00:00:00:00'
}

/** Whether many receive what is sent to it (the I/G bit of IEEE 802): no card sends from it. */
export function isMulticast(mac: Mac): boolean {
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 1
}

/** What that means to whoever named it, behind its name in a sentence. */
export const multicastMeans =
  "is a multicast address, as its first octet is odd: no card has it, and no machine is known by it; look at the card's own again"

const spelled = spelling('xx:xx:xx:xx:xx:xx')

/** The first six octets at `offset`, as they stand in a packet. */
export function macFromBytes(bytes: Uint8Array, offset = 0): Mac {
  return spelled(bytes, offset) as Mac
}

/** The six octets of `mac`. */
export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16))
}

/** The number of 48 bits that its octets are, the first one the highest. */
export function macToNumber(mac: Mac): number {
  let number = 0
  for (let at = 0; at < 17; at += 3) number = number * 256 + digitAt(mac, at) * 16 + digitAt(mac, at + 1)
  return number
}

export function macFromNumber(number: number): Mac {
  const bytes = Buffer.allocUnsafe(6)
  bytes.writeUIntBE(number, 0, 6)
  return macFromBytes(bytes)
}

/** Of a checked MAC: a digit, or a small letter. */
function digitAt(mac: Mac, at: number): number {
  const code = mac.charCodeAt(at)
  return code < 58 ? code - 48 : code - 87
}

/** `22-34-a3-e9-09-cc`: the spelling of loaders' file names and of registered hosts. */
export function macWithDashes(mac: Mac): string {
  return mac.replaceAll(':', '-')
}

/** Of twelve lower-case hexadecimal digits. */
export function macFromHex(hex: string): Mac {
  return (hex.match(/../g) ?? []).join(':') as Mac
}
