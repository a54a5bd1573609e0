// What a person reads who started us: where everything listens, and what to do next.

import { relative } from 'node:path'
import type { Listener } from './api/listener.ts'
import { withToken } from './api/tokens.ts'
import { configurationExists, type Table } from './boot/table.ts'
import { formatIpv4, formatSubnet, ipv4, type Ipv4 } from './net/ipv4.ts'
import { formatLink, isAttached, linksWithoutCarrier, localLinks } from './net/links.ts'
import type { Settings } from './settings/schema.ts'
import { takers } from './worries.ts'

/** Whole lines, aligned. */
export function banner(settings: Settings, listeners: readonly Listener[], table: Table): string {
  const { dhcp, server, configuration } = settings
  const api = `http://${formatIpv4(server.bind === 0 ? likelyAddress() : server.bind)}:${server.port}`
  const shown = relative('', configuration.directory)
  const token = server.tokens_file === undefined ? '' : `${withToken} `
  const directory = shown.startsWith('..') ? configuration.directory : shown
  return [
    '',
    'PXE Pilot is ready:',
    ...rows(settings, listeners),
    ...absent(settings),
    ...(dhcp?.mode === 'proxy' ? ['Your router goes on giving addresses. We add what to boot.'] : []),
    undeployed(settings, table),
    ...(table.held ? ['All is held: every machine boots local, until pxe-pilot hold --release.'] : []),
    ...(settings.hosts_policy === 'declared' ? [`${takers.declared}.`] : []),
    '',
    'Next:',
    `  look       ${api}/`,
    `  write      what machines shall boot: a file each in ${directory}`,
    `  deploy     curl -X PUT ${api}/v1/configurations/local/deploy ${token}-d '{"hosts":[{"macAddress":"${exampleOf(settings)}"}]}'`,
    '  switch on  that machine, its network card first in the boot order; each step of its boot is a line here',
    '',
    '',
  ].join('\n')
}

/** A file without TFTP or HTTP boots nothing; one of the original, which has no `dhcp`, does. */
function absent(settings: Settings): readonly string[] {
  const { file, tftp, http } = settings
  const names = (['dhcp', 'tftp', 'http'] as const).filter((name) => settings[name] === undefined)
  return tftp === undefined && http === undefined
    ? [
        `No machine boots from here: ${file} has no ${names.join(':, no ')}:, so that nothing of these is run.`,
      ]
    : []
}

/** One that the deploy takes. */
function exampleOf({ hosts, hosts_policy: policy }: Settings): string {
  const declared = policy === 'declared' ? hosts.flatMap(({ mac_addresses: macs }) => macs ?? []) : []
  return declared[0] ?? '22:34:a3:e9:09:cc'
}

function undeployed({ dhcp, configuration }: Settings, table: Table): string {
  const who = 'A machine that nobody deployed to'
  const name = configuration.default
  if (name !== null && configurationExists(table, name)) return `${who} boots ${name}.`
  if (name !== null)
    return `${who} boots local, as there is no configuration ${name} (configuration.default).`
  const what = dhcp?.mode === 'server' ? 'gets an address and nothing to boot' : 'is left alone'
  return `${who} ${what}, unless there is a pxelinux.cfg/default.`
}

function rows({ dhcp }: Settings, listeners: readonly Listener[]): readonly string[] {
  const hasDhcp = listeners.some(({ name }) => name.startsWith('DHCP'))
  const waiting = { name: 'DHCP', where: '', serving: false, because: whyNoLink(dhcp) }
  const isWanted = dhcp !== undefined && dhcp.mode !== 'off'
  const all: readonly Listener[] = isWanted && !hasDhcp ? [...listeners, waiting] : listeners
  const width = Math.max(...all.map(({ name }) => name.length))
  return all.map(({ name, where, serving, because }) => {
    const state = serving ? '' : `not served: ${because ?? 'see the log'}`
    return `  ${name.padEnd(width)}  ${[where, state].filter(Boolean).join('  ')}`
  })
}

function whyNoLink(dhcp: Settings['dhcp']): string {
  const subnets = (dhcp?.subnets ?? []).map(({ subnet }) => subnet)
  const own = [...localLinks(), ...linksWithoutCarrier()].filter(isAttached)
  if (own.length === 0) return 'no link that is up has an IPv4 address yet'
  const wanted = subnets.map(formatSubnet).join(' or ')
  return `through relays only: no link that is up has an address in ${wanted}; there are ${own.map(formatLink).join(', ')}`
}

/** Ours on a link that leads to machines. */
function likelyAddress(): Ipv4 {
  const links = localLinks()
  const link = links.find(isAttached) ?? linksWithoutCarrier().find(isAttached) ?? links[0]
  return link?.addresses[0]?.ip ?? ipv4(0x7f000001)
}
