// What a DHCP message tells of its sender: who it is, what it runs on, and what it wants.

import type { Agent } from '../boot/facts.ts'
import { spelling } from '../net/hex.ts'
import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import { macFromBytes, type Mac } from '../net/mac.ts'
import { ipxeFeatures, messageTypes, options as codes, relaySubOptions, type MessageType } from './codes.ts'
import { numberIn } from './options.ts'
import { broadcastFlag, type Message } from './packet.ts'

export type Client = {
  readonly type: MessageType
  readonly mac: Mac
  /** Option 61 as sent, in hexadecimal. */
  readonly clientId?: string | undefined
  readonly hostname?: string | undefined
  /** It looks for something to boot, and not only for an address. */
  readonly boots: boolean
  readonly agent: Agent
  readonly lacksHttp: boolean
  /** Option 93, else the number in option 60. */
  readonly archs: readonly number[]
  /** Option 97, lower-case with dashes. */
  readonly uuid?: string | undefined
  /** Option 60. */
  readonly vendorClass: string
  readonly requestedAddress?: Ipv4 | undefined
  readonly server?: Ipv4 | undefined
  /** Seconds (option 51). */
  readonly leaseTime?: number | undefined
  /** Option 55, in its order. */
  readonly wants: Uint8Array
  /** The longest DHCP message it takes, in octets, without IP and UDP headers. */
  readonly longest: number
  readonly wantsBroadcast: boolean
  /** Option 82.5, else 118: the subnet to choose from, where that is not its link's. */
  readonly subnet?: Ipv4 | undefined
  /** Option 82.11: what a relay wants to be taken for (RFC 5107). */
  readonly serverOverride?: Ipv4 | undefined
}

/** Of Ethernet, and of what else has such addresses. */
const macLength = 6
const zero = macFromBytes(new Uint8Array(macLength))

/** RFC 2132 9.10: what everyone takes; an IP and a UDP header are 28 octets of it. */
const least = 576
const headers = 28
/** One Ethernet frame: EDK2 says 65280, and fragments are what small stacks lose. */
const most = 1500

/** Both are kept with a lease: a name as long as DNS allows (RFC 1035 2.3.4), and an id of two full options. */
const longestHostname = 255
const longestClientId = 510

const none = new Uint8Array(0)

const typeNames: ReadonlyMap<number, MessageType> = new Map(
  Object.entries(messageTypes).map(([name, code]) => [code, name as MessageType]),
)

/** The sender of `message`, or why nobody is answered. */
export function readClient(message: Message): Client | { readonly refused: string } {
  const { options, htype, hlen, chaddr } = message
  const type = typeNames.get(options.octet(codes.messageType) ?? 0)
  if (type === undefined) {
    const known = options.has(codes.messageType) ? 'its message type is unknown' : 'it is plain BOOTP'
    return { refused: known }
  }
  const id = options.get(codes.clientIdentifier)
  // RFC 2132 9.14: at least two octets; an empty one names nobody.
  const clientId = id !== undefined && id.length > 0 ? id.toString('hex') : undefined
  if (id !== undefined && id.length > longestClientId)
    return { refused: `its client-id has ${id.length} octets` }
  // Who sends no MAC, as on InfiniBand, has a client-id, and broadcasts bring it its answers (RFC 4390 2).
  const mac = hlen === macLength ? macFromBytes(chaddr) : zero
  if (hlen !== macLength && (clientId === undefined || hlen > chaddr.length)) {
    return {
      refused: `its hardware type ${htype} with ${hlen} octets is not Ethernet, and it goes by no client-id`,
    }
  }
  if (mac === zero && clientId === undefined) return { refused: 'its hardware address is zero' }
  const vendorClass = options.text(codes.vendorClass) ?? ''
  const archs = archsOf(options.get(codes.architecture), vendorClass)
  const wants = options.get(codes.parameterRequestList) ?? none
  const relay = subOptions(options.get(codes.relayAgentInformation))
  const longest = options.number(codes.maximumMessageSize, 2) ?? least
  return {
    type,
    mac,
    clientId,
    hostname: options.text(codes.hostName)?.slice(0, longestHostname),
    boots:
      options.has(codes.architecture) ||
      options.has(codes.ipxeEncapsulated) ||
      /^(?:PXEClient|HTTPClient|U-Boot|AAPLBSDPC)/.test(vendorClass) ||
      wants.includes(codes.bootfileName) ||
      wants.includes(codes.configurationFile),
    agent: agentOf(vendorClass, options),
    lacksHttp: lacksHttp(options),
    archs,
    uuid: uuidOf(options.get(codes.machineIdentifier)),
    vendorClass,
    requestedAddress: address(options.number(codes.requestedAddress, 4)),
    server: address(options.number(codes.serverIdentifier, 4)),
    leaseTime: options.number(codes.leaseTime, 4),
    wants,
    longest: Math.min(Math.max(longest, least), most) - headers,
    wantsBroadcast: (message.flags & broadcastFlag) !== 0,
    subnet:
      named(numberIn(relay.get(relaySubOptions.linkSelection), 4)) ??
      named(options.number(codes.subnetSelection, 4)),
    serverOverride: named(numberIn(relay.get(relaySubOptions.serverIdentifierOverride), 4)),
  }
}

function agentOf(vendorClass: string, options: Message['options']): Agent {
  const userClass = options.text(codes.userClass)
  // RFC 3004 puts a length before each class, which iPXE leaves out and others write.
  if (options.has(codes.ipxeEncapsulated) || userClass === 'iPXE' || userClass === '\u0004iPXE') return 'ipxe'
  if (vendorClass.startsWith('HTTPClient')) return 'httpboot'
  return vendorClass.startsWith('PXEClient') ? 'rom' : 'unknown'
}

/** iPXE lists what was built into it (src/include/ipxe/features.h); one that lists nothing has what is usual. */
function lacksHttp(options: Message['options']): boolean {
  if (!options.has(codes.ipxeEncapsulated)) return false
  const features = subOptions(options.get(codes.ipxeEncapsulated))
  return features.has(ipxeFeatures.tftp) && !features.has(ipxeFeatures.http)
}

/** RFC 4578 2.1: a list of 16-bit numbers; ROMs of before say it in option 60, `PXEClient:Arch:00007:UNDI:003000`. */
function archsOf(value: Buffer | undefined, vendorClass: string): readonly number[] {
  const archs: number[] = []
  for (let at = 0; at + 1 < (value?.length ?? 0); at += 2) archs.push(value?.readUInt16BE(at) ?? 0)
  if (archs.length > 0) return archs
  const said = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass)?.[1]
  return said === undefined ? [] : [Number(said)]
}

const uuid = spelling('xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx')

/** RFC 4578 2.3: type 0 and sixteen octets, written as they stand. */
function uuidOf(value: Buffer | undefined): string | undefined {
  return value?.length === 17 && value[0] === 0 ? uuid(value, 1) : undefined
}

const noSubOptions: ReadonlyMap<number, Buffer> = new Map()

/** Of options 43 and 82: code, length, value; what is cut off is left out. */
export function subOptions(value: Buffer | undefined): ReadonlyMap<number, Buffer> {
  if (value === undefined) return noSubOptions
  const found = new Map<number, Buffer>()
  let at = 0
  while (at + 1 < value.length) {
    const code = value[at] ?? 0
    const length = value[at + 1] ?? 0
    if (code === codes.end) break
    if (code === codes.pad) {
      at += 1
      continue
    }
    if (at + 2 + length > value.length) break
    found.set(code, value.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return found
}

function address(number: number | undefined): Ipv4 | undefined {
  return number === undefined ? undefined : ipv4(number)
}

/** 0.0.0.0 is no subnet and no server: whoever writes it has none to name, and our own choice counts. */
function named(number: number | undefined): Ipv4 | undefined {
  return number === 0 ? undefined : address(number)
}
