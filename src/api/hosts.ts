// Hosts as the API shows them: every key of the original's, and never a secret.

import type { Site } from '../boot/decide.ts'
import { configurationExists, type Table } from '../boot/table.ts'
import type { Host } from '../model.ts'
import type { PowerStatus } from '../power/power.ts'
import { declaredHosts } from '../settings/hosts.ts'
import type { HostSettings } from '../settings/schema.ts'
import { secretName } from '../settings/secrets.ts'
import { showConfiguration, type ShownConfiguration } from './configurations.ts'

export type ShownHost = {
  readonly name: string
  readonly macAddresses: readonly string[] | null
  /** `vanished`: its file is gone, so the host boots the built-in local. */
  readonly configuration: (ShownConfiguration & { readonly vanished?: true }) | null
  /** Empty where it was never asked, or cannot be. */
  readonly powerState: PowerStatus['state']
  /** When it was asked. */
  readonly powerAskedAt?: string
  /** Why it is Unknown. */
  readonly powerReason?: string
  readonly ipmi: Readonly<Record<string, string>> | null
  readonly management: Readonly<Record<string, unknown>> | null
  readonly registered?: true
}

// What the original's Go wrote for strconv.ParseBool.
const booleans = /^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)?$/

/** Whether `?status=` is one the original took. */
export function isStatusQuery(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && booleans.test(value))
}

/** Whether `?status=` orders that every host's power is asked: all but a false one. */
export function isStatusAsked(value: unknown): boolean {
  return typeof value !== 'string' || !/^[0fF]/.test(value)
}

/** Those of the settings file in its order, then the registered ones; null where there is none, as the original. */
export function listHosts(
  table: Table,
  site: Site,
  declared: readonly HostSettings[],
  powerOf: (name: string) => PowerStatus,
): readonly ShownHost[] | null {
  const shown = declared.flatMap((settings) => {
    const name = declaredHosts([settings])[0]?.name
    const host = name === undefined ? undefined : table.hosts.get(name)
    return host === undefined ? [] : showHost(host, table, site, powerOf(host.name), settings)
  })
  const names = new Set(shown.map((host) => host.name))
  for (const host of table.hosts.values())
    if (!names.has(host.name)) shown.push(showHost(host, table, site, powerOf(host.name)))
  return shown.length === 0 ? null : shown
}

function showHost(
  host: Host,
  table: Table,
  site: Site,
  { state, at, because }: PowerStatus,
  settings?: HostSettings,
): ShownHost {
  const assigned = table.assignments.get(host.name)
  return {
    name: host.name,
    macAddresses: host.macs.length === 0 ? null : host.macs,
    configuration:
      assigned === undefined
        ? null
        : {
            ...showConfiguration(assigned, table, site),
            ...(!configurationExists(table, assigned) && { vanished: true }),
          },
    powerState: state,
    ...(at !== undefined && { powerAskedAt: new Date(at).toISOString() }),
    ...(because !== undefined && { powerReason: because }),
    ipmi: showIpmi(settings?.ipmi),
    management: showManagement(settings?.management),
    ...(host.origin === 'registered' && { registered: true }),
  }
}

function showIpmi(ipmi: HostSettings['ipmi']): ShownHost['ipmi'] {
  if (ipmi === undefined || ipmi === null) return null
  return {
    macAddress: ipmi.mac_address ?? '',
    username: ipmi.username ?? '',
    password: '',
    interface: ipmi.interface ?? '',
    hostname: ipmi.hostname ?? '',
    subnet: ipmi.subnet ?? '',
  }
}

function showManagement(management: HostSettings['management']): ShownHost['management'] {
  if (management === undefined || management === null) return null
  return {
    macAddress: management.mac_address ?? '',
    ipAddress: management.ip_address ?? '',
    adapter: management.adapter ?? '',
    subnet: management.subnet ?? '',
    vars:
      management.vars?.map(({ name, value }) => ({ name, value: secretName.test(name) ? '' : value })) ??
      null,
  }
}
