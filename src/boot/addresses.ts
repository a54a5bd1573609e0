// Who holds which address, in memory that the threads share: one of them writes, and what it wrote is known to all at once.

import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import { macFromNumber, macToNumber, type Mac } from '../net/mac.ts'

//  slots x 8 octets: 0x1_mac                 | 0: nobody any more
//  slots x 4 octets: the address it is about | 0: the slot is free
const octetsPerSlot = 12
const firstSlots = 2 ** 14
const someone = 1n << 48n
/** Of the golden ratio: neighbouring addresses land far apart (Knuth, The Art of Computer Programming 6.4). */
const spread = 0x9e3779b1

/**
 * A hash table with linear probing. An address keeps its slot for good, so that whoever reads meanwhile finds it where
 * it was; a MAC is one word of 64 bits, so that nobody sees half of one.
 */
export class Addresses {
  /** What another thread makes its own Addresses of. */
  readonly shared: SharedArrayBuffer
  private readonly macs: BigUint64Array
  private readonly ips: Uint32Array
  private readonly shift: number
  private taken = 0

  constructor(shared = new SharedArrayBuffer(firstSlots * octetsPerSlot)) {
    const slots = shared.byteLength / octetsPerSlot
    this.shared = shared
    this.macs = new BigUint64Array(shared, 0, slots)
    this.ips = new Uint32Array(shared, slots * 8, slots)
    this.shift = 32 - Math.log2(slots)
    for (const ip of this.ips) if (ip !== 0) this.taken++
  }

  get(ip: Ipv4): Mac | undefined {
    const slot = this.slotOf(ip)
    return this.ips[slot] === 0 ? undefined : macOf(Atomics.load(this.macs, slot))
  }

  /** One that `mac` holds: all are looked through. */
  of(mac: Mac): Ipv4 | undefined {
    const slot = this.macs.indexOf(wordOf(mac))
    return slot < 0 ? undefined : ipv4(this.ips[slot] ?? 0)
  }

  /** Undefined: nobody holds it. For one thread alone. */
  set(ip: Ipv4, mac: Mac | undefined): void {
    this.put(ip, mac === undefined ? 0n : wordOf(mac))
  }

  private put(ip: Ipv4, word: bigint): void {
    const slot = this.slotOf(ip)
    const isNew = this.ips[slot] === 0
    if (isNew && word === 0n) return
    Atomics.store(this.macs, slot, word)
    if (!isNew) return
    Atomics.store(this.ips, slot, ip)
    this.taken++
  }

  /** Half of it is taken: the next ones belong into the bigger one that it yields, with all that this one holds. */
  grown(): Addresses | undefined {
    if (this.taken < this.ips.length / 2) return undefined
    let held = 0
    for (const word of this.macs) if (word !== 0n) held++
    const slots = Math.max(firstSlots, 2 ** Math.ceil(Math.log2(held * 4)))
    const bigger = new Addresses(new SharedArrayBuffer(slots * octetsPerSlot))
    for (let slot = 0; slot < this.ips.length; slot++) {
      const word = this.macs[slot] ?? 0n
      if (word !== 0n) bigger.put(ipv4(this.ips[slot] ?? 0), word)
    }
    return bigger
  }

  *[Symbol.iterator](): Generator<readonly [Ipv4, Mac]> {
    for (const [slot, ip] of this.ips.entries()) {
      const mac = ip === 0 ? undefined : macOf(this.macs[slot] ?? 0n)
      if (mac !== undefined) yield [ipv4(ip), mac]
    }
  }

  /** Its own, or the free one where it would be. */
  private slotOf(ip: Ipv4): number {
    let slot = Math.imul(ip, spread) >>> this.shift
    for (;;) {
      const found = Atomics.load(this.ips, slot)
      if (found === ip || found === 0) return slot
      slot = slot + 1 === this.ips.length ? 0 : slot + 1
    }
  }
}

function wordOf(mac: Mac): bigint {
  return someone | BigInt(macToNumber(mac))
}

function macOf(word: bigint): Mac | undefined {
  return word === 0n ? undefined : macFromNumber(Number(word ^ someone))
}
