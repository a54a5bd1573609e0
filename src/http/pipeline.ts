// Bounds the requests that one connection has under way: a read of 64 KiB holds 1,500, and Node would start them all.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Repeat, Repeats } from './repeats.ts'

/** Bytes that Node parses at once: most requests whole, and ten of the shortest. */
const sliceBytes = 256

/** What a connection starts before the others have their turn. */
const perTurn = 4

const endOfHead = Buffer.from('\r\n\r\n')

/** Make it when Node has seen the connection: its own listener for data is what parses. */
export class Pipeline {
  private readonly socket: Socket
  private readonly most: number
  private underWay = 0
  private thisTurn = 0
  private isHeld = false
  private isOver = false
  private takesBareLines: boolean
  private readonly repeats: Repeats
  /** All that came is whole requests. Node's own limit for the first one ends with that one. */
  private isBetween = false
  private last?: IncomingMessage
  /** Of the last one in the chunk that is read now. */
  private repeat?: Repeat | undefined

  /**
   * `most`: requests without an answer, beyond which the connection is read no further. `takesBareLines`: the first
   * request may end its lines by LF alone.
   */
  constructor(socket: Socket, most: number, repeats: Repeats, takesBareLines = false) {
    this.socket = socket
    this.most = most
    this.repeats = repeats
    this.takesBareLines = takesBareLines
    const [parse] = socket.listeners('data')
    if (parse === undefined) return
    // What Node's stream does around a chunk takes as long as a decision.
    const push = socket.push.bind(socket)
    socket.push = (chunk: Buffer | null, encoding) => this.answers(chunk) || push(chunk, encoding)
    socket.on('data', (chunk: Buffer) => this.read(chunk, (slice) => void parse.call(socket, slice)))
    socket.removeListener('data', parse as (chunk: Buffer) => void)
  }

  /** Of every head that Node takes, also one that is refused at once: its body is no request. */
  begin(request: IncomingMessage): void {
    this.last = request
    this.repeat = undefined
    this.underWay++
    if (this.thisTurn++ > 0) return
    setImmediate(() => {
      this.thisTurn = 0
      this.goOn()
    })
  }

  /** The one that began last is answered; how it is answered again. */
  mayRepeat(repeat: Repeat): void {
    this.repeat = repeat
  }

  /** Of one that begin() counted. */
  end(): void {
    this.underWay--
    this.goOn()
  }

  /** What still comes is read and forgotten. Left unread, it would cut off the answers before it. */
  stop(): void {
    this.isOver = true
  }

  /** All of a chunk that came behind all others. */
  private answers(chunk: Buffer | null): boolean {
    const { socket, isIdle, repeats } = this
    return (
      chunk !== null &&
      isIdle &&
      socket.readableFlowing === true &&
      socket.readableLength === 0 &&
      socket.writableLength === 0 &&
      repeats.answer(chunk, socket)
    )
  }

  /** Between two requests. */
  private get isIdle(): boolean {
    return this.isBetween && this.underWay === 0 && !this.isOver && this.socket.writable
  }

  private read(given: Buffer, parse: (slice: Buffer) => void): void {
    const chunk = this.takesBareLines ? withWholeLines(given) : given
    this.takesBareLines = false
    const wasBetween = this.isIdle
    this.isBetween = false
    this.repeat = undefined
    for (let at = 0; at < chunk.length && !this.isOver; at += sliceBytes) {
      // Node pauses it, too, while answers wait to be sent, and is the one to resume it then.
      if (!this.socket.isPaused() && this.isFull()) {
        this.isHeld = true
        this.socket.pause()
      }
      if (this.socket.isPaused()) return this.socket.unshift(chunk.subarray(at))
      parse(chunk.subarray(at, at + sliceBytes))
    }
    this.isBetween = this.last?.complete === true && chunk.subarray(-4).equals(endOfHead)
    // One head only: with a second one, even one that is refused or malformed, Node must see it all each time.
    const isOne = wasBetween && this.isBetween && chunk.indexOf(endOfHead) === chunk.length - endOfHead.length
    if (isOne && this.repeat !== undefined) this.repeats.keep(chunk, this.repeat)
  }

  private isFull(): boolean {
    return this.underWay >= this.most || this.thisTurn >= perTurn
  }

  private goOn(): void {
    if (!this.isHeld || this.isFull()) return
    this.isHeld = false
    this.socket.resume()
  }
}

/**
 * RFC 9112 2.2: a single LF may be taken for the end of a line, and Node takes none. Only where the head is whole and
 * without any CR, as printf in an installer writes it: lines of both kinds are how one request is hidden in another.
 */
function withWholeLines(chunk: Buffer): Buffer {
  const end = chunk.indexOf('\n\n') + 2
  const head = chunk.subarray(0, end)
  if (end < 2 || head.includes('\r')) return chunk
  return Buffer.concat([
    Buffer.from(head.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
    chunk.subarray(end),
  ])
}
