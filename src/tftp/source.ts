// What a transfer sends: a text in memory, or a file that is read some way ahead of its client.

import type { FileHandle } from 'node:fs/promises'
import type { Disk } from './disk.ts'
import { toNetascii } from './netascii.ts'
import { readAhead } from './transfer.ts'

/** Octets are counted as they are sent. */
export type Source = {
  /** Undefined where only the end will tell. */
  readonly size: number | undefined
  /** Octets from the start that have been read; `ended`: these are all. */
  readonly ready: number
  readonly ended: boolean
  /** Of what has been read and not given up. */
  slice(from: number, to: number): Buffer
  /** Reads on, and gives up what lies before `keep`. */
  more(keep: number): Promise<void>
  close(): void
}

/** A first read so short costs little when nobody was there to ask for it. */
export const firstRead = 32 * 1024

export function textSource(bytes: Buffer, isNetascii: boolean): Source {
  const sent = isNetascii ? toNetascii(bytes) : bytes
  return {
    size: sent.length,
    ready: sent.length,
    ended: true,
    slice: (from, to) => sent.subarray(from, to),
    more: () => Promise.resolve(),
    close: () => undefined,
  }
}

type Piece = { readonly start: number; readonly bytes: Buffer }

/** An open file of `fileSize` octets, read through `disk`; it is closed at its end. Replaced meanwhile, it goes on. */
export class FileSource implements Source {
  ready = 0
  ended = false
  private readonly handle: FileHandle
  private readonly fileSize: number
  private readonly isNetascii: boolean
  private readonly disk: Disk
  private position = 0
  private pieces: Piece[] = []
  private isClosed = false

  constructor(handle: FileHandle, fileSize: number, isNetascii: boolean, disk: Disk) {
    this.handle = handle
    this.fileSize = fileSize
    this.isNetascii = isNetascii
    this.disk = disk
  }

  get size(): number | undefined {
    if (this.ended) return this.ready
    return this.isNetascii ? undefined : this.fileSize
  }

  /** The first read; part of opening it. */
  async open(): Promise<void> {
    await this.read(firstRead)
  }

  async more(keep: number): Promise<void> {
    this.pieces = this.pieces.filter(({ start, bytes }) => start + bytes.length > keep)
    await this.disk.run(
      () => this.read(readAhead),
      () => !this.isClosed,
    )
  }

  slice(from: number, to: number): Buffer {
    const parts: Buffer[] = []
    for (const { start, bytes } of this.pieces) {
      if (start + bytes.length <= from || start >= to) continue
      parts.push(bytes.subarray(Math.max(0, from - start), Math.min(bytes.length, to - start)))
    }
    const [only, ...others] = parts
    return only !== undefined && others.length === 0 ? only : Buffer.concat(parts)
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    // It waits for a read under way, or for a root that hangs; nobody waits for it.
    this.disk.afterwards(() => this.handle.close())
  }

  private async read(most: number): Promise<void> {
    const length = Math.min(most, this.fileSize - this.position)
    if (length > 0) {
      const buffer = Buffer.allocUnsafe(length)
      const { bytesRead } = await this.handle.read(buffer, 0, length, this.position)
      if (bytesRead === 0) throw new Error('the file became shorter while it was sent')
      this.position += bytesRead
      const bytes = toSend(buffer.subarray(0, bytesRead), this.isNetascii)
      this.pieces.push({ start: this.ready, bytes })
      this.ready += bytes.length
    }
    if (this.position < this.fileSize) return
    this.ended = true
    this.close()
  }
}

function toSend(bytes: Buffer, isNetascii: boolean): Buffer {
  return isNetascii ? toNetascii(bytes) : bytes
}
