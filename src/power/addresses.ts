// Where the controllers are: by the settings, else by their MAC in our leases, the neighbour table or `arp -an`.

import { printableLine, type Tell } from '../events.ts'
import { formatIpv4, parseSubnet, type Ipv4 } from '../net/ipv4.ts'
import { padOctets, parseMac, type Mac } from '../net/mac.ts'
import { neighbours } from '../net/neighbours.ts'
import { PowerError } from './adapter.ts'
import { isMissing, lastLine, run } from './run.ts'
import type { Turns } from './turns.ts'

/** What the settings say of a controller's place. */
export type Place = {
  readonly address?: string | undefined
  readonly mac?: Mac | undefined
}

export type AddressParts = {
  /** Who holds which address: our leases. */
  readonly held: () => Iterable<readonly [Ipv4, Mac]>
  readonly turns: Turns
  readonly tell: Tell
}

/** All hosts of one query share one look at the tables. */
const lookMs = 1_000
const arpMs = 5_000
const fpingMs = 22_000

export class Addresses {
  private readonly parts: AddressParts
  /** Addresses that were found once: an entry of the kernel's is gone after minutes. Never a configured one. */
  private readonly learnt = new Map<Mac, string>()
  private look: { readonly at: number; readonly found: Promise<ReadonlyMap<Mac, string>> } | undefined

  constructor(parts: AddressParts) {
    this.parts = parts
  }

  /** @throws PowerError where it is not known */
  async find({ address, mac }: Place): Promise<string> {
    if (address !== undefined && address !== '') return address
    if (mac === undefined) {
      throw new PowerError('its controller has neither an address nor a mac_address in the settings file')
    }
    for (const [ip, holder] of this.parts.held()) if (holder === mac) return this.learn(mac, formatIpv4(ip))
    for (const [ip, holder] of neighbours()) if (holder === mac) return this.learn(mac, formatIpv4(ip))
    const known = this.learnt.get(mac) ?? (await this.looked()).get(mac)
    if (known !== undefined) return this.learn(mac, known)
    throw new PowerError(
      `no address is known of its controller ${mac}: run pxe-pilot host refresh, or name the address in the settings file`,
    )
  }

  /** What find() would give of what is known by now. */
  known({ address, mac }: Place): string | undefined {
    if (address !== undefined && address !== '') return address
    return mac === undefined ? undefined : this.learnt.get(mac)
  }

  /**
   * Forgets what was learnt, makes every machine of `subnets` answer, so that the neighbour table knows it, and looks
   * for the controllers of `places`.
   */
  async refresh(subnets: readonly string[], places: readonly Place[]): Promise<void> {
    this.learnt.clear()
    this.look = undefined
    await Promise.all([...new Set(subnets)].map((subnet) => this.ping(subnet)))
    this.look = undefined
    const wanted = new Set(places.flatMap(({ address, mac }) => (address || mac === undefined ? [] : mac)))
    if (wanted.size === 0) return
    const look = (mac: Mac, address: string) => wanted.has(mac) && this.learn(mac, address)
    // What is better known comes last.
    for (const [mac, address] of await this.looked()) look(mac, address)
    for (const [ip, mac] of neighbours()) look(mac, formatIpv4(ip))
    for (const [ip, mac] of this.parts.held()) look(mac, formatIpv4(ip))
  }

  private learn(mac: Mac, address: string): string {
    this.learnt.set(mac, address)
    return address
  }

  private looked(): Promise<ReadonlyMap<Mac, string>> {
    const now = performance.now()
    if (this.look === undefined || now - this.look.at > lookMs) {
      this.look = { at: now, found: this.arp() }
    }
    return this.look.found
  }

  /** Not every neighbour is in the kernel's table: `arp` may be a site's own program. */
  private async arp(): Promise<ReadonlyMap<Mac, string>> {
    try {
      const { stdout } = await run({ file: 'arp', args: ['-an'] }, AbortSignal.timeout(arpMs))
      return new Map(arpEntries(stdout))
    } catch (error) {
      if (!isMissing(error)) this.warn(`arp -an: ${reasonOf(error)}`)
      return new Map()
    }
  }

  private async ping(subnet: string): Promise<void> {
    if (parseSubnet(subnet) === undefined) {
      this.warn(`the management subnet ${subnet} is no subnet such as 10.77.0.0/24, and is not searched`)
      return
    }
    const signal = AbortSignal.timeout(fpingMs)
    const args = ['-c', '1', '-D', '-q', '-g', subnet]
    try {
      const { code, stderr } = await this.parts.turns.take(signal, () => run({ file: 'fping', args }, signal))
      // 1: some do not answer; 2: some cannot be reached.
      if (code === null || code > 2) this.warn(`fping of ${subnet}: ${lastLine(stderr, [])}`)
    } catch (error) {
      const isLate = signal.aborted
      this.warn(`fping of ${subnet}: ${isLate ? 'not done in time; name a smaller subnet' : reasonOf(error)}`)
    }
  }

  private warn(text: string): void {
    this.parts.tell({ level: 'warn', step: 'power.refresh', text: printableLine(text) })
  }
}

/** `? (10.0.0.5) at 00:00:00:00:10:02 [ether] on eth0`; a line with fewer fields says nothing. */
export function* arpEntries(text: string): Generator<readonly [Mac, string]> {
  for (const line of text.split('\n')) {
    const [, address = '', , hardware = ''] = line.trim().split(/\s+/)
    const mac = parseMac(padOctets(hardware))
    const [, ip] = /^\((.+)\)$/.exec(address) ?? []
    if (mac !== undefined && ip !== undefined) yield [mac, ip]
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
