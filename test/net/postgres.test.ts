// DHCP with its leases in PostgreSQL: what was acknowledged is a row there, and is known after kill -9.

import test from 'ava'
import { ACK, ip, OFFER, REQUEST } from '../dhcp/wire.ts'
import { PostgresServer } from '../postgres/server.ts'
import { Site, Station } from './dhcp-site.ts'

test('a lease is in the database when its ACK arrives, and outlives kill -9', async (t) => {
  const postgres = await PostgresServer.start()
  const url = await postgres.fresh()
  const site = await Site.make(`
dhcp:
  mode: server
  other_servers: allow
  conflict_check: false
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.199'] }
store: ${postgres.fromElsewhere(url)}
`)
  t.teardown(async () => {
    if (!t.passed) t.log(site.log.slice(-5000))
    await site.close()
    postgres.stop()
  })
  const station = new Station(await site.peer())
  await site.start()
  const machines = [station.client(), station.client()] as const
  const addresses = [await machines[0].boot(), await machines[1].boot()] as const
  const bound =
    "select host('0.0.0.0'::inet + ip) as address, mac from lease where state = 'bound' order by ip"
  const rows = await postgres.sql(url, bound)
  t.deepEqual(rows, [
    { address: addresses[0], mac: machines[0].mac },
    { address: addresses[1], mac: machines[1].mac },
  ])
  await site.kill()
  await site.start()
  t.like(await machines[0].ask(REQUEST, [[50, ip(addresses[0])]]), { type: ACK, yiaddr: addresses[0] })
  t.like(await machines[1].ask(1), { type: OFFER, yiaddr: addresses[1] })
  t.deepEqual(await postgres.sql(url, bound), rows)
})
