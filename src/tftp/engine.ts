// Answers TFTP datagrams: whose transfer each belongs to, what a request gets, and how many there may be. No socket here.

import { decide, type Decision, type Rule, type Site } from '../boot/decide.ts'
import { builtInLocal, hostOfMac, type Table } from '../boot/table.ts'
import { printable, type Client, type Level, type Tell } from '../events.ts'
import { inSubnet, ipv4, parseIpv4, type Ipv4, type Subnet } from '../net/ipv4.ts'
import { findSource, type Roots } from './answer.ts'
import { decode, encode, errorCodes, type Request } from './packet.ts'
import type { Port } from './port.ts'
import { Session } from './session.ts'
import { firstTimerMs, readLimitMs } from './transfer.ts'

export type EngineParts = {
  readonly table: Table
  readonly site: Site
  readonly roots: Roots
  /** Who may fetch; empty: everyone. */
  readonly clients: readonly Subnet[]
  /** What templates call us; the address a client reached where it is left out. */
  readonly advertise?: Ipv4 | undefined
  readonly maxTransfers: number
  readonly maxPerClient: number
  readonly tell: Tell
  /** For what a flood could repeat at will. */
  readonly tellSparingly: Tell
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** A machine that was reset asks from the same port again; a request delayed on its way comes sooner. */
const newRequestAfterMs = 1000

/** An ACK repeated after the end belongs to no transfer, but its client needs no ERROR: PXELINUX uses its port again. */
const rememberEndedMs = 10_000
const mostRemembered = 4096

/** Someone deployed something, and this is not it. */
const worrying: ReadonlySet<Rule> = new Set<Rule>([
  'vanished',
  'no-form',
  'broken-template',
  'loader-missing',
])

export class Engine {
  private readonly parts: EngineParts
  /** By client address and port. */
  private readonly sessions = new Map<string, Session>()
  private readonly byAddress = new Map<string, Set<Session>>()
  /** Those whose client has not answered yet, the oldest first. */
  private readonly unproven = new Set<Session>()
  private readonly ended = new Map<string, number>()

  constructor(parts: EngineParts) {
    this.parts = parts
  }

  /** How many transfers are open. */
  get open(): number {
    return this.sessions.size
  }

  /** Any bytes from anywhere; never throws. */
  receive(port: Port, bytes: Buffer, address: string, clientPort: number): void {
    try {
      this.dispatch(port, bytes, address, clientPort)
    } catch (error) {
      const text = `${address}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
      this.parts.tellSparingly({ level: 'error', step: 'tftp.fault', text: printable(text) })
    }
  }

  /** Ends every transfer. */
  stop(): void {
    for (const session of this.sessions.values()) session.end()
  }

  private dispatch(port: Port, bytes: Buffer, address: string, clientPort: number): void {
    const packet = decode(bytes)
    const key = `${address}:${clientPort}`
    const session = this.sessions.get(key)
    const own = session?.parts.port === port ? session : undefined
    switch (packet.kind) {
      case 'malformed':
        return this.drop(key, packet.because)
      case 'rrq':
      case 'wrq':
        if (!port.isListening) return this.drop(key, 'a request to the port of a transfer')
        return this.request(port, packet, bytes.toString('latin1'), address, clientPort)
      case 'ack':
        return own === undefined ? this.stray(port, address, clientPort) : own.receive(packet)
      case 'error':
        return own === undefined ? this.drop(key, 'an ERROR to no transfer') : own.receive(packet)
      case 'data':
      case 'oack':
        return own === undefined
          ? this.stray(port, address, clientPort)
          : this.drop(key, 'DATA or OACK of a client that fetches')
    }
  }

  private drop(from: string, because: string): void {
    this.parts.tellSparingly({
      level: 'debug',
      step: 'tftp.dropped',
      text: `dropped from ${from}: ${because}`,
    })
  }

  /** RFC 1350 4: an ERROR 5 to who knows no transfer here; one that it has is not harmed. */
  private stray(port: Port, address: string, clientPort: number): void {
    const key = `${address}:${clientPort}`
    this.drop(key, 'it belongs to no transfer')
    const ended = this.ended.get(key)
    const hasEnded = ended !== undefined && this.parts.now() - ended < rememberEndedMs
    if (this.sessions.has(key) || hasEnded) return
    const message = 'no such transfer'
    port.send(encode({ kind: 'error', code: errorCodes.unknownTransfer, message }), address, clientPort)
  }

  private request(port: Port, packet: Request, raw: string, address: string, clientPort: number): void {
    const key = `${address}:${clientPort}`
    const before = this.sessions.get(key)
    if (before?.parts.request === raw && !before.hasPausedFor(newRequestAfterMs)) {
      return before.receive({ kind: 'repeat' })
    }
    before?.end()
    const ip = parseIpv4(address) ?? ipv4(0)
    const mac = this.parts.table.addresses.get(ip)
    const host = hostOfMac(this.parts.table, mac)?.name
    const name = host ?? mac
    const { now, tell, tellSparingly } = this.parts
    const session = new Session({
      port: port.forTransfer(before?.parts.port),
      address,
      clientPort,
      request: raw,
      file: packet.file,
      who: name === undefined ? address : `${name} (${address})`,
      client: { mac, ip, host },
      // Spoofed requests are met by silence, as many of them as anyone likes.
      tell: (event) => (event.step === 'tftp.silent' ? tellSparingly(event) : tell(event)),
      now,
      onProven: (proven) => this.unproven.delete(proven),
      onEnd: (over) => this.forget(key, over),
    })
    const refusal = this.refusalOf(packet, ip) ?? this.lackOfRoom(address)
    if (refusal !== undefined) return this.refuse(session, refusal.code, refusal.because, 'warn')
    this.remember(key, session)
    const decision = this.decide(session, packet.file)
    void this.answer(session, decision, packet)
  }

  private decide(session: Session, path: string): Decision {
    const { mac, ip } = session.parts.client
    const server = this.parts.advertise ?? session.parts.port.address
    const asks = { kind: 'path', path } as const
    const facts = { via: 'tftp', server, mac, ip, archs: [], agent: 'unknown', asks } as const
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

  /** Makes room by giving up a transfer that nobody answered; else says which limit is reached. */
  private lackOfRoom(address: string): { readonly code: number; readonly because: string } | undefined {
    const { maxTransfers, maxPerClient, now } = this.parts
    const own = this.byAddress.get(address)
    const isUnanswered = (session: Session) => now() - session.startedAt > firstTimerMs
    if (own !== undefined && own.size >= maxPerClient) {
      const oldest = [...own].find((session) => this.unproven.has(session))
      if (oldest === undefined || !isUnanswered(oldest)) {
        const because = `too many transfers from this address (tftp.max_per_client is ${maxPerClient})`
        return { code: errorCodes.undefined, because }
      }
      oldest.end()
    }
    if (this.sessions.size >= maxTransfers) {
      const [oldest] = this.unproven
      if (oldest === undefined || !isUnanswered(oldest)) {
        const because = `too many transfers at once (tftp.max_transfers is ${maxTransfers})`
        return { code: errorCodes.undefined, because }
      }
      oldest.end()
    }
    return undefined
  }

  private remember(key: string, session: Session): void {
    this.sessions.set(key, session)
    this.unproven.add(session)
    const own = this.byAddress.get(session.parts.address)
    if (own === undefined) this.byAddress.set(session.parts.address, new Set([session]))
    else own.add(session)
  }

  private forget(key: string, session: Session): void {
    this.unproven.delete(session)
    const own = this.byAddress.get(session.parts.address)
    own?.delete(session)
    if (own?.size === 0) this.byAddress.delete(session.parts.address)
    if (this.sessions.get(key) !== session) return
    this.sessions.delete(key)
    this.ended.delete(key)
    this.ended.set(key, this.parts.now())
    const [oldest] = this.ended.keys()
    if (this.ended.size > mostRemembered && oldest !== undefined) this.ended.delete(oldest)
  }

  private async answer(session: Session, decision: Decision, packet: Request): Promise<void> {
    const timer = setTimeout(() => {
      this.refuse(session, errorCodes.undefined, 'the disk does not answer', 'warn')
    }, readLimitMs)
    try {
      const found = await findSource(decision, packet.mode === 'netascii', this.parts.roots)
      if (found.kind === 'refused') {
        this.refuse(session, errorCodes.accessViolation, found.because, 'warn')
      } else if (found.kind === 'missing') {
        this.miss(session, decision, packet.file)
      } else {
        this.tellRequest(session, decision)
        session.begin(found.source, packet.options)
      }
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error)
      this.refuse(session, errorCodes.undefined, because, 'warn')
    } finally {
      clearTimeout(timer)
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
    const lack = this.lackOf(file.replaceAll('\\', '/').replace(/^[/.]+/, ''), session.parts.client)
    const plain = rule === 'file' ? 'there is no such file' : because
    // Loaders probe for many names that need not be there.
    this.refuse(session, errorCodes.notFound, lack ?? plain, lack === undefined ? 'debug' : 'warn')
  }

  /** Why it matters that `path` is not there: a loader without its package, or a file a configuration names. */
  private lackOf(path: string, { host }: Client): string | undefined {
    const { table, site } = this.parts
    const loader = table.loaders.get(path)
    if (loader?.from === 'nowhere') return `there is no such file; ${loader.remedy}`
    const name =
      (host === undefined ? undefined : table.assignments.get(host)) ?? site.default ?? builtInLocal
    const isNamed = table.configurations.get(name)?.forms.some((form) => form.text.includes(path)) === true
    return isNamed && path !== ''
      ? `there is no such file, and the configuration ${name} names it`
      : undefined
  }

  private refuse(session: Session, code: number, because: string, level: Level): void {
    const { who, file, client } = session.parts
    this.parts.tellSparingly({
      level,
      step: code === errorCodes.notFound ? 'tftp.missing' : 'tftp.refused',
      text: `${who} asks for ${printable(file)}: ${printable(because)}`,
      client,
      data: { file: printable(file), code },
    })
    session.refuse(code, because)
  }
}
