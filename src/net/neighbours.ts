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

/** Who answers for `ip`, or undefined. */
export function neighbourOf(ip: Ipv4, table?: string): Mac | undefined {
  for (const [address, mac] of neighbours(table)) if (address === ip) return mac
  return undefined
}
