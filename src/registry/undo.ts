// Taking the last change back: what it touched is again as it was, unless it has changed since.

import { builtInLocal, hostOfMac, type Table } from '../boot/table.ts'
import { faults, type Fault } from '../faults.ts'
import type { AuditEntry, HostChange } from '../model.ts'
import { bootsWith } from './armed.ts'
import type { Caller } from './caller.ts'
import type { Guards } from './armed.ts'
import { faultOfAddress, isSame, type Ground, type HostRules } from './hosts.ts'
import { idle, type Planned } from './plan.ts'

export type UndoOrder = {
  /** The entry that the caller means: a guard against one that came in between. */
  readonly id?: number | undefined
  readonly confirm?: number | undefined
  readonly dryRun?: boolean | undefined
}

/** What each host of the entry is now, and what it becomes. */
export type Undone = {
  readonly entry: AuditEntry
  readonly hosts: readonly HostChange[]
  /** So many hosts are to install or run something again, and that has to be confirmed. */
  readonly confirm: number
}

export function planUndo(
  order: UndoOrder,
  caller: Caller,
  audit: readonly AuditEntry[],
  { table, guards, rules }: Ground,
): Planned<Undone> {
  const entry = lastChange(audit)
  if (entry === undefined) return { fault: faults.nothingToUndo() }
  if (order.id !== undefined && order.id !== entry.id) {
    return {
      fault: faults.undoConflict(`${order.id} is not the last change that can be taken back; ${entry.id} is`),
    }
  }
  const hosts = entry.changes.map(inverse)
  const names = new Set(hosts.map(({ host }) => host))
  const conflict = hosts
    .map((change) => conflictOf(change, table) ?? takenFrom(change, table, rules, names))
    .find((it) => it !== undefined)
  if (conflict !== undefined) return { fault: conflict }
  const armed = hosts.flatMap((change) => armedBy(change, table, guards) ?? [])
  const confirm = armed.length
  const undone = { entry, hosts, confirm }
  if (order.dryRun === true) return idle(undone)
  if (confirm > 0 && order.confirm !== confirm) {
    const more = confirm > 5 ? ` and ${confirm - 5} more` : ''
    const why = `Taking change ${entry.id} (${entry.action}) back makes machines boot what may install them: ${armed.slice(0, 5).join(', ')}${more}`
    return { fault: faults.confirmationNeeded(why, confirm) }
  }
  const text = `change ${entry.id} (${entry.action}) was taken back: ${hosts.map(({ host }) => host).join(' ')}`
  return {
    action: 'undo',
    caller,
    hosts,
    undoes: entry.id,
    events: [{ level: 'info', step: 'undo', text: text.slice(0, 500) }],
    result: undone,
  }
}

/** The last one that changed something and still holds. */
function lastChange(audit: readonly AuditEntry[]): AuditEntry | undefined {
  const undone = new Set(audit.map(({ undoes }) => undoes))
  return audit.findLast(
    ({ id, action, changes }) =>
      action !== 'undo' && action !== 'settings' && !undone.has(id) && changes.some(isReal),
  )
}

function isReal({ configuration, record }: HostChange): boolean {
  return record !== undefined || (configuration !== undefined && configuration.before !== configuration.after)
}

function inverse({ host, configuration, record }: HostChange): HostChange {
  return {
    host,
    ...(configuration && { configuration: { before: configuration.after, after: configuration.before } }),
    ...(record && { record: { before: record.after, after: record.before } }),
  }
}

function conflictOf(change: HostChange, table: Table): Fault | undefined {
  const { host: name, configuration, record } = change
  const host = table.hosts.get(name) ?? null
  const since = `Host <${name}> has changed since; pxe-pilot audit and GET /v1/audit show how`
  // A host that is declared no more keeps what it boots, and may get back what it booted.
  if (record !== undefined && !isSame(host, record.before)) return faults.undoConflict(since)
  if (configuration !== undefined && (table.assignments.get(name) ?? null) !== configuration.before) {
    return faults.undoConflict(since)
  }
  if (host?.locked === true && configuration !== undefined && configuration.after !== builtInLocal) {
    return faults.hostLocked(name)
  }
  return undefined
}

/** Somebody has its cards or its address by now. `returning`: those that change with it. */
function takenFrom(
  { host, record }: HostChange,
  table: Table,
  rules: HostRules,
  returning: ReadonlySet<string>,
): Fault | undefined {
  const after = record?.after
  if (after == null) return undefined
  for (const mac of after.macs) {
    const owner = hostOfMac(table, mac)
    if (owner !== undefined && !returning.has(owner.name)) return faults.macTaken(mac, owner.name)
  }
  return faultOfAddress(after, table.hosts.get(host), table, rules, returning)
}

/** The host and what it boots, where that is not its disk, and it is another configuration or another host than now. */
function armedBy(
  { host, configuration, record }: HostChange,
  table: Table,
  guards: Guards,
): string | undefined {
  const present = table.assignments.get(host)
  const isGone = record?.after === null
  const boots = bootsWith(isGone ? null : configuration ? configuration.after : present, guards)
  const isOther = boots !== bootsWith(present, guards) || (record !== undefined && !isGone)
  return boots !== builtInLocal && isOther ? `${host} ${boots}` : undefined
}
