// Leases as the API shows them, and the end of one by hand.

import { hostOfMac, type Table } from '../boot/table.ts'
import { faults, type Fault } from '../faults.ts'
import type { Lease } from '../model.ts'
import { formatIpv4, parseIpv4, type Ipv4 } from '../net/ipv4.ts'
import type { Registry } from '../registry.ts'
import type { Caller } from '../registry/caller.ts'
import type { Refusal } from '../store/store.ts'

export type LeaseParts = {
  readonly table: Table
  /** Those that have not ended, by address; none where no address is given. */
  readonly leases: () => readonly Lease[]
  /** On disk when it resolves; undefined where there is none. */
  readonly releaseLease: (ip: Ipv4) => Promise<Lease | undefined | Refusal>
  readonly registry: Pick<Registry, 'note'>
}

export type ShownLease = {
  readonly ip: string
  readonly mac: string
  /** Of the table; empty for a machine that nobody declared. */
  readonly host: string
  /** What the client calls itself. */
  readonly hostname: string
  /** Hexadecimal. */
  readonly clientId: string
  /** `declined`: the client found it in use, so nobody gets it until it expires. */
  readonly state: Lease['state']
  readonly since: string
  readonly expires: string
}

export function listLeases({ table, leases }: LeaseParts): readonly ShownLease[] {
  return leases().map(({ ip, mac, hostname, clientId, state, since, expires }) => ({
    ip: formatIpv4(ip),
    mac,
    host: hostOfMac(table, mac)?.name ?? '',
    hostname: hostname ?? '',
    clientId: clientId ?? '',
    state,
    since: new Date(since).toISOString(),
    expires: new Date(expires).toISOString(),
  }))
}

/** Ends the lease of an address as its caller wrote it. Yields why it was not done, or not written into the audit. */
export async function endLease(
  address: string,
  caller: Caller,
  { table, releaseLease, registry }: LeaseParts,
): Promise<Fault | undefined> {
  const ip = parseIpv4(address)
  if (ip === undefined) return faults.addressInvalid(address)
  const lease = await releaseLease(ip)
  if (lease === undefined) return faults.leaseNotFound(address)
  if (typeof lease === 'string') return faults.notStored(lease)
  const { mac } = lease
  const host = hostOfMac(table, mac)?.name
  const { from } = caller
  const event = {
    level: 'info',
    step: 'dhcp.release',
    text: `${address} of ${host ?? mac} was released by hand, from ${from}`,
    client: { mac, ip, host },
    data: { from },
  } as const
  const noted = await registry.note('release-lease', event, caller, { ip, mac, host: host ?? '' })
  return noted?.fault
}
