// The one door for every change: validate, put on disk, bring into force everywhere, and only then answer.

import {
  applyDelta,
  builtInLocal,
  configurationExists,
  hostOfMac,
  registeredHost,
  type Catalog,
  type Change,
  type Delta,
  type Table,
} from './boot/table.ts'
import type { Tell } from './events.ts'
import { faults, type Fault } from './faults.ts'
import type { Host, Lease } from './model.ts'
import type { Ipv4 } from './net/ipv4.ts'
import { parseMac, type Mac } from './net/mac.ts'
import type { Outcome, Store, StoreChange } from './store/store.ts'

/** One host of a deploy as its caller wrote it: by name, by MAC in any notation, or by both. */
export type DeployTarget = {
  readonly name?: string | undefined
  readonly mac?: string | undefined
  /** The caller tried to name a configuration per host, which the original refuses. */
  readonly configuration?: string | undefined
}

export type Deployed = {
  readonly name: string
  readonly configuration: string
  /** It was unknown until now. */
  readonly registered: boolean
}

export type DeployResult = { readonly hosts: readonly Deployed[] } | { readonly fault: Fault }

/** Keeps a replica of the table; resolves when the delta is in force there. */
export type Follower = (delta: Delta) => Promise<void>

export type RegistryParts = {
  readonly table: Table
  readonly store: Store
  /** What a deploy to a MAC that nobody declared does: make a host of it, or refuse. */
  readonly policy: 'register' | 'declared'
  readonly tell: Tell
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export class Registry {
  readonly table: Table
  private readonly store: Store
  private readonly policy: 'register' | 'declared'
  private readonly tell: Tell
  private readonly now: () => number
  private readonly followers: Follower[] = []
  /** What each MAC took of another DHCP server last. */
  private readonly learnt = new Map<Mac, Ipv4>()

  constructor(parts: RegistryParts) {
    this.table = parts.table
    this.store = parts.store
    this.policy = parts.policy
    this.tell = parts.tell
    this.now = parts.now
  }

  follow(follower: Follower): void {
    this.followers.push(follower)
  }

  /** Brings the table up from the settings' hosts and from what was stored; yields the stored leases. */
  async load(declared: readonly Host[]): Promise<readonly Lease[]> {
    const stored = await this.store.load()
    const assignments = new Map(stored.assignments)
    const ownerOf = new Map(declared.flatMap((host) => host.macs.map((mac) => [mac, host.name] as const)))
    const changes: Change[] = declared.map((host) => ({ kind: 'host', host }))
    const absorbed: StoreChange[] = []
    for (const { name, mac } of stored.registered) {
      const owner = ownerOf.get(mac)
      if (owner === undefined) {
        changes.push({ kind: 'host', host: registeredHost(mac) })
        continue
      }
      const configuration = assignments.get(name)
      assignments.delete(name)
      // The registered one goes first: where both have one name, its removal must not take the assignment along.
      absorbed.push({ kind: 'registered-host-removed', name })
      if (configuration !== undefined && !assignments.has(owner)) {
        assignments.set(owner, configuration)
        absorbed.push({ kind: 'assignment', host: owner, configuration })
      }
    }
    if (absorbed.length > 0) await this.store.apply(absorbed)
    for (const [host, configuration] of assignments) changes.push({ kind: 'assignment', host, configuration })
    const now = this.now()
    for (const { ip, mac, state, expires } of stored.leases) {
      if (state === 'bound' && expires > now) changes.push({ kind: 'address', ip, mac })
    }
    await this.bringIntoForce(changes)
    return stored.leases
  }

  /** All targets change together, on disk and in force on every thread when it resolves; or none does. */
  async deploy(configuration: string, targets: readonly DeployTarget[]): Promise<DeployResult> {
    const plan = this.planDeploy(configuration, targets)
    if ('fault' in plan) return plan
    if (plan.hosts.length === 0) {
      // As the original, 200; but a script that misspelled `hosts` installs its machine for ever.
      const text = `a deploy of ${configuration} named no host, and changed nothing: its body needs {"hosts":[{"macAddress":"..."}]}`
      this.tell({ level: 'warn', step: 'deploy', text })
    }
    const stored = plan.hosts.flatMap((host): StoreChange[] => [
      ...(host.isNew ? [{ kind: 'registered-host' as const, name: host.host.name, mac: host.mac }] : []),
      { kind: 'assignment', host: host.host.name, configuration },
    ])
    const outcomes = await this.store.apply(stored)
    if (outcomes.includes('full')) return { fault: faults.storeFull() }
    await this.bringIntoForce(
      plan.hosts.flatMap((host): Change[] => [
        ...(host.isNew ? [{ kind: 'host' as const, host: host.host }] : []),
        { kind: 'assignment', host: host.host.name, configuration },
      ]),
    )
    for (const { host } of plan.hosts) {
      this.tell({
        level: 'info',
        step: 'deploy',
        text: `${host.name} now boots ${configuration}`,
        client: { host: host.name, mac: host.macs[0] },
        data: { configuration },
      })
    }
    const hosts = plan.hosts.map(({ host, isNew }) => ({ name: host.name, configuration, registered: isNew }))
    return { hosts }
  }

  /** Leases as DHCP wants them; an ACK may leave when the outcome is ok. */
  async commitLeases(leases: readonly Lease[]): Promise<readonly Outcome[]> {
    const now = this.now()
    const outcomes = await this.store.apply(leases.map((lease) => ({ kind: 'lease', lease, now })))
    const holders = new Map<Ipv4, Mac | null>()
    for (const [index, { ip, mac, state }] of leases.entries()) {
      if (outcomes[index] === 'ok') holders.set(ip, state === 'bound' ? mac : null)
    }
    const changes = [...holders]
      .filter(([ip, mac]) => (this.table.addresses.get(ip) ?? null) !== mac)
      .map(([ip, mac]): Change => ({ kind: 'address', ip, mac }))
    if (changes.length > 0) await this.bringIntoForce(changes)
    return outcomes
  }

  /** A client told another DHCP server which address it takes: known in memory only, one of each MAC of our hosts. */
  async learnAddress(ip: Ipv4, mac: Mac): Promise<void> {
    const isOurs = hostOfMac(this.table, mac) !== undefined
    const before = this.learnt.get(mac)
    const changes: Change[] = []
    if (isOurs && before !== undefined && before !== ip && this.table.addresses.get(before) === mac) {
      changes.push({ kind: 'address', ip: before, mac: null })
    }
    const holder = isOurs ? mac : null
    if ((this.table.addresses.get(ip) ?? null) !== holder) changes.push({ kind: 'address', ip, mac: holder })
    if (isOurs) this.learnt.set(mac, ip)
    if (changes.length > 0) await this.bringIntoForce(changes)
  }

  /** What the directories hold now. */
  async setCatalog(catalog: Catalog): Promise<void> {
    await this.bringIntoForce([{ kind: 'catalog', catalog }])
  }

  private async bringIntoForce(changes: readonly Change[]): Promise<void> {
    const delta: Delta = { revision: this.table.revision + 1, changes }
    applyDelta(this.table, delta)
    await Promise.all(this.followers.map((follower) => follower(delta)))
  }

  /** The original's checks in the original's order (the first bad host decides); changes nothing. */
  private planDeploy(
    configuration: string,
    targets: readonly DeployTarget[],
  ): { readonly hosts: readonly Planned[] } | { readonly fault: Fault } {
    if (!configurationExists(this.table, configuration))
      return { fault: faults.configurationNotFound(configuration) }
    const hosts = new Map<string, Planned>()
    for (const target of targets) {
      const plan = this.planTarget(target)
      if ('code' in plan) return { fault: plan }
      const name = plan.host.name
      if (hosts.has(name)) return { fault: faults.hostTwice(name) }
      if (plan.host.locked && configuration !== builtInLocal) return { fault: faults.hostLocked(name) }
      hosts.set(name, plan)
    }
    return { hosts: [...hosts.values()] }
  }

  private planTarget(target: DeployTarget): Planned | Fault {
    if (target.configuration !== undefined && target.configuration !== '')
      return faults.configurationNotAllowed()
    const { name, mac: written } = target
    const mac = written === undefined ? undefined : parseMac(written)
    const owner = hostOfMac(this.table, mac)
    if (name !== undefined && name !== '') {
      const host = this.table.hosts.get(name)
      if (host === undefined) return faults.hostNotFound(name)
      if (written === undefined || written === '' || owner === host) return planned(host)
      const shown = written.toLowerCase()
      return owner === undefined ? faults.hostMismatch(shown, name) : faults.macMismatch(name, shown)
    }
    if (written === undefined || written === '') return faults.hostUnnamed()
    if (owner !== undefined) return planned(owner)
    if (this.policy === 'declared') return faults.macNotFound(written.toLowerCase())
    const isNobody = mac === 'ff:ff:ff:ff:ff:ff' || mac === '00:00:00:00:00:00'
    return mac === undefined || isNobody
      ? faults.macInvalid(written)
      : { host: registeredHost(mac), mac, isNew: true }
  }
}

type Planned = { readonly host: Host; readonly mac: Mac; readonly isNew: boolean }

function planned(host: Host): Planned | Fault {
  const mac = host.macs[0]
  return mac === undefined ? faults.hostWithoutMac(host.name) : { host, mac, isNew: false }
}
