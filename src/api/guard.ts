// Who may ask and who may change: browsers led here by another site, and writers from elsewhere, are refused.

import { hostname, networkInterfaces } from 'node:os'
import type { Context } from 'koa'
import type { Fault } from '../faults.ts'
import { inSubnet, ipv4, parseIpv4, type Subnet } from '../net/ipv4.ts'

export type GuardParts = {
  /** server.names: how browsers may call us. */
  readonly names: readonly string[]
  /** Who may write; undefined: anyone. */
  readonly writers: readonly Subnet[] | undefined
}

const loopback: Subnet = { network: ipv4(0x7f000000), prefix: 8 }

/** server.allow; where it is left out the configured subnets and ourselves; where there are none, anyone. */
export function writersOf(
  allow: readonly Subnet[] | undefined,
  subnets: readonly Subnet[],
): readonly Subnet[] | undefined {
  if (allow !== undefined) return allow
  return subnets.length === 0 ? undefined : [...subnets, loopback]
}

/** Why this request is not answered, or undefined. */
export function objectionTo(ctx: Context, parts: GuardParts): Fault | undefined {
  if (isBrowser(ctx) && !ownNames(ctx, parts.names).has(hostOf(ctx.get('Host')))) {
    // DNS rebinding: a page of another site whose name was made to point at us. Scripts may use any name.
    return {
      code: 'origin_not_allowed',
      message: `Browsers may not call this server ${hostOf(ctx.get('Host'))}; add the name to server.names in pxe-pilot.yml`,
    }
  }
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return undefined
  if (isForeign(ctx)) {
    return { code: 'origin_not_allowed', message: 'A page of another site may not change anything here' }
  }
  const address = callerOf(ctx)
  const ip = parseIpv4(address)
  const { writers } = parts
  if (writers === undefined || (ip !== undefined && writers.some((subnet) => inSubnet(ip, subnet))))
    return undefined
  return {
    code: 'write_not_allowed',
    message: `${address} may not change anything here; add its subnet to server.allow in pxe-pilot.yml`,
  }
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
