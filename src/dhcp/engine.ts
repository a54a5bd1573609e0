// Answers DHCP datagrams: from whom each comes, where that is, and in which mode it is served there. No socket here.

import { LazyEvent, printable } from '../events.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { readClient } from './client.ts'
import { bootRequest, decode } from './packet.ts'
import { answerProxy } from './proxy-mode.ts'
import {
  say,
  seldom,
  whoAsks,
  type EngineParts,
  type Objection,
  type Port,
  type Request,
  type Send,
} from './request.ts'
import { hasAddress, placeOf, type Arrival } from './scope.ts'
import { serve } from './server-mode.ts'

export class Engine {
  private readonly parts: EngineParts

  constructor(parts: EngineParts) {
    this.parts = { ...parts, tell: seldom(parts.tell, parts.now) }
  }

  /** Any bytes from anywhere; never throws. Resolves when the request is dealt with; undefined: it is already. */
  receive(port: Port, bytes: Buffer, arrival: Arrival, send: Send): Promise<void> | undefined {
    try {
      return this.dispatch(port, bytes, arrival, send)?.catch((error: unknown) => this.fail(arrival, error))
    } catch (error) {
      this.fail(arrival, error)
      return undefined
    }
  }

  private fail({ from, link }: Arrival, error: unknown): void {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const text = printable(`${formatIpv4(from)} on ${link.name}: ${why}`)
    this.parts.tell({ level: 'error', step: 'dhcp.fault', text })
  }

  private dispatch(port: Port, bytes: Buffer, arrival: Arrival, send: Send): Promise<void> | undefined {
    const message = decode(bytes)
    if ('malformed' in message) return this.dropBytes(arrival, message.malformed)
    if (message.op !== bootRequest) return this.dropBytes(arrival, 'it is no request')
    const client = readClient(message)
    if ('refused' in client) return this.dropBytes(arrival, client.refused)
    if (this.parts.isOwnProbe(client.mac)) return undefined
    const request: Request = { message, client, arrival, port, host: this.parts.hostOf(client.mac), send }
    const isNear = message.giaddr === 0 && !hasAddress(message, client)
    if (isNear && !this.parts.isServed(arrival.link.name))
      return this.drop(request, 'its link is not one we serve')
    const place = placeOf(message, client, arrival, this.parts.site)
    if ('refused' in place) return this.drop(request, place.refused)
    if (place.mode === 'proxy') {
      answerProxy(request, place, this.parts)
      return undefined
    }
    // What we gave before goes on: it is renewed, released and declined (RFC 2131 4.4.5) whoever else is there.
    const isNew = isNear && (client.type === 'DISCOVER' || client.type === 'REQUEST')
    const objection = isNew ? this.parts.objectionTo(arrival.link.name) : undefined
    if (objection !== undefined) return this.refuse(request, objection)
    if (port === 'dhcp') return serve(request, place, this.parts)
    return this.drop(request, 'it asks on port 4011, where only proxy mode answers')
  }

  /** Of a machine that would boot, a line for the person who waits for that. */
  private refuse(request: Request, { because, isBrief }: Objection): undefined {
    if (isBrief || !request.client.boots) return this.drop(request, because)
    const text = `asks for a boot, and gets none of us: ${because}`
    say(request, this.parts.tell, 'warn', 'dhcp.unserved', text)
  }

  private dropBytes({ from, link }: Arrival, because: string): undefined {
    this.tellDropped(() => `${formatIpv4(from)} on ${link.name}`, because)
  }

  private drop(request: Request, because: string): undefined {
    this.tellDropped(() => whoAsks(request), because)
  }

  private tellDropped(who: () => string, because: string): void {
    const text = () => printable(`dropped from ${who()}: ${because}`)
    this.parts.tell(new LazyEvent('debug', 'dhcp.dropped', undefined, text))
  }
}
