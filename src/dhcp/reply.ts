// Composes replies: which octets of a request come back, which options a client gets, and where a reply is sent.

import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { BootFields } from './boot-options.ts'
import type { Client } from './client.ts'
import { messageTypes, options as codes, type MessageType } from './codes.ts'
import { bootReply, broadcastFlag, type Message, type OptionList, type Reply } from './packet.ts'
import { addresses, type Arrival, type Place } from './scope.ts'

const broadcast = ipv4(0xffffffff)

export type Destination = {
  readonly address: Ipv4
  /** A number, or DHCP's own: 67 and 68, unless the settings moved them. */
  readonly port: 'server' | 'client' | number
  /** The client has no address yet: where frames can be sent, one goes to its hardware instead (RFC 2131 4.1). */
  readonly frame?: { readonly mac: Mac; readonly from: Ipv4; readonly to: Ipv4 } | undefined
}

const noBoot: BootFields = { siaddr: ipv4(0), sname: '', file: '', options: [] }

export type ReplyParts = {
  readonly yiaddr?: Ipv4 | undefined
  readonly ciaddr?: Ipv4 | undefined
  readonly boot?: BootFields | undefined
  /** Behind the message type and the server identifier. */
  readonly options?: OptionList | undefined
}

/** RFC 2131 table 3; options 61 (RFC 6842) and 82 (RFC 3046 2.2) come back as they were, and 82 comes last. */
export function replyTo(message: Message, type: MessageType, place: Place, parts: ReplyParts): Reply {
  const { boot = noBoot, yiaddr = ipv4(0), ciaddr = ipv4(0), options = [] } = parts
  const first: OptionList = [
    [codes.messageType, Uint8Array.of(messageTypes[type])],
    [codes.serverIdentifier, addresses([place.server])],
  ]
  return {
    op: bootReply,
    htype: message.htype,
    hlen: message.hlen,
    hops: 0,
    xid: message.xid,
    secs: 0,
    // RFC 2131 4.3.2: a relay broadcasts a NAK, as the client must not trust its address.
    flags: type === 'NAK' && message.giaddr !== 0 ? message.flags | broadcastFlag : message.flags,
    ciaddr,
    yiaddr,
    siaddr: boot.siaddr,
    giaddr: message.giaddr,
    chaddr: message.chaddr,
    sname: boot.sname,
    file: boot.file,
    options: [...first, ...boot.options, ...withoutRepeats(boot.options, options), ...echoOf(message)],
  }
}

const echoed = [codes.clientIdentifier, codes.subnetSelection, codes.relayAgentInformation] as const

function echoOf(message: Message): OptionList {
  const echo: (readonly [number, Uint8Array])[] = []
  for (const code of echoed) {
    const value = message.options.get(code)
    if (value !== undefined) echo.push([code, value])
  }
  return echo
}

/** What the boot needs goes before what an admin wrote under the same code. */
function withoutRepeats(boot: OptionList, options: OptionList): OptionList {
  return boot.length === 0 ? options : options.filter(([code]) => !has(boot, code))
}

function has(list: OptionList, code: number): boolean {
  return list.some(([said]) => said === code)
}

/** RFC 2131 4.1, for everything but a NAK. `yiaddr`: the address the client gets, if any. */
export function destinationOf(message: Message, client: Client, place: Place, yiaddr?: Ipv4): Destination {
  if (message.giaddr !== 0) return { address: message.giaddr, port: 'server' }
  if (message.ciaddr !== 0) return { address: message.ciaddr, port: 'client' }
  const byFrame = yiaddr !== undefined && !client.wantsBroadcast
  const frame = byFrame ? { mac: client.mac, from: place.server, to: yiaddr } : undefined
  return { address: broadcast, port: 'client', frame }
}

export function destinationOfNak(message: Message): Destination {
  if (message.giaddr !== 0) return { address: message.giaddr, port: 'server' }
  return { address: broadcast, port: 'client' }
}

/** Back where it came from, as on port 4011. */
export function destinationOfSource({ from, fromPort }: Arrival): Destination {
  return { address: from, port: fromPort }
}

/** What boot programs read without asking for it: firmware that caches the ACK for them asks only for its own. */
const forBoot: ReadonlySet<number> = new Set([codes.vendorSpecific, 66, 67, 150, 208, 209, 210])

/** What this client gets of `values`: all that it asks for in its order; all, where it asks for nothing. */
export function wanted(values: ReadonlyMap<number, Uint8Array>, client: Client): OptionList {
  const { wants, boots } = client
  if (wants.length === 0) return [...values]
  const list: (readonly [number, Uint8Array])[] = []
  const add = (code: number) => {
    const value = values.get(code)
    if (value !== undefined && !has(list, code)) list.push([code, value])
  }
  add(codes.subnetMask)
  for (const code of wants) add(code)
  if (boots) for (const code of forBoot) add(code)
  return list
}
