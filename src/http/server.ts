// One TCP port that speaks HTTP: binds it, bounds what a peer may take of us, and ends broken requests quietly.

import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type Koa from 'koa'
import { hushed, printable, type Tell } from '../events.ts'
import { formatIpv4, type Ipv4 } from '../net/ipv4.ts'
import { bindError } from '../net/ports.ts'
import { Crowd } from './crowd.ts'
import { faultOf, statusOf, tornBody, type Fault } from './head.ts'
import { Pipeline } from './pipeline.ts'
import { Repeats, type Repeat } from './repeats.ts'
import type { Send } from './sender.ts'

/** Milliseconds, but for the counts. */
export type Limits = {
  /** From the first byte of a connection, or of its next request, to the end of the headers. */
  readonly headersMs: number
  /** To the end of the request with its body. The response may take as long as it takes. */
  readonly requestMs: number
  /** How often the two above are looked at: Node's own 30 s would let a slow peer stay three times as long. */
  readonly checkMs: number
  /** A connection kept open without a request. */
  readonly keepAliveMs: number
  /** A response that nobody reads: a machine that was switched off while it loaded. */
  readonly stalledMs: number
  /** What transfers under way have when we are told to stop. */
  readonly stopMs: number
  /** Beyond it, one of the address that has the most makes room. */
  readonly connections: number
  /** On one connection; more are read as these are answered. apt sends 10 ahead. */
  readonly requests: number
  readonly headerBytes: number
}

export const standardLimits: Limits = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkMs: 1_000,
  keepAliveMs: 15_000,
  stalledMs: 300_000,
  stopMs: 1_000,
  connections: 4_096,
  requests: 16,
  headerBytes: 16_384,
}

/** Yields how to answer the same request once more, where that needs nothing but a look. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => Repeat | void

export type ListenerParts = {
  /** Named to people: `HTTP`, `the API`. */
  readonly service: string
  /** The setting that moves the port: `http.port`. */
  readonly setting: string
  readonly bind: Ipv4
  /** 0: one that is free. */
  readonly port: number
  /** handlerOf() a Koa application, or what answers ahead of it. */
  readonly handle: Handle
  readonly tell: Tell
  /**
   * Installers call it, some by a request that a shell wrote: its lines may end by LF alone, and one that is malformed is
   * a warning, as that machine may install itself again and again.
   */
  readonly servesInstallers?: boolean
  readonly limits?: Partial<Limits> | undefined
  readonly send?: Send | undefined
}

/** How long a peer has to read why it was refused before the connection goes. */
const lastWordsMs = 500

/** Of malformed requests in a second. */
const mostMalformedTold = 5

/** How often, in milliseconds, it is told that there is no room. */
const fullToldMs = 60_000

export class HttpListener {
  private readonly parts: ListenerParts
  private readonly limits: Limits
  private readonly server: Server
  /** Requests under way on a connection. */
  private readonly busy = new Map<Duplex, Set<ServerResponse>>()
  /** Connections without a request, longest first. */
  private readonly waiting = new Set<Duplex>()
  private readonly crowd = new Crowd()
  private toldFullAt = -Infinity
  private readonly tellSparingly: Tell
  private readonly ending = new WeakSet<Duplex>()
  private readonly pipelines = new WeakMap<Duplex, Pipeline>()
  private readonly repeats: Repeats

  constructor(parts: ListenerParts) {
    this.parts = parts
    this.limits = { ...standardLimits, ...parts.limits }
    this.tellSparingly = hushed(parts.tell, mostMalformedTold, () => performance.now())
    const { headersMs, requestMs, checkMs, keepAliveMs, stalledMs, headerBytes } = this.limits
    this.repeats = new Repeats(keepAliveMs, (socket) => this.waits(socket), parts.send)
    this.server = createServer(
      {
        headersTimeout: headersMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: checkMs,
        keepAliveTimeout: keepAliveMs,
        maxHeaderSize: headerBytes,
        // We look ourselves, as Node refuses it without a word to the log.
        requireHostHeader: false,
        keepAlive: true,
        noDelay: true,
      },
      (request, response) => this.serve(request, response),
    )
    this.server.timeout = stalledMs
    // The octets are bounded. Node would leave out what comes behind the thousandth line, without a word.
    this.server.maxHeadersCount = 0
    // An installer's nc closes its side behind the request and waits for the answer, which Node by default does not
    // give: the property is node:http's own (lib/_http_server.js, socketOnEnd), and undocumented.
    Object.assign(this.server, { httpAllowHalfOpen: true })
    // Node would refuse it just so, but unseen: what follows it on its connection would be taken for something else.
    this.server.on('checkExpectation', (request, response) =>
      this.serve(request, response, () => void response.writeHead(417).end()),
    )
    this.server.on('connection', (socket) => this.welcome(socket))
    this.server.on('clientError', (error, socket) => this.refuse(error, socket))
  }

  /** Resolves with the port once it is bound; rejects with a BindError that says who holds it. */
  async start(): Promise<number> {
    const { service, setting, bind, port } = this.parts
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (error) =>
        reject(bindError({ service, protocol: 'tcp', port, setting }, error)),
      )
      this.server.listen({ host: formatIpv4(bind), port, backlog: 1024 }, resolve)
    })
    this.server.removeAllListeners('error')
    this.server.on('error', (error) => this.note('http.fault', `${service}: ${error.message}`))
    return this.port
  }

  /** 0 where it is not bound. */
  get port(): number {
    const address = this.server.address() as AddressInfo | null
    return address?.port ?? 0
  }

  get listening(): boolean {
    return this.server.listening
  }

  /** Also before start(). Answers under way get `stopMs`. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const socket of this.waiting) socket.destroy()
    const cut = setTimeout(() => this.server.closeAllConnections(), this.limits.stopMs)
    await closed
    clearTimeout(cut)
  }

  private welcome(socket: Socket): void {
    const { crowd } = this
    crowd.add(socket, socket.remoteAddress ?? '')
    if (crowd.size > this.limits.connections) {
      const leaver = crowd.leaver(socket, this.waiting)
      this.tellFull(leaver)
      crowd.delete(leaver)
      this.waiting.delete(leaver)
      leaver.destroy()
      if (leaver === socket) return
    }
    this.waiting.add(socket)
    this.pipelines.set(
      socket,
      new Pipeline(socket, this.limits.requests, this.repeats, this.parts.servesInstallers),
    )
    socket.once('close', () => {
      crowd.delete(socket)
      this.waiting.delete(socket)
      const cut = this.busy.get(socket) ?? []
      this.busy.delete(socket)
      // Of a pipeline, Node tells only the answer being sent that its client left; the others would wait for ever.
      for (const response of cut) {
        if (response.socket === null) response.destroy().emit('close')
      }
    })
  }

  private tellFull(leaver: Duplex): void {
    if (performance.now() - this.toldFullAt < fullToldMs) return
    this.toldFullAt = performance.now()
    const { service, tell } = this.parts
    const count = this.crowd.countOf(leaver)
    const address = 'remoteAddress' in leaver ? String(leaver.remoteAddress) : 'a client'
    const text = `${service}: all ${this.limits.connections} connections are taken, ${count} of them by ${address}, which lost one: if those are not many machines behind one address, keep it out by a firewall`
    tell({ level: 'warn', step: 'http.full', text })
  }

  private serve(request: IncomingMessage, response: ServerResponse, handle = this.parts.handle): void {
    const { socket } = request
    // RFC 9112 9.6: behind an answer that closes the connection nothing is done any more.
    if (this.ending.has(socket)) return
    this.waiting.delete(socket)
    const responses = this.busy.get(socket) ?? new Set()
    this.busy.set(socket, responses.add(response))
    const pipeline = this.pipelines.get(socket)
    pipeline?.begin(request)
    response.once('close', () => {
      responses.delete(response)
      pipeline?.end()
      if (responses.size > 0) return
      if (this.ending.has(socket)) close(socket)
      if (this.busy.delete(socket) && !socket.destroyed) this.waiting.add(socket)
    })
    const fault = faultOf(request)
    if (fault !== undefined) return this.refuseHead(fault, request, response)
    const repeat = handle(request, response)
    if (repeat && staysOpen(request, response)) pipeline?.mayRepeat(repeat)
  }

  /** From now on. */
  private waits(socket: Duplex): void {
    this.waiting.delete(socket)
    this.waiting.add(socket)
  }

  /** What Node takes, and nobody may. */
  private refuseHead({ what, because }: Fault, { socket }: IncomingMessage, response: ServerResponse): void {
    const { service } = this.parts
    this.ending.add(socket)
    this.pipelines.get(socket)?.stop()
    this.tellMalformed(`${socket.remoteAddress ?? 'a client'} sent ${service} ${what}: ${because}`)
    response.writeHead(400, { Connection: 'close', 'Content-Type': 'text/plain' }).end(`400: ${because}\n`)
  }

  /** A request that is none (RFC 9112 2.2), whose length is said twice (6.3), or that did not end in time. */
  private refuse(error: Error, socket: Duplex): void {
    if (this.ending.has(socket)) return
    this.ending.add(socket)
    this.pipelines.get(socket)?.stop()
    const code = 'code' in error ? String(error.code) : ''
    const peer = 'remoteAddress' in socket ? String(socket.remoteAddress) : 'a client'
    const silent = 'bytesRead' in socket && socket.bytesRead === 0
    const pending = [...(this.busy.get(socket) ?? [])]
    if (!socket.writable || code === 'ECONNRESET' || silent) return void socket.destroy()
    const status = statusOf(code)
    // Of an installer whose shell counted wrong, it is all that anybody learns.
    const torn = pending.find(({ req }) => !req.complete)
    const what = torn ? tornBody : 'no request'
    const told = printable(`${peer} sent ${this.parts.service} ${what}: ${error.message}`)
    this.tellMalformed(told, torn !== undefined || status === 400)
    // A deploy with a byte too many behind it is in force, and has its answer. Words in the middle of that would be
    // taken for a part of it.
    if (torn && (pending.length > 1 || torn.headersSent)) return void socket.destroy()
    if (!torn && pending.length > 0) return
    const text = `${status} ${STATUS_CODES[status] ?? ''}\n`
    close(
      socket,
      `HTTP/1.1 ${text.trim()}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${text.length}\r\n\r\n${text}`,
    )
  }

  private tellMalformed(text: string, isMistake = true): void {
    const isWarning = this.parts.servesInstallers === true && isMistake
    this.tellSparingly({ level: isWarning ? 'warn' : 'debug', step: 'http.malformed', text })
  }

  private note(step: string, text: string): void {
    this.parts.tell({ level: 'debug', step, text })
  }
}

/** A Koa application as what a listener calls. Koa's promise never rejects: faults go to its 'error' event. */
export function handlerOf(app: Koa): RequestListener {
  const answer = app.callback()
  return (request, response) => void answer(request, response)
}

function close(socket: Duplex, words = ''): void {
  socket.end(words)
  setTimeout(() => socket.destroy(), lastWordsMs).unref()
}

/** Its client goes on after the answer, and waits for nothing before it. */
function staysOpen({ httpVersion, headers }: IncomingMessage, { shouldKeepAlive }: ServerResponse): boolean {
  return httpVersion === '1.1' && shouldKeepAlive && headers.expect === undefined
}
