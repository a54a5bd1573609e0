// Requests that come once more in the very same octets: answered without Node's parser, which takes as long as the rest.

import type { Socket } from 'node:net'
import { sendByNode, type Send } from './sender.ts'

/** A 200. The same object, as long as it is the same. */
export type Given = {
  /** Header lines, each with its CRLF. */
  readonly head: string
  /** Latin-1. */
  readonly body: string
}

/** Judges a request anew that `socket` sends again; undefined: Node is to parse it. */
export type Repeat = (socket: Socket) => Given | undefined

/** Browsers' heads are longer, and they keep what they were given. */
const longestHead = 512

/** The kernel has room for it: Node's limit for what nobody reads is not in force here. */
export const biggestRepeated = 8 * 1024

/** A mirror's small files for one installer, and some: the answers take 8 MB at most. */
const most = 1024

type Kept = {
  readonly repeat: Repeat
  /** What was given last, in which second of time, and that as a whole answer: most often it is given again. */
  given?: Given
  second: number
  octets: Buffer
}

export class Repeats {
  private readonly repeats = new Map<string, Kept>()
  private readonly keepAlive: string
  private readonly answered: (socket: Socket) => void
  private readonly send: Send

  /** `keepAliveMs`: what clients are told of how long a connection is kept open. */
  constructor(keepAliveMs: number, answered: (socket: Socket) => void, send: Send = sendByNode) {
    this.answered = answered
    this.send = send
    this.keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`
  }

  /** `head`: the whole of a GET or HEAD by HTTP/1.1, which kept its connection open. */
  keep(head: Buffer, repeat: Repeat): void {
    if (head.length > longestHead) return
    const [oldest] = this.repeats.keys()
    if (this.repeats.size >= most && oldest !== undefined) this.repeats.delete(oldest)
    this.repeats.set(head.toString('latin1'), { repeat, second: 0, octets: Buffer.alloc(0) })
  }

  /** Whether it is answered. `socket` is between two requests, and has sent all it was given. */
  answer(head: Buffer, socket: Socket): boolean {
    if (head.length > longestHead || this.repeats.size === 0) return false
    const kept = this.repeats.get(head.toString('latin1'))
    const given = kept?.repeat(socket)
    if (kept === undefined || given === undefined) return false
    const second = Math.floor(Date.now() / 1000)
    if (given !== kept.given || second !== kept.second) {
      const octets = Buffer.from(this.textOf(given, second), 'latin1')
      Object.assign(kept, { given, second, octets })
    }
    this.send(socket, kept.octets)
    this.answered(socket)
    return true
  }

  private textOf({ head, body }: Given, second: number): string {
    const date = new Date(second * 1000).toUTCString()
    return `HTTP/1.1 200 OK\r\n${head}Date: ${date}\r\n${this.keepAlive}\r\n${body}`
  }
}
