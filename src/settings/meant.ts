// Which setting was meant by a key that is none of ours: one that resembles it, another server's word, or one of another group.

import { z } from 'zod'
import { named, type Path } from './explain.ts'
import { nearest } from './nearest.ts'
import { settingsSchema } from './schema.ts'
import { unwrapped } from './unwrapped.ts'

/** `keys`: from the group that has the unknown one, such as `router`, or `subnets` and its `router`. */
export type Meant = { readonly keys: readonly string[]; readonly hint: string }

/** `path`: of the group that has the unknown key. */
export function meant(key: string, path: Path): Meant | undefined {
  const word = wordOf(key, path)
  const known = keysAt(path)
  const near = known.includes(word) ? word : nearest(key, known)
  if (near !== undefined) return { keys: [near], hint: `did you mean ${near}?` }
  const [head = ''] = key.split(':')
  if (known.includes(head)) return { keys: [head], hint: 'a space belongs behind its colon' }
  // With a wrong indentation it stands in the group above its own.
  const owners = known.filter((below) => keysAt([...path, below]).includes(wordOf(key, [...path, below])))
  const [owner] = owners
  if (owner === undefined || owners.length > 1) return undefined
  const ours = wordOf(key, [...path, owner])
  return { keys: [owner, ours], hint: `it belongs under ${owner}:${ours === key ? '' : ` as ${ours}`}` }
}

/** Ours for another's, in the group at `path`. */
function wordOf(key: string, path: Path): string {
  return otherWords.get(named([...path, key.toLowerCase().replaceAll('-', '_')])) ?? key
}

/** What dnsmasq, ISC's dhcpd, Kea and people call what has another name here. */
const otherWords: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'hosts.ipmi.hostname': ['host', 'ip'],
    'hosts.mac_addresses': ['mac', 'macs', 'hwaddr', 'hw_address', 'hardware'],
    'dhcp.subnets.subnet': ['network', 'cidr'],
    'dhcp.subnets.ranges': ['range', 'pool', 'pools'],
    'dhcp.subnets.router': ['gateway', 'default_gateway'],
    'dhcp.subnets.dns': ['dns_servers', 'domain_name_servers', 'nameserver', 'nameservers'],
    'dhcp.subnets.domain': ['domain_name'],
    'dhcp.subnets.ntp': ['ntp_servers'],
    'dhcp.subnets.lease_time': ['lease', 'default_lease_time', 'valid_lifetime'],
  }).flatMap(([ours, words]) => {
    const end = ours.lastIndexOf('.') + 1
    return words.map((word) => [`${ours.slice(0, end)}${word}`, ours.slice(end)] as const)
  }),
)

/** The keys of a group, or of a list's entries. */
function keysAt(path: Path): readonly string[] {
  const schema = schemaAt(path)
  const group = schema instanceof z.ZodArray ? unwrapped(schema.element) : schema
  return group instanceof z.ZodObject ? Object.keys(group.shape) : []
}

function schemaAt(path: Path): unknown {
  let here = unwrapped(settingsSchema)
  for (const step of path) {
    if (here instanceof z.ZodArray && typeof step === 'number') here = unwrapped(here.element)
    else if (here instanceof z.ZodObject) here = unwrapped(here.shape[String(step)])
  }
  return here
}
