// The options of a DHCP message as they stand in it (RFC 2132 2, RFC 3396). No socket, clock or log.

import { options as codes } from './codes.ts'

export type Malformed = { readonly malformed: string }

/** Behind the fixed fields and the magic cookie. */
export const optionsAt = 240
const snameArea = { start: 44, end: 108 }
const fileArea = { start: 108, end: 236 }
const empty = Buffer.alloc(0)

type Area = { readonly start: number; readonly end: number }

/**
 * The options of a message where they stand: read when somebody asks, as most are never asked for. One that was split
 * is joined (RFC 3396 5).
 */
export class Options {
  private readonly bytes: Buffer
  private readonly areas: readonly Area[]
  /** Where each begins, but for padding. */
  private readonly places: readonly number[]

  private constructor(bytes: Buffer, areas: readonly Area[], places: readonly number[]) {
    this.bytes = bytes
    this.areas = areas
    this.places = places
  }

  /** Those of a whole datagram; also in `file` and then `sname`, where option 52 says so (RFC 2131 4.1). */
  static in(bytes: Buffer): Options | Malformed {
    const places: number[] = []
    const main = { start: optionsAt, end: bytes.length }
    const cut = findIn(bytes, main, places)
    if (cut !== undefined) return cut
    // Option 52 may stand in the options field only.
    const own = new Options(bytes, [main], places)
    const overload = own.octet(codes.overload) ?? 0
    if ((overload & 3) === 0) return own
    const more = [...((overload & 1) === 0 ? [] : [fileArea]), ...((overload & 2) === 0 ? [] : [snameArea])]
    return (
      more.map((area) => findIn(bytes, area, places)).find((fault) => fault !== undefined) ??
      new Options(bytes, [main, ...more], places)
    )
  }

  get(code: number): Buffer | undefined {
    const index = this.next(code, 0)
    if (index < 0) return undefined
    const value = this.valueAt(index)
    let again = this.next(code, index + 1)
    if (again < 0) return value
    const parts = [value]
    for (; again >= 0; again = this.next(code, again + 1)) parts.push(this.valueAt(again))
    return Buffer.concat(parts)
  }

  has(code: number): boolean {
    return this.next(code, 0) >= 0
  }

  /** The first octet of its value. */
  octet(code: number): number | undefined {
    const index = this.next(code, 0)
    const at = this.places[index] ?? 0
    return index < 0 || this.bytes[at + 1] === 0 ? undefined : this.bytes[at + 2]
  }

  /** Its value as a number of exactly so many octets; undefined for one of another length. */
  number(code: number, octets: number): number | undefined {
    const index = this.next(code, 0)
    if (index < 0) return undefined
    if (this.next(code, index + 1) >= 0) return numberIn(this.get(code), octets)
    const at = this.places[index] ?? 0
    return this.bytes[at + 1] === octets ? this.bytes.readUIntBE(at + 2, octets) : undefined
  }

  /** Its value as a text; some clients end one with NUL (RFC 2132 2). Undefined for an empty one. */
  text(code: number): string | undefined {
    const index = this.next(code, 0)
    if (index < 0) return undefined
    const isSplit = this.next(code, index + 1) >= 0
    const bytes = isSplit ? (this.get(code) ?? empty) : this.bytes
    const start = isSplit ? 0 : (this.places[index] ?? 0) + 2
    let end = isSplit ? bytes.length : start + (bytes[start - 1] ?? 0)
    while (end > start && bytes[end - 1] === 0) end--
    return end === start ? undefined : bytes.toString('utf8', start, end)
  }

  /** Each once, in the order they first stand. */
  keys(): Iterable<number> {
    return new Set(this.places.map((at) => this.bytes[at] ?? 0))
  }

  *[Symbol.iterator](): Generator<readonly [number, Buffer]> {
    for (const code of this.keys()) yield [code, this.get(code) ?? empty]
  }

  /** `sname` or `file` as they stand; empty where they hold options. */
  field(name: 'sname' | 'file'): Buffer {
    const { start, end } = name === 'file' ? fileArea : snameArea
    return this.areas.some((area) => area.start === start) ? empty : this.bytes.subarray(start, end)
  }

  /** The index of the next one with this code; below 0: there is none. */
  private next(code: number, from: number): number {
    const { bytes, places } = this
    for (let index = from; index < places.length; index++)
      if (bytes[places[index] ?? 0] === code) return index
    return -1
  }

  private valueAt(index: number): Buffer {
    const at = this.places[index] ?? 0
    return this.bytes.subarray(at + 2, at + 2 + (this.bytes[at + 1] ?? 0))
  }
}

/** `value` as a number of exactly so many octets; undefined for one of another length. */
export function numberIn(value: Buffer | undefined, octets: number): number | undefined {
  return value?.length === octets ? value.readUIntBE(0, octets) : undefined
}

/** The first octet of the option's value, of any bytes that may be a message; undefined where it is not found. */
export function firstOctetOf(bytes: Buffer, code: number): number | undefined {
  for (let at = optionsAt; at < bytes.length && bytes[at] !== codes.end; at = nextAfter(bytes, at)) {
    if (bytes[at] === code) return bytes[at + 2]
  }
  return undefined
}

function nextAfter(bytes: Buffer, at: number): number {
  return bytes[at] === codes.pad ? at + 1 : at + 2 + (bytes[at + 1] ?? 0)
}

/**
 * Adds where each option begins to `places`. Some clients leave the end option out; what is cut off in the middle of an
 * option is another matter.
 */
function findIn(bytes: Buffer, { start, end }: Area, places: number[]): Malformed | undefined {
  let at = start
  while (at < end && bytes[at] !== codes.end) {
    const next = nextAfter(bytes, at)
    if (bytes[at] !== codes.pad) {
      if (next > end || at + 1 >= end) return { malformed: `option ${bytes[at]} is cut off` }
      places.push(at)
    }
    at = next
  }
  return undefined
}
