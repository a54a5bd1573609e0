// Who may ask and who may change: browsers led here by another site, and writers from elsewhere, are refused.

import { hostname, networkInterfaces } from 'node:os'
import type { Context } from 'koa'
import type { Fault } from '../faults.ts'
import { inSubnet, parseIpv4, type Subnet } from '../net/ipv4.ts'
import type { Tokens } from './tokens.ts'

export type GuardParts = {
  /** server.names: how browsers may call us. */
  readonly names: () => readonly string[]
  /** Who may write; undefined: anyone. */
  readonly writers: () => Writers
  /** Undefined where server.tokens_file is left out: then the address alone decides. */
  readonly tokens: Pick<Tokens, 'find'> | undefined
}

/** `subnets` undefined: anyone. */
export type Writers = {
  readonly subnets: readonly Subnet[] | undefined
  /** server.allow says so, and holds whatever token there is. */
  readonly isSet: boolean
}

/** `self`: what a machine may do for itself, and nothing else. */
export type Access =
  { readonly rights: 'read' | 'write' | 'self'; readonly by: string } | { readonly fault: Fault }

/** What this request may do, or why it is not answered. */
export function accessOf(ctx: Context, parts: GuardParts): Access {
  if (isBrowser(ctx) && !ownNames(ctx, parts.names()).has(hostOf(ctx.get('Host')))) {
    // DNS rebinding: a page of another site whose name was made to point at us. Scripts may use any name.
    const message = `Browsers may not call this server ${hostOf(ctx.get('Host'))}; add the name to server.names in pxe-pilot.yml`
    return { fault: { code: 'origin_not_allowed', message } }
  }
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return { rights: 'read', by: '' }
  if (isForeign(ctx)) {
    const message = 'A page of another site may not change anything here'
    return { fault: { code: 'origin_not_allowed', message } }
  }
  const { subnets, isSet } = parts.writers()
  const address = callerOf(ctx)
  const ip = parseIpv4(address)
  const isNear = subnets === undefined || (ip !== undefined && subnets.some((subnet) => inSubnet(ip, subnet)))
  if (!isNear && (parts.tokens === undefined || isSet)) {
    const message = `${address} may not change anything here; add its subnet to server.allow in pxe-pilot.yml`
    return { fault: { code: 'write_not_allowed', message } }
  }
  return parts.tokens === undefined ? { rights: 'write', by: '' } : byToken(ctx, parts.tokens)
}

function byToken(ctx: Context, tokens: Pick<Tokens, 'find'>): Access {
  const given = /^Bearer +(\S+) *$/i.exec(ctx.get('Authorization'))?.[1]
  if (given === undefined) return { rights: 'self', by: '' }
  const token = tokens.find(given)
  if (token === undefined) {
    const message =
      'The token is none of server.tokens_file: see PXE_PILOT_TOKEN, or the Authorization header'
    return { fault: { code: 'token_needed', message } }
  }
  if (token.rights === 'write') return { rights: 'write', by: token.name }
  const message = `The token ${token.name} may only read: its line in server.tokens_file ends with "read"`
  return { fault: { code: 'write_not_allowed', message } }
}

/** The socket's address and never X-Forwarded-For, which anyone can write. */
export function callerOf(ctx: Context): string {
  return (ctx.req.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}

/**
 * Sec-Fetch-* is not sent to plain-http addresses other than localhost, so Origin and the user agent must tell, too.
 * Node's fetch, our own command line's as well, sends Sec-Fetch-Mode as browsers do, but never Sec-Fetch-Site.
 */
function isBrowser(ctx: Context): boolean {
  const { headers } = ctx
  return (
    headers.origin !== undefined ||
    headers['sec-fetch-site'] !== undefined ||
    headers['user-agent']?.startsWith('Mozilla/') === true
  )
}

function isForeign(ctx: Context): boolean {
  if (ctx.get('Sec-Fetch-Site') === 'cross-site') return true
  const origin = ctx.get('Origin')
  if (origin === '') return false
  return !URL.canParse(origin) || new URL(origin).host !== ctx.get('Host').toLowerCase()
}

/** Looked up anew for each browser's request: an address may have come since the start. */
function ownNames(ctx: Context, names: readonly string[]): ReadonlySet<string> {
  const own = hostname().toLowerCase()
  const addresses = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((it) => it.address))
  return new Set([
    'localhost',
    own,
    own.replace(/\..*$/, ''),
    ctx.req.socket.localAddress ?? '',
    ...addresses,
    ...names.map((name) => name.toLowerCase()),
  ])
}

/** Without its port and a last dot; `[::1]` without its brackets. */
function hostOf(header: string): string {
  const [, name = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header.toLowerCase()) ?? []
  return name.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}
