// The hosts a settings file declares, as the table wants them.

import type { Host } from '../model.ts'
import { macWithDashes } from '../net/mac.ts'
import type { HostSettings } from './schema.ts'

/** In the file's order. A host without a name goes by its first MAC; one with neither names no machine. */
export function declaredHosts(settings: readonly HostSettings[]): readonly Host[] {
  return settings.flatMap((host) => {
    const macs = host.mac_addresses ?? []
    const name = host.name ?? (macs[0] === undefined ? undefined : macWithDashes(macs[0]))
    if (name === undefined) return []
    return {
      name,
      macs,
      origin: 'settings' as const,
      ip: host.ip,
      locked: host.locked,
      firmware: host.arch,
      localMethod: host.local_method,
      vars: host.vars,
      options: host.options,
      power: { ipmi: host.ipmi, management: host.management, redfish: host.redfish, wol: host.wol },
    }
  })
}
