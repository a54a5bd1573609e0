// The kernel's neighbour table: the MAC of an address on one of our own links.

import { readFileSync } from 'node:fs'
import { formatIpv4, type Ipv4 } from './ipv4.ts'
import { parseMac, type Mac } from './mac.ts'

/** ATF_COM of linux/if_arp.h: the entry was answered. */
const complete = 0x2

/**
 * Who answers for `ip`, or undefined. Only an on-link client has an entry of its own: one behind a router never
 * does, so a router's MAC is not taken for a machine's. `table` is for tests.
 */
export function neighbourOf(ip: Ipv4, table = '/proc/net/arp'): Mac | undefined {
  let text: string
  try {
    text = readFileSync(table, 'utf8')
  } catch {
    return undefined
  }
  // proc(5): "IP address  HW type  Flags  HW address  Mask  Device", one neighbour a line.
  for (const line of text.split('\n').slice(1)) {
    const [address, , flags, hardware = ''] = line.trim().split(/\s+/)
    if (address !== formatIpv4(ip) || (Number(flags) & complete) === 0) continue
    const mac = parseMac(hardware)
    return mac === '00:00:00:00:00:00' ? undefined : mac
  }
  return undefined
}
