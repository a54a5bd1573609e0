// Server mode where leases belong to client-ids, and where this server alone rules its subnets: broadcast and relayed.

import test, { type ExecutionContext } from 'ava'
import { ACK, ip, NAK, REQUEST } from '../dhcp/wire.ts'
import { Site, Station } from './dhcp-site.ts'

const settings = `
dhcp:
  mode: server
  identity: client-id
  authoritative: true
  other_servers: allow
  conflict_check: false
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.199'] }
    - { subnet: 10.78.0.0/24, ranges: ['10.78.0.100-10.78.0.199'] }
store: ./pxe-pilot.db
`

let site: Site
let local: Station
let remote: Station

test.before(async () => {
  site = await Site.make(settings)
  const [near, relay] = [await site.peer(), await site.relay()]
  await site.start()
  local = new Station(near)
  remote = new Station(relay, { giaddr: '10.78.0.1', hops: 1 })
})

test.afterEach.always((t) => {
  if (!t.passed) t.log(site.log.slice(-5000))
})

test.after.always(async () => await site.close())

function both(title: string, row: (t: ExecutionContext, station: Station) => Promise<void>): void {
  test(`${title} (broadcast)`, async (t) => await row(t, local))
  test(`${title} (relayed)`, async (t) => await row(t, remote))
}

both('R07 INIT-REBOOT of a client we know nothing of, authoritative: NAK', async (t, station) => {
  const free = (await station.client().boot()).replace(/\d+$/, '185')
  for (const address of [free, '192.0.2.9']) {
    t.is((await station.client().ask(REQUEST, [[50, ip(address)]])).type, NAK)
  }
})

both(
  'R15 another card with the same client-id gets the same address, and the lease outlives kill -9',
  async (t, station) => {
    const id = Buffer.from(`id of ${station.always.giaddr ?? 'the link'}`)
    const [first, second] = [station.client({ options: [[61, id]] }), station.client({ options: [[61, id]] })]
    const own = await first.boot()
    t.is(await second.boot(), own)
    await site.kill()
    await site.start()
    t.like(await second.ask(REQUEST, [[50, ip(own)]]), { type: ACK, yiaddr: own })
    t.like(await first.ask(REQUEST, [[50, ip(own)]]), { type: ACK, yiaddr: own })
  },
)

both(
  'R18 a ROM without a client-id, then a system with one: two addresses at most, and no failure',
  async (t, station) => {
    const rom = station.client()
    const system = station.client({ mac: rom.mac, options: [[61, Buffer.from(`ff ${rom.mac}`)]] })
    const addresses = [await rom.boot(), await system.boot(), await rom.boot(), await system.boot()]
    t.is(new Set(addresses).size, 2)
  },
)
