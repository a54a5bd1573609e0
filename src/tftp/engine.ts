// Answers TFTP datagrams: whose transfer each belongs to, what a request gets, and how many there may be. No socket here.

import { decide, worrying, type Decision, type Site } from '../boot/decide.ts'
import type { Fetch } from '../boot/facts.ts'
import { lackOf } from '../boot/lack.ts'
import type { Recent } from '../boot/recent.ts'
import { hostOfMac, type Table } from '../boot/table.ts'
import { printable, type Client, type Level, type Tell } from '../events.ts'
import { formatIpv4, inSubnet, type Ipv4, type Subnet } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Files, Found } from './answer.ts'
import type { Clock } from './clock.ts'
import { decode, encode, errorCodes, type Request } from './packet.ts'
import type { Port } from './port.ts'
import { Session } from './session.ts'
import { keyOf, Sessions, type ClientKey, type Limits } from './sessions.ts'
import { readLimitMs } from './transfer.ts'

export type EngineParts = {
  readonly table: Table
  /** What was sent lately. */
  readonly recent: Recent
  readonly site: Site
  readonly files: Files
  /** Whose address it is. */
  readonly macOf: (ip: Ipv4) => Mac | undefined
  /** Who may fetch; empty: everyone. */
  readonly clients: readonly Subnet[]
  /** What templates call us; the address a client reached where it is left out. */
  readonly advertise?: Ipv4 | undefined
  readonly limits: Limits
  readonly tell: Tell
  /** For what a flood could repeat at will. */
  readonly tellSparingly: Tell
  readonly clock: Clock
}

/** A machine that was reset asks from the same port again; a request delayed on its way comes sooner. */
const newRequestAfterMs = 1000

export class Engine {
  private readonly parts: EngineParts
  private readonly sessions: Sessions

  constructor(parts: EngineParts) {
    this.parts = parts
    this.sessions = new Sessions(parts.limits, parts.clock.now)
  }

  /** How many transfers are open. */
  get open(): number {
    return this.sessions.size
  }

  /** Any bytes from anywhere; never throws. */
  receive(port: Port, bytes: Buffer, ip: Ipv4, clientPort: number): void {
    try {
      this.dispatch(port, bytes, ip, clientPort)
    } catch (error) {
      const text = `${formatIpv4(ip)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
      this.parts.tellSparingly({ level: 'error', step: 'tftp.fault', text: printable(text) })
    }
  }

  /** Ends every transfer. */
  stop(): void {
    this.sessions.endAll()
  }

  private dispatch(port: Port, bytes: Buffer, ip: Ipv4, clientPort: number): void {
    const packet = decode(bytes)
    const session = this.sessions.get(keyOf(ip, clientPort))
    const own = session?.parts.port === port ? session : undefined
    switch (packet.kind) {
      case 'malformed':
        return this.drop(ip, clientPort, packet.because)
      case 'rrq':
      case 'wrq':
        if (!port.isListening) return this.drop(ip, clientPort, 'a request to the port of a transfer')
        return this.request(port, packet, bytes.toString('latin1'), ip, clientPort)
      case 'ack':
        return own === undefined ? this.stray(port, ip, clientPort) : own.receive(packet)
      case 'error':
        return own === undefined ? this.drop(ip, clientPort, 'an ERROR to no transfer') : own.receive(packet)
      case 'data':
      case 'oack':
        return own === undefined
          ? this.stray(port, ip, clientPort)
          : this.drop(ip, clientPort, 'DATA or OACK of a client that fetches')
    }
  }

  private drop(ip: Ipv4, clientPort: number, because: string): void {
    this.parts.tellSparingly({
      level: 'debug',
      step: 'tftp.dropped',
      text: `dropped from ${formatIpv4(ip)}:${clientPort}: ${because}`,
    })
  }

  /** RFC 1350 4: an ERROR 5 to who knows no transfer here; one that it has is not harmed. */
  private stray(port: Port, ip: Ipv4, clientPort: number): void {
    const key = keyOf(ip, clientPort)
    this.drop(ip, clientPort, 'it belongs to no transfer')
    if (this.sessions.get(key) !== undefined || this.sessions.endedLately(key)) return
    const message = 'no such transfer'
    port.send(encode({ kind: 'error', code: errorCodes.unknownTransfer, message }), ip, clientPort)
  }

  private request(port: Port, packet: Request, raw: string, ip: Ipv4, clientPort: number): void {
    const key = keyOf(ip, clientPort)
    const mac = this.parts.macOf(ip)
    const client = { mac, ip, host: hostOfMac(this.parts.table, mac)?.name }
    const decision = this.decide(port, packet.file, client, this.parts.recent.of(mac, this.parts.clock.now()))
    const text = textOf(decision)
    const before = this.sessions.get(key)
    if (before !== undefined && isRepeated(before, port, raw, text)) return before.receive({ kind: 'repeat' })
    before?.end()
    const address = formatIpv4(ip)
    const name = client.host ?? mac
    const { clock, recent, tell, tellSparingly } = this.parts
    const session = new Session({
      port: port.forTransfer(before?.parts.port),
      ip,
      clientPort,
      request: raw,
      text,
      file: packet.file,
      who: name === undefined ? address : `${name} (${address})`,
      client,
      // Spoofed requests are met by silence, as many of them as anyone likes.
      tell: (event) => {
        if (event.step === 'tftp.done' && decision.loader !== undefined) {
          recent.add(client, decision.loader, clock.now())
        }
        return event.step === 'tftp.silent' ? tellSparingly(event) : tell(event)
      },
      clock,
      onProven: (proven) => this.sessions.proven(proven),
      onEnd: (over) => this.sessions.remove(key, over),
    })
    const refusal = this.refusalOf(packet, ip)
    if (refusal !== undefined) return this.refuse(session, refusal.code, refusal.because, 'warn')
    const full = this.sessions.makeRoom(ip)
    if (full !== undefined) return this.postpone(session, full)
    this.answer(key, session, decision, packet)
  }

  private decide({ address }: Port, path: string, { mac, ip }: Client, recent: readonly Fetch[]): Decision {
    const server = this.parts.advertise ?? address
    const asks = { kind: 'path', path } as const
    const facts = { via: 'tftp', server, mac, ip, archs: [], agent: 'unknown', recent, asks } as const
    return decide(facts, this.parts.table, this.parts.site)
  }

  private refusalOf(
    packet: Request,
    ip: Ipv4,
  ): { readonly code: number; readonly because: string } | undefined {
    const { clients } = this.parts
    if (clients.length > 0 && !clients.some((subnet) => inSubnet(ip, subnet))) {
      const because = 'this address may not fetch here; the setting clients of pxe-pilot.yml names who may'
      return { code: errorCodes.accessViolation, because }
    }
    if (packet.kind === 'wrq') {
      return { code: errorCodes.accessViolation, because: 'files can only be fetched here' }
    }
    if (packet.mode === 'octet' || packet.mode === 'netascii') return undefined
    return { code: errorCodes.illegalOperation, because: `the mode is ${packet.mode}, not octet or netascii` }
  }

  /** No ERROR: loaders take one for good, but repeat a request that nobody answers. */
  private postpone({ parts }: Session, because: string): void {
    const { who, file, client } = parts
    const text = `${who} asks for ${printable(file)} and has to wait: ${because}`
    this.parts.tellSparingly({ level: 'warn', step: 'tftp.full', text, client })
  }

  private answer(key: ClientKey, session: Session, decision: Decision, packet: Request): void {
    const isNetascii = packet.mode === 'netascii'
    const found = this.parts.files.find(decision, isNetascii, () => session.isOpen)
    // Loaders probe for many names: what is over with its ERROR is nothing that anybody could look for.
    if (found instanceof Promise || found.kind === 'found') this.sessions.add(key, session)
    if (found instanceof Promise) void this.answerLater(session, decision, packet, found)
    else this.give(session, decision, packet, found)
  }

  private async answerLater(
    session: Session,
    decision: Decision,
    packet: Request,
    finding: Promise<Found>,
  ): Promise<void> {
    const callOff = this.parts.clock.after(readLimitMs, () => {
      this.refuse(session, errorCodes.undefined, 'the disk does not answer', 'warn')
    })
    try {
      this.give(session, decision, packet, await finding)
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error)
      this.refuse(session, errorCodes.undefined, because, 'warn')
    } finally {
      callOff()
    }
  }

  private give(session: Session, decision: Decision, packet: Request, found: Found): void {
    if (!session.isOpen) {
      if (found.kind === 'found') found.source.close()
    } else if (found.kind === 'refused') {
      this.refuse(session, errorCodes.accessViolation, found.because, 'warn')
    } else if (found.kind === 'missing') {
      this.miss(session, decision, packet.file)
    } else {
      this.tellRequest(session, decision)
      session.begin(found.source, packet.options)
    }
  }

  private tellRequest({ parts }: Session, { reason, host, configuration }: Decision): void {
    this.parts.tell({
      level: worrying.has(reason.rule) ? 'warn' : 'info',
      step: 'tftp.request',
      text: `${parts.who} asks for ${printable(parts.file)}: ${printable(reason.because)}`,
      client: { ...parts.client, host: host ?? parts.client.host },
      data: { file: printable(parts.file), rule: reason.rule, configuration: configuration ?? null },
    })
  }

  private miss(session: Session, decision: Decision, file: string): void {
    const { rule, because } = decision.reason
    if (rule === 'refused') return this.refuse(session, errorCodes.accessViolation, because, 'warn')
    if (worrying.has(rule)) return this.refuse(session, errorCodes.notFound, because, 'warn')
    const lack = lackOf(file, session.parts.client.host, this.parts.table, this.parts.site)
    const plain = rule === 'file' ? 'there is no such file' : because
    if (lack === undefined) return this.refuse(session, errorCodes.notFound, plain, 'debug')
    // GRUB shows this text alone, and not what it asked for.
    this.refuse(session, errorCodes.notFound, lack, 'warn', `${printable(file)}: ${lack}`)
  }

  /** `shown`: on the machine's screen. */
  private refuse(session: Session, code: number, because: string, level: Level, shown = because): void {
    if (!session.isOpen) return
    const { who, client } = session.parts
    const file = printable(session.parts.file)
    this.parts.tellSparingly({
      level,
      step: code === errorCodes.notFound ? 'tftp.missing' : 'tftp.refused',
      text: `${who} asks for ${file}: ${printable(because)}`,
      client,
      data: { file, code },
    })
    session.refuse(code, shown)
  }
}

/** What is given from memory; the answers of one path differ in nothing else. */
function textOf({ answers }: Decision): string | undefined {
  return answers.find((answer) => answer.kind === 'text')?.body
}

/** A request that was sent again belongs to its transfer, unless what it is to get has changed since. */
function isRepeated(before: Session, port: Port, raw: string, text: string | undefined): boolean {
  const { parts } = before
  const isSame = parts.request === raw && parts.port.address === port.address && parts.text === text
  return isSame && !before.hasPausedFor(newRequestAfterMs)
}
