// What transfers send, piece by piece; of a file that many load at once, each piece is read once for all of them.

import type { Lent } from '../net/batch.ts'
import { readAhead } from './transfer.ts'

/** A first read so short costs little when nobody was there to ask for it. */
export const firstRead = 32 * 1024

/** Buffers of a whole read, used again: fresh memory costs more than the copy into it. */
const spares: ReadonlyMap<number, Buffer[]> = new Map([
  [firstRead, []],
  [readAhead, []],
])
const mostSpare = 64

/** Some buffer of that length. */
export function buffer(length: number): Buffer {
  return spares.get(length)?.pop() ?? Buffer.allocUnsafe(length)
}

/** Octets of a source from `start` on, for as long as anybody holds them; who made it does. */
export class Piece implements Lent {
  readonly start: number
  readonly bytes: Buffer
  address?: number | undefined
  private holders = 1

  constructor(start: number, bytes: Buffer) {
    this.start = start
    this.bytes = bytes
  }

  get end(): number {
    return this.start + this.bytes.length
  }

  hold(): void {
    this.holders++
  }

  release(): void {
    if (--this.holders > 0) return
    const spare = spares.get(this.bytes.length)
    if (spare !== undefined && spare.length < mostSpare) spare.push(this.bytes)
  }
}

/** Kept for whoever is behind, beside what transfers hold themselves: 32 MiB. */
const mostKept = 256

type Kept = { readonly piece: Piece; readonly among: Map<number, Kept> }

/** The pieces of one file in one state, for each transfer of it. */
export type Shared = {
  /** The piece that starts there, where somebody has read it; held. */
  readonly find: (start: number) => Piece | undefined
  readonly add: (piece: Piece) => void
  /** Once. */
  readonly leave: () => void
}

/** The pieces of all files that are being sent; nothing is kept of one that nobody loads. */
export class Shelf {
  private readonly files = new Map<string, { users: number; readonly pieces: Map<number, Kept> }>()
  /** The one read first comes first. */
  private readonly kept = new Set<Kept>()

  /** `state`: tells the file, and one content of it from the next. */
  share(state: string): Shared {
    const file = this.files.get(state) ?? { users: 0, pieces: new Map<number, Kept>() }
    this.files.set(state, file)
    file.users++
    return {
      find: (start) => {
        const piece = file.pieces.get(start)?.piece
        piece?.hold()
        return piece
      },
      // A client alone has its buffers back sooner, and still warm.
      add: (piece) => {
        if (file.users > 1) this.keep(piece, file.pieces)
      },
      leave: () => {
        if (--file.users > 0) return
        this.files.delete(state)
        for (const each of file.pieces.values()) this.drop(each)
      },
    }
  }

  private keep(piece: Piece, among: Map<number, Kept>): void {
    // Another transfer may have waited for the same.
    if (among.has(piece.start)) return
    const entry = { piece, among }
    piece.hold()
    among.set(piece.start, entry)
    this.kept.add(entry)
    const [oldest] = this.kept
    if (this.kept.size > mostKept && oldest !== undefined) this.drop(oldest)
  }

  private drop(entry: Kept): void {
    this.kept.delete(entry)
    entry.among.delete(entry.piece.start)
    entry.piece.release()
  }
}
