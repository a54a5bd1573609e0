// Who uses an address without a lease is found, told of once, and never taken for a machine that has one.

import test, { type ExecutionContext } from 'ava'
import { formatIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import type { Mac } from '../../src/net/mac.ts'
import { address4, Client, host, mac6, Server, type Parts } from './network.ts'

const lab = { subnet: '10.77.0.0/24', ranges: ['10.77.0.100-10.77.0.119'] }
const printer = mac6('52:54:00:ff:ff:01')

/** What is switched on, and who answers for it. */
type Online = Map<Ipv4, Mac | 'unknown'>

async function serve(t: ExecutionContext, parts: Partial<Parts> = {}, online: Online = new Map()) {
  const asked: Ipv4[] = []
  const server: Server = new Server({
    dhcp: { mode: 'server', limits: { unknown_share: 1 }, subnets: [lab] },
    probe: async (_, ips) => {
      asked.push(...ips)
      await server.sleep(250)
      return new Map(ips.flatMap((ip) => (online.has(ip) ? [[ip, online.get(ip) ?? 'unknown']] : [])))
    },
    ...parts,
  })
  void server.conflicts?.start()
  t.teardown(() => server.conflicts?.stop())
  await server.forward(300)
  return { server, online, asked }
}

/** DISCOVER and REQUEST, and what it is told; the ACK may wait until its address is asked about. */
async function boots(server: Server, client: Client, requested?: string): Promise<string> {
  const offered = await client.offered(requested)
  if (offered === undefined) return 'no offer'
  const taking = client.take(offered)
  await server.forward(400)
  return await taking
}

/** Many looks at what is free, each half an hour after the other. */
async function hours(server: Server, count: number): Promise<void> {
  for (let half = 0; half < 2 * count; half++) {
    server.wait(1800)
    for (let second = 0; second < 8; second++) await server.forward(1000)
  }
}

for (const [where, answers] of [
  ['on a link', undefined],
  ['behind a relay', 'unknown'],
] as const) {
  test(`${where}: who was given the address it asked for is no stranger to it, and has it again after RELEASE`, async (t) => {
    const { server, online, asked } = await serve(t)
    const client = new Client(server, 1)
    const wish = '10.77.0.105'
    t.is(await boots(server, client, wish), `ACK ${wish}`)
    online.set(address4(wish), answers ?? mac6(client.mac))
    asked.length = 0
    await server.forward(120_000)
    t.deepEqual(server.warnings(), [])
    t.true(asked.length > 0)
    t.false(asked.includes(address4(wish)), 'nobody need be asked about it')
    await client.release(wish)
    online.clear()
    t.is(await boots(server, client), `ACK ${wish}`)
    await client.release(wish)
    t.is(await boots(server, new Client(server, 2), wish), `ACK ${wish}`)
  })

  test(`${where}: an address that is leased while it is asked about again is its lessee's`, async (t) => {
    const { server, online } = await serve(t)
    const client = new Client(server, 1)
    const wish = address4('10.77.0.105')
    const stale = 30_300
    await server.forward(stale)
    // It is asked about now, and has its lease by INIT-REBOOT, without a word on the link before.
    server.leases.record({
      ip: wish,
      mac: mac6(client.mac),
      state: 'bound',
      since: 0,
      expires: server.now + 1000,
    })
    online.set(wish, answers ?? mac6(client.mac))
    await server.forward(600)
    t.deepEqual(server.warnings(), [])
    online.clear()
    t.is(await client.reboot('10.77.0.105'), 'ACK 10.77.0.105')
  })

  test(`${where}: a host has its reserved address, which was free for anybody when it was asked about`, async (t) => {
    const hosts = [host('a', ['52:54:00:00:00:01'])]
    const { server, online } = await serve(t, { hosts })
    const client = new Client(server, 1)
    const own = await boots(server, client, '10.77.0.110')
    t.is(own, 'ACK 10.77.0.110')
    online.set(address4('10.77.0.110'), answers ?? mac6(client.mac))
    await hours(server, 0.5)
    t.is(await client.renew('10.77.0.110'), own)
    await client.release('10.77.0.110')
    t.is(await client.reboot('10.77.0.110'), own)
  })
}

test('who uses an address without a lease keeps it: it is given to no other, and to the one itself when it asks', async (t) => {
  const wish = '10.77.0.105'
  const mac = '52:54:00:00:00:63'
  const { server } = await serve(t, {}, new Map([[address4(wish), mac6(mac)]]))
  t.deepEqual(server.warnings(), [
    `${mac} uses ${wish} without a lease: it is not given to others for 15 minutes`,
  ])
  for (let number = 1; number < 10; number++) {
    t.not(await boots(server, new Client(server, number), wish), `ACK ${wish}`)
  }
  const same = new Client(server, 0x63)
  t.is(await boots(server, same, wish), `ACK ${wish}`)
  // From now on it has a lease, and what it gives back is anybody's.
  await same.release(wish)
  t.is(await new Client(server, 30).offered(wish), wish)
})

test('D14 an address that was found in use is offered to nobody for ten minutes, though nobody answers there any more', async (t) => {
  const wish = '10.77.0.105'
  const { server, online } = await serve(t, {}, new Map([[address4(wish), printer]]))
  online.clear()
  // Another client each time, as the last one still has its offer.
  for (let minute = 0; minute < 10; minute++) {
    t.not(await new Client(server, 1 + minute).offered(wish), wish, `after ${minute} minutes`)
    await server.forward(59_900)
  }
  t.not(await new Client(server, 11).offered(wish), wish)
  await server.forward(600_000)
  t.is(await new Client(server, 12).offered(wish), wish)
})

test('a machine that uses one address is told of once, and is no router with proxy ARP however often it is found', async (t) => {
  const { server } = await serve(t, {}, new Map([[address4('10.77.0.105'), printer]]))
  await hours(server, 12)
  t.deepEqual(server.warnings(), [
    `${printer} uses 10.77.0.105 without a lease: it is not given to others for 15 minutes`,
  ])
})

test('a machine that goes from address to address is told of each time, and is no router either', async (t) => {
  const { server, online } = await serve(t)
  for (let last = 100; last < 112; last++) {
    online.clear()
    online.set(address4(`10.77.0.${last}`), printer)
    await hours(server, 1)
  }
  t.is(server.warnings().length, 12)
  for (const text of server.warnings())
    t.regex(text, /^52:54:00:ff:ff:01 uses 10\.77\.0\.1\d\d without a lease/)
})

test('who answers for many addresses at once is a router with proxy ARP, said once', async (t) => {
  const all = Array.from({ length: 20 }, (_, index) => address4(`10.77.0.${100 + index}`))
  const { server } = await serve(t, {}, new Map(all.map((ip) => [ip, printer])))
  await server.forward(5000)
  await hours(server, 3)
  const said = server.warnings().filter((text) => text.includes('proxy ARP'))
  t.is(said.length, 1)
  t.is(server.warnings().at(-1), said[0])
  t.is(server.warnings().length, 8)
  t.is(await new Client(server, 1).offered(), undefined)
})

test('behind a relay nobody can be told apart: each address that answers is told of', async (t) => {
  const all = Array.from({ length: 12 }, (_, index) => address4(`10.77.0.${100 + index}`))
  const { server } = await serve(t, {}, new Map(all.map((ip) => [ip, 'unknown'])))
  await hours(server, 3)
  t.deepEqual(
    server.warnings().toSorted(),
    all.map(
      (ip) => `somebody uses ${formatIpv4(ip)} without a lease: it is not given to others for 15 minutes`,
    ),
  )
})
