// The kernel's neighbour table: the MACs of addresses on our own links.

import { readFileSync } from 'node:fs'
import { formatIpv4, parseIpv4, type Ipv4 } from './ipv4.ts'
import { parseMac, type Mac } from './mac.ts'

/** ATF_COM of linux/if_arp.h: the entry was answered. */
const complete = 0x2

/**
 * Who answers for which address. Only an on-link machine has an entry of its own: one behind a router never
 * does, so a router's MAC is not taken for a machine's. `table` is for tests.
 */
export function* neighbours(table = arpTable): Generator<readonly [Ipv4, Mac]> {
  for (const line of read(table).split('\n').slice(1)) {
    const neighbour = parse(line)
    if (neighbour !== undefined) yield neighbour
  }
}

const arpTable = '/proc/net/arp'

function read(table: string): string {
  try {
    return readFileSync(table, 'latin1')
  } catch {
    return ''
  }
}

/** proc(5): "IP address  HW type  Flags  HW address  Mask  Device", one neighbour a line. */
function parse(line: string): readonly [Ipv4, Mac] | undefined {
  const [address = '', , flags, hardware = ''] = line.trim().split(/\s+/)
  const ip = parseIpv4(address)
  const mac = parseMac(hardware)
  if (ip === undefined || mac === undefined || (Number(flags) & complete) === 0) return undefined
  return mac === '00:00:00:00:00:00' ? undefined : [ip, mac]
}

/** Only the line of `ip` is read, as there may be thousands. An address may be on several links. */
function find(text: string, ip: Ipv4): Mac | undefined {
  const start = `\n${formatIpv4(ip)} `
  for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
    const end = text.indexOf('\n', at + 1)
    const neighbour = parse(text.slice(at + 1, end < 0 ? undefined : end))
    if (neighbour !== undefined) return neighbour[1]
  }
  return undefined
}

/** Whose address it is, where that is known. */
export type Owners = (ip: Ipv4) => Mac | undefined

/** So old may be what was read where it agrees with what is held, and where nothing is held, in milliseconds. */
const agreedForMs = 1000
const aloneForMs = 100

/**
 * Whose address it is. On our own links the kernel knows, which the machine itself has just told: a lease may have
 * ended, and its address be somebody else's. Behind a relay it is who holds it in `held`.
 * Where the two differ the kernel is asked again, yet at most for a fifth of our time: its table is long in a hall
 * of machines. `table` is for tests.
 */
export function ownersOf(held: Owners, table = arpTable): Owners {
  let text = ''
  let readAt = -Infinity
  let tookMs = 0
  /** What was looked for in it. */
  const found = new Map<Ipv4, Mac | undefined>()
  const look = (ip: Ipv4) => {
    if (!found.has(ip)) found.set(ip, find(text, ip))
    return found.get(ip)
  }
  return (ip) => {
    const holder = held(ip)
    const near = look(ip)
    const began = performance.now()
    if (began - readAt <= Math.max(goodForMs(near, holder), 4 * tookMs)) return near ?? holder
    text = read(table)
    readAt = performance.now()
    tookMs = readAt - began
    found.clear()
    return look(ip) ?? holder
  }
}

function goodForMs(near: Mac | undefined, holder: Mac | undefined): number {
  if (near === undefined) return 0
  if (holder === undefined) return aloneForMs
  return near === holder ? agreedForMs : 0
}
