// Small files in memory, with what serve-static said of them, given again as long as they are unchanged on disk.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { isLocal, isSettled, type Glance, type State } from '../glance.ts'
import type { Place } from './places.ts'
import type { Given } from './repeats.ts'
import { diskAnswersMs, typeOf, type OpenFile } from './static.ts'

/** What is given of a file. */
export type SmallFile = Given & {
  /** Names and values. */
  readonly headers: readonly string[]
}

type Entry = SmallFile & {
  /** With a NUL behind it. */
  readonly path: Buffer
  readonly state: State
  /** Since it was last thought of as one to go. */
  isAsked: boolean
}

const biggest = 32 * 1024
const mostBytes = 32 * 1024 * 1024

/** An entry takes some room beside its bytes. */
const overhead = 1024

const repeated = ['Content-Type', 'Content-Length', 'ETag', 'Last-Modified', 'Accept-Ranges', 'Cache-Control']

/** Whoever sends one of these wants to be judged by serve-static. */
const conditions = [
  'range',
  'if-range',
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
]

export class SmallFiles {
  private readonly glance: Glance | undefined
  private readonly now: () => number
  /** By place and type, which the name asked for decides; the next to go first. */
  private readonly entries = new Map<string, Entry>()
  private bytes = 0

  /** Without a glance nothing is kept. `now`: milliseconds since 1970. */
  constructor(glance: Glance | undefined, now: () => number) {
    this.glance = glance
    this.now = now
  }

  /** The file as it is on disk now; undefined: it is for serve-static. */
  find(place: Place, name: string): SmallFile | undefined {
    const key = keyOf(place, name)
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    if (this.glance?.isAs(entry.path, entry.state) !== true) {
      this.forget(key, entry)
      return undefined
    }
    entry.isAsked = true
    return entry
  }

  /** Once serve-static has given all of it. It is no fault when it cannot be kept. */
  async keep(place: Place, name: string, file: OpenFile, res: ServerResponse): Promise<void> {
    const { glance } = this
    const { handle, disk, size } = file
    if (glance === undefined || size > biggest || res.statusCode !== 200) return
    const lines = repeated.flatMap((header) => {
      const value = res.getHeader(header)
      return value === undefined ? [] : [[header, String(value)] as const]
    })
    const headers = lines.flat()
    const head = lines.map(([header, value]) => `${header}: ${value}\r\n`).join('')
    const key = keyOf(place, name)
    // The same one may have been given to a whole hall.
    const isWanted = () => !this.entries.has(key)
    await disk.runWithin(diskAnswersMs, isWanted, async () => {
      if (!(await isLocal(file.path))) return
      const state = glance.stateOf(handle)
      if (state === undefined || !isSettled(state, this.now())) return
      const bytes = Buffer.alloc(size)
      const { bytesRead } = await handle.read(bytes, 0, size, 0)
      const path = Buffer.from(`${join(place.root, place.path)}\0`)
      if (bytesRead !== size || !glance.isAs(path, state)) return
      this.remember(key, { path, state, headers, head, body: bytes.toString('latin1'), isAsked: true })
    })
  }

  private remember(key: string, entry: Entry): void {
    const before = this.entries.get(key)
    if (before !== undefined) this.forget(key, before)
    this.add(key, entry)
    // What was asked since its last turn has another one: to keep them in order would cost each answer more.
    for (const [next, other] of this.entries) {
      if (this.bytes <= mostBytes) return
      this.forget(next, other)
      if (other.isAsked) this.add(next, Object.assign(other, { isAsked: false }))
    }
  }

  private add(key: string, entry: Entry): void {
    this.entries.set(key, entry)
    this.bytes += sizeOf(key, entry)
  }

  private forget(key: string, entry: Entry): void {
    this.entries.delete(key)
    this.bytes -= sizeOf(key, entry)
  }
}

export function isConditional({ headers }: IncomingMessage): boolean {
  return conditions.some((condition) => condition in headers)
}

function keyOf({ root, path }: Place, name: string): string {
  return `${root}\0${path}\0${typeOf(name) ?? ''}`
}

/** Links can give one file many paths, and long ones. */
function sizeOf(key: string, { path, body }: Entry): number {
  return key.length + path.length + body.length + overhead
}
