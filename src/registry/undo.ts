// Taking the last change back: what it touched is again as it was, unless it has changed since.

import { isDeepStrictEqual } from 'node:util'
import { builtInLocal, hostOfMac, type Table } from '../boot/table.ts'
import { faults, type Fault } from '../faults.ts'
import type { AuditEntry, HostChange } from '../model.ts'
import type { Caller } from './caller.ts'
import type { Guards } from './deploy.ts'
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
  table: Table,
  guards: Guards,
): Planned<Undone> {
  const entry = lastChange(audit)
  if (entry === undefined) return { fault: faults.nothingToUndo() }
  if (order.id !== undefined && order.id !== entry.id) {
    return {
      fault: faults.undoConflict(`${order.id} is not the last change that can be taken back; ${entry.id} is`),
    }
  }
  const hosts = entry.changes.map(inverse)
  const conflict = hosts.map((change) => conflictOf(change, table)).find((it) => it !== undefined)
  if (conflict !== undefined) return { fault: conflict }
  const confirm = hosts.filter((change) => isArmed(change, guards)).length
  const undone = { entry, hosts, confirm }
  if (order.dryRun === true) return idle(undone)
  if (confirm > 0 && order.confirm !== confirm) {
    const names = hosts.filter((change) => isArmed(change, guards))
    const what = names
      .slice(0, 5)
      .map(({ host, configuration }) => `${host} ${configuration?.after ?? guards.default}`)
    const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
    const why = `Taking change ${entry.id} (${entry.action}) back makes machines boot again what may install them: ${what.join(', ')}${more}`
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
  const since = `Host <${name}> has changed since; GET /v1/audit and GET /v1/hosts show how`
  // A host that is declared no more keeps what it boots, and may get back what it booted.
  if (record !== undefined && !isSame(host, record.before)) return faults.undoConflict(since)
  if (configuration !== undefined && (table.assignments.get(name) ?? null) !== configuration.before) {
    return faults.undoConflict(since)
  }
  if (host?.locked === true && configuration !== undefined && configuration.after !== builtInLocal) {
    return faults.hostLocked(name)
  }
  for (const mac of record?.after?.macs ?? []) {
    const owner = hostOfMac(table, mac)
    if (owner?.origin === 'settings') return faults.macTaken(mac, owner.name)
  }
  return undefined
}

/** Stored and read again, what is undefined is left out. */
function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))
}

/** It would boot something else than its disk. */
function isArmed({ configuration, record }: HostChange, guards: Guards): boolean {
  if (configuration === undefined || (record !== undefined && record.after === null)) return false
  const boots = configuration.after ?? guards.default ?? null
  return boots !== null && boots !== builtInLocal && boots !== configuration.before
}
