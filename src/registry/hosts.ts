// Hosts made, changed and taken away by a person: decided here, done elsewhere. Those of the settings are changed there.

import { isDeepStrictEqual } from 'node:util'
import { builtInLocal, hostOfMac, type Table } from '../boot/table.ts'
import type { Event } from '../events.ts'
import { faults, type Fault } from '../faults.ts'
import type { AuditAction, Host, HostChange } from '../model.ts'
import { formatIpv4, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import { bootsWith, unconfirmed } from './armed.ts'
import type { Caller, ChangeHow } from './caller.ts'
import type { Guards } from './armed.ts'
import { idle, type Planned } from './plan.ts'

/** A host as a person says it is. */
export type HostRecord = Omit<Host, 'origin' | 'options'>

/** What of the settings hosts have to agree with. */
export type HostRules = {
  /** The settings file, for people. */
  readonly file: string
  /** Why an address cannot be a machine's, as the end of a sentence; undefined where it can. */
  readonly takenBy: (ip: Ipv4) => string | undefined
}

/** What a change of a host is decided on. */
export type Ground = { readonly table: Table; readonly rules: HostRules; readonly guards: Guards }

/** Makes it. A host that a deploy made of one of its cards becomes part of it, with what it boots. */
export function planAdd(
  record: HostRecord,
  action: 'add' | 'adopt',
  how: ChangeHow,
  { table, rules, guards }: Ground,
): Planned<Host> {
  const present = table.hosts.get(record.name)
  if (present !== undefined && !isAbsorbed(present, record)) return { fault: faults.hostExists(record.name) }
  const host: Host = { ...record, origin: 'added', options: [] }
  return planRecord(undefined, host, action, how, { table, rules, guards })
}

/** `change` yields the whole host as it shall be, or why it cannot: another name keeps what it boots. */
export function planChange(
  name: string,
  change: (host: Host) => HostRecord | { readonly fault: Fault },
  how: ChangeHow,
  { table, rules, guards }: Ground,
): Planned<Host> {
  const before = table.hosts.get(name)
  if (before === undefined) return { fault: faults.hostNotFound(name, table.hosts.keys()) }
  if (before.origin === 'settings') return { fault: faults.hostDeclared(name, rules.file) }
  const changed = change(before)
  if ('fault' in changed) return changed
  const after: Host = { ...changed, origin: 'added', options: [] }
  const present = table.hosts.get(after.name)
  if (present !== undefined && present !== before && !isAbsorbed(present, after)) {
    return { fault: faults.hostExists(after.name) }
  }
  return planRecord(before, after, 'change', how, { table, rules, guards })
}

/** What it boots is forgotten with it; also of one that is declared no more. */
export function planRemove(
  name: string,
  how: ChangeHow,
  { table, rules, guards }: Ground,
): Planned<{ readonly name: string }> {
  const { caller, confirm } = how
  const before = table.hosts.get(name)
  const boots = table.assignments.get(name)
  if (before === undefined && boots !== undefined) {
    const hosts = [{ host: name, configuration: { before: boots, after: null } }]
    const text = `that ${name}, which is declared no more, boots ${boots} is forgotten`
    return {
      action: 'remove',
      caller,
      hosts,
      events: [{ level: 'info', step: 'host', text }],
      result: { name },
    }
  }
  if (before === undefined) return { fault: faults.hostNotFound(name, table.hosts.keys()) }
  if (before.origin === 'settings') return { fault: faults.hostDeclared(name, rules.file) }
  const fault = unconfirmed(name, before.macs, () => undefined, { confirm, table, guards })
  if (fault !== undefined) return { fault }
  const hosts = [gone(before, table)]
  return { action: 'remove', caller, hosts, events: [told(before, 'removed', caller)], result: { name } }
}

/** Twice the largest site that we know how to serve: whoever makes hosts up takes no more memory and disk. */
const mostAdded = 20_000

function isFull({ hosts }: Table): boolean {
  if (hosts.size < mostAdded) return false
  let added = 0
  for (const { origin } of hosts.values()) if (origin === 'added') added++
  return added >= mostAdded
}

const words = { add: 'added', adopt: 'adopted', change: 'changed' } as const

function planRecord(
  before: Host | undefined,
  after: Host,
  action: AuditAction & keyof typeof words,
  how: ChangeHow,
  { table, rules, guards }: Ground,
): Planned<Host> {
  const { caller, confirm } = how
  if (before?.origin !== 'added' && isFull(table)) return { fault: faults.tooManyAdded(mostAdded) }
  const absorbed = new Map<string, Host>()
  for (const mac of after.macs) {
    const owner = hostOfMac(table, mac)
    if (owner === undefined || owner === before) continue
    if (owner.origin !== 'registered') return { fault: faults.macTaken(mac, owner.name) }
    absorbed.set(owner.name, owner)
  }
  const assigned = (host: Host | undefined) => host && table.assignments.get(host.name)
  const configuration =
    assigned(before) ?? [...absorbed.values()].map(assigned).find((it) => it !== undefined)
  const macs = new Set([...(before?.macs ?? []), ...after.macs])
  const bootedBy = (mac: Mac) => (after.macs.includes(mac) ? configuration : undefined)
  const fault =
    faultOfAddress(after, before, table, rules) ??
    unconfirmed(after.name, macs, bootedBy, { confirm, table, guards })
  if (fault !== undefined) return { fault }
  // It would stand in front of the last real change, which undo takes back.
  if (absorbed.size === 0 && before !== undefined && isSame(before, after)) return idle(before)
  const leaves = [
    ...absorbed.values(),
    ...(before !== undefined && before.name !== after.name ? [before] : []),
  ]
  const inPlace = before?.name === after.name ? before : undefined
  // One that is absorbed may have had the very name.
  const replaced = inPlace ?? absorbed.get(after.name)
  // Or there was a host of this name in the settings.
  const present = table.assignments.get(after.name)
  const change: HostChange = {
    host: after.name,
    record: { before: replaced ?? null, after },
    ...(configuration !== present && {
      configuration: { before: present ?? null, after: configuration ?? null },
    }),
  }
  const hosts = [...leaves.filter(({ name }) => name !== after.name).map((host) => gone(host, table)), change]
  const events = [told(after, words[action], caller)]
  const boots = bootsWith(configuration, guards)
  if (after.locked && before?.locked !== true && boots !== builtInLocal) {
    const text = `${after.name} is locked from now on, and boots ${boots}: a deploy of local ends that`
    events.push({ level: 'warn', step: 'host', text, client: { host: after.name, mac: after.macs[0] } })
  }
  return { action, caller, hosts, events, result: after }
}

/** Stored and read again, what is undefined is left out. */
export function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))
}

function gone(host: Host, table: Table): HostChange {
  const boots = table.assignments.get(host.name)
  return {
    host: host.name,
    record: { before: host, after: null },
    ...(boots !== undefined && { configuration: { before: boots, after: null } }),
  }
}

/** A machine a deploy made a host of, whose card is one of `record`'s. */
function isAbsorbed(present: Host, record: HostRecord): boolean {
  return present.origin === 'registered' && present.macs.every((mac) => record.macs.includes(mac))
}

/** `leaving`: hosts that go, or change, together with it. */
export function faultOfAddress(
  { ip, name }: Host,
  before: Host | undefined,
  table: Table,
  rules: HostRules,
  leaving?: ReadonlySet<string>,
): Fault | undefined {
  if (ip === undefined || ip === before?.ip) return undefined
  const why = rules.takenBy(ip)
  if (why !== undefined) return faults.addressTaken(formatIpv4(ip), why)
  for (const other of table.hosts.values()) {
    if (other.ip === ip && other !== before && other.name !== name && leaving?.has(other.name) !== true) {
      return faults.addressTaken(formatIpv4(ip), `is reserved for host <${other.name}>`)
    }
  }
  return undefined
}

function told(host: Host, what: string, { by, from }: Caller): Event {
  return {
    level: 'info',
    step: 'host',
    text: `${host.name} (${host.macs.join(' ')}) was ${what}${by === '' ? '' : ` by ${by}`} from ${from}`,
    client: { host: host.name, mac: host.macs[0] },
    data: { by, from },
  }
}
