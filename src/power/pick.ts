// Which adapter switches a host, by what its settings have.

import { mostOfSecrets, readOwn } from '../files.ts'
import type { Host } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import type { Link } from '../net/links.ts'
import type { Mac } from '../net/mac.ts'
import type { AdapterSettings, PowerSettings } from '../settings/schema.ts'
import { PowerError, type Adapter } from './adapter.ts'
import type { Addresses, Place } from './addresses.ts'
import { commandAdapter } from './command.ts'
import { ipmiAdapter } from './ipmi.ts'
import { redfishAdapter } from './redfish.ts'
import { wakeAdapter } from './wake.ts'

/** A host that can be switched, and how. */
export type Powered = { readonly host: Host; readonly power: PowerSettings }

export type PickParts = {
  readonly adapters: readonly AdapterSettings[]
  readonly addresses: Addresses
  readonly links: () => readonly Link[]
  /** Who holds which address. */
  readonly held: () => Iterable<readonly [Ipv4, Mac]>
}

/** The host, where its settings say how it is switched. */
export function powered(host: Host | undefined): Powered | undefined {
  const power = host?.power
  if (host === undefined || power === undefined) return undefined
  const { ipmi, management, redfish, wol } = power
  return [ipmi, management, redfish, wol].some((way) => way != null) ? { host, power } : undefined
}

/** @throws PowerError where the settings leave nothing to pick */
export function adapterOf({ host, power }: Powered, parts: PickParts): Adapter {
  const { ipmi, management, redfish, wol } = power
  const named = Object.entries({ ipmi, management, redfish, wol }).flatMap(([name, way]) =>
    way == null ? [] : [name],
  )
  if (named.length > 1) {
    throw new PowerError(`it has ${named.join(' and ')} in the settings file: leave one of them`)
  }
  if (ipmi != null) {
    return ipmiAdapter({
      settings: ipmi,
      address: () => parts.addresses.find(placeOf(power)),
      password: () => secret(ipmi),
      isUefi: host.firmware !== undefined && host.firmware !== 'bios' && host.firmware !== 'rpi',
    })
  }
  if (redfish != null) {
    return redfishAdapter({
      settings: redfish,
      address: () => parts.addresses.find(placeOf(power)),
      password: () => secret(redfish),
      isHttp: host.firmware?.startsWith('http-') === true,
    })
  }
  if (management != null) {
    const adapter = parts.adapters.find(({ name }) => name === management.adapter)
    if (adapter === undefined) {
      const name = management.adapter ?? ''
      throw new PowerError(`host_management_adapters of the settings file has no adapter "${name}"`)
    }
    return commandAdapter(adapter, management, () => parts.addresses.find(placeOf(power)))
  }
  const mac = wol?.mac_address ?? host.macs[0]
  if (mac === undefined) throw new PowerError('it has no MAC that a magic packet could wake')
  return wakeAdapter({
    mac,
    address: wol?.address,
    port: wol?.port ?? 9,
    password: wol?.password,
    lastSeen: () => host.ip ?? [...parts.held()].find(([, holder]) => holder === mac)?.[0],
    links: parts.links,
  })
}

/** What the settings say of where the host's controller is. */
export function placeOf({ ipmi, management, redfish }: PowerSettings): Place {
  const { mac_address: mac } = management ?? ipmi ?? redfish ?? {}
  return { mac, address: management?.ip_address ?? ipmi?.hostname ?? redfish?.hostname }
}

/** Where the controllers of such hosts are. */
export function subnetOf({ ipmi, management, redfish }: PowerSettings = {}): string | undefined {
  return ipmi?.subnet ?? management?.subnet ?? redfish?.subnet
}

type Secret = { readonly password?: string | undefined; readonly password_file?: string | undefined }

/** Read anew each time, so that a password may be changed under a running appliance; without the line's end. */
function secret({ password, password_file: file }: Secret): string {
  if (password !== undefined || file === undefined) return password ?? ''
  try {
    return readOwn(file, mostOfSecrets).replace(/\r?\n$/, '')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new PowerError(`its password_file cannot be read: ${why}`)
  }
}
