// The journal: one preallocated file of checked records, each on disk when its append returns. What they say is not its concern.

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'

//  0        4        8            12
//  +--------+--------+------------+---------+
//  | CRC-32 | length | generation | payload |   big endian; the length is the payload's, the CRC is of all that follows it
//  +--------+--------+------------+---------+
const head = 12

/** In octets. Mostly there is little in it: it is not read to its end for nothing. */
const firstLook = 64 * 1024

/**
 * Opens the file, or makes one of `size` bytes. Its blocks are written once here, so that no later append has to find
 * room or to sync anything but its own bytes.
 */
export function openJournal(path: string, size: number): Journal {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600)
  const before = fstatSync(fd).size
  try {
    if (fstatSync(fd).isFile()) fchmodSync(fd, 0o600)
    if (before < size) writeAll(fd, Buffer.alloc(size - before), before)
    // Also where it has its size: whoever gave it that may have been killed before it was synced.
    sync(fd, dirname(path))
  } catch (error) {
    if (before < size && fstatSync(fd).isFile()) ftruncateSync(fd, before)
    closeSync(fd)
    const cause = error instanceof Error ? error.message : String(error)
    throw new Error(`no room for its journal ${path}: ${cause}`, { cause: error })
  }
  return new Journal(fd, Math.max(before, size))
}

/** A new file's name is in its folder, which has a sync of its own. */
function sync(fd: number, folder: string): void {
  if (!fstatSync(fd).isFile()) return
  fsyncSync(fd)
  const directory = openSync(folder, 'r')
  fsyncSync(directory)
  closeSync(directory)
}

export class Journal {
  readonly size: number
  private readonly fd: number
  private generation = 0
  /** Where the next record goes. */
  private end = 0

  constructor(fd: number, size: number) {
    this.fd = fd
    this.size = size
  }

  /** The payloads written in `generation`, in order, up to the first record that is torn or of another; goes on behind them. */
  replay(generation: number): readonly Buffer[] {
    for (let length = firstLook; ; length *= 2) {
      this.restart(generation)
      const bytes = Buffer.alloc(Math.min(length, this.size))
      readSync(this.fd, bytes, 0, bytes.length, 0)
      const payloads: Buffer[] = []
      for (;;) {
        const payload = payloadAt(bytes, this.end, generation)
        if (payload === undefined) break
        payloads.push(payload)
        this.end += head + payload.length
      }
      const isOver = this.end + head <= bytes.length && generationAt(bytes, this.end) !== generation
      if (isOver || bytes.length === this.size) return payloads
    }
  }

  /** All records become garbage, and their room is free. The generation is to be on disk elsewhere before. */
  restart(generation: number): void {
    this.generation = generation
    this.end = 0
  }

  get isHalfFull(): boolean {
    return this.end > this.size / 2
  }

  fits(payload: Buffer): boolean {
    return this.end + head + payload.length <= this.size
  }

  /**
   * The record is on disk when it returns. After an error some of it, or all, may still be there: only a restart in
   * another generation makes sure that it is never replayed.
   */
  append(payload: Buffer): void {
    const record = Buffer.allocUnsafe(head + payload.length)
    record.writeUInt32BE(payload.length, 4)
    record.writeUInt32BE(this.generation, 8)
    payload.copy(record, head)
    record.writeUInt32BE(crc32(record.subarray(4)), 0)
    const at = this.end
    this.end += record.length
    writeAll(this.fd, record, at)
  }

  close(): void {
    closeSync(this.fd)
  }
}

function payloadAt(bytes: Buffer, at: number, generation: number): Buffer | undefined {
  if (at + head > bytes.length || generationAt(bytes, at) !== generation) return undefined
  const end = at + head + bytes.readUInt32BE(at + 4)
  if (end > bytes.length || crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(at)) return undefined
  return bytes.subarray(at + head, end)
}

function generationAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + 8)
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, bytes.length - done, position + done)
}
