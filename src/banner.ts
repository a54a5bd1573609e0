// What a person reads who started us: where everything listens, and what to do next.

import type { Listener } from './api/router.ts'
import { formatIpv4, ipv4, type Ipv4 } from './net/ipv4.ts'
import { isAttached, localLinks } from './net/links.ts'
import type { Settings } from './settings/schema.ts'

/** Whole lines, aligned. */
export function banner(settings: Settings, listeners: readonly Listener[]): string {
  const { dhcp, server, configuration } = settings
  const width = Math.max(...listeners.map(({ name }) => name.length))
  const api = `http://${formatIpv4(server.bind === 0 ? likelyAddress() : server.bind)}:${server.port}`
  const rows = listeners.map(({ name, where, serving, because }) => {
    const state = serving ? '' : `  NOT SERVED: ${because ?? 'see the log'}`
    return `  ${name.padEnd(width)}  ${where}${state}`
  })
  return [
    '',
    'PXE Pilot runs:',
    ...rows,
    ...(dhcp?.mode === 'proxy'
      ? ['  Your router goes on giving addresses; a machine that nobody deployed to is left alone.']
      : []),
    '',
    'Next:',
    `  look        ${api}/`,
    `  write       one file for each thing to boot, into ${configuration.directory}`,
    `  deploy one  curl -X PUT ${api}/v1/configurations/local/deploy -d '{"hosts":[{"macAddress":"23:34:a3:e9:09:cc"}]}'`,
    '  then        switch that machine on, with its network card first in the boot order; each step is logged here',
    '',
    '',
  ].join('\n')
}

/** Ours on a link that leads to machines. */
function likelyAddress(): Ipv4 {
  const links = localLinks()
  const link = links.find(isAttached) ?? links[0]
  return link?.addresses[0]?.ip ?? ipv4(0x7f000001)
}
