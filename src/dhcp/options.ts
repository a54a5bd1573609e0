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
 * The options of a message where they stand: looked for when somebody asks, as most are never asked for. One that was
 * split is joined (RFC 3396 5).
 */
export class Options {
  private readonly bytes: Buffer
  private readonly areas: readonly Area[]

  private constructor(bytes: Buffer, areas: readonly Area[]) {
    this.bytes = bytes
    this.areas = areas
  }

  /** Those of a whole datagram; also in `file` and then `sname`, where option 52 says so (RFC 2131 4.1). */
  static in(bytes: Buffer): Options | Malformed {
    const main = { start: optionsAt, end: bytes.length }
    const cut = cutIn(bytes, main)
    if (cut !== undefined) return cut
    // Option 52 may stand in the options field only.
    const own = new Options(bytes, [main])
    const overload = own.get(codes.overload)?.[0] ?? 0
    if ((overload & 3) === 0) return own
    const areas = [
      main,
      ...((overload & 1) === 0 ? [] : [fileArea]),
      ...((overload & 2) === 0 ? [] : [snameArea]),
    ]
    return (
      areas.map((area) => cutIn(bytes, area)).find((fault) => fault !== undefined) ??
      new Options(bytes, areas)
    )
  }

  get(code: number): Buffer | undefined {
    let found: Buffer | undefined
    let further: Buffer[] | undefined
    for (const { start, end } of this.areas) {
      for (let at = start; at < end && this.bytes[at] !== codes.end; at = nextAfter(this.bytes, at)) {
        if (this.bytes[at] !== code) continue
        const value = this.bytes.subarray(at + 2, at + 2 + (this.bytes[at + 1] ?? 0))
        if (found === undefined) found = value
        else (further ??= [found]).push(value)
      }
    }
    return further === undefined ? found : Buffer.concat(further)
  }

  has(code: number): boolean {
    for (const { start, end } of this.areas) {
      for (let at = start; at < end && this.bytes[at] !== codes.end; at = nextAfter(this.bytes, at)) {
        if (this.bytes[at] === code) return true
      }
    }
    return false
  }

  /** Each once, in the order they first stand. */
  *keys(): Generator<number> {
    const said = new Set<number>([codes.pad])
    for (const { start, end } of this.areas) {
      for (let at = start; at < end && this.bytes[at] !== codes.end; at = nextAfter(this.bytes, at)) {
        const code = this.bytes[at] ?? codes.pad
        if (!said.has(code)) yield code
        said.add(code)
      }
    }
  }

  *[Symbol.iterator](): Generator<readonly [number, Buffer]> {
    for (const code of this.keys()) yield [code, this.get(code) ?? empty]
  }

  /** `sname` or `file` as they stand; empty where they hold options. */
  field(name: 'sname' | 'file'): Buffer {
    const { start, end } = name === 'file' ? fileArea : snameArea
    return this.areas.some((area) => area.start === start) ? empty : this.bytes.subarray(start, end)
  }
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

/** Some clients leave the end option out; what is cut off in the middle of an option is another matter. */
function cutIn(bytes: Buffer, { start, end }: Area): Malformed | undefined {
  let at = start
  while (at < end && bytes[at] !== codes.end) {
    const next = nextAfter(bytes, at)
    if (next > end || (bytes[at] !== codes.pad && at + 1 >= end))
      return { malformed: `option ${bytes[at]} is cut off` }
    at = next
  }
  return undefined
}
