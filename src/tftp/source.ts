// What a transfer sends: a text in memory, or a file that is read some way ahead of its client.

import type { Disk } from '../disk.ts'
import { toNetascii } from './netascii.ts'
import { buffer, firstRead, Piece, type Shared } from './pieces.ts'
import { readAhead } from './transfer.ts'

/** Octets are counted as they are sent. */
export type Source = {
  /** Undefined where only the end will tell. */
  readonly size: number | undefined
  /** Octets from the start that have been read; `ended`: these are all. */
  readonly ready: number
  readonly ended: boolean
  /** Writes octets that have been read and not given up into `target` from `at` on. */
  copy(target: Buffer, at: number, from: number, to: number): void
  /** What holds octets `from` to `to`; undefined where several do, or there are none. */
  pieceOf(from: number, to: number): Piece | undefined
  /** Reads on, and gives up what lies before `keep`. A promise where the disk has to be asked. */
  more(keep: number): Promise<void> | undefined
  close(): void
}

/** An open file. */
export type OpenFile = {
  readonly size: number
  /** What others read of it. */
  readonly shared?: Shared | undefined
  /** As many octets as are in memory; 0 or undefined: none, or nobody can tell. */
  readNow(into: Buffer, position: number): number | undefined
  read(into: Buffer, position: number): Promise<number>
  /** Waits for a read under way; nobody has to wait for it. */
  close(): void
}

export function textSource(bytes: Buffer, isNetascii: boolean): Source {
  const sent = new Piece(0, isNetascii ? toNetascii(bytes) : bytes)
  const size = sent.bytes.length
  return {
    size,
    ready: size,
    ended: true,
    copy: (target, at, from, to) => void sent.bytes.copy(target, at, from, to),
    pieceOf: (from, to) => (from < to ? sent : undefined),
    more: () => undefined,
    close: () => undefined,
  }
}

/** An open file, of which the disk is asked by way of `disk`; it is closed at its end. Replaced meanwhile, it goes on. */
export class FileSource implements Source {
  ready = 0
  ended = false
  private readonly file: OpenFile
  private readonly isNetascii: boolean
  private readonly disk: Disk
  private position = 0
  private pieces: Piece[] = []
  private isClosed = false

  constructor(file: OpenFile, isNetascii: boolean, disk: Disk) {
    this.file = file
    this.isNetascii = isNetascii
    this.disk = disk
  }

  get size(): number | undefined {
    if (this.ended) return this.ready
    return this.isNetascii ? undefined : this.file.size
  }

  /** The first read. `turn`: who calls has the disk already. */
  open(turn?: 'taken'): Promise<void> | undefined {
    return this.read(firstRead, turn)
  }

  more(keep: number): Promise<void> | undefined {
    while (true) {
      const [first] = this.pieces
      if (first === undefined || first.end > keep) break
      this.pieces.shift()
      first.release()
    }
    return this.read(readAhead)
  }

  copy(target: Buffer, at: number, from: number, to: number): void {
    for (const { start, bytes } of this.pieces) {
      if (start + bytes.length <= from || start >= to) continue
      bytes.copy(target, at + Math.max(0, start - from), Math.max(0, from - start), to - start)
    }
  }

  pieceOf(from: number, to: number): Piece | undefined {
    for (const piece of this.pieces)
      if (piece.end > from) return to <= piece.end && from < to ? piece : undefined
    return undefined
  }

  close(): void {
    for (const piece of this.pieces.splice(0)) piece.release()
    this.closeFile()
  }

  private closeFile(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.file.close()
  }

  /** @throws when the file has become shorter */
  private read(most: number, turn?: 'taken'): Promise<void> | undefined {
    const length = Math.min(most, this.file.size - this.position)
    if (length <= 0) return this.took(Buffer.alloc(0))
    const known = this.isNetascii ? undefined : this.file.shared?.find(this.position)
    if (known !== undefined) return this.took(known.bytes, known)
    const into = buffer(length)
    const count = this.file.readNow(into, this.position)
    // 0 need not be the end: Linux 5.9 and 5.10 say it of what is not in memory, too (preadv2, RWF_NOWAIT).
    if (count !== undefined && count > 0) return this.took(into.subarray(0, count))
    const ask = () => this.file.read(into, this.position)
    const asked = turn === 'taken' ? ask() : this.disk.run(ask, () => !this.isClosed)
    return asked.then((later) => {
      if (later === 0) throw new Error('the file became shorter while it was sent')
      return this.took(into.subarray(0, later))
    })
  }

  /** `known`: what holds it. */
  private took(read: Buffer, known?: Piece): undefined {
    this.position += read.length
    const bytes = this.isNetascii ? toNetascii(read) : read
    if (bytes.length > 0) {
      const piece = known ?? new Piece(this.ready, bytes)
      if (known === undefined && !this.isNetascii && !this.isClosed) this.file.shared?.add(piece)
      this.pieces.push(piece)
    }
    this.ready += bytes.length
    if (this.position < this.file.size) return
    this.ended = true
    this.closeFile()
  }
}
