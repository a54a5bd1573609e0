// Links that come, go and change while we run, and subnets that are served in different modes.

import test from 'ava'
import { DISCOVER, OFFER } from '../dhcp/wire.ts'
import { Peer, Station } from './dhcp-site.ts'
import { serverAddress, type Namespace, type Network } from './harness.ts'
import { makeNetwork, startAppliance } from './site.ts'

const udhcpc = ['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '8', '-T', '1', '-s', '/bin/true']

/** The address a client on the link is given, and by whom. */
async function leaseOf(client: Namespace): Promise<string | undefined> {
  const { stdout, stderr } = await client.run(udhcpc)
  return /lease of (\S+ obtained from [\d.]+)/.exec(stdout + stderr)?.[1]
}

/** A second link of the server's, without an address. */
async function secondLink(network: Network): Promise<Namespace> {
  const client = await network.client()
  await client.must(['ip', 'link', 'set', 'eth0', 'down'])
  await network.server.must(['ip', 'link', 'set', 'port0', 'nomaster'])
  await client.must(['ip', 'link', 'set', 'eth0', 'up'])
  await network.server.must(['ip', 'link', 'set', 'port0', 'name', 'second', 'up'])
  return client
}

const settings = `dhcp:
  mode: server
  other_servers: allow
  conflict_check: false
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.110'] }
    - { subnet: 10.79.0.0/24, ranges: ['10.79.0.100-10.79.0.110'] }`

async function address(network: Network, ...words: string[]): Promise<void> {
  await network.server.must(['ip', 'address', ...words, 'dev', 'second'])
}

test('a link that gets its address later, changes it, goes and comes again is served within 5 s', async (t) => {
  const network = await makeNetwork(t)
  const client = await secondLink(network)
  // The bridge has its carrier from what is plugged into it.
  const neighbour = await network.client()
  const appliance = await startAppliance(t, network, settings)
  await address(network, 'add', '10.79.0.1/24')
  await appliance.transcript.waitFor(/second \(10\.79\.0\.1\) is served from now on/, 5)
  t.is(await leaseOf(client), '10.79.0.100 obtained from 10.79.0.1')

  await address(network, 'del', '10.79.0.1/24')
  await address(network, 'add', '10.79.0.2/24')
  await appliance.transcript.waitFor(/second \(10\.79\.0\.2\) (has other addresses|is served)/, 5)
  t.is(await leaseOf(client), '10.79.0.100 obtained from 10.79.0.2')

  await network.server.must(['ip', 'link', 'delete', 'second'])
  await appliance.transcript.waitFor(/second is not served: its link is gone/, 5)
  // Nobody named it, and a start would not miss it.
  t.is(await statusOf(network), '200')
  const again = await secondLinkAgain(network)
  await address(network, 'add', '10.79.0.1/24')
  await appliance.transcript.waitFor(/second \(10\.79\.0\.1\) is served from now on/, 5)
  t.regex((await leaseOf(again)) ?? '', /^10\.79\.0\.1\d\d obtained from 10\.79\.0\.1$/)
  // The first link did not notice.
  t.regex((await leaseOf(neighbour)) ?? '', /^10\.77\.0\.1\d\d obtained from 10\.77\.0\.1$/)
})

test('a link that is gone is a fault of /v1/status where interfaces names it', async (t) => {
  const network = await makeNetwork(t)
  await secondLink(network)
  await address(network, 'add', '10.79.0.1/24')
  const appliance = await startAppliance(t, network, `interfaces: [second]\n${settings}`)
  t.is(await statusOf(network), '200')
  await network.server.must(['ip', 'link', 'delete', 'second'])
  await appliance.transcript.waitFor(/second is not served: its link is gone/, 5)
  t.is(await statusOf(network), '503')
})

test('a link of interfaces that is not there is told with those that are', async (t) => {
  const network = await makeNetwork(t)
  await secondLink(network)
  await address(network, 'add', '10.79.0.1/24')
  const { transcript } = await startAppliance(t, network, `interfaces: [eth9]\n${settings}`)
  t.regex(transcript.text, /eth9 is not served: it is not there, .*; links that are up: second\n/)
  t.is(await statusOf(network), '503')
})

async function statusOf(network: Network): Promise<string> {
  const url = 'http://127.0.0.1:3478/v1/status'
  return await network.server.must(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', url])
}

async function secondLinkAgain(network: Network): Promise<Namespace> {
  const client = await network.client()
  await network.server.must([
    'sh',
    '-c',
    'ip link set $(ls /sys/class/net | grep ^port | tail -1) nomaster down name second',
  ])
  await network.server.must(['ip', 'link', 'set', 'second', 'up'])
  return client
}

test('a link without carrier is called that, its address is known, and it is served when its first machine comes', async (t) => {
  const network = await makeNetwork(t)
  const client = await network.client()
  // A bridge has the carrier of its ports.
  await client.must(['ip', 'link', 'set', 'eth0', 'down'])
  await network.server.must(['sh', '-c', 'until grep -q 0 /sys/class/net/br0/carrier; do sleep 0.1; done'])
  const only = settings.replace(/\n.*10\.79\.0\.0.*/, '')
  const appliance = await startAppliance(t, network, only)
  await appliance.transcript.waitFor(/switch on +that machine/, 5)
  const { text } = appliance.transcript
  t.regex(text, /WARN: dhcp.link: br0 \(10\.77\.0\.1\) has no carrier, .*served when that comes/)
  t.regex(text, /DHCP .*br0 \(10\.77\.0\.1\) .*no carrier/)
  t.regex(text, /look +http:\/\/10\.77\.0\.1:3478\//)
  t.notRegex(text, /no link|through relays only/)
  t.regex(
    await network.server.must(['curl', '-sS', 'http://127.0.0.1:3478/v1/status']),
    /"serving":false.*"name":"DHCP server","where":"br0 \(10\.77\.0\.1\)","serving":false,"because":"no carrier/,
  )
  await deployed(network, '52:54:00:00:00:77')
  const explained = await explainedTo(network)
  t.regex(explained, /"offer":\{"server":"10\.77\.0\.1","file":"pxelinux\.0"/)

  await client.must(['ip', 'link', 'set', 'eth0', 'up'])
  await appliance.transcript.waitFor(/br0 \(10\.77\.0\.1\) is served from now on/, 5)
  t.regex((await leaseOf(client)) ?? '', /^10\.77\.0\.1\d\d obtained from 10\.77\.0\.1$/)
})

test('without any link explain says that it does not know our address', async (t) => {
  const network = await makeNetwork(t)
  await network.server.must(['ip', 'address', 'flush', 'dev', 'br0'])
  await startAppliance(t, network, 'dhcp: { mode: proxy }')
  await deployed(network, '52:54:00:00:00:77')
  t.regex(
    await explainedTo(network),
    /"server":"127\.0\.0\.1".*"notes":\[[^\]]*address, which is not known yet/,
  )
})

async function explainedTo(network: Network): Promise<string> {
  const url = 'http://127.0.0.1:3478/v1/explain?mac=52:54:00:00:00:77&arch=bios'
  return await network.server.must(['curl', '-sfS', url])
}

const perSubnet = `dhcp:
  mode: proxy
  subnets:
    - { subnet: 10.77.0.0/24, mode: server, ranges: ['10.77.0.100-10.77.0.110'] }
    - { subnet: 10.78.0.0/24 }
    - { subnet: 10.79.0.0/24, mode: off }`

test('server on one subnet, proxy on another through a relay, off on a third', async (t) => {
  const network = await makeNetwork(t)
  await network.server.must(['ip', 'route', 'add', '10.78.0.0/23', 'via', '10.77.0.2'])
  await startAppliance(
    t,
    network,
    `${perSubnet}\n`.replace('mode: proxy\n', 'mode: proxy\n  other_servers: allow\n'),
  )
  const router = await network.client()
  for (const own of ['10.77.0.2/24', '10.78.0.1/24', '10.79.0.1/24']) {
    await router.must(['ip', 'address', 'add', own, 'dev', 'eth0'])
  }
  const peer = await Peer.start(router)
  t.teardown(() => peer.stop())
  const rom = [
    [60, 'PXEClient:Arch:00000:UNDI:002001'],
    [93, Uint8Array.of(0, 0)],
  ] as const
  const server = new Station(peer, { giaddr: '10.77.0.2' })
  const proxy = new Station(peer, { giaddr: '10.78.0.1' }, () => server.client().boot())
  const off = new Station(peer, { giaddr: '10.79.0.1' }, () => server.client().boot())
  t.regex(await server.client().boot(), /^10\.77\.0\.1\d\d$/)
  const machine = proxy.client()
  await deployed(network, machine.mac)
  const offer = await machine.ask(DISCOVER, rom)
  t.is(offer.type, OFFER)
  t.deepEqual([offer.yiaddr, offer.file, offer.siaddr], ['0.0.0.0', 'pxelinux.0', serverAddress])
  const silent = off.client()
  await deployed(network, silent.mac)
  t.is(await silent.countAnswers(silent.send(DISCOVER, rom)), 0)
})

async function deployed(network: Network, mac: string): Promise<void> {
  const body = JSON.stringify({ hosts: [{ macAddress: mac }] })
  const url = 'http://127.0.0.1:3478/v1/configurations/local/deploy'
  await network.server.must(['curl', '-sfS', '-X', 'PUT', '-d', body, url])
}
