// Boot files over HTTP: httproot, and where it has no such file what TFTP would give; the decision says which.

import Koa from 'koa'
import type { Context } from 'koa'
import type { Answer, Decision } from '../boot/decide.ts'
import type { Agent, Facts } from '../boot/facts.ts'
import { hasHiddenName } from '../boot/paths.ts'
import { render } from '../boot/render.ts'
import { DiskStuck } from '../disk.ts'
import { printable, type Tell } from '../events.ts'
import { inSubnet, ipv4, parseIpv4, type Ipv4, type Subnet } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import { sendBytes } from './memory.ts'
import { readTarget } from './target.ts'
import { tellAnswer, type Answered } from './log.ts'
import { Places, withFile, type Roots } from './places.ts'
import { diskAnswersMs, sendFile, typeOf, type OpenFile } from './static.ts'

export type BootFilesParts = Roots & {
  /** Who may fetch; empty: everyone. */
  readonly clients: readonly Subnet[]
  /** What templates call us; the address a client reached where it is left out. */
  readonly advertise?: Ipv4 | undefined
  /** For whoever looks for the API here. */
  readonly apiPort: number
  readonly decide: (facts: Facts) => Decision
  /** Who holds an address: by lease, or as our neighbour on the link. */
  readonly macOf: (ip: Ipv4) => Mac | undefined
  readonly tell: Tell
  /** Milliseconds, only for how long an answer took. */
  readonly now: () => number
}

/** A preseed has some kilobytes; what is bigger is no template. */
const biggestTemplate = 1024 * 1024

/** A name that gets another file at every look gets no further one. */
const tries = 3

/** What an application has beside its parts. */
type Site = BootFilesParts & { readonly places: Places }

/** The application for the port that clients boot from. It never changes anything. */
export function bootFilesApp(given: BootFilesParts): Koa {
  const parts: Site = { ...given, places: new Places(given, given.now) }
  const app = new Koa()
  app.on('error', (error: Error) => {
    parts.tell({ level: 'debug', step: 'http.fault', text: printable(error.message) })
  })
  app.use(async (ctx) => {
    const started = parts.now()
    const ip = addressOf(ctx.req.socket.remoteAddress)
    const mac = ip === undefined ? undefined : parts.macOf(ip)
    const answered = await answer(ctx, ip, mac, parts).catch((error: unknown) => failed(ctx, error))
    tellAnswer(ctx, { mac, ip, host: answered.decision?.host }, answered, parts.now() - started, parts.tell)
  })
  return app
}

async function answer(
  ctx: Context,
  ip: Ipv4 | undefined,
  mac: Mac | undefined,
  parts: Site,
): Promise<Answered> {
  if (!mayFetch(ip, parts.clients)) {
    const who = ctx.req.socket.remoteAddress ?? 'this address'
    return say(
      ctx,
      403,
      `${who} may not fetch files here; the setting clients of pxe-pilot.yml names who may`,
    )
  }
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
    ctx.set('Allow', 'GET, HEAD')
    return say(ctx, 405, 'files can only be fetched here, with GET or HEAD')
  }
  const target = readTarget(ctx.req.url ?? '')
  if (target === undefined) return say(ctx, 400, 'the path is not percent-encoded UTF-8')
  if (/^[/\\.]*$/.test(target) && !target.includes('..')) {
    const api = `http://${ctx.host.replace(/:\d*$/, '')}:${parts.apiPort}/`
    return say(ctx, 404, `this is where machines fetch what they boot; hosts and configurations: ${api}`)
  }
  if (hasHiddenName(target)) return say(ctx, 404, 'names with a dot in front are not served')
  const decision = parts.decide({
    via: 'http',
    server: parts.advertise ?? addressOf(ctx.req.socket.localAddress) ?? ipv4(0),
    mac,
    ip,
    archs: [],
    agent: agentOf(ctx.get('User-Agent')),
    asks: { kind: 'path', path: target },
  })
  return { ...(await give(ctx, decision, target, parts)), decision }
}

/** The first of the decision's answers that is there. */
async function give(ctx: Context, decision: Decision, name: string, parts: Site): Promise<Answered> {
  const { rule, because } = decision.reason
  let refused: string | undefined
  for (const entry of decision.answers) {
    const given = await giveOne(ctx, entry, name, because, parts)
    if (given !== undefined && !('refused' in given)) return given
    refused ??= given?.refused
  }
  if (refused !== undefined) return say(ctx, 403, refused)
  if (rule === 'refused') return say(ctx, 403, because)
  if (rule === 'broken-template') return say(ctx, 500, because)
  if (rule === 'file') return say(ctx, 404, `${because} is not there`)
  return say(ctx, 404, decision.answers.length === 0 ? because : `${name} is not there: ${because}`)
}

/** Undefined: it is not there, so that the next one counts. */
async function giveOne(
  ctx: Context,
  entry: Answer,
  name: string,
  because: string,
  { places }: Site,
): Promise<Answered | { readonly refused: string } | undefined> {
  if (entry.kind === 'boot') return undefined
  if (entry.kind === 'text') {
    const charset = entry.encoding === undefined ? '; charset=utf-8' : ''
    sendBytes(ctx, Buffer.from(entry.body, entry.encoding ?? 'utf8'), `text/plain${charset}`)
    return { because, bytes: ctx.length ?? 0 }
  }
  const place = places.of(entry)
  if (place === undefined) return undefined
  for (let left = tries; left > 0; left--) {
    const given = await withFile(place, (file) =>
      entry.kind === 'template' ? giveTemplate(ctx, entry, file, name) : sendFile(ctx, file, name),
    )
    switch (given.kind) {
      case 'missing':
        return undefined
      case 'refused':
        return { refused: `${name}: ${given.because}` }
      case 'changed':
        continue
      case 'failed':
        return given.status < 500 ? { because, bytes: 0 } : say(ctx, given.status, `${name} cannot be read`)
      case 'sent':
        return { because: given.because ?? because, bytes: given.bytes }
    }
  }
  return undefined
}
async function giveTemplate(
  ctx: Context,
  entry: Extract<Answer, { kind: 'template' }>,
  { handle, size, disk }: OpenFile,
  name: string,
): Promise<{ readonly kind: 'sent' } & Answered> {
  const file = entry.path
  const useless = (why: string) => ({ kind: 'sent' as const, ...say(ctx, 500, `${file} ${why}`) })
  if (size > biggestTemplate) return useless('is too big for a template')
  const text = await disk.runWithin(diskAnswersMs, () => handle.readFile('utf8'))
  const rendered = render(text, entry.variables)
  // An installer that got half a preseed would wipe a disk and then ask; one that got an error stops.
  if ('fault' in rendered) return useless(rendered.fault)
  sendBytes(ctx, Buffer.from(rendered.text), typeOf(name) ?? 'text/plain; charset=utf-8')
  return { kind: 'sent', because: `${file}, filled in`, bytes: ctx.length ?? 0 }
}

function say(ctx: Context, status: number, because: string): Answered {
  ctx.status = status
  ctx.set('Content-Type', 'text/plain; charset=utf-8')
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.body = `${status}: ${printable(because)}\n`
  return { because, bytes: 0 }
}

function failed(ctx: Context, error: unknown): Answered {
  const why = error instanceof Error ? error.message : String(error)
  if (ctx.res.headersSent) {
    ctx.res.destroy()
    return { because: why, bytes: 0 }
  }
  ctx.respond = true
  if (error instanceof DiskStuck) {
    ctx.set('Retry-After', '10')
    return say(ctx, 503, `${why}; is its file server down?`)
  }
  say(ctx, 500, 'the server failed; its log says why')
  return { because: why, bytes: 0 }
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
