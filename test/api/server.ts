// An API for the tests: a real registry and store, a table with hosts and configurations, on loopback.

import { join } from 'node:path'
import { apiApp, type ApiParts } from '../../src/api/router.ts'
import { bootloader } from '../../src/boot/bootloaders.ts'
import type { Site } from '../../src/boot/decide.ts'
import { emptyTable, type Change } from '../../src/boot/table.ts'
import type { Event } from '../../src/events.ts'
import { handlerOf, HttpListener } from '../../src/http/server.ts'
import type { Form } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { Power, type PowerParts } from '../../src/power/power.ts'
import { Registry, type Guards } from '../../src/registry.ts'
import { Unknowns } from '../../src/registry/discovered.ts'
import { declaredHosts } from '../../src/settings/hosts.ts'
import { parseSettings } from '../../src/settings/read.ts'
import { openStore } from '../../src/store/open.ts'
import { newFolder } from '../folder.ts'

export const declared = `
hosts:
  - { name: h1, mac_addresses: ["00:00:00:00:00:01", "00:00:00:00:0B:01"] }
  - name: h2
    mac_addresses: ["00:00:00:00:00:02"]
    ipmi: { mac_address: "00:00:00:00:10:02", username: user, password: hunter2, interface: lanplus, hostname: 1.2.3.4, subnet: 10.0.0.0/24 }
  - name: <b>h3</b>
    mac_addresses: ["00:00:00:00:00:03"]
    management: { mac_address: "00:00:00:00:10:03", adapter: ipmitool, vars: [{ name: username, value: joe }, { name: password, value: hunter2 }] }
  - { name: bare }
`

export const site: Site = {
  bootloaders: [
    bootloader({ name: 'pxelinux', file: 'pxelinux.0' }),
    bootloader({ name: 'grub', file: 'grub/grubx64.efi', config_path: 'grub.cfg' }),
  ],
  default: null,
  localMethod: 'auto',
  apiPort: 3478,
}

const form = (folder: string, name: string, more: Partial<Form> = {}): Form => ({
  folder,
  language: folder === 'grub' ? 'grub' : 'pxelinux',
  file: `${folder}/${name}`,
  text: `text of ${name} for ${folder} & <others>`,
  template: false,
  ...more,
})

export const catalog: Change = {
  kind: 'catalog',
  catalog: {
    configurations: [
      { name: 'zebra', forms: [form('pxelinux', 'zebra')] },
      { name: 'sheep', forms: [form('pxelinux', 'sheep'), form('grub', 'sheep')] },
      { name: 'Ubuntu', forms: [form('grub', 'Ubuntu')] },
      { name: 'local', forms: [form('pxelinux', 'local')] },
    ],
    menus: [],
    loaders: [],
  },
}

/** Switches the hosts of `parts`; without them nobody's. */
export function powerOf(parts: Partial<PowerParts> = {}): Power {
  return new Power({
    hosts: new Map(),
    adapters: () => [],
    held: () => new Map(),
    links: () => [],
    tell: () => {},
    now: Date.now,
    ...parts,
  })
}

export async function serveApi(
  t: { teardown(stop: () => Promise<void>): void },
  {
    hosts = declared,
    policy = 'declared',
    changes = [catalog],
    guards = {},
    ...parts
  }: Partial<ApiParts> & {
    hosts?: string
    policy?: 'declared' | 'register'
    changes?: readonly Change[]
    guards?: Partial<Guards>
  } = {},
) {
  const events: Event[] = []
  const tell = (event: Event) => void events.push(event)
  const read = parseSettings(hosts, '/etc/pxe-pilot/pxe-pilot.yml')
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  const store = await openStore(join(newFolder('api'), 'p.db'))
  const registry = new Registry({
    table: emptyTable(),
    store,
    guards: { policy, ...guards },
    tell,
    now: Date.now,
  })
  await registry.load(declaredHosts(read.settings.hosts))
  for (const change of changes) if (change.kind === 'catalog') registry.setCatalog(change.catalog)
  const app = apiApp({
    table: registry.table,
    site,
    registry,
    unknowns: new Unknowns(registry.table, Date.now),
    macOf: () => undefined,
    importLinks: async () => ({ hosts: [], kept: [], left: [], movedTo: undefined }),
    selfService: () => ['local'],
    tokens: undefined,
    isThere: async () => false,
    serviceAt: () => ({ mode: 'server', bootServer: undefined, subnet: undefined }),
    tftproot: undefined,
    look: async () => {},
    lint: { all: async () => [], one: async () => [], faultOf: () => undefined },
    listeners: () => [{ name: 'TFTP', where: 'udp 0.0.0.0:69', serving: true }],
    hasHosts: () => read.settings.sections.includes('hosts'),
    leases: () => [],
    releaseLease: async () => undefined,
    power: powerOf(),
    names: () => [],
    writers: () => ({ subnets: undefined, isSet: false }),
    tell,
    ...parts,
  })
  const listener = new HttpListener({
    service: 'the API',
    setting: 'server.port',
    bind: parseIpv4('127.0.0.1') as Ipv4,
    port: 0,
    handle: handlerOf(app),
    servesInstallers: true,
    tell,
    limits: { stopMs: 50 },
  })
  const port = await listener.start()
  t.teardown(async () => {
    await listener.stop()
    await store.close()
  })
  return { port, url: `http://127.0.0.1:${port}`, events, registry, table: registry.table }
}
