// Hosts as people write them to the API, and as the registry takes them.

import type { z } from 'zod'
import type { Fault } from '../faults.ts'
import type { Host } from '../model.ts'
import type { HostRecord } from '../registry/hosts.ts'
import { show } from '../settings/explain.ts'
import { hostSchema, type PowerSettings } from '../settings/schema.ts'
import { secretName } from '../settings/secrets.ts'
import type { hostOrder, hostPatch } from './orders.ts'

type Order = z.output<typeof hostOrder>
type Patch = z.output<typeof hostPatch>
type Refused = { readonly fault: Fault }

/** `before`: whose secrets an order that shows none, as the API does, leaves alone. */
export function recordOf(order: Order, before?: Host): HostRecord | Refused {
  const { name, macAddresses, ip, locked, arch, localMethod, vars, ...power } = order
  const switched = powerOf(power, before?.power)
  if ('fault' in switched) return switched
  return bounded({
    name,
    macs: [...new Set(macAddresses)],
    ip,
    locked,
    firmware: arch,
    localMethod,
    vars: unmasked(vars, before?.vars),
    power: switched,
  })
}

/** What is left out stays; null takes it away. */
export function patched(host: Host, patch: Patch): HostRecord | Refused {
  const { name, macAddresses, ip, locked, arch, localMethod, vars, ...power } = patch
  const isSwitched = Object.keys(power).length > 0
  const switched = isSwitched ? powerOf(laidOver(power, host.power), host.power) : host.power
  if (switched !== undefined && 'fault' in switched) return switched
  return bounded({
    name: name ?? host.name,
    macs: macAddresses === undefined ? host.macs : [...new Set(macAddresses)],
    ip: keep(ip, host.ip),
    locked: locked ?? host.locked,
    firmware: keep(arch, host.firmware),
    localMethod: keep(localMethod, host.localMethod),
    vars: vars === null ? {} : unmasked({ ...host.vars, ...vars }, host.vars),
    power: switched,
  })
}

const mostVars = 256
/** Bytes, of a variable's value and of any other text. */
const longestValue = 4096
const longestText = 1024
/** Bytes of JSON: all hosts together have to fit into memory, and into a start. */
const biggestRecord = 16 * 1024

/** Whoever may write may not fill memory and disk with it; the settings file is the admin's own. */
function bounded(record: HostRecord): HostRecord | Refused {
  const { vars, power } = record
  if (Object.keys(vars).length > mostVars) return wrong('vars', `must not have more than ${mostVars} names`)
  const listed = power?.management?.vars ?? []
  if (listed.length > mostVars) return wrong('management.vars', `must not have more than ${mostVars} names`)
  for (const [path, text] of textsOf({ vars, ...power }, [])) {
    const longest = path.includes('vars') ? longestValue : longestText
    if (Buffer.byteLength(text) > longest)
      return wrong(show(path), `must not be longer than ${longest} bytes`)
  }
  const size = Buffer.byteLength(JSON.stringify(record))
  if (size <= biggestRecord) return record
  const message = `The host has ${size} bytes with its vars; at most ${biggestRecord} are kept`
  return { fault: { code: 'body_invalid', message, more: { path: '' } } }
}

type Path = readonly (string | number)[]

function* textsOf(value: unknown, path: Path): Generator<readonly [Path, string]> {
  if (typeof value === 'string') yield [path, value]
  if (typeof value !== 'object' || value === null) return
  for (const [key, part] of Object.entries(value)) {
    yield* textsOf(part, [...path, Array.isArray(value) ? Number(key) : key])
  }
}

/** Undefined: as it was; null: none. */
function keep<T>(next: T | null | undefined, before: T | undefined): T | undefined {
  return next === undefined ? before : (next ?? undefined)
}

type Vars = Readonly<Record<string, string>>

/** An empty secret is one that was shown empty; null takes a variable away. */
function unmasked(vars: Readonly<Record<string, string | null>>, before: Vars = {}): Vars {
  const old = new Map(Object.entries(before))
  return Object.fromEntries(
    Object.entries(vars).flatMap(([name, value]) => {
      if (value === null) return []
      const secret = secretName.test(name) && value === '' ? old.get(name) : undefined
      return [[name, secret ?? value]]
    }),
  )
}

type Group = Readonly<Record<string, unknown>>
type Way = keyof PowerSettings

/** What leads a secret to its controller: where one of these changes, the stored secret does not follow. */
const leading: Readonly<Record<Way, readonly string[]>> = {
  ipmi: ['hostname', 'port', 'mac_address', 'interface'],
  redfish: ['hostname', 'port', 'scheme', 'mac_address', 'verify', 'system'],
  management: ['ip_address', 'mac_address', 'adapter'],
  wol: ['address', 'port', 'mac_address'],
}
const ways = ['ipmi', 'redfish', 'management', 'wol'] as const

/** What the schema fills in. */
const standard: PowerSettings = hostSchema.parse({ ipmi: {}, redfish: {}, management: {}, wol: {} })

/** `patch` over what is shown of `before`: as a person would write the whole. */
function laidOver(patch: Pick<Patch, Way>, before: PowerSettings = {}): PowerSettings {
  const whole = ways.map((way) => {
    const [next, old] = [patch[way], before[way]]
    if (next === null) return [way, null]
    const shown = old && 'password' in old && old.password !== undefined ? { ...old, password: '' } : old
    if (next === undefined) return [way, old]
    const said = Object.entries(next).filter(([, value]) => value !== null)
    const taken = Object.keys(next).filter((key) => !said.some(([name]) => name === key))
    const stays = Object.entries(shown ?? {}).filter(([key]) => !taken.includes(key))
    return [way, { ...standard[way], ...Object.fromEntries([...stays, ...said]) }]
  })
  return Object.fromEntries(whole) as PowerSettings
}

/** With the secrets that `order` shows empty, as far as they go where they went. */
function powerOf(order: PowerSettings, before: PowerSettings = {}): PowerSettings | Refused {
  const named = ways.filter((way) => order[way] != null)
  const [first, second] = named
  if (first !== undefined && second !== undefined) {
    return wrong(second, `stands beside ${first}: one of them switches the host, so set the other to null`)
  }
  if (first === undefined) return {}
  const [next, old]: readonly (Group | null | undefined)[] = [order[first], before[first]]
  const whole = next ?? {}
  const kept = first === 'management' ? keptVars(order, before) : keptPassword(whole, old)
  if (kept === undefined) return { [first]: whole }
  const moved = leading[first].find((key) => whole[key] !== old?.[key]) ?? movedVar(order, before)
  if (moved === undefined) return { [first]: { ...whole, ...kept.group } }
  const how = kept.path === 'password' ? ' (--password-file)' : ''
  return wrong(
    `${first}.${kept.path}`,
    `must be said again${how}, as ${moved} changes: what is stored is sent nowhere else`,
  )
}

type Kept = { readonly path: string; readonly group: Group }

function keptPassword(next: Group, old: Group | null | undefined): Kept | undefined {
  const password = old?.['password']
  const isKept = next['password'] === '' && password !== undefined && password !== ''
  return isKept ? { path: 'password', group: { password } } : undefined
}

function keptVars({ management }: PowerSettings, before: PowerSettings): Kept | undefined {
  const old = new Map(before.management?.vars?.map(({ name, value }) => [name, value]))
  const vars = management?.vars ?? []
  const isKept = (name: string, value: string) => secretName.test(name) && value === '' && old.get(name)
  const first = vars.findIndex(({ name, value }) => isKept(name, value))
  if (first < 0) return undefined
  const whole = vars.map(({ name, value }) => ({ name, value: isKept(name, value) || value }))
  return { path: `vars[${first}].value`, group: { vars: whole } }
}

/** Any variable may be what leads an adapter's command to the controller. */
function movedVar(
  { management: next }: PowerSettings,
  { management: old }: PowerSettings,
): string | undefined {
  const [after, before] = [plainVars(next?.vars), plainVars(old?.vars)]
  return [...after.keys(), ...before.keys()].find((name) => after.get(name) !== before.get(name))
}

function plainVars(vars: readonly { readonly name: string; readonly value: string }[] = []) {
  return new Map(vars.flatMap(({ name, value }) => (secretName.test(name) ? [] : [[name, value]])))
}

function wrong(path: string, text: string): Refused {
  return { fault: { code: 'body_invalid', message: `${path} ${text}`, more: { path } } }
}
