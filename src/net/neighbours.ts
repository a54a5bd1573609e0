// The kernel's neighbour table: the MACs of addresses on our own links.

import { readFileSync } from 'node:fs'
import { parseIpv4, type Ipv4 } from './ipv4.ts'
import { parseMac, type Mac } from './mac.ts'

/** ATF_COM of linux/if_arp.h: the entry was answered. */
const complete = 0x2

/**
 * Who answers for which address. Only an on-link machine has an entry of its own: one behind a router never
 * does, so a router's MAC is not taken for a machine's. `table` is for tests.
 */
export function* neighbours(table = '/proc/net/arp'): Generator<readonly [Ipv4, Mac]> {
  let text: string
  try {
    text = readFileSync(table, 'utf8')
  } catch {
    return
  }
  // proc(5): "IP address  HW type  Flags  HW address  Mask  Device", one neighbour a line.
  for (const line of text.split('\n').slice(1)) {
    const [address = '', , flags, hardware = ''] = line.trim().split(/\s+/)
    const ip = parseIpv4(address)
    const mac = parseMac(hardware)
    if (ip === undefined || mac === undefined || (Number(flags) & complete) === 0) continue
    if (mac !== '00:00:00:00:00:00') yield [ip, mac]
  }
}

/** So old may be what was read where it agrees with what is held, in milliseconds. */
const agreedForMs = 1000

/**
 * Whose address it is. On our own links the kernel knows, which the machine itself has just told: a lease may have
 * ended, and its address be somebody else's. Behind a relay it is who holds it in `held`.
 * Where the two differ the kernel is asked again, yet at most for a fifth of our time: its table is long in a hall
 * of machines. `table` is for tests.
 */
export function ownersOf(held: ReadonlyMap<Ipv4, Mac>, table?: string): (ip: Ipv4) => Mac | undefined {
  let near: ReadonlyMap<Ipv4, Mac> = new Map()
  let readAt = -Infinity
  let tookMs = 0
  return (ip) => {
    const holder = held.get(ip)
    const began = performance.now()
    const agrees = holder !== undefined && near.get(ip) === holder
    if (began - readAt > (agrees ? agreedForMs : 4 * tookMs)) {
      near = new Map(neighbours(table))
      readAt = performance.now()
      tookMs = readAt - began
    }
    return near.get(ip) ?? holder
  }
}
