// Hosts as the API shows them: every key of the original's, and never a secret.

import type { Site } from '../boot/decide.ts'
import { configurationExists, type Table } from '../boot/table.ts'
import type { Host } from '../model.ts'
import type { PowerStatus } from '../power/power.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { secretName } from '../settings/secrets.ts'
import type { PowerSettings } from '../settings/schema.ts'
import { showConfiguration, type ShownConfiguration } from './configurations.ts'

export type HostParts = { readonly table: Table; readonly site: Site }

export type ShownHost = {
  readonly name: string
  readonly macAddresses: readonly string[] | null
  /** `vanished`: its file is gone or has a fault, so the host boots the built-in local. */
  readonly configuration: (ShownConfiguration & { readonly vanished?: true }) | null
  /** Empty where it was never asked, or cannot be. */
  readonly powerState: PowerStatus['state']
  /** When it was asked. */
  readonly powerAskedAt?: string
  /** Why it is Unknown. */
  readonly powerReason?: string
  readonly ipmi: Readonly<Record<string, string | number>> | null
  readonly management: Readonly<Record<string, unknown>> | null
  readonly registered?: true
  /** Made over the API. */
  readonly added?: true
  readonly locked?: true
}

// What the original's Go took for strconv.ParseBool.
const trues = ['1', 't', 'T', 'TRUE', 'true', 'True'] as const
const falses = ['0', 'f', 'F', 'FALSE', 'false', 'False'] as const

/** What `?status=` may be. */
export const statusSpellings = [...trues, '', ...falses] as const

export function isStatusQuery(value: unknown): boolean {
  return value === undefined || statusSpellings.some((spelling) => spelling === value)
}

/** Whether `?status=` orders that every host's power is asked: all but a false one. */
export function isStatusAsked(value: unknown): boolean {
  return !falses.some((spelling) => spelling === value)
}

/** Those of the settings file in its order (`declared`), then the others. */
export function listHosts(
  declared: readonly string[],
  powerOf: (name: string) => PowerStatus,
  parts: HostParts,
): readonly ShownHost[] {
  const { hosts } = parts.table
  const first = declared.flatMap((name) => hosts.get(name) ?? [])
  const others = [...hosts.values()].filter(({ origin }) => origin !== 'settings')
  return [...first, ...others].map((host) => showHost(host, powerOf(host.name), parts))
}

function showHost(host: Host, status: PowerStatus, { table, site }: HostParts): ShownHost {
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
    ...showPower(status),
    ipmi: showIpmi(host.power?.ipmi, status.address),
    management: showManagement(host.power?.management, status.address),
    ...(host.origin === 'registered' && { registered: true }),
    ...(host.origin === 'added' && { added: true }),
    ...(host.locked && { locked: true }),
  }
}

export function showPower({ state, at, because }: PowerStatus) {
  return {
    powerState: state,
    ...(at !== undefined && { powerAskedAt: new Date(at).toISOString() }),
    ...(because !== undefined && { powerReason: because }),
  }
}

/** With everything a change of it may say. */
export function showHostInFull(host: Host, status: PowerStatus, parts: HostParts) {
  const { ip, locked, firmware, localMethod, vars, origin, power } = host
  return {
    ...showHost(host, status, parts),
    origin,
    ip: ip === undefined ? '' : formatIpv4(ip),
    locked,
    arch: firmware ?? '',
    localMethod: localMethod ?? '',
    redfish: withoutPassword(power?.redfish),
    wol: showWol(power?.wol),
    vars: Object.fromEntries(
      Object.entries(vars).map(([name, value]) => [name, secretName.test(name) ? '' : value]),
    ),
  }
}

function withoutPassword(settings: object | null | undefined): object | null {
  if (settings === undefined || settings === null) return null
  return 'password' in settings ? { ...settings, password: '' } : settings
}

function showWol(wol: PowerSettings['wol']): object | null {
  const shown = withoutPassword(wol)
  return wol?.address === undefined ? shown : { ...shown, address: formatIpv4(wol.address) }
}

/** `address`: as the original, one that was found by the MAC stands where a configured one would. */
function showIpmi(ipmi: PowerSettings['ipmi'], address = ''): ShownHost['ipmi'] {
  if (ipmi === undefined || ipmi === null) return null
  return {
    macAddress: ipmi.mac_address ?? '',
    username: ipmi.username ?? '',
    password: '',
    interface: ipmi.interface ?? '',
    hostname: ipmi.hostname || address,
    subnet: ipmi.subnet ?? '',
    ...(ipmi.cipher !== undefined && { cipher: ipmi.cipher }),
    ...(ipmi.port !== undefined && { port: ipmi.port }),
  }
}

/** The variables of an adapter are where its password stands. */
function showManagement(management: PowerSettings['management'], address = ''): ShownHost['management'] {
  if (management === undefined || management === null) return null
  return {
    macAddress: management.mac_address ?? '',
    ipAddress: management.ip_address || address,
    adapter: management.adapter ?? '',
    subnet: management.subnet ?? '',
    vars:
      management.vars?.map(({ name, value }) => ({ name, value: secretName.test(name) ? '' : value })) ??
      null,
  }
}
