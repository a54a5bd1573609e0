// The keys of the original PXE Pilot's settings file that are read in another way than ours.

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
