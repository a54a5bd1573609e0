// A deploy, decided: the original's checks in the original's order, then our guards. Nothing is changed here.

import { builtInLocal, configurationExists, hostOfMac, registeredHost, type Table } from '../boot/table.ts'
import type { Event } from '../events.ts'
import { faults, type Fault } from '../faults.ts'
import type { Host, HostChange } from '../model.ts'
import { isMulticast, isStation, multicastMeans, parseMac, type Mac } from '../net/mac.ts'
import { unconfirmed, type Guards } from './armed.ts'
import type { Caller, ChangeHow } from './caller.ts'
import { idle, type Planned } from './plan.ts'

/** One host of a deploy as its caller wrote it: by name, by MAC in any notation, or by both. */
export type DeployTarget = {
  readonly name?: string | undefined
  readonly mac?: string | undefined
  /** The caller tried to name a configuration per host, which the original refuses. */
  readonly configuration?: string | undefined
}

export type DeployHow = {
  readonly caller: Caller
  /** How many hosts the caller says it means. */
  readonly confirm?: number | undefined
  /** Only say what would be. */
  readonly dryRun?: boolean | undefined
  /** The caller may change no host but the one it is. */
  readonly onlySelf?: boolean | undefined
}

export type DeployOrder = DeployHow & {
  readonly configuration: string
  readonly targets: readonly DeployTarget[]
}

export type Deployed = {
  readonly name: string
  readonly configuration: string
  /** What it booted until now; null: nothing was deployed to it. */
  readonly before: string | null
  /** It was unknown until now. */
  readonly registered: boolean
}

export type DeployResult =
  | {
      readonly hosts: readonly Deployed[]
      /** Of a dry run: the number that has to confirm it, where it needs one. */
      readonly confirm?: number | undefined
    }
  | { readonly fault: Fault }

export function planDeploy(order: DeployOrder, table: Table, guards: Guards): Planned<DeployResult> {
  const { configuration, targets, caller, confirm, dryRun = false } = order
  const named = planTargets(order, table, guards)
  if ('fault' in named) return named
  const { targets: hosts } = named
  const crowd = tooMany(hosts.filter(({ isNew }) => isNew).length, table)
  if (crowd !== undefined) return { fault: crowd }
  const other = order.onlySelf === true ? notItself(hosts, caller) : undefined
  if (other !== undefined) return { fault: faults.notOwnHost(other.host, caller.from) }
  if (hosts.length === 0) return idle({ hosts: [] }, dryRun ? [] : [namedNobody(configuration)])
  const deployed = hosts.map(({ host, isNew }) => ({
    name: host.name,
    configuration,
    before: isNew ? null : (table.assignments.get(host.name) ?? null),
    registered: isNew,
  }))
  const needed = needsConfirmation(configuration, targets.length, guards)
  if (dryRun) return idle({ hosts: deployed, ...(needed !== undefined && { confirm: targets.length }) })
  if (needed !== undefined && confirm !== targets.length) {
    return { fault: faults.confirmationNeeded(needed, targets.length) }
  }
  return {
    action: 'deploy',
    caller,
    hosts: hosts.map(({ host, isNew }): HostChange => ({
      host: host.name,
      configuration: { before: table.assignments.get(host.name) ?? null, after: configuration },
      ...(isNew && { record: { before: null, after: host } }),
    })),
    events: hosts.flatMap((target) => told(target, order, table, caller)),
    result: { hosts: deployed },
  }
}

/** Whoever makes addresses up takes no more memory and disk than this. */
const mostNew = 1000
const mostRegistered = 10_000

function tooMany(fresh: number, table: Table): Fault | undefined {
  if (fresh === 0) return undefined
  if (fresh > mostNew) return faults.tooManyNew(fresh, mostNew)
  let registered = fresh
  for (const { origin } of table.hosts.values()) if (origin === 'registered') registered++
  return registered > mostRegistered ? faults.tooManyRegistered(mostRegistered) : undefined
}

/** A host that the caller's card is none of. */
function notItself(hosts: readonly Target[], caller: Caller): Target | undefined {
  const mac = caller.mac?.()
  return hosts.find(({ host }) => mac === undefined || !host.macs.includes(mac))
}

/** Takes the assignment of a host away. */
export function planUndeploy(
  name: string,
  { caller, confirm }: ChangeHow,
  table: Table,
  guards: Guards,
): Planned<{ readonly name: string }> {
  const host = table.hosts.get(name)
  if (host === undefined) return { fault: faults.hostNotFound(name, table.hosts.keys()) }
  if (host.locked) return { fault: faults.hostLocked(name) }
  const before = table.assignments.get(name) ?? null
  if (before === null) return idle({ name })
  const fault = unconfirmed(name, host.macs, () => undefined, { confirm, table, guards })
  if (fault !== undefined) return { fault }
  const text = `${name} boots nothing of its own any more; it booted ${before}`
  return {
    action: 'undeploy',
    caller,
    hosts: [{ host: name, configuration: { before, after: null } }],
    events: [{ level: 'info', step: 'deploy', text, client: { host: name, mac: host.macs[0] } }],
    result: { name },
  }
}

/** Why a deploy has to be confirmed by its number of hosts, or undefined. `local` never has. */
function needsConfirmation(configuration: string, count: number, guards: Guards): string | undefined {
  if (configuration === builtInLocal) return undefined
  if (guards.destructive?.includes(configuration) === true) {
    return `${configuration} is one of configuration.destructive`
  }
  const { maxHosts } = guards
  return maxHosts !== undefined && count > maxHosts
    ? `${count} hosts are more than configuration.max_hosts_per_deploy, ${maxHosts}`
    : undefined
}

type Target = { readonly host: Host; readonly isNew: boolean; readonly secondCard?: Mac | undefined }

function planTargets(
  order: DeployOrder,
  table: Table,
  guards: Guards,
): { readonly targets: readonly Target[] } | { readonly fault: Fault } {
  const { configuration, targets } = order
  if (!configurationExists(table, configuration)) {
    return {
      fault: faults.configurationNotFound(configuration, [...table.configurations.keys(), builtInLocal]),
    }
  }
  const hosts = new Map<string, Target>()
  for (const [index, target] of targets.entries()) {
    const plan = planTarget(target, `hosts[${index}]`, order, table, guards)
    if ('code' in plan) return { fault: plan }
    const { name } = plan.host
    if (hosts.has(name)) return { fault: faults.hostTwice(name) }
    if (plan.host.locked && configuration !== builtInLocal) return { fault: faults.hostLocked(name) }
    hosts.set(name, plan)
  }
  return { targets: [...hosts.values()] }
}

/** `path`: where `target` stands in the body. */
function planTarget(
  target: DeployTarget,
  path: string,
  order: DeployOrder,
  table: Table,
  guards: Guards,
): Target | Fault {
  if (target.configuration !== undefined && target.configuration !== '') {
    return faults.configurationNotAllowed()
  }
  const { name, mac: written } = target
  const mac = written === undefined ? undefined : parseMac(written)
  const owner = hostOfMac(table, mac)
  if (name !== undefined && name !== '') {
    const host = table.hosts.get(name)
    if (host === undefined) {
      const fault = faults.hostNotFound(name, table.hosts.keys())
      return parseMac(name) === undefined
        ? fault
        : { ...fault, more: { hint: 'a MAC goes by the key macAddress' } }
    }
    if (written === undefined || written === '' || owner === host) return known(host)
    const shown = written.toLowerCase()
    return owner === undefined ? faults.hostMismatch(shown, name) : faults.macMismatch(name, shown)
  }
  if (written === undefined || written === '') return faults.hostUnnamed()
  if (owner !== undefined) return known(owner)
  // An installer that names its second card means the machine that booted by the first; it has no token.
  const isInstaller = order.configuration === builtInLocal && order.caller.by === ''
  const booted = isInstaller ? hostOfMac(table, order.caller.mac?.()) : undefined
  if (booted !== undefined && mac !== undefined) return { host: booted, isNew: false, secondCard: mac }
  if (guards.policy === 'declared') return faults.macNotFound(written.toLowerCase())
  if (mac === undefined || !isStation(mac)) return faults.macInvalid(written, `${path}.macAddress`)
  const host = registeredHost(mac)
  // Somebody named a host as only a host of this card would be.
  return table.hosts.has(host.name) ? faults.hostMismatch(mac, host.name) : { host, isNew: true }
}

function known(host: Host): Target | Fault {
  return host.macs.length === 0 ? faults.hostWithoutMac(host.name) : { host, isNew: false }
}

function told({ host, secondCard }: Target, order: DeployOrder, table: Table, caller: Caller): Event[] {
  const { configuration } = order
  const events: Event[] = []
  const client = { host: host.name, mac: host.macs[0] }
  const data = { configuration, by: caller.by, from: caller.from }
  const held = table.held && configuration !== builtInLocal ? ' once the hold is released' : ''
  events.push({
    level: 'info',
    step: 'deploy',
    text: `${host.name} now boots ${configuration}${held}`,
    client,
    data,
  })
  for (const mac of host.macs.filter(isMulticast)) {
    const text = `${mac} of ${host.name} ${multicastMeans}`
    events.push({ level: 'warn', step: 'deploy', text, client, data })
  }
  if (secondCard !== undefined) {
    const text = `${caller.from} named ${secondCard}, which nobody declared; it booted as ${host.name}, so ${host.name} was meant. Add the card to its mac_addresses`
    events.push({ level: 'warn', step: 'deploy', text, client, data })
  }
  return events
}

/** As the original, 200; but a script that misspelled `hosts` installs its machine for ever. */
function namedNobody(configuration: string): Event {
  const text = `a deploy of ${configuration} named no host, and changed nothing: its body needs {"hosts":[{"macAddress":"..."}]}`
  return { level: 'warn', step: 'deploy', text }
}
