// What of the original PXE Pilot's settings file is read in another way than ours: its keys, and values it made do with.

import { padOctets, parseMac } from '../net/mac.ts'

/** Keys of old settings files that never did anything: accepted with a warning. */
export const ignoredKeys: ReadonlySet<string> = new Set([
  'discovery',
  'arp',
  'hosts.configuration',
  'hosts.power_state',
  'hosts.ipmi.subnets',
])

/**
 * The original's own keys of hosts and adapters. What resembles one of them is ignored with a warning, as the original
 * ignored it: its file, which works, goes on working.
 */
export const originalKeys: ReadonlySet<string> = new Set(
  Object.entries({
    hosts: ['name', 'mac_addresses', 'ipmi', 'management'],
    'hosts.ipmi': ['mac_address', 'username', 'password', 'interface', 'hostname', 'subnet'],
    'hosts.management': ['mac_address', 'ip_address', 'adapter', 'subnet', 'vars'],
    'hosts.management.vars': ['name', 'value'],
    host_management_adapters: ['name', 'vars', 'power_status', 'power_on', 'power_off', 'power_reset'],
    'host_management_adapters.vars': ['name', 'value'],
    'host_management_adapters.power_status': ['cmd', 'pattern_on', 'pattern_off'],
    'host_management_adapters.power_on': ['cmd'],
    'host_management_adapters.power_off': ['cmd'],
    'host_management_adapters.power_reset': ['cmd'],
  }).flatMap(([group, keys]) => keys.map((key) => `${group}.${key}`)),
)

export const originalSections: ReadonlySet<PropertyKey | undefined> = new Set([
  'hosts',
  'tftp',
  'configuration',
  'server',
  'host_management_adapters',
])

const controllerMacs: ReadonlySet<string> = new Set([
  'hosts.ipmi.mac_address',
  'hosts.management.mac_address',
])

/** `value`: what stands for it; undefined takes it away. `warning`: the end of a sentence that begins with its place. */
export type Mended = { readonly value: string | undefined; readonly warning?: string }

/** What the original made of a value that ours refuses at `place` (`hosts.ipmi.mac_address`), where its server ran on. */
export function asOriginal(place: string, value: unknown): Mended | undefined {
  if (place === 'hosts.mac_addresses') {
    return value === '' || value === null
      ? { value: undefined, warning: 'is empty and is skipped' }
      : undefined
  }
  if (!controllerMacs.has(place) || typeof value !== 'string') return undefined
  if (value === '') return { value: undefined }
  const padded = padOctets(value)
  if (parseMac(padded) !== undefined) return { value: padded }
  return {
    value: undefined,
    warning: `is no MAC address such as 22:34:a3:e9:09:cc and is ignored: ${JSON.stringify(value)}`,
  }
}
