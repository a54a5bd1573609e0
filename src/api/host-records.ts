// Hosts as people write them to the API, and as the registry takes them.

import type { z } from 'zod'
import type { Host } from '../model.ts'
import type { HostRecord } from '../registry/hosts.ts'
import type { PowerSettings } from '../settings/schema.ts'
import type { hostOrder, hostPatch } from './orders.ts'
import { secretName } from '../settings/secrets.ts'

type Order = z.output<typeof hostOrder>

/** `before`: whose secrets an order that shows none, as the API does, leaves alone. */
export function recordOf(order: Order, before?: Host): HostRecord {
  const { name, macAddresses, ip, locked, arch, localMethod, vars, ...power } = order
  return {
    name,
    macs: [...new Set(macAddresses)],
    ip,
    locked,
    firmware: arch,
    localMethod,
    vars,
    power: withSecrets(power, before?.power),
  }
}

/** What is left out stays; null takes it away. */
export function patched(host: Host, patch: z.output<typeof hostPatch>): HostRecord {
  const { name, macAddresses, ip, locked, arch, localMethod, vars, ...power } = patch
  return {
    name: name ?? host.name,
    macs: macAddresses === undefined ? host.macs : [...new Set(macAddresses)],
    ip: keep(ip, host.ip),
    locked: locked ?? host.locked,
    firmware: keep(arch, host.firmware),
    localMethod: keep(localMethod, host.localMethod),
    vars: vars === undefined ? host.vars : (vars ?? {}),
    power: { ...host.power, ...withSecrets(power, host.power) },
  }
}

/** Undefined: as it was; null: none. */
function keep<T>(next: T | null | undefined, before: T | undefined): T | undefined {
  return next === undefined ? before : (next ?? undefined)
}

type Secret = { readonly password?: string | undefined }

function kept<T extends Secret | null | undefined>(next: T, old: Secret | null | undefined): T {
  return next != null && next.password === '' && old?.password !== undefined
    ? { ...next, password: old.password }
    : next
}

/** An empty secret is one that was shown empty. */
function withSecrets(power: PowerSettings, before: PowerSettings | undefined): PowerSettings {
  const { management } = power
  const old = before?.management?.vars ?? []
  const vars = management?.vars?.map(({ name, value }) => {
    const secret =
      secretName.test(name) && value === '' ? old.find((entry) => entry.name === name) : undefined
    return secret ?? { name, value }
  })
  return {
    ...power,
    ...('ipmi' in power && { ipmi: kept(power.ipmi, before?.ipmi) }),
    ...('redfish' in power && { redfish: kept(power.redfish, before?.redfish) }),
    ...(management != null && { management: { ...management, ...(vars && { vars }) } }),
  }
}
