// Boot files over HTTP: httproot, and where it has no such file what TFTP would give; the decision says which.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import Koa from 'koa'
import type { Context } from 'koa'
import type { Decision } from '../boot/decide.ts'
import type { Agent, Facts } from '../boot/facts.ts'
import { hasHiddenName } from '../boot/paths.ts'
import type { Recent } from '../boot/recent.ts'
import { DiskStuck } from '../disk.ts'
import { printable, type Tell } from '../events.ts'
import type { Glance } from '../glance.ts'
import { inSubnet, ipv4, parseIpv4, type Ipv4, type Subnet } from '../net/ipv4.ts'
import type { Libc } from '../net/libc.ts'
import type { Mac } from '../net/mac.ts'
import { give, giveFolder, say, type Stock } from './give.ts'
import { tellAnswer, type Answered } from './log.ts'
import { Places, type Roots } from './places.ts'
import { biggestRepeated, type Given } from './repeats.ts'
import { handlerOf, type Handle } from './server.ts'
import { isConditional, SmallFiles, type SmallFile } from './small.ts'
import { hasLeft } from './static.ts'
import { namesFolder, readTarget } from './target.ts'

export type BootFilesParts = Roots & {
  /** Who may fetch; empty: everyone. */
  readonly clients: readonly Subnet[]
  /** What templates call us; the address a client reached where it is left out. */
  readonly advertise?: Ipv4 | undefined
  /** http.listing: folders of httproot are shown to people. */
  readonly listing: boolean
  /** For whoever looks for the API here. */
  readonly apiPort: number
  /** Brings what is decided by up to date; called before a request is judged. */
  readonly catchUp: () => void
  readonly decide: (facts: Facts) => Decision
  readonly lackOf: Stock['lackOf']
  /** What was sent lately. */
  readonly recent: Recent
  /** Who holds an address: by lease, or as our neighbour on the link. */
  readonly macOf: (ip: Ipv4) => Mac | undefined
  readonly tell: Tell
  /** Milliseconds, only for how long an answer took. */
  readonly now: () => number
  /** Undefined: no file is kept in memory. */
  readonly glance: Glance | undefined
  /** Undefined: big files are sent by Node alone. */
  readonly libc: Libc | undefined
}

/** Who is at the other end of a connection, and the address of ours that it reached. */
type Peer = {
  readonly ip: Ipv4 | undefined
  readonly mac: Mac | undefined
  readonly server: Ipv4 | undefined
  readonly since: number
}

/** Where nobody knew whose address it is, we ask again after that. */
const peerUnknownMs = 1000

/** What a request is answered with. */
type Judged =
  | {
      readonly kind: 'decided'
      readonly decision: Decision
      readonly name: string
      /** No firmware or loader that we know. */
      readonly isPerson: boolean
    }
  | { readonly kind: 'root' }
  | { readonly kind: 'refused'; readonly status: number; readonly because: string }

/** What a request says, whoever sends it. */
type Said = {
  readonly method: string
  readonly url: string
  /** Undefined: nobody can read it. */
  readonly name: string | undefined
  readonly agent: Agent
  /** Its Host, without a port. */
  readonly host: string
}

/** One request, whom it is from, and what it is answered with. */
type Asking = { readonly started: number; readonly peer: Peer; readonly judged: Judged }

/** What answers on the port that clients boot from. It never changes anything. */
export function bootFiles(parts: BootFilesParts): Handle {
  return new BootFiles(parts).handle
}

class BootFiles {
  readonly handle: Handle
  private readonly parts: BootFilesParts
  private readonly stock: Stock
  private readonly peers = new WeakMap<Socket, Peer>()
  /** On their way through Koa, judged before. */
  private readonly askings = new WeakMap<IncomingMessage, Asking>()

  constructor(parts: BootFilesParts) {
    this.parts = parts
    const { glance, libc, listing, now } = parts
    const small = new SmallFiles(glance, Date.now)
    this.stock = { places: new Places(parts, now), small, libc, listing, lackOf: parts.lackOf }
    const throughKoa = handlerOf(this.application())
    this.handle = (req, res) => {
      const said = read(req)
      const asking = this.judge(said, req.socket)
      const file = isConditional(req) ? undefined : this.smallFile(asking)
      if (file === undefined) {
        this.askings.set(req, asking)
        return throughKoa(req, res)
      }
      res.writeHead(200, [...file.headers])
      res.end(this.give(file, said, asking).body, 'latin1')
      return file.body.length > biggestRepeated ? undefined : (socket) => this.giveAgain(said, socket)
    }
  }

  private giveAgain(said: Said, socket: Socket): Given | undefined {
    const asking = this.judge(said, socket)
    const file = this.smallFile(asking)
    // It may have grown since.
    if (file === undefined || file.body.length > biggestRepeated) return undefined
    return this.give(file, said, asking)
  }

  /** Ahead of Koa: a mirror's small files, of which an installer takes hundreds. */
  private smallFile({ judged }: Asking): SmallFile | undefined {
    if (judged.kind !== 'decided') return undefined
    const { decision, name } = judged
    const [first] = decision.answers
    if (first?.kind !== 'file' || first.root !== 'http' || namesFolder(name)) return undefined
    // Of a loader is remembered who has it.
    if (decision.loader !== undefined) return undefined
    return this.stock.small.find({ ...this.stock.places.httproot, path: first.path }, name)
  }

  /** Tells of it as given. */
  private give(file: SmallFile, { method, url }: Said, { started, peer, judged }: Asking): Given {
    const given = method === 'HEAD' ? { head: file.head, body: '' } : file
    if (judged.kind === 'decided') {
      const { decision } = judged
      const client = { mac: peer.mac, ip: peer.ip, host: decision.host }
      const answered = { because: decision.reason.because, bytes: given.body.length, decision }
      const asked = { method, url, status: 200, left: false }
      tellAnswer(asked, client, answered, this.parts.now() - started, this.parts.tell)
    }
    return given
  }

  private application(): Koa {
    const { recent, tell, now } = this.parts
    const app = new Koa()
    app.on('error', (error: Error) => {
      tell({ level: 'debug', step: 'http.fault', text: printable(error.message) })
    })
    app.use(async (ctx) => {
      const { started, peer, judged } = this.askings.get(ctx.req) ?? this.judge(read(ctx.req), ctx.socket)
      const answered = await this.answer(ctx, judged).catch((error: unknown) => failed(ctx, error))
      const client = { mac: peer.mac, ip: peer.ip, host: answered.decision?.host }
      const { method, status, req, res } = ctx
      const left = ctx.respond === false && !res.writableFinished
      const loader = answered.decision?.loader
      if (loader !== undefined && method === 'GET' && status === 200 && !left) {
        recent.add(peer, loader, now())
      }
      tellAnswer({ method, url: req.url ?? '', status, left }, client, answered, now() - started, tell)
    })
    return app
  }

  private async answer(ctx: Context, judged: Judged): Promise<Answered> {
    if (judged.kind === 'decided') {
      const { decision, name, isPerson } = judged
      return { ...(await give(ctx, decision, name, isPerson, this.stock)), decision }
    }
    if (judged.kind === 'root') {
      return (await giveFolder(ctx, '', this.stock)) ?? say(ctx, 404, 'there is no folder http.root')
    }
    if (judged.status === 405) ctx.set('Allow', 'GET, HEAD')
    return say(ctx, judged.status, judged.because)
  }

  private judge(said: Said, socket: Socket): Asking {
    const started = this.parts.now()
    this.parts.catchUp()
    const peer = this.peerOf(socket)
    return { started, peer, judged: this.judgeFor(said, socket, peer) }
  }

  private judgeFor({ method, name, agent, host }: Said, socket: Socket, { ip, mac, server }: Peer): Judged {
    const { clients, apiPort, advertise, decide, recent, now } = this.parts
    if (!mayFetch(ip, clients)) {
      const who = socket.remoteAddress ?? 'this address'
      return refuse(
        403,
        `${who} may not fetch files here; the setting clients of pxe-pilot.yml names who may`,
      )
    }
    if (method !== 'GET' && method !== 'HEAD') {
      return refuse(405, 'files can only be fetched here, with GET or HEAD')
    }
    const isPerson = agent === 'unknown'
    if (name === undefined) return refuse(400, 'the path is not percent-encoded UTF-8')
    if (/^[/\\.]*$/.test(name) && !name.includes('..')) {
      if (this.stock.listing && isPerson) return { kind: 'root' }
      const api = `http://${host}:${apiPort}/`
      return refuse(404, `this is where machines fetch what they boot; hosts and configurations: ${api}`)
    }
    if (hasHiddenName(name)) return refuse(404, 'names with a dot in front are not served')
    const decision = decide({
      via: 'http',
      server: advertise ?? server ?? ipv4(0),
      mac,
      ip,
      archs: [],
      agent,
      recent: recent.of(mac, now()),
      asks: { kind: 'path', path: name },
    })
    return { kind: 'decided', decision, name, isPerson }
  }

  /** Asked once for a connection: the kernel's table of neighbours is long in a hall of machines. */
  private peerOf(socket: Socket): Peer {
    const known = this.peers.get(socket)
    const now = this.parts.now()
    if (known !== undefined && (known.mac !== undefined || now - known.since < peerUnknownMs)) return known
    const ip = addressOf(socket.remoteAddress)
    const mac = ip === undefined ? undefined : this.parts.macOf(ip)
    const peer = { ip, mac, server: addressOf(socket.localAddress), since: now }
    this.peers.set(socket, peer)
    return peer
  }
}

function read({ method = '', url = '', headers }: IncomingMessage): Said {
  const agent = agentOf(headers['user-agent'] ?? '')
  return { method, url, name: readTarget(url), agent, host: (headers.host ?? '').replace(/:\d*$/, '') }
}

function refuse(status: number, because: string): Judged {
  return { kind: 'refused', status, because }
}

function failed(ctx: Context, error: unknown): Answered {
  const why = error instanceof Error ? error.message : String(error)
  if (ctx.res.headersSent || hasLeft(ctx)) {
    ctx.respond = false
    ctx.res.destroy()
    return { because: why, bytes: 0 }
  }
  ctx.respond = true
  if (error instanceof DiskStuck) {
    ctx.set('Retry-After', '10')
    return say(ctx, 503, `${why}; is its file server down?`)
  }
  return { ...say(ctx, 500, 'the server failed; its log says why'), because: why }
}

function mayFetch(ip: Ipv4 | undefined, clients: readonly Subnet[]): boolean {
  return clients.length === 0 || (ip !== undefined && clients.some((subnet) => inSubnet(ip, subnet)))
}

/** IPv4 peers of a socket for both families are written `::ffff:10.77.0.1`. */
function addressOf(text: string | undefined): Ipv4 | undefined {
  return parseIpv4((text ?? '').replace(/^::ffff:/, ''))
}

/** iPXE: `iPXE/1.21.1+git...`; EDK2: `UefiHttpBoot/1.0`. */
function agentOf(userAgent: string): Agent {
  if (/^iPXE\b/.test(userAgent)) return 'ipxe'
  return /^UefiHttpBoot\b/.test(userAgent) ? 'httpboot' : 'unknown'
}
