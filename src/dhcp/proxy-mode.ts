// Proxy mode: another server gives addresses, and we tell machines what to boot (PXE 2.1, 2.2.3 to 2.2.5).

import { inSubnet, type Ipv4 } from '../net/ipv4.ts'
import type { MessageType } from './codes.ts'
import { encode } from './packet.ts'
import { destinationOf, destinationOfSource, replyTo, type Destination } from './reply.ts'
import { offerBoot, say, type EngineParts, type Request } from './request.ts'
import type { Place } from './scope.ts'

/** Answers boot programs only, and never with an address. */
export function answerProxy(request: Request, place: Place, parts: EngineParts): void {
  const { client, message, arrival, port } = request
  const takes = takenAddress(request)
  if (takes !== undefined && client.type === 'REQUEST' && isCredible(request, takes)) {
    parts.learn(takes, client.mac)
  }
  if (!/^(?:PXE|HTTP)Client/.test(client.vendorClass)) {
    return say(request, parts.tell, 'debug', 'dhcp.dropped', 'is no boot program: not for proxy mode')
  }
  if (port === 'boot-server') {
    if (client.type !== 'REQUEST' && client.type !== 'INFORM' && client.type !== 'DISCOVER') return
    return give('ACK', request, place, destinationOfSource(message, client, place, arrival), parts)
  }
  // PXE 2.1 2.2.3: on port 67 a DISCOVER is offered to; the REQUEST that follows is the other server's.
  if (client.type === 'DISCOVER') give('OFFER', request, place, destinationOf(message, client, place), parts)
  if (client.type === 'INFORM') give('ACK', request, place, destinationOf(message, client, place), parts)
}

function give(type: MessageType, request: Request, place: Place, to: Destination, parts: EngineParts): void {
  const { message, client, send } = request
  const { boot, fields, text, level } = offerBoot(request, place, takenAddress(request), parts)
  const step = type === 'OFFER' ? 'proxy.offer' : 'proxy.ack'
  if (boot === undefined) {
    return say(request, parts.tell, level, 'proxy.silent', () => `is left alone: ${text()}`)
  }
  const ciaddr = type === 'ACK' ? message.ciaddr : undefined
  send(encode(replyTo(message, type, place, { boot: fields, ciaddr }), client.longest), to)
  say(request, parts.tell, level, step, () => `is offered ${text()}`)
}

/** The address a client takes or has, as it tells everyone on the link. */
function takenAddress({ client, message }: Request): Ipv4 | undefined {
  if (message.ciaddr !== 0) return message.ciaddr
  return client.type === 'REQUEST' ? client.requestedAddress : undefined
}

/**
 * Whether `takes` may name the machine, which then deploys for itself from there without a token. Anybody can send a
 * REQUEST over a router and say whose it is: one counts that came on the link the address is of, or through a relay,
 * whose own address it is not about. Relays send from giaddr; some (ISC dhcrelay) from their uplink, which is believed
 * of a neighbour.
 */
function isCredible({ message: { giaddr }, arrival: { from, link } }: Request, takes: Ipv4): boolean {
  const isNear = (ip: Ipv4) => link.addresses.some(({ subnet }) => inSubnet(ip, subnet))
  if (giaddr === 0) return isNear(takes) && (from === 0 || isNear(from))
  return (from === giaddr || isNear(from)) && takes !== from && takes !== giaddr
}
