// The house without its doors: registry and store as they are, DHCP and TFTP on a network in memory, one table and a replica.

import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { bootloader } from '../../src/boot/bootloaders.ts'
import { decide } from '../../src/boot/decide.ts'
import { applyDelta, emptyTable, hostOfMac, type Catalog } from '../../src/boot/table.ts'
import { Commits } from '../../src/dhcp/commits.ts'
import { Engine } from '../../src/dhcp/engine.ts'
import { Leases } from '../../src/dhcp/leases.ts'
import { scopesOf } from '../../src/dhcp/scope.ts'
import type { Event } from '../../src/events.ts'
import type { Host } from '../../src/model.ts'
import { ipv4, parseIpv4, parseSubnet, type Ipv4, type Subnet } from '../../src/net/ipv4.ts'
import type { Link } from '../../src/net/links.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { Registry } from '../../src/registry.ts'
import { settingsSchema } from '../../src/settings/schema.ts'
import { openStore } from '../../src/store/open.ts'
import { newFolder } from '../folder.ts'
import { read, write, type Read, type Written } from '../dhcp/wire.ts'
import { serve } from '../tftp/memory.ts'

export const server = '10.77.0.1'
const ours = parseIpv4(server) as Ipv4
const subnet = parseSubnet('10.77.0.0/24') as Subnet
const link: Link = {
  name: 'eth1',
  mac: parseMac('02:00:00:00:00:01') as Mac,
  addresses: [{ ip: ours, subnet }],
}

const site = {
  bootloaders: [bootloader({ name: 'pxelinux', file: 'pxelinux.0' })],
  default: null,
  localMethod: 'auto',
  httpPort: 80,
  apiPort: 3478,
} as const

const form = { language: 'pxelinux', template: false } as const
const catalog: Catalog = {
  configurations: [
    { name: 'ubuntu', forms: [{ ...form, file: 'ubuntu', text: 'DEFAULT ubuntu\n' }] },
    { name: 'rescue', forms: [{ ...form, file: 'rescue', text: 'DEFAULT rescue\n' }] },
  ],
  menus: [],
  loaders: [['pxelinux.0', { from: 'tftproot' }]],
}

const dhcp = settingsSchema.parse({
  dhcp: { mode: 'server', subnets: [{ subnet: '10.77.0.0/24', ranges: ['10.77.0.100-10.77.0.199'] }] },
}).dhcp

/** In start order: store, table, TFTP, DHCP. `folder` outlives it. */
export async function open(t: ExecutionContext, folder = newFolder('journey'), hosts: readonly Host[] = []) {
  if (dhcp === undefined) throw new Error('no dhcp')
  const events: Event[] = []
  const tell = (event: Event) => void events.push(event)
  const store = await openStore(join(folder, 'pxe-pilot.db'))
  const table = emptyTable()
  const registry = new Registry({ table, store, guards: { policy: 'register' }, tell, now: Date.now })
  const tftp = serve()
  // As the TFTP worker: a replica that follows by deltas alone.
  registry.follow((delta) => applyDelta(tftp.table, delta))
  const stored = await registry.load(hosts)
  registry.setCatalog(catalog)
  const scopes = scopesOf(dhcp)
  const leases = new Leases({
    scopes,
    identity: 'mac',
    reservedFor: () => undefined,
    isKnown: (mac) => hostOfMac(table, mac) !== undefined,
    isTaken: (ip) => ip === ours,
    limits: dhcp.limits,
    now: Date.now,
  })
  for (const lease of stored) leases.record(lease)
  const commits = new Commits((changed) => registry.commitLeases(changed))
  const engine = new Engine({
    site: { mode: 'server', scopes },
    leases,
    identity: 'mac',
    authoritative: false,
    isAlone: true,
    decide: (facts) => decide(facts, table, site),
    hostOf: (mac) => hostOfMac(table, mac),
    commit: (changed) => commits.add(changed),
    learn: (ip, mac) => registry.learnAddress(ip, mac),
    isOurs: (ip) => ip === ours,
    isOwnProbe: () => false,
    isServed: () => true,
    objectionTo: () => undefined,
    tell,
    now: Date.now,
  })
  let isOpen = true
  const close = async () => {
    if (isOpen) await store.close()
    isOpen = false
  }
  t.teardown(close)
  let port = 49_152

  /** The answer to one DHCP message. */
  const dhcpAsk = async (written: Written): Promise<Read | undefined> => {
    let answer: Read | undefined
    const arrival = { link, from: ipv4(0), fromPort: 68 }
    await engine.receive('dhcp', write(written), arrival, (bytes) => (answer = read(bytes)))
    return answer
  }

  /** What a client at `address` gets for a path; undefined: no such file. */
  const fetch = async (path: string, address: string): Promise<string | undefined> => {
    const download = await tftp.client(port++, address).fetch({ file: path, options: [['tsize', 0]] })
    return download.error === undefined ? download.bytes.toString() : undefined
  }

  return { folder, events, registry, table, replica: tftp.table, leases, dhcpAsk, fetch, close }
}

/** A PXE ROM's options. */
export const rom = [
  [60, 'PXEClient:Arch:00000:UNDI:002001'],
  [93, Uint8Array.of(0, 0)],
  [55, Uint8Array.of(1, 3, 66, 67)],
] as const
