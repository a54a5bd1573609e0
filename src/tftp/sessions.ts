// The open transfers: each found by its client, and never more of them than the limits allow.

import type { Ipv4 } from '../net/ipv4.ts'
import type { Session } from './session.ts'
import { firstTimerMs } from './transfer.ts'

export type Limits = {
  readonly maxTransfers: number
  readonly maxPerClient: number
}

/** A client's address and port in one. */
export type ClientKey = number

export function keyOf(ip: Ipv4, port: number): ClientKey {
  return ip * 65536 + port
}

/** An ACK repeated after the end belongs to no transfer, but its client needs no ERROR: PXELINUX uses its port again. */
const rememberEndedMs = 10_000
const mostRemembered = 2048

export class Sessions {
  private readonly limits: Limits
  private readonly now: () => number
  private readonly byClient = new Map<ClientKey, Session>()
  private readonly byAddress = new Map<Ipv4, Set<Session>>()
  /** Those whose client has not answered yet, the oldest first. */
  private readonly unproven = new Set<Session>()
  /** Clients whose transfer ended lately, and those before them; together they are swept in time. */
  private ended = new Set<ClientKey>()
  private endedBefore = new Set<ClientKey>()
  private sweptAt = 0

  constructor(limits: Limits, now: () => number) {
    this.limits = limits
    this.now = now
  }

  get size(): number {
    return this.byClient.size
  }

  get(client: ClientKey): Session | undefined {
    return this.byClient.get(client)
  }

  /** Whether a transfer of this client ended a moment ago. */
  endedLately(client: ClientKey): boolean {
    this.sweep()
    return this.ended.has(client) || this.endedBefore.has(client)
  }

  private sweep(): void {
    const age = this.now() - this.sweptAt
    if (age < rememberEndedMs && this.ended.size < mostRemembered) return
    this.endedBefore = age < 2 * rememberEndedMs ? this.ended : new Set()
    this.ended = new Set()
    this.sweptAt = this.now()
  }

  /**
   * Makes room for one more by giving up a transfer that nobody answered, else says which limit is reached. One that
   * has had no time to be answered yet is not given up: a flood would push out every real client just the same.
   */
  makeRoom(ip: Ipv4): string | undefined {
    const { maxTransfers, maxPerClient } = this.limits
    const own = this.byAddress.get(ip)
    if (own !== undefined && own.size >= maxPerClient && !this.giveUpOne(own)) {
      return `too many transfers from this address (tftp.max_per_client is ${maxPerClient})`
    }
    if (this.size >= maxTransfers && !this.giveUpOne(this.unproven)) {
      return `too many transfers at once (tftp.max_transfers is ${maxTransfers})`
    }
    return undefined
  }

  private giveUpOne(among: ReadonlySet<Session>): boolean {
    for (const session of among) {
      if (!this.unproven.has(session)) continue
      if (this.now() - session.startedAt <= firstTimerMs) return false
      session.end()
      return true
    }
    return false
  }

  add(client: ClientKey, session: Session): void {
    this.byClient.set(client, session)
    this.unproven.add(session)
    const own = this.byAddress.get(session.parts.ip)
    if (own === undefined) this.byAddress.set(session.parts.ip, new Set([session]))
    else own.add(session)
  }

  /** Its client is where its address says. */
  proven(session: Session): void {
    this.unproven.delete(session)
  }

  remove(client: ClientKey, session: Session): void {
    const wasProven = !this.unproven.delete(session)
    const own = this.byAddress.get(session.parts.ip)
    own?.delete(session)
    if (own?.size === 0) this.byAddress.delete(session.parts.ip)
    if (this.byClient.get(client) !== session) return
    this.byClient.delete(client)
    // Who never said a word about its transfer will not repeat it.
    if (!wasProven) return
    this.sweep()
    this.ended.add(client)
  }

  endAll(): void {
    for (const session of this.byClient.values()) session.end()
  }
}
