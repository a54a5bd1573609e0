// Who changed what, taking the last change back, and the hold, as the API shows them.

import { isDeepStrictEqual } from 'node:util'
import type { AuditEntry, Hold, Host, HostChange } from '../model.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import type { ImportedLinks } from '../registry/import.ts'
import type { Undone } from '../registry/undo.ts'

type ShownChange = {
  readonly name: string
  /** What it booted; null: nothing was deployed to it. Both left out where that did not change. */
  readonly before?: string | null
  readonly after?: string | null
  /** What became of the host itself. */
  readonly host?: 'added' | 'changed' | 'removed'
  /** Of one that was changed: which keys, such as `ip` and `ipmi.password`; never their values. */
  readonly keys?: readonly string[]
}

/** The last one first. */
export function listAudit(audit: readonly AuditEntry[], limit: number) {
  const undone = new Map(
    audit.flatMap(({ id, undoes }) => (undoes === undefined ? [] : [[undoes, id] as const])),
  )
  return audit
    .slice(-limit)
    .toReversed()
    .map(({ id, at, action, by, from, changes, undoes, reason, lease }) => ({
      id,
      at: new Date(at).toISOString(),
      action,
      by,
      from,
      hosts: changes.map(showChange),
      ...(reason !== undefined && { reason }),
      ...(lease !== undefined && { lease: { ...lease, ip: formatIpv4(lease.ip) } }),
      ...(undoes !== undefined && { undoes }),
      ...(undone.has(id) && { undoneBy: undone.get(id) }),
    }))
}

/** What returned, or would. */
export function showUndone({ entry, hosts, confirm }: Undone, dryRun: boolean) {
  const { id, action, at } = entry
  return {
    id,
    action,
    at: new Date(at).toISOString(),
    hosts: hosts.map(showChange),
    ...(confirm > 0 && { confirm }),
    ...(dryRun && { dry_run: true }),
  }
}

export function showImported({
  hosts,
  kept,
  left,
  movedTo,
}: ImportedLinks & { readonly movedTo: string | undefined }) {
  return {
    hosts: hosts.map(showChange),
    kept: kept.map(({ host, boots, configuration }) => ({ name: host, boots, link: configuration })),
    left: left.map(({ link: { mac, configuration }, because }) => ({ mac, link: configuration, because })),
    movedTo: movedTo ?? '',
  }
}

export function showHold(hold: Hold | null) {
  return hold === null
    ? { held: false }
    : {
        held: true,
        since: new Date(hold.since).toISOString(),
        by: hold.by,
        from: hold.from,
        reason: hold.reason,
      }
}

/** Without the hosts' records, in which secrets stand. */
function showChange({ host, configuration, record }: HostChange): ShownChange {
  return {
    name: host,
    ...configuration,
    ...(record && {
      host: record.before === null ? 'added' : record.after === null ? 'removed' : 'changed',
    }),
    ...(record?.before && record.after && { keys: changedKeys(record.before, record.after) }),
  }
}

function changedKeys(before: Host, after: Host): readonly string[] {
  return differingKeys(keyed(before), keyed(after)).flatMap((key) => {
    const [was, is] = [keyed(before)[key], keyed(after)[key]]
    return isGroup(was) && isGroup(is) ? differingKeys(was, is).map((part) => `${key}.${part}`) : [key]
  })
}

/** By the keys that the API takes. */
function keyed({ macs, firmware, power, options: _ours, ...rest }: Host): Group {
  return { ...rest, macAddresses: macs, arch: firmware, ...power }
}

type Group = Readonly<Record<string, unknown>>

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function differingKeys(before: Group, after: Group): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].filter((key) => !isDeepStrictEqual(before[key] ?? null, after[key] ?? null))
}
