// GET /v1/explain: the boot of a machine before it happens, as the API tells it.

import type { Context } from 'koa'
import { codeOf, firmwareOf } from '../boot/arch.ts'
import { choose, type Site } from '../boot/decision.ts'
import { explain, type IsThere, type Stage } from '../boot/explain.ts'
import type { Agent } from '../boot/facts.ts'
import { hostOfMac, type Table } from '../boot/table.ts'
import type { Service } from '../dhcp/scope.ts'
import { printable } from '../events.ts'
import { faults, type Fault } from '../faults.ts'
import { firmwares, type Firmware, type Host } from '../model.ts'
import { formatIpv4, ipv4, parseIpv4, type Ipv4, type Subnet } from '../net/ipv4.ts'
import { addressOn, isAttached, isIn, linksWithoutCarrier, localLinks, type NamedLink } from '../net/links.ts'
import { parseMac, type Mac } from '../net/mac.ts'
import { masked } from '../settings/secrets.ts'
import type { LintParts } from './lint.ts'
import type { Listener } from './listener.ts'
import { sendFault, sendJson } from './reply.ts'

export type ExplainParts = LintParts & {
  readonly table: Table
  readonly site: Site
  /** How a machine with this address is served. */
  readonly serviceAt: (ip: Ipv4 | undefined) => Service
  readonly isThere: IsThere
  readonly listeners: () => readonly Listener[]
}

const agents: readonly Agent[] = ['rom', 'httpboot', 'ipxe']
const keys: ReadonlySet<string> = new Set(['host', 'mac', 'arch', 'agent', 'via'])
/** What is shown where nobody says as what the machine starts. */
const usual: readonly Firmware[] = ['bios', 'uefi-x64']

const unknownServer =
  "127.0.0.1 stands for this server's address, which is not known yet, as no link to machines has one"

const withoutDhcp =
  'We serve no DHCP here (no dhcp section in the settings, or mode: off): this is what a machine gets that another DHCP server sends to us'

export async function sendExplanation(ctx: Context, parts: ExplainParts): Promise<void> {
  const asked = readQuery(ctx.query, parts)
  if ('code' in asked) return sendFault(ctx, asked)
  const { table, site } = parts
  const { host, mac, agent } = asked
  const ip = (isOthers(host, table) ? undefined : host?.ip) ?? addressOf(mac, table)
  const { mode, bootServer, subnet } = parts.serviceAt(ip)
  // `dhcp` also where DHCP is not served: a router then points here.
  const via = asked.via ?? (mode === 'proxy' ? 'proxy' : 'dhcp')
  const near = subnet && linkIn(subnet)
  const server = bootServer ?? (near && addressOn(near, subnet)) ?? reachedAt(ctx)
  const isOurs = mode !== 'off' && via === (mode === 'proxy' ? 'proxy' : 'dhcp')
  const unserved = mode === 'off' ? [withoutDhcp] : isOurs ? unservedAt(near, parts.listeners()) : []
  const choice = choose(host, mac, table, site)
  const wrong = choice === undefined ? [] : await faultsOf(choice.name, parts)
  const shown = withoutSecrets(table)
  const show = async ({ arch, codes }: Arch) => {
    const isHttp = firmwareOf(codes, mac)?.startsWith('http-') === true
    const question = {
      server,
      via,
      host,
      mac,
      ip,
      archs: codes,
      agent: agent ?? (isHttp ? 'httpboot' : 'rom'),
    } as const
    const { stages, notes } = await explain(question, table, site, parts.isThere)
    const isUnknown = server >>> 24 === 127 && stages.some(({ offer }) => offer?.server === server)
    const open = await explain(question, shown, site, parts.isThere)
    return {
      arch,
      stages: stages.map((stage, index) => showStage(stage, open.stages[index]?.text)),
      notes: [...unserved, ...wrong, ...notes, ...(isUnknown ? [unknownServer] : [])],
    }
  }
  sendJson(ctx, {
    host: host?.name ?? null,
    mac,
    ip: ip === undefined ? null : formatIpv4(ip),
    configuration: choice?.name ?? null,
    via,
    mode,
    boots: await Promise.all(asked.archs.map(show)),
  })
}

/** What would stop its machines, without asking other servers: a kernel that is not there. A sentence at most. */
async function faultsOf(configuration: string, { lint }: ExplainParts): Promise<readonly string[]> {
  const findings = (await lint.one(configuration, false)) ?? []
  const [first, ...others] = findings.filter(({ level }) => level === 'fault')
  if (first === undefined) return []
  const more =
    others.length === 0 ? '' : `; pxe-pilot config lint ${configuration} tells ${others.length} more`
  return [printable(`${configuration} has a fault: ${first.file}:${first.line}: ${first.text}${more}`)]
}

/** What hosts boot by it is decided as ever, but for a secret that is itself at fault. */
function withoutSecrets(table: Table): Table {
  const hosts = Array.from(table.hosts.values(), (host) => ({ ...host, vars: masked(host.vars) }))
  return { ...table, hosts: new Map(hosts.map((host) => [host.name, host])) }
}

/** `open`: its text without secrets. */
function showStage({ agent, rule, because, offer, asks, text }: Stage, open: string | undefined) {
  const isNotice = asks.at(-1)?.rule === 'broken-template'
  return {
    agent,
    rule,
    because,
    offer:
      offer === undefined
        ? null
        : {
            server: formatIpv4(offer.server),
            file: offer.file,
            url: offer.url ?? null,
            prefix: offer.prefix ?? null,
          },
    asks,
    text: (isNotice ? text : open) ?? null,
  }
}

type Arch = { readonly arch: string; readonly codes: readonly number[] }

type Query = {
  readonly host: Host | undefined
  readonly mac: Mac
  readonly archs: readonly Arch[]
  readonly agent: Agent | undefined
  readonly via: 'dhcp' | 'proxy' | undefined
}

function readQuery(query: Context['query'], parts: ExplainParts): Query | Fault {
  for (const [key, value] of Object.entries(query)) {
    if (!keys.has(key)) return invalid(`${key} is unknown; there are ${[...keys].join(', ')}`)
    if (Array.isArray(value)) return invalid(`${key} may be there once`)
  }
  const { host: name, mac: written, arch, agent, via } = query as Partial<Record<string, string>>
  const { table } = parts
  const mac = written === undefined ? undefined : parseMac(written)
  if (written !== undefined && mac === undefined)
    return invalid(`mac must be a MAC address such as 22:34:a3:e9:09:cc`)
  const host = name === undefined ? hostOfMac(table, mac) : table.hosts.get(name)
  if (name !== undefined && host === undefined) return faults.hostNotFound(name, [...table.hosts.keys()])
  if (name !== undefined && mac !== undefined && !host?.macs.includes(mac))
    return invalid(`mac must be a card of ${name}`)
  const own = mac ?? host?.macs[0]
  if (own === undefined)
    return host === undefined
      ? invalid('host or mac must say which machine')
      : faults.hostWithoutMac(host.name)
  if (agent !== undefined && !agents.includes(agent as Agent))
    return invalid(`agent must be one of ${agents.join(', ')}`)
  if (via !== undefined && via !== 'dhcp' && via !== 'proxy') return invalid('via must be dhcp or proxy')
  const archs = archsOf(arch, host)
  if (archs === undefined)
    return invalid(`arch must be a number of option 93, or one of ${firmwares.join(', ')}`)
  return { host, mac: own, archs, agent: agent as Agent | undefined, via }
}

function archsOf(text: string | undefined, host: Host | undefined): readonly Arch[] | undefined {
  if (text === undefined) {
    const shown = host?.firmware === undefined ? usual : [host.firmware]
    return shown.map((firmware) => ({ arch: firmware, codes: [codeOf(firmware)] }))
  }
  const known = firmwares.find((firmware) => firmware === text)
  if (known !== undefined) return [{ arch: text, codes: [codeOf(known)] }]
  const code = /^(?:0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text) ? Number(text) : NaN
  return code <= 0xffff ? [{ arch: text, codes: [code] }] : undefined
}

function invalid(message: string): Fault {
  return { code: 'query_invalid', message }
}

/** Whether another machine has the address that is reserved for this one, and keeps it until it leaves. */
function isOthers(host: Host | undefined, { addresses }: Table): boolean {
  const holder = host?.ip === undefined ? undefined : addresses.get(host.ip)
  return holder !== undefined && host?.macs.includes(holder) === false
}

function addressOf(mac: Mac, table: Table): Ipv4 | undefined {
  for (const [ip, holder] of table.addresses) if (holder === mac) return ip
  return undefined
}

/** The machine's own link, also before the machine is switched on. */
function linkIn(subnet: Subnet): NamedLink | undefined {
  const isNear = (link: NamedLink) => isIn(link, [subnet])
  return localLinks().find(isNear) ?? linksWithoutCarrier().find(isNear)
}

/** A sentence for each link without DHCP; `near`: the machine's own, where it is known. */
function unservedAt(near: NamedLink | undefined, listeners: readonly Listener[]): readonly string[] {
  return listeners.flatMap(({ name, where, serving, because }) => {
    const isOther = near !== undefined && where.split(' ')[0] !== near.name
    if (serving || isOther || !name.startsWith('DHCP')) return []
    return [`DHCP is not served on ${where} now: ${because ?? 'see the log'}`]
  })
}

/** What a machine would be told: where the caller reached us, unless that is this very machine. */
function reachedAt(ctx: Context): Ipv4 {
  const own = parseIpv4((ctx.req.socket.localAddress ?? '').replace(/^::ffff:/, ''))
  if (own !== undefined && own >>> 24 !== 127) return own
  const link = localLinks().find(isAttached) ?? linksWithoutCarrier().find(isAttached)
  return link?.addresses[0]?.ip ?? own ?? ipv4(0x7f000001)
}
