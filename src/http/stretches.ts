// Sends most of a big file from the kernel's memory straight to its client, between the pieces that Node reads and writes.

import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Libc } from '../net/libc.ts'
import { descriptorOf } from './sender.ts'

export type StretchesParts = {
  readonly libc: Libc
  readonly handle: FileHandle
  /** Calls under way on it, that Node does not know of: it may be closed after them. */
  readonly calls: Set<Promise<unknown>>
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Waits for work at the disk no longer than a client should. */
  readonly run: (work: () => Promise<number>) => Promise<number>
}

/** All of a stretch has to be read in the time that `run` gives it, also by a file server that is slow. */
const shortest = 128 * 1024
/** Longer ones take as much CPU, and others wait for their turn. */
const longest = 1024 * 1024
/** Milliseconds. */
const quick = 100

/** Of one answer. */
export class Stretches {
  /** What was sent, of which Node knows nothing. */
  bytes = 0
  /** Octets of Node's pieces: so many make it wait for room behind each. */
  readonly piece: number
  private readonly parts: StretchesParts
  private length = shortest

  constructor(parts: StretchesParts) {
    this.parts = parts
    this.piece = parts.req.socket.writableHighWaterMark
  }

  /**
   * Waits until the kernel has what Node wrote, and then gives the client's socket as much as it has room for of the
   * octets from `position` to before `end`. That may be none, also where the file cannot be read: Node's next read tells.
   * Between two stretches comes a piece of Node's: it waits for room, and Node takes it for a sign of life.
   * @throws what `run` does, and then the connection is cut
   */
  async send(position: number, end: number): Promise<void> {
    const { res } = this.parts
    await drained(res)
    // Without a socket it waits behind other answers on its connection.
    if (position >= end || res.socket === null || res.writableLength > 0) return
    this.bytes += await this.call(position, Math.min(end - position, this.length))
  }

  private async call(position: number, count: number): Promise<number> {
    const { libc, handle, calls, req, run } = this.parts
    // A descriptor of our own: that of a connection which Node closes is another client's a moment later.
    let socket = -1
    const send = async () => {
      socket = libc.duplicate(descriptorOf(req.socket))
      if (socket < 0) return 0
      const began = performance.now()
      const call = libc.sendFile(socket, handle.fd, position, count)
      calls.add(call)
      try {
        return Math.max(0, await call)
      } finally {
        calls.delete(call)
        libc.close(socket)
        socket = -1
        this.length = performance.now() - began < quick ? Math.min(longest, 2 * this.length) : shortest
      }
    }
    try {
      return await run(send)
    } catch (error) {
      // Node's closing would not end the connection as long as the call hangs.
      if (socket >= 0) libc.shutDown(socket)
      throw error
    }
  }
}

async function drained(res: ServerResponse): Promise<void> {
  if (!res.writableNeedDrain) return
  await new Promise<void>((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done)
      resolve()
    }
    res.on('drain', done).on('close', done)
  })
}
