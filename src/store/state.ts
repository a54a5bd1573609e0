// What the store holds, in memory: decides whether a change may be, makes it, and takes it back where the disk refused it.

import type { Lease } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { StoreChange, StoredState } from './store.ts'

export type Undo = () => void

export class State {
  private readonly leases: Map<Ipv4, Lease>
  private readonly assignments: Map<string, string>
  private readonly registered: Map<string, Mac>
  private readonly registeredMacs: Map<Mac, string>

  constructor({ leases, assignments, registered }: StoredState) {
    this.leases = new Map(leases.map((lease) => [lease.ip, lease]))
    this.assignments = new Map(assignments)
    this.registered = new Map(registered.map(({ name, mac }) => [name, mac]))
    this.registeredMacs = new Map(registered.map(({ name, mac }) => [mac, name]))
  }

  snapshot(): StoredState {
    return {
      leases: [...this.leases.values()],
      assignments: [...this.assignments],
      registered: [...this.registered].map(([name, mac]) => ({ name, mac })),
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

  /** Makes a change that does not conflict. What it yields is to be called before any older change is undone. */
  make(change: StoreChange): Undo {
    switch (change.kind) {
      case 'lease':
        return put(this.leases, change.lease.ip, change.lease)
      case 'assignment':
        return put(this.assignments, change.host, change.configuration ?? undefined)
      case 'registered-host':
        return this.register(change.name, change.mac)
      case 'registered-host-removed':
        return this.unregister(change.name)
    }
  }

  private register(name: string, mac: Mac): Undo {
    if (this.registered.has(name) || this.registeredMacs.has(mac)) return () => {}
    return both(put(this.registered, name, mac), put(this.registeredMacs, mac, name))
  }

  private unregister(name: string): Undo {
    const mac = this.registered.get(name)
    const undo = both(put(this.assignments, name, undefined), put(this.registered, name, undefined))
    return mac === undefined ? undo : both(undo, put(this.registeredMacs, mac, undefined))
  }
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
