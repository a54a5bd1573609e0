// What is set and leads nowhere, or leaves a door open: said at the start, and what is new of it when the settings are read again.

import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { builtInLocal, configurationExists, type Table } from './boot/table.ts'
import type { Tell } from './events.ts'
import { formatIpv4, formatSubnet } from './net/ipv4.ts'
import { formatLink, isAttached, linksWithoutCarrier, localLinks } from './net/links.ts'
import { isMulticast, multicastMeans } from './net/mac.ts'
import type { Registry } from './registry.ts'
import { standing } from './registry/hold.ts'
import { exposures, secretFiles } from './settings/consistency.ts'
import { show } from './settings/explain.ts'
import { nearest } from './settings/nearest.ts'
import type { Settings } from './settings/schema.ts'
import { writersOf } from './site.ts'

/** A sentence each. `table`: with what the directories hold. */
export function* worries(settings: Settings, table: Table): Generator<string> {
  const { configuration } = settings
  const name = configuration.default
  if (name !== null && !configurationExists(table, name)) {
    const known = [...table.configurations.keys(), builtInLocal].join(', ')
    yield `configuration.default: there is no configuration ${name}, so that machines boot local; there are ${known}`
  }
  for (const [setting, names] of [
    ['configuration.destructive', configuration.destructive],
    ['configuration.self_service', configuration.self_service],
  ] as const) {
    for (const unknown of names.filter((one) => !configurationExists(table, one))) {
      const near = nearest(unknown, [...table.configurations.keys(), builtInLocal])
      yield `${setting}: there is no configuration ${unknown}${near === undefined ? '' : `; did you mean ${near}?`}`
    }
  }
  const links = [...localLinks(), ...linksWithoutCarrier()]
  const own = new Set(links.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)))
  const { advertise } = settings
  if (advertise !== undefined && !own.has(advertise)) {
    const there = links.filter(isAttached).map(formatLink).join(', ')
    yield `advertise: ${formatIpv4(advertise)} is no address of this machine, and all machines fetch from there: that is right only where it is translated to one of ours (NAT); there are ${there || 'none'}`
  }
  for (const { name: host, ip, macs } of table.hosts.values()) {
    for (const mac of macs.filter(isMulticast)) {
      yield `${mac} of ${host} ${multicastMeans}`
    }
    if (ip !== undefined && own.has(ip)) {
      yield `${formatIpv4(ip)} is reserved for ${host}, and is this machine's own: ${host} is given another`
    }
  }
  const open = openTo(settings)
  if (open !== undefined) yield open
}

/** Also that all is held, as who looks at the log then wonders why nothing is installed. */
export function tellAtStart(settings: Settings, { table, hold }: Registry, tell: Tell): void {
  for (const text of worries(settings, table)) tell({ level: 'warn', step: 'settings', text })
  if (hold !== null) tell({ level: 'warn', step: 'hold', text: standing(hold) })
}

/** What a deploy may name, by hosts_policy: it changes with the first host that the settings declare. */
export const takers = {
  register: "A deploy to a MAC that is no host's makes a host of it (hosts_policy: register)",
  declared:
    "A deploy to a MAC that is no host's is refused, as the settings declare the hosts (hosts_policy: declared)",
} as const

/** What of settings that are read again is told where it was not so before. */
export function* toldAnew(settings: Settings, table: Table): Generator<string> {
  yield takers[settings.hosts_policy]
  yield* worries(settings, table)
}

/** Who may deploy without a token, where anybody may. */
export function openTo(settings: Settings): string | undefined {
  if (settings.server.tokens_file !== undefined) return undefined
  const { subnets } = writersOf(settings)
  const who = subnets === undefined ? 'everyone' : `everyone in ${subnets.map(formatSubnet).join(', ')}`
  return `${who} may deploy without a token: server.tokens_file names who may, server.allow from where`
}

/** What the roots themselves show, and the settings alone do not. A root that hangs takes one thread. */
export async function worriesOfRoots(settings: Settings): Promise<readonly string[]> {
  return [...(await missingRoots(settings)), ...(await exposedByLinks(settings))]
}

async function missingRoots({ tftp, http }: Settings): Promise<readonly string[]> {
  const missing: string[] = []
  for (const [name, root] of [
    ['tftp.root', tftp?.root],
    ['http.root', http?.root],
  ] as const) {
    if (root !== undefined && !(await isFolder(root))) missing.push(`${name}: there is no folder ${root}`)
  }
  return missing
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** What lies in a root by way of links. */
async function exposedByLinks(settings: Settings): Promise<readonly string[]> {
  const { tftp, http } = settings
  const places = new Map<string, string>()
  for (const path of [tftp?.root, http?.root, ...secretFiles(settings).flatMap(([, ...paths]) => paths)]) {
    if (path !== undefined && !places.has(path)) places.set(path, await placeOf(path))
  }
  const said = (real?: (path: string) => string) =>
    Array.from(exposures(settings, real), ({ at, text }) => `${show(at)} ${text}`)
  const known = said()
  return said((path) => places.get(path) ?? path).filter((text) => !known.includes(text))
}

/** Also of what is not there yet. */
async function placeOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const above = dirname(path)
    return above === path ? path : join(await placeOf(above), basename(path))
  }
}
