// The one door for every change: validate, put on disk, bring into force everywhere, and only then answer.

import { applyDelta, type Catalog, type Change, type Delta, type Table } from './boot/table.ts'
import type { Tell } from './events.ts'
import { faults, type Fault } from './faults.ts'
import type { AuditEntry, Hold, Host, HostChange, Lease } from './model.ts'
import type { Ipv4 } from './net/ipv4.ts'
import type { Mac } from './net/mac.ts'
import type { Guards } from './registry/armed.ts'
import { emptyTrail, entryOf, lengthened } from './registry/audit.ts'
import { ourselves, type Caller, type ChangeHow } from './registry/caller.ts'
import {
  planDeploy,
  planUndeploy,
  type DeployHow,
  type DeployResult,
  type DeployTarget,
} from './registry/deploy.ts'
import { planHold, planRelease } from './registry/hold.ts'
import { Holders, type Holding } from './registry/holders.ts'
import {
  planAdd,
  planChange,
  planRemove,
  type Ground,
  type HostRecord,
  type HostRules,
} from './registry/hosts.ts'
import { planImport, type ImportedLinks, type Link } from './registry/import.ts'
import { noted, storeChangesOf, tableChangesOf, type Plan } from './registry/plan.ts'
import { Queue } from './registry/queue.ts'
import { difference, dormant, inventoryOf, planSettings, settled, type Inventory } from './registry/settle.ts'
import { planUndo, type Undone, type UndoOrder } from './registry/undo.ts'
import { isRefusal, type Committed, type Outcome, type Store, type StoreChange } from './store/store.ts'

export type { Guards } from './registry/armed.ts'
export type { DeployHow, DeployResult, Deployed, DeployTarget } from './registry/deploy.ts'

/** Keeps a replica of the table: what it answers from when it returns, has the delta. */
export type Follower = (delta: Delta) => void

export type RegistryParts = {
  readonly table: Table
  readonly store: Store
  readonly guards: Guards
  readonly rules?: HostRules | undefined
  readonly tell: Tell
  /** Milliseconds since 1970. */
  readonly now: () => number
}

type Refused = { readonly fault: Fault }

export class Registry {
  readonly table: Table
  private readonly store: Store
  private guards: Guards
  private rules: HostRules
  private readonly tell: Tell
  private readonly now: () => number
  private readonly followers: Follower[] = []
  private readonly queue = new Queue((plans) => this.make(plans))
  private names: readonly string[] = []
  private trail = emptyTrail
  private held: Hold | null = null
  private wasImported = false
  private readonly holders: Holders

  constructor(parts: RegistryParts) {
    this.table = parts.table
    this.store = parts.store
    this.guards = parts.guards
    this.rules = parts.rules ?? { file: 'the settings file', takenBy: () => undefined }
    this.tell = parts.tell
    this.now = parts.now
    this.holders = new Holders(parts.table, parts.now)
  }

  /** Who changed what, oldest first. */
  get audit(): readonly AuditEntry[] {
    return this.trail.entries
  }

  get hold(): Hold | null {
    return this.held
  }

  /** Whether the original's links were looked for, once and for all. */
  get imported(): boolean {
    return this.wasImported
  }

  follow(follower: Follower): void {
    this.followers.push(follower)
  }

  /** The names of the settings' hosts, in the file's order. */
  get declared(): readonly string[] {
    return this.names
  }

  private get ground(): Ground {
    const { table, guards, rules } = this
    return { table, guards, rules }
  }

  /** Brings the table up from the settings' hosts and from what was stored; yields the stored leases. */
  async load(declared: readonly Host[]): Promise<readonly Lease[]> {
    const stored = await this.store.load()
    this.names = declared.map(({ name }) => name)
    this.trail = lengthened(this.trail, stored.audit)
    this.held = stored.hold
    this.wasImported = stored.imported
    const before = inventoryOf(stored)
    const after = settled(declared, before)
    // That the settings declare a host is no news at a start.
    const changes = difference(before, after).filter(
      ({ record, configuration }) => record?.before != null || configuration !== undefined,
    )
    await this.keepSettings(changes, after)
    this.bringIntoForce([
      ...Array.from(after.hosts.values(), (host): Change => ({ kind: 'host', host })),
      ...Array.from(after.assignments, ([host, configuration]): Change => ({
        kind: 'assignment',
        host,
        configuration,
      })),
      { kind: 'addresses', shared: this.table.addresses.shared },
      { kind: 'hold', held: this.held !== null },
    ])
    this.changeHolders(this.holders.leased(stored.leases))
    return stored.leases
  }

  /** The settings were read again. Resolves with what that changed, in force. */
  async reload(
    declared: readonly Host[],
    guards: Guards,
    rules: HostRules,
  ): Promise<readonly HostChange[] | Refused> {
    const kept = () => {
      this.guards = guards
      this.rules = rules
      this.names = declared.map(({ name }) => name)
    }
    return await this.queue.add(() => {
      const after = settled(declared, this.table)
      return { ...planSettings(difference(this.table, after), after), kept }
    }, true)
  }

  /** All targets change together, on disk and in force on every thread when it resolves; or none does. */
  deploy(
    configuration: string,
    targets: readonly DeployTarget[],
    how: DeployHow = { caller: ourselves },
  ): Promise<DeployResult> {
    const order = { configuration, targets, ...how }
    return this.queue.add(() => planDeploy(order, this.table, this.guards))
  }

  /** Takes the assignment of a host away. */
  undeploy(name: string, how: ChangeHow): Promise<{ readonly name: string } | Refused> {
    return this.queue.add(() => planUndeploy(name, how, this.table, this.guards))
  }

  addHost(record: HostRecord, action: 'add' | 'adopt', how: ChangeHow): Promise<Host | Refused> {
    return this.queue.add(() => planAdd(record, action, how, this.ground))
  }

  /** `change` yields the whole host as it shall be. */
  changeHost(
    name: string,
    change: (host: Host) => HostRecord | Refused,
    how: ChangeHow,
  ): Promise<Host | Refused> {
    return this.queue.add(() => planChange(name, change, how, this.ground))
  }

  /** What it boots is forgotten with it. */
  removeHost(name: string, how: ChangeHow): Promise<{ readonly name: string } | Refused> {
    return this.queue.add(() => planRemove(name, how, this.ground))
  }

  /** Takes the last change back. */
  undo(order: UndoOrder, caller: Caller): Promise<Undone | Refused> {
    return this.queue.add(() => planUndo(order, caller, this.audit, this.ground), true)
  }

  /** Everything boots local until it is released. */
  holdAll(reason: string, caller: Caller): Promise<Hold | Refused> {
    return this.queue.add(() => planHold(this.held, reason, caller, this.now()), true)
  }

  release(caller: Caller): Promise<{ readonly hold: null } | Refused> {
    return this.queue.add(() => planRelease(this.held, caller), true)
  }

  /** The original's links become assignments, and are never looked for again. */
  importLinks(links: readonly Link[], caller = ourselves): Promise<ImportedLinks | Refused> {
    return this.queue.add(() => planImport(links, this.table, caller), true)
  }

  /** Writes into the audit what somebody did that changed no host. */
  note(...what: Parameters<typeof noted>): Promise<undefined | Refused> {
    return this.queue.add(() => noted(...what))
  }

  /** Leases as DHCP wants them; an ACK may leave when the outcome is ok. */
  commitLeases(leases: readonly Lease[]): Committed {
    const now = this.now()
    const inForce = (outcomes: readonly Outcome[]) => {
      this.changeHolders(this.holders.leased(leases.filter((_, index) => outcomes[index] === 'ok')))
      return outcomes
    }
    const committed = this.store.commit(leases.map((lease) => ({ kind: 'lease', lease, now })))
    return committed instanceof Promise ? committed.then(inForce) : inForce(committed)
  }

  /** A client told another DHCP server which address it takes: known in memory only. */
  learnAddress(ip: Ipv4, mac: Mac): void {
    this.changeHolders(this.holders.took(ip, mac))
  }

  /** A lease that has ended names nobody. To be called every so often. */
  forgetEnded(): void {
    this.changeHolders(this.holders.ended())
  }

  /** What the directories hold now. */
  setCatalog(catalog: Catalog): void {
    this.bringIntoForce([{ kind: 'catalog', catalog }])
  }

  /** On disk and in force when it resolves, all of them; or why none is. */
  private async make(plans: readonly Plan<unknown>[]): Promise<Fault | undefined> {
    const fault = await this.keep(plans)
    if (fault !== undefined) return fault
    for (const { kept } of plans) kept?.()
    const changes = plans.flatMap(tableChangesOf)
    if (changes.length > 0) this.bringIntoForce(changes)
    for (const { events } of plans) for (const event of events) this.tell(event)
    return undefined
  }

  /** At a start: with a full disk machines boot all the same. */
  private async keepSettings(changes: readonly HostChange[], after: Inventory): Promise<void> {
    const plan = planSettings(changes, after)
    const fault = changes.length === 0 ? undefined : await this.keep([plan])
    const step = 'settings'
    if (fault === undefined) for (const event of plan.events) this.tell(event)
    else {
      const text = `what the settings file changed of hosts is in force, and is stored at the next start: ${fault.message}`
      this.tell({ level: 'error', step, text })
    }
    const gone = dormant(after)
    if (gone.length === 0) return
    const names = `${gone.slice(0, 5).join(', ')}${gone.length > 5 ? ` and ${gone.length - 5} more` : ''}`
    const text = `${names}: declared no more; what they boot is kept for when they come back`
    this.tell({ level: 'warn', step, text })
  }

  /** On disk, with who did it, in one write. */
  private async keep(plans: readonly Plan<unknown>[]): Promise<Fault | undefined> {
    const fresh = plans.filter(({ hosts, isAudited }) => hosts.length > 0 || isAudited === true)
    const first = (this.audit.at(-1)?.id ?? 0) + 1
    const at = Math.round(this.now())
    const entries = fresh.map((plan, index) => entryOf(plan, first + index, at))
    const trail = lengthened(this.trail, entries)
    const oldest = trail.entries[0]?.id ?? 0
    const changes: StoreChange[] = [
      ...plans.flatMap(storeChangesOf),
      ...entries.map((entry): StoreChange => ({ kind: 'audit', entry, oldest })),
    ]
    if (changes.length === 0) return undefined
    const refusal = (await this.store.apply(changes)).find(isRefusal)
    if (refusal !== undefined) return faults.notStored(refusal)
    this.trail = trail
    for (const change of changes) {
      if (change.kind === 'hold') this.held = change.hold
      if (change.kind === 'imported') this.wasImported = true
    }
    return undefined
  }

  private changeHolders(changes: readonly Holding[]): void {
    for (const [ip, mac] of changes) {
      const bigger = this.table.addresses.grown()
      if (bigger !== undefined) this.bringIntoForce([{ kind: 'addresses', shared: bigger.shared }])
      this.table.addresses.set(ip, mac)
    }
  }

  private bringIntoForce(changes: readonly Change[]): void {
    const delta: Delta = { revision: this.table.revision + 1, changes }
    applyDelta(this.table, delta)
    for (const follower of this.followers) follower(delta)
  }
}
