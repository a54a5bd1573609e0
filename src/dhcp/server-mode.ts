// Server mode: carries out what lease-reply.ts judged. Offers at once; acknowledges when the lease is on disk.

import { printable } from '../events.ts'
import { formatIpv4, formatSubnet, ipv4, type Ipv4 } from '../net/ipv4.ts'
import { options as codes, type MessageType } from './codes.ts'
import { judge, networkOptions, type Grant, type ServerContext, type Verdict } from './lease-reply.ts'
import { keyOf, type Holder } from './holder.ts'
import { encode, type OptionList } from './packet.ts'
import { destinationOf, destinationOfNak, replyTo, type Destination } from './reply.ts'
import type { ReplyParts } from './reply.ts'
import { offerBoot, say, whoAsks, type BootOffer, type EngineParts, type Request } from './request.ts'
import { placeIn, type Place, type Scope } from './scope.ts'

type Ack = Extract<Verdict, { kind: 'ack' }>
type Inform = Extract<Verdict, { kind: 'inform' }>
type Silent = Extract<Verdict, { kind: 'silent' }>

/** The share of a range from which on its administrator is warned. */
const nearlyFull = 0.9

/** Resolves when the request is dealt with; undefined: it is already. Nothing is awaited before an OFFER. */
export function serve(request: Request, link: Place, parts: EngineParts): Promise<void> | undefined {
  const context = contextOf(request, link, parts)
  const verdict = judge(context)
  const place =
    'grant' in verdict
      ? placeIn(verdict.grant.scope, link, request.client, request.arrival, parts.site)
      : link
  switch (verdict.kind) {
    case 'ack':
      return acknowledge(request, place, context.holder, verdict, parts)
    case 'silent':
      return settle(request, verdict, parts)
    case 'offer':
      offer(request, place, context.holder, verdict.grant, parts)
      break
    case 'nak':
      refuse(request, place, verdict.because, parts)
      break
    case 'inform':
      inform(request, place, verdict, parts)
      break
    case 'full':
      lament(request, place, verdict.because, parts)
  }
  return undefined
}

function contextOf(request: Request, place: Place, parts: EngineParts): ServerContext {
  const { message, client, host, arrival } = request
  const { leases, identity, authoritative, isAlone, isOurs, now } = parts
  const key = keyOf(identity, client.mac, client.clientId)
  const holder: Holder = { key, mac: client.mac, reserved: host?.ip, known: host !== undefined }
  const { from } = arrival
  return { message, client, from, place, holder, leases, isOurs, authoritative, isAlone, now: now() }
}

/** RFC 2131 3.1 step 4: the lease is on disk before its ACK. */
async function acknowledge(
  request: Request,
  place: Place,
  holder: Holder,
  { grant, lease, ended }: Ack,
  parts: EngineParts,
): Promise<void> {
  const { leases, commit, tell, now } = parts
  // While this waits no other machine may have the address, a known one neither.
  leases.hold(grant.ip, holder, true)
  const pending = leases.conflicts?.verified(grant.ip)
  if (pending !== undefined) {
    await pending
    if (leases.conflicts?.isUsed(grant.ip, lease.mac) === true) {
      leases.withdraw(grant.ip)
      return refuse(request, place, `somebody else uses ${formatIpv4(grant.ip)}`, parts)
    }
  }
  const outcomes = await commit([...ended, lease])
  const outcome = outcomes.at(-1)
  for (const [index, left] of ended.entries()) if (outcomes[index] === 'ok') leases.record(left)
  if (outcome === 'ok') {
    leases.record(lease)
    warnOfUsage(grant.scope, parts)
    return give('ACK', request, place, grant, parts)
  }
  const before = leases.activeAt(grant.ip)
  leases.withdraw(grant.ip)
  if (outcome === 'conflict') {
    leases.setAside(grant.ip)
    return refuse(request, place, 'another client took the address', parts)
  }
  // A longer lease could not be stored; the one that was is still promised.
  const seconds = before?.mac === lease.mac ? Math.floor((before.expires - now()) / 1000) : 0
  if (seconds > 0) return give('ACK', request, place, { ...grant, seconds }, parts)
  const why =
    outcome === 'full' ? 'the disk of the store is full' : 'the database of the store is out of reach'
  say(request, tell, 'error', 'dhcp.silent', `gets no lease: ${why}`)
}

function offer(request: Request, place: Place, holder: Holder, grant: Grant, parts: EngineParts): void {
  const boot = offerBoot(request, place, grant.ip, parts)
  // EDK2's HTTP boot goes on to the disk only when nobody answers it. What the disk starts asks for itself, and is no
  // HTTPClient.
  if (request.client.agent === 'httpboot' && boot.rule === 'local-withheld') {
    return say(request, parts.tell, boot.level, 'dhcp.silent', () => `is left alone: ${boot.text()}`)
  }
  parts.leases.hold(grant.ip, holder)
  const { reserved } = holder
  const isKept = reserved === undefined || reserved === grant.ip
  give('OFFER', request, place, grant, parts, isKept ? boot : notReserved(reserved, boot, place, parts))
}

/** Who reserved an address looks in the log for why another is given. */
function notReserved(reserved: Ipv4, boot: BootOffer, { scopes }: Place, parts: EngineParts): BootOffer {
  const because = `not its reserved ${formatIpv4(reserved)}, as ${obstacleTo(reserved, scopes, parts)}`
  return { ...boot, text: () => [boot.text(), because].filter((text) => text !== '').join('; ') }
}

function obstacleTo(reserved: Ipv4, scopes: readonly Scope[], { leases, isOurs }: EngineParts): string {
  if (!leases.isOurs(reserved, scopes)) return 'it is of another network'
  if (isOurs(reserved)) return 'it is ours'
  const lease = leases.activeAt(reserved)
  if (lease?.state === 'bound') return `${lease.mac} has it`
  return lease === undefined ? 'it is in use or offered to another' : 'it is set aside for a while'
}

function give(
  type: 'OFFER' | 'ACK',
  request: Request,
  place: Place,
  { ip, scope, seconds }: Grant,
  parts: EngineParts,
  { fields, text, level } = offerBoot(request, place, ip, parts),
): void {
  const { message, client, host } = request
  const ciaddr = type === 'ACK' ? message.ciaddr : undefined
  const options = networkOptions(scope, seconds, client, host)
  answer(
    request,
    type,
    place,
    { yiaddr: ip, ciaddr, boot: fields, options },
    destinationOf(message, client, place, ip),
  )
  const verb = type === 'OFFER' ? 'is offered' : 'has'
  const told = () => `${verb} ${formatIpv4(ip)} for ${seconds} s${behind(' and ', text())}`
  say(request, parts.tell, level, type === 'OFFER' ? 'dhcp.offer' : 'dhcp.ack', told, ip)
}

/** RFC 2131 4.3.5: to the address the client has, and without a lease. */
function inform(request: Request, place: Place, { ip, scope }: Inform, parts: EngineParts): void {
  const { message, client, host } = request
  const { fields, text, level } = offerBoot(request, place, ip, parts)
  const options = networkOptions(scope, undefined, client, host)
  const to = destinationOf({ ...message, giaddr: ipv4(0), ciaddr: ip }, client, place)
  answer(request, 'ACK', place, { ciaddr: message.ciaddr, boot: fields, options }, to)
  const told = () => `is told of its network${behind(' and of ', text())}`
  say(request, parts.tell, level, 'dhcp.inform', told, ip)
}

function behind(word: string, text: string): string {
  return text === '' ? '' : word + text
}

function refuse(request: Request, place: Place, because: string, { tell }: EngineParts): void {
  const { client, message } = request
  // Of our several addresses on a link the one that it chose: systemd-networkd and udhcpc ignore a NAK of another.
  const server = client.serverOverride ?? client.server ?? place.server
  const options: OptionList = [[codes.message, Buffer.from(because)]]
  answer(request, 'NAK', { ...place, server }, { options }, destinationOfNak(message))
  say(request, tell, 'warn', 'dhcp.nak', `is refused: ${because}`)
}

async function settle(
  request: Request,
  { because, worrying, lease }: Silent,
  parts: EngineParts,
): Promise<void> {
  if (lease !== undefined) {
    // At once, as nobody waits for it: many DECLINEs of one moment must not pass the limit together.
    parts.leases.record(lease)
    const [outcome] = await parts.commit([lease])
    // A REQUEST before it, whose lease was still being written, was recorded meanwhile: the store has this as the last.
    if (outcome === 'ok' && parts.leases.recordAt(lease.ip) !== lease) parts.leases.record(lease)
  }
  const quiet = lease === undefined ? 'debug' : 'info'
  const step = `dhcp.${request.client.type.toLowerCase()}`
  say(request, parts.tell, worrying === true ? 'warn' : quiet, step, `is not answered: ${because}`)
}

/** A flood of machines without an address is one line a minute. */
function lament(request: Request, place: Place, because: string, { tell }: EngineParts): void {
  const { client, host } = request
  const subnet = place.scopes[0]?.subnet
  tell({
    level: 'warn',
    step: 'dhcp.full',
    text: printable(`${whoAsks(request)} gets no address: ${because}`),
    client: { mac: client.mac, host: host?.name },
    data: { subnet: subnet === undefined ? null : formatSubnet(subnet) },
  })
}

function warnOfUsage(scope: Scope, { leases, tell }: EngineParts): void {
  const usage = leases.usage(scope, nearlyFull)
  if (usage < nearlyFull) return
  const subnet = formatSubnet(scope.subnet)
  const text = `${Math.floor(usage * 100)} % of the addresses of ${subnet} are in use: widen its ranges`
  tell({ level: 'warn', step: 'dhcp.filling', text, data: { subnet } })
}

function answer(request: Request, type: MessageType, place: Place, parts: ReplyParts, to: Destination): void {
  const { message, client, send } = request
  send(encode(replyTo(message, type, place, parts), client.longest), to)
}
