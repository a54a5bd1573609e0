// Composes replies: which octets of a request come back, which options a client gets, and where a reply is sent.

import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import { isStation, type Mac } from '../net/mac.ts'
import type { BootFields } from './boot-options.ts'
import type { Client } from './client.ts'
import { messageTypes, options as codes, type MessageType } from './codes.ts'
import { kept } from './kept.ts'
import { bootReply, broadcastFlag } from './packet.ts'
import type { Message, Option, OptionList, Reply } from './packet.ts'
import { addresses, hasAddress, type Arrival, type Place } from './scope.ts'

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

const typeOption = kept((code: number): Option => [codes.messageType, Uint8Array.of(code)])

const serverIdentifier = kept((server: Ipv4): Option => [codes.serverIdentifier, addresses([server])])

/** RFC 2131 table 3; options 61 (RFC 6842) and 82 (RFC 3046 2.2) come back as they were, and 82 comes last. */
export function replyTo(message: Message, type: MessageType, place: Place, parts: ReplyParts): Reply {
  const { boot = noBoot, yiaddr = ipv4(0), ciaddr = ipv4(0), options = [] } = parts
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
    options: optionsOf(message, type, place, boot, options),
  }
}

const echoed = [codes.clientIdentifier, codes.subnetSelection, codes.relayAgentInformation] as const

function optionsOf(
  message: Message,
  type: MessageType,
  { server }: Place,
  boot: BootFields,
  options: OptionList,
): OptionList {
  const list: Option[] = [typeOption(messageTypes[type]), serverIdentifier(server)]
  for (const option of boot.options) list.push(option)
  for (const option of options) if (!isOverruled(option, boot)) list.push(option)
  for (const code of echoed) {
    const value = message.options.get(code)
    if (value !== undefined) list.push([code, value])
  }
  return list
}

/** What the boot needs goes before what an admin wrote under the same code, or of the same as `siaddr` and `file` say. */
function isOverruled([code]: Option, boot: BootFields): boolean {
  const isSaid = code === codes.tftpServerName || code === codes.bootfileName
  return (isSaid && boot.siaddr !== 0) || has(boot.options, code)
}

function has(list: OptionList, code: number): boolean {
  for (const option of list) if (option[0] === code) return true
  return false
}

/**
 * RFC 2131 4.1, for everything but a NAK. A ciaddr that does not count answers no ARP, and what is sent there is lost.
 * `yiaddr`: the address the client gets, if any.
 */
export function destinationOf(message: Message, client: Client, place: Place, yiaddr?: Ipv4): Destination {
  if (message.giaddr !== 0) return { address: message.giaddr, port: 'server' }
  if (hasAddress(message, client)) return { address: message.ciaddr, port: 'client' }
  // One that goes by its client-id alone says no hardware to send to.
  const byFrame = yiaddr !== undefined && !client.wantsBroadcast && isStation(client.mac)
  const frame = byFrame ? { mac: client.mac, from: place.server, to: yiaddr } : undefined
  return { address: broadcast, port: 'client', frame }
}

export function destinationOfNak(message: Message): Destination {
  if (message.giaddr !== 0) return { address: message.giaddr, port: 'server' }
  return { address: broadcast, port: 'client' }
}

/** On port 4011: back where it came from; who had no address to send from is answered as elsewhere. */
export function destinationOfSource(
  message: Message,
  client: Client,
  place: Place,
  { from, fromPort }: Arrival,
): Destination {
  return from === 0 ? destinationOf(message, client, place) : { address: from, port: fromPort }
}

/** What boot programs read without asking for it: firmware that caches the ACK for them asks only for its own. */
const forBoot = [codes.vendorSpecific, 66, 67, 150, 208, 209, 210] as const

/** What this client gets of `values`: all that it asks for in its order; all, where it asks for nothing. */
export function wanted(values: ReadonlyMap<number, Option>, { wants, boots }: Client): OptionList {
  if (wants.length === 0) return [...values.values()]
  const list: Option[] = []
  add(list, values.get(codes.subnetMask))
  for (const code of wants) add(list, values.get(code))
  if (boots) for (const code of forBoot) add(list, values.get(code))
  return list
}

function add(list: Option[], option: Option | undefined): void {
  if (option !== undefined && !list.includes(option)) list.push(option)
}
