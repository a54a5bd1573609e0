// What a change is to do, as data, and the same for the store and for the table.

import type { Change } from '../boot/table.ts'
import type { Event } from '../events.ts'
import type { Fault } from '../faults.ts'
import type { AuditAction, AuditEntry, Host, HostChange } from '../model.ts'
import type { StoreChange } from '../store/store.ts'
import { ourselves, type Caller } from './caller.ts'

/** Decided against the table as it is; nothing is done yet. */
export type Plan<T> = {
  readonly action: AuditAction
  readonly caller: Caller
  readonly hosts: readonly HostChange[]
  /** What is no host's. */
  readonly store?: readonly StoreChange[]
  readonly table?: readonly Change[]
  readonly undoes?: number | undefined
  readonly reason?: string | undefined
  readonly lease?: AuditEntry['lease'] | undefined
  /** To be called as soon as it is on disk. */
  readonly kept?: () => void
  /** Worth an entry although no host changed. */
  readonly isAudited?: boolean
  readonly events: readonly Event[]
  readonly result: T
}

export type Planned<T> = Plan<T> | { readonly fault: Fault }

/** Nothing to do. */
export function idle<T>(result: T, events: readonly Event[] = []): Plan<T> {
  return { action: 'deploy', caller: ourselves, hosts: [], events, result }
}

/** It is done already, and changed no host. */
export function noted(
  action: AuditAction,
  event: Event,
  caller: Caller,
  lease?: AuditEntry['lease'],
): Plan<undefined> {
  return { action, caller, hosts: [], lease, isAudited: true, events: [event], result: undefined }
}

/** Two plans that name one of the same things follow each other; all others share a write. */
export function touched(plan: Plan<unknown>): readonly string[] {
  return plan.hosts.flatMap(({ host, record }) => [
    `host ${host}`,
    ...[record?.before, record?.after].flatMap((side) => [
      ...(side?.macs ?? []),
      ...(side?.ip === undefined ? [] : [`address ${side.ip}`]),
    ]),
  ])
}

export function storeChangesOf({ hosts, store = [] }: Plan<unknown>): readonly StoreChange[] {
  return [
    ...hosts.flatMap(({ host, record }): StoreChange[] => {
      if (record === undefined) return []
      const { before, after } = record
      if (isKept(after)) return [{ kind: 'host', host: after }]
      return isKept(before) ? [{ kind: 'host-removed', name: host }] : []
    }),
    ...hosts.flatMap(({ host, configuration }): StoreChange[] =>
      configuration === undefined ? [] : [{ kind: 'assignment', host, configuration: configuration.after }],
    ),
    ...store,
  ]
}

export function tableChangesOf({ hosts, table = [] }: Plan<unknown>): readonly Change[] {
  return [
    // Those that go before those that come: a card may change hands.
    ...hosts.flatMap(({ host, record }): Change[] =>
      record !== undefined && record.after === null ? [{ kind: 'host-removed', name: host }] : [],
    ),
    ...hosts.flatMap(({ record }): Change[] =>
      record === undefined || record.after === null ? [] : [{ kind: 'host', host: record.after }],
    ),
    ...hosts.flatMap(({ host, configuration }): Change[] =>
      configuration === undefined ? [] : [{ kind: 'assignment', host, configuration: configuration.after }],
    ),
    ...table,
  ]
}

/** The settings keep those they declare. */
function isKept(host: Host | null): host is Host {
  return host !== null && host.origin !== 'settings'
}
