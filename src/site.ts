// What the parts need of the settings, in their own words.

import type { Writers } from './api/guard.ts'
import { bootloader, builtInBootloaders } from './boot/bootloaders.ts'
import type { Site } from './boot/decide.ts'
import type { IsThere } from './boot/explain.ts'
import { scopesOf, serviceAt, type Service } from './dhcp/scope.ts'
import { findUnder } from './files.ts'
import { inSubnet, ipv4, type Ipv4, type Subnet } from './net/ipv4.ts'
import { localLinks } from './net/links.ts'
import type { Guards } from './registry.ts'
import type { HostRules } from './registry/hosts.ts'
import { takenBy } from './settings/consistency.ts'
import type { Settings } from './settings/schema.ts'

/** Of the decision. */
export function siteOf({ configuration, http, server }: Settings): Site {
  return {
    bootloaders: configuration.bootloaders?.map(bootloader) ?? builtInBootloaders,
    default: configuration.default,
    localMethod: configuration.local_method,
    httpPort: http?.port,
    apiPort: server.port,
  }
}

/** Of deploys. */
export function guardsOf({ hosts_policy, configuration }: Settings): Guards {
  return {
    policy: hosts_policy,
    default: configuration.default,
    destructive: configuration.destructive,
    maxHosts: configuration.max_hosts_per_deploy,
  }
}

function isOwn(ip: Ipv4): boolean {
  return localLinks().some(({ addresses }) => addresses.some((own) => own.ip === ip))
}

/** Of hosts that people make. */
export function rulesOf(settings: Settings): HostRules {
  return {
    file: settings.file,
    takenBy: (ip) => takenBy(ip, settings) ?? (isOwn(ip) ? "is this machine's own" : undefined),
  }
}

/** Of what machines are told of us. */
export function explainedBy({ dhcp, advertise, tftp, http }: Settings): {
  serviceAt: (ip: Ipv4 | undefined) => Service
  isThere: IsThere
  tftproot: string | undefined
} {
  const scopes = dhcp === undefined ? [] : scopesOf(dhcp)
  const site = { mode: dhcp?.mode ?? 'off', scopes, advertise } as const
  const links = { http: 'inside', tftp: tftp?.follow_links ?? 'inside' } as const
  const roots = { http: http?.root, tftp: tftp?.root }
  return {
    serviceAt: (ip) => serviceAt(ip, site),
    isThere: async ({ root, path }) => {
      const folder = roots[root]
      return folder !== undefined && (await findUnder(folder, path, links[root])).kind === 'found'
    },
    tftproot: tftp?.root,
  }
}

const loopback: Subnet = { network: ipv4(0x7f000000), prefix: 8 }

/** server.allow; where it is left out the configured subnets and ourselves; where there are none, anyone. */
export function writersOf({ server, dhcp }: Pick<Settings, 'server' | 'dhcp'>): Writers {
  if (server.allow !== undefined) return { subnets: server.allow, isSet: true }
  const subnets = dhcp?.subnets.map(({ subnet }) => subnet) ?? []
  return { subnets: subnets.length === 0 ? undefined : [...subnets, loopback], isSet: false }
}

/** Whether `after` lets anybody write whom `before` did not. */
export function isWider(before: Writers, after: Writers): boolean {
  // Without server.allow a token is taken from anywhere.
  if (before.isSet && !after.isSet) return true
  const { subnets } = before
  if (subnets === undefined) return false
  const isWithin = ({ network, prefix }: Subnet) =>
    subnets.some((subnet) => subnet.prefix <= prefix && inSubnet(network, subnet))
  return after.subnets?.every(isWithin) !== true
}
