// What the store holds, in memory: decides whether a change may be, makes it, and takes it back where the disk refused it.

import type { AuditEntry, Hold, Host, Lease } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import type { Outcome, StoreChange, StoredState } from './store.ts'

export type Undo = () => void

export class State {
  private readonly leases: Map<Ipv4, Lease>
  private readonly assignments: Map<string, string>
  private readonly hosts: Map<string, Host>
  private readonly audit: AuditEntry[]
  private hold: Hold | null
  private imported: boolean

  constructor({ leases, assignments, hosts, audit, hold, imported }: StoredState) {
    this.leases = new Map(leases.map((lease) => [lease.ip, lease]))
    this.assignments = new Map(assignments)
    this.hosts = new Map(hosts.map((host) => [host.name, host]))
    this.audit = [...audit]
    this.hold = hold
    this.imported = imported
  }

  snapshot(): StoredState {
    const { hold, imported } = this
    return {
      leases: [...this.leases.values()],
      assignments: [...this.assignments],
      hosts: [...this.hosts.values()],
      audit: [...this.audit],
      hold,
      imported,
    }
  }

  /** Another client, by its MAC and by its client-id, holds the address. */
  conflicts(change: StoreChange): boolean {
    if (change.kind !== 'lease') return false
    const { lease, now } = change
    const held = this.leases.get(lease.ip)
    if (held === undefined || held.state === 'released' || held.expires <= now) return false
    return held.mac !== lease.mac && (held.clientId === undefined || held.clientId !== lease.clientId)
  }

  /** Of the entries: mostly none or one, though there are many. */
  private countBefore(oldest: number): number {
    const first = this.audit.findIndex(({ id }) => id >= oldest)
    return first < 0 ? this.audit.length : first
  }

  /** Makes a change that does not conflict. What it yields is to be called before any older change is undone. */
  make(change: StoreChange): Undo {
    switch (change.kind) {
      case 'lease':
        return put(this.leases, change.lease.ip, change.lease)
      case 'assignment':
        return put(this.assignments, change.host, change.configuration ?? undefined)
      case 'host':
        return put(this.hosts, change.host.name, change.host)
      case 'host-removed':
        return both(put(this.assignments, change.name, undefined), put(this.hosts, change.name, undefined))
      case 'audit': {
        const forgotten = this.audit.splice(0, this.countBefore(change.oldest))
        this.audit.push(change.entry)
        return () => {
          this.audit.pop()
          this.audit.unshift(...forgotten)
        }
      }
      case 'hold': {
        const before = this.hold
        this.hold = change.hold
        return () => void (this.hold = before)
      }
      case 'imported': {
        const before = this.imported
        this.imported = true
        return () => void (this.imported = before)
      }
    }
  }
}

/** What calls come to: an outcome for each change of each, those that were made, and what takes them all back. */
export type Decided = {
  readonly answers: readonly (readonly Outcome[])[]
  readonly made: readonly StoreChange[]
  readonly undo: Undo
}

/** Judges the changes of the calls in order, and makes those that may be. */
export function decide(
  calls: readonly { readonly changes: readonly StoreChange[] }[],
  state: State,
): Decided {
  const made: StoreChange[] = []
  const undos: Undo[] = []
  const judge = (change: StoreChange): Outcome => {
    if (state.conflicts(change)) return 'conflict'
    undos.push(state.make(change))
    made.push(change)
    return 'ok'
  }
  const answers = calls.map(({ changes }) => changes.map(judge))
  return { answers, made, undo: () => undos.toReversed().forEach((undo) => undo()) }
}

/** Sets the value, or deletes it where there is none. */
function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): Undo {
  const before = map.get(key)
  set(map, key, value)
  return () => set(map, key, before)
}

function set<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}

function both(first: Undo, second: Undo): Undo {
  return () => {
    second()
    first()
  }
}
