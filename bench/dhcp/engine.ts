// What one exchange costs in the engine alone: no socket and no disk. `node --import=tsx bench/dhcp/engine.ts [EXCHANGES]`

import { decide } from '../../src/boot/decide.ts'
import { builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { applyDelta, emptyTable } from '../../src/boot/table.ts'
import { Engine } from '../../src/dhcp/engine.ts'
import { Leases } from '../../src/dhcp/leases.ts'
import type { Send } from '../../src/dhcp/request.ts'
import { scopesOf } from '../../src/dhcp/scope.ts'
import { hushed } from '../../src/events.ts'
import { ipv4 } from '../../src/net/ipv4.ts'
import type { Link } from '../../src/net/links.ts'
import { parseMac } from '../../src/net/mac.ts'
import { settingsSchema } from '../../src/settings/schema.ts'
import { discoverOf, requestOf } from './packets.ts'

const exchanges = Number(process.argv[2] ?? 50_000)

const dhcp = settingsSchema.parse({
  dhcp: {
    mode: 'server',
    limits: { unknown_share: 1 },
    subnets: [
      { subnet: '10.0.0.0/8', ranges: ['10.1.0.0-10.200.0.0'], router: '10.77.0.1', dns: ['10.77.0.1'] },
    ],
  },
}).dhcp
if (dhcp === undefined) throw new Error('no dhcp')
const scopes = scopesOf(dhcp)
const now = () => performance.now()
const table = emptyTable()
const system = { from: 'system', path: '/x' } as const
const catalog = { configurations: [], menus: [], loaders: [['pxelinux.0', system]] as const }
applyDelta(table, { revision: 1, changes: [{ kind: 'catalog', catalog }] })
const site = {
  bootloaders: builtInBootloaders,
  default: 'local',
  localMethod: 'auto',
  httpPort: 80,
  apiPort: 3478,
} as const

const leases = new Leases({
  scopes,
  identity: 'mac',
  reservedFor: () => undefined,
  isKnown: () => false,
  isTaken: () => false,
  limits: dhcp.limits,
  now,
})
const engine = new Engine({
  site: { mode: 'server', scopes },
  leases,
  identity: 'mac',
  authoritative: false,
  isAlone: true,
  decide: (facts) => decide(facts, table, site),
  hostOf: () => undefined,
  commit: (changed) => Promise.resolve(changed.map(() => 'ok' as const)),
  learn: () => undefined,
  isOurs: (ip) => ip === ipv4(0x0a4d0001),
  isOwnProbe: () => false,
  isServed: () => true,
  objectionTo: () => undefined,
  tell: hushed(() => undefined, 100, now),
  now,
})

const mac = parseMac('52:54:00:00:00:01')
if (mac === undefined) throw new Error('no MAC')
const own = { ip: ipv4(0x0a4d0001), subnet: { network: ipv4(0x0a000000), prefix: 8 } }
const link: Link = { name: 'eth0', mac, addresses: [own] }
const arrival = { link, from: ipv4(0x0a4d0002), fromPort: 67 }
let last: Buffer = Buffer.alloc(0)
const send: Send = (bytes) => void (last = bytes)

async function run(from: number, count: number): Promise<number> {
  const started = process.cpuUsage()
  for (let id = from; id < from + count; id++) {
    await engine.receive('dhcp', discoverOf(id), arrival, send)
    await engine.receive('dhcp', requestOf(id, last), arrival, send)
    if (last[242] !== 5) throw new Error('no ACK')
  }
  const { user, system: kernel } = process.cpuUsage(started)
  return (user + kernel) / count
}

await run(1, 5000)
const cost = await run(10_000, exchanges)
process.stdout.write(`${cost.toFixed(1)} us of CPU for each exchange of ${exchanges}\n`)
