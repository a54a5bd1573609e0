// A server that is reached through relays only, with the settings as they ship: what it gave is renewed and released.

import test from 'ava'
import { ACK, ip, RELEASE, REQUEST } from '../dhcp/wire.ts'
import { Peer, Station } from './dhcp-site.ts'
import { serverAddress } from './harness.ts'
import { makeNetwork, startAppliance, within } from './site.ts'

const settings = `dhcp:
  mode: server
  subnets:
    - { subnet: 10.78.0.0/24, ranges: ['10.78.0.100-10.78.0.110'] }`

test('D14 behind a relay: an address that answers a ping is not offered', async (t) => {
  const network = await makeNetwork(t)
  await network.server.must(['ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
  const router = await network.client()
  for (const address of ['10.77.0.2/24', '10.78.0.1/24', '10.78.0.100/24']) {
    await router.must(['ip', 'address', 'add', address, 'dev', 'eth0'])
  }
  // A new port of the bridge forwards nothing at first.
  const ping = ['busybox', 'ping', '-c', '1', '-w', '1', '10.78.0.100']
  await within(5, async () => (await network.server.run(ping)).code === 0)
  const appliance = await startAppliance(t, network, settings)
  t.regex(appliance.transcript.text, /somebody uses 10\.78\.0\.100 without a lease/)
  const peer = await Peer.start(router)
  t.teardown(() => peer.stop())
  t.is(await new Station(peer, { giaddr: '10.78.0.1' }).client().boot(), '10.78.0.101')
})

test('a relayed client renews and releases by unicast, over a link that has no subnet of ours', async (t) => {
  const network = await makeNetwork(t)
  await network.server.must(['ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
  await startAppliance(t, network, settings)
  const router = await network.client()
  for (const address of ['10.77.0.2/24', '10.78.0.1/24']) {
    await router.must(['ip', 'address', 'add', address, 'dev', 'eth0'])
  }
  const peer = await Peer.start(router)
  t.teardown(() => peer.stop())
  const client = new Station(peer, { giaddr: '10.78.0.1' }).client()
  const address = await client.boot()
  const own = { ciaddr: address, giaddr: '0.0.0.0' }
  const renewed = await client.ask(REQUEST, [], own, serverAddress)
  t.is(renewed.type, ACK)
  t.is(renewed.yiaddr, address)
  client.send(RELEASE, [[54, ip(serverAddress)]], own, serverAddress)
  const leases = async () =>
    await network.server.must(['curl', '-sS', `http://${serverAddress}:3478/v1/leases`])
  await within(5, async () => !(await leases()).includes(client.mac))
  t.notRegex(await leases(), new RegExp(client.mac))
})
