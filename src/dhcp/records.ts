// What the store holds of leases, by address and by whose they are: the last one of each address, also one that has ended.

import type { Lease } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'

const none: readonly Lease[] = []

export class Records {
  private readonly keyOf: (lease: Lease) => string
  private readonly byIp = new Map<Ipv4, Lease>()
  /** Mostly one address each, for which a Set would take three times the memory. */
  private readonly byKey = new Map<string, Ipv4[]>()

  /** `keyOf`: what a lease belongs to. */
  constructor(keyOf: (lease: Lease) => string) {
    this.keyOf = keyOf
  }

  /** In place of what was known of this address. A declined address is nobody's. */
  put(lease: Lease): void {
    const before = this.byIp.get(lease.ip)
    const key = lease.state === 'declined' ? undefined : this.keyOf(lease)
    if (before !== undefined && this.keyOf(before) !== key) this.unlink(before)
    this.byIp.set(lease.ip, lease)
    if (key === undefined) return
    const own = this.byKey.get(key)
    if (own === undefined) this.byKey.set(key, [lease.ip])
    else if (!own.includes(lease.ip)) own.push(lease.ip)
  }

  at(ip: Ipv4): Lease | undefined {
    return this.byIp.get(ip)
  }

  /** Those of one client. */
  of(key: string): readonly Lease[] {
    const own = this.byKey.get(key)
    if (own === undefined) return none
    const found: Lease[] = []
    for (const ip of own) {
      const lease = this.byIp.get(ip)
      if (lease !== undefined) found.push(lease)
    }
    return found
  }

  belongs(ip: Ipv4, key: string): boolean {
    return this.byKey.get(key)?.includes(ip) === true
  }

  all(): Iterable<Lease> {
    return this.byIp.values()
  }

  private unlink(lease: Lease): void {
    const key = this.keyOf(lease)
    const left = this.byKey.get(key)?.filter((ip) => ip !== lease.ip) ?? []
    if (left.length > 0) this.byKey.set(key, left)
    else this.byKey.delete(key)
  }
}
