// Drives one transfer: its state machine, its timer, what it sends, and what is told of it.

import { printable, type Client, type Event as Told, type Tell } from '../events.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import type { Clock } from './clock.ts'
import { negotiate } from './options.ts'
import { encode, errorCodes, type Option } from './packet.ts'
import type { Blocks, Port } from './port.ts'
import type { Source } from './source.ts'
import type { End, Event, Send, Step, Transfer } from './state.ts'
import { begin, step } from './transfer.ts'

export type SessionParts = {
  readonly port: Port
  readonly ip: Ipv4
  readonly clientPort: number
  /** The request as it came, to know its repetition. */
  readonly request: string
  /** What it gets, where that comes from memory: a deploy may have changed it when the request is repeated. */
  readonly text: string | undefined
  readonly file: string
  /** How a person calls the client. */
  readonly who: string
  readonly client: Client
  readonly tell: Tell
  readonly clock: Clock
  /** The client has acknowledged something: it is where its address says. */
  readonly onProven: (session: Session) => void
  readonly onEnd: (session: Session) => void
}

export class Session {
  readonly parts: SessionParts
  readonly startedAt: number
  private source?: Source | undefined
  private blocks?: Blocks | undefined
  private transfer?: Transfer | undefined
  private isOver = false
  private isProven = false
  private callOff?: (() => void) | undefined
  private timerAt = 0
  private deadline = 0

  constructor(parts: SessionParts) {
    this.parts = parts
    this.startedAt = parts.clock.now()
  }

  get isOpen(): boolean {
    return !this.isOver
  }

  /** Sends the first answer. A session that ended meanwhile only lets go of `source`. */
  begin(source: Source, options: readonly Option[]): void {
    if (this.isOver) return source.close()
    this.source = source
    const terms = negotiate(options, source.size)
    const { blksize } = terms
    this.blocks = { source, blksize, ready: 0, first: 0, last: 0, mayBeOne: true }
    const now = this.parts.clock.now()
    this.follow(begin(terms, source.ready, source.ended, now), now)
  }

  receive(event: Event): void {
    if (this.transfer === undefined || this.isOver) {
      if (event.kind === 'error') this.end()
      return
    }
    if (event.kind === 'ack' && !this.isProven) {
      this.isProven = true
      this.parts.onProven(this)
    }
    const now = this.parts.clock.now()
    this.follow(step(this.transfer, event, now), now)
  }

  /** Whether the client took something and then nothing for `ms`: a repeated request is then a new one. */
  hasPausedFor(ms: number): boolean {
    const { transfer } = this
    return this.isProven && transfer !== undefined && this.parts.clock.now() - transfer.progressAt > ms
  }

  /** Answers with an ERROR instead, or breaks off with it. */
  refuse(code: number, message: string): void {
    if (this.isOver) return
    this.send(encode({ kind: 'error', code, message }))
    this.end()
  }

  /** Ends it without a word to the client. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.callOff?.()
    this.source?.close()
    this.parts.onEnd(this)
  }

  private follow(next: Step, now: number): void {
    this.transfer = next.state
    if (next.send !== undefined) this.sendAll(next.send, next.state)
    if (next.end !== undefined) return this.finish(next.end, next.state)
    if (next.timer !== undefined) this.wakeIn(next.timer, now)
    if (next.read === true) this.readOn(next.state)
  }

  private sendAll(what: Send, { terms, ready }: Transfer): void {
    if (what === 'oack') return this.send(encode({ kind: 'oack', options: terms.oack }))
    const { blocks, parts } = this
    if (blocks === undefined) return
    blocks.ready = ready
    blocks.first = what.first
    blocks.last = what.last
    parts.port.sendBlocks(blocks, parts.ip, parts.clientPort)
  }

  private send(bytes: Buffer): void {
    this.parts.port.send(bytes, this.parts.ip, this.parts.clientPort)
  }

  private readOn({ acked, terms }: Transfer): void {
    const { source } = this
    if (source === undefined) return
    // Its client has something to do meanwhile.
    this.parts.port.flush()
    const failed = (error: unknown) => this.breakOff(error instanceof Error ? error.message : String(error))
    const took = () => this.receive({ kind: 'data', ready: source.ready, ended: source.ended })
    try {
      const reading = source.more(acked * terms.blksize)
      if (reading === undefined) took()
      else reading.then(took, failed)
    } catch (error) {
      failed(error)
    }
  }

  // A timer that is put off with every ACK is left to run out, and set anew then.
  private wakeIn(ms: number, now: number): void {
    this.deadline = now + ms
    if (this.callOff !== undefined && this.timerAt <= this.deadline) return
    this.callOff?.()
    this.setTimer(ms)
  }

  private setTimer(ms: number): void {
    this.timerAt = this.parts.clock.now() + ms
    this.callOff = this.parts.clock.after(ms, () => {
      this.callOff = undefined
      const left = this.deadline - this.parts.clock.now()
      if (left > 0) this.setTimer(left)
      else this.receive({ kind: 'timeout' })
    })
  }

  private finish(end: End, transfer: Transfer): void {
    const { file, who } = this.parts
    const name = printable(file)
    const bytes = Math.min(transfer.ready, transfer.acked * transfer.terms.blksize)
    switch (end.kind) {
      case 'done':
        this.say('info', 'tftp.done', `${who} has ${name}: ${bytes} bytes in ${this.age()} ms`)
        break
      case 'probed':
        this.say('debug', 'tftp.probe', `${who} asked only for the size of ${name}`)
        break
      case 'aborted': {
        // GRUB closes a file it has seen enough of this way, and some firmware one of which it wanted the size.
        const level = transfer.phase === 'oack' ? 'debug' : 'info'
        const why = end.message === '' ? `error ${end.code}` : printable(end.message)
        this.say(level, 'tftp.left', `${who} broke off ${name} after ${bytes} bytes: ${why}`)
        break
      }
      case 'silent': {
        const why = this.isProven
          ? `fell silent after ${bytes} bytes of ${name}`
          : `asked for ${name} and did not answer what we sent; is a firewall in between?`
        this.say('warn', 'tftp.silent', `${who} ${why}`)
        break
      }
      case 'unread':
        return this.breakOff('the disk does not answer')
    }
    this.end()
  }

  private breakOff(because: string): void {
    if (this.isOver) return
    const { file, who } = this.parts
    this.say('warn', 'tftp.unreadable', `${who} asks for ${printable(file)}: ${printable(because)}`)
    this.refuse(errorCodes.undefined, because)
  }

  private say(level: Told['level'], stepName: string, text: string): void {
    const { transfer } = this
    const again = transfer?.retransmissions ?? 0
    const bytes = Math.min(transfer?.ready ?? 0, (transfer?.acked ?? 0) * (transfer?.terms.blksize ?? 0))
    this.parts.tell({
      level,
      step: stepName,
      text: again === 0 ? text : `${text}, ${again} packets sent again`,
      client: this.parts.client,
      data: { file: printable(this.parts.file), bytes, ms: this.age(), retransmissions: again },
    })
  }

  private age(): number {
    return Math.round(this.parts.clock.now() - this.startedAt)
  }
}
