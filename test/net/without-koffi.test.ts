// DHCP in a process that cannot load koffi: the machine's only link is served, and what cannot be done right is refused.

import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { ACK, REQUEST } from '../dhcp/wire.ts'
import { broadcast, Peer, Station } from './dhcp-site.ts'
import { bridge, serverAddress, type Network } from './harness.ts'
import { makeNetwork, Site, startDnsmasqIn } from './site.ts'

const settings = `dhcp:
  mode: server
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.110'] }`

const command = [
  'env',
  `NODE_OPTIONS=--import ${fileURLToPath(new URL('without-koffi.mjs', import.meta.url))}`,
]

async function start(t: ExecutionContext, network: Network) {
  const site = await Site.make(t, network, settings)
  return await site.start(command)
}

test('the only link is served: who has no address by broadcast, a renewal by unicast', async (t) => {
  const network = await makeNetwork(t)
  const machine = await network.client()
  const { transcript } = await start(t, network)
  t.regex(
    transcript.text,
    /no other DHCP server is searched for and no address is probed, as .*koffi.*: run npm ci/,
  )
  const peer = await Peer.start(machine)
  t.teardown(() => peer.stop())
  const client = new Station(peer).client()
  const { yiaddr, datagram } = await client.offer()
  t.regex(yiaddr, /^10\.77\.0\.1\d\d$/)
  t.like(datagram, { from: serverAddress, fromPort: 67, to: broadcast, toPort: 68 })
  t.like(await client.select(yiaddr), { type: ACK, yiaddr })
  await machine.must(['ip', 'address', 'add', `${yiaddr}/24`, 'dev', 'eth0'])
  const xid = client.send(REQUEST, [], { ciaddr: yiaddr }, serverAddress)
  const renewed = await client.answer(xid)
  t.like(renewed, { type: ACK, yiaddr })
  t.like(renewed.datagram, { from: serverAddress, to: yiaddr, toPort: 68 })
  // Two sockets have the port: one of them hears it.
  t.is(await client.countAnswers(xid), 1)
})

test('of two links neither is served, and what is printed says why and what to do', async (t) => {
  const network = await makeNetwork(t)
  for (let machines = 0; machines < 2; machines++) await network.client()
  await network.server.must(['ip', 'link', 'set', 'port1', 'nomaster'])
  await network.server.must(['ip', 'address', 'add', '10.79.0.1/24', 'dev', 'port1'])
  await t.throwsAsync(start(t, network), {
    message:
      /before it ended[^]*^DHCP cannot tell the links of this machine \(br0, port1\) apart, as the package koffi does not load here .*\. Run npm ci again on this machine, or set dhcp\.mode to off\.$/m,
  })
})

for (const [how, words] of [
  ['alone', []],
  ['as one that shares it', ['--bind-interfaces', `--interface=${bridge}`]],
] as const) {
  test(`a port 67 that dnsmasq has ${how} is not taken, and dnsmasq is named`, async (t) => {
    const network = await makeNetwork(t)
    await network.client()
    await startDnsmasqIn(t, network.server, words)
    await t.throwsAsync(start(t, network), {
      message:
        /before it ended[^]*^DHCP \(10\.77\.0\.1\) cannot listen on UDP port 67: dnsmasq \(pid \d+\) holds it\. Stop that program, or let it give the addresses .* set dhcp\.mode: off\.$/m,
    })
  })
}
