// An address that somebody uses without a lease is not given to others.

import test, { type ExecutionContext } from 'ava'
import { ACK, ip, NAK, type Option } from '../dhcp/wire.ts'
import { Peer, Station } from './dhcp-site.ts'
import type { Namespace, Network } from './harness.ts'
import { makeNetwork, startAppliance, within } from './site.ts'

const settings = (range: string, more = '') => `dhcp:
  mode: server
  other_servers: allow
${more}  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['${range}'] }`

async function squatter(network: Network, address: string): Promise<Namespace> {
  const machine = await network.client()
  await machine.must(['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0'])
  // A new port of the bridge forwards nothing at first.
  const arping = ['busybox', 'arping', '-f', '-c', '1', '-w', '1', '-I', 'br0', address]
  await within(5, async () => (await network.server.run(arping)).code === 0)
  return machine
}

async function addressFor(network: Network, ...more: string[]): Promise<string | undefined> {
  const client = await network.client()
  const argv = ['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '3', '-T', '1', '-s', '/bin/true', ...more]
  const { stdout, stderr } = await client.run(argv)
  return /lease of (\S+) obtained/.exec(stdout + stderr)?.[1]
}

async function neverGivesUsed(t: ExecutionContext, command: readonly string[], used: RegExp): Promise<void> {
  const network = await makeNetwork(t)
  await squatter(network, '10.77.0.100')
  const appliance = await startAppliance(t, network, settings('10.77.0.100-10.77.0.102'), command)
  t.regex(appliance.transcript.text, used)
  t.is(await addressFor(network), '10.77.0.101')
  t.is(await addressFor(network), '10.77.0.102')
  t.is(await addressFor(network), undefined)
}

test('D14: an address of the pool that answers ARP is not offered', async (t) => {
  await neverGivesUsed(t, [], /[0-9a-f:]{17} uses 10\.77\.0\.100 without a lease/)
})

test('D14 as an ordinary user with no raw socket: by a datagram and the neighbour table', async (t) => {
  const ordinary = [
    'setpriv',
    '--bounding-set=-all,+net_bind_service',
    '--inh-caps=-all,+net_bind_service',
    '--',
  ]
  await neverGivesUsed(t, ordinary, /[0-9a-f:]{17} uses 10\.77\.0\.100 without a lease/)
})

test('D14: one that was taken after it was probed is refused when it is asked for, and the client has another in 3 s', async (t) => {
  const network = await makeNetwork(t)
  const peer = await Peer.start(await network.client())
  t.teardown(() => peer.stop())
  await startAppliance(t, network, settings('10.77.0.100-10.77.0.109'))
  await squatter(network, '10.77.0.109')
  const client = new Station(peer).client()
  const wish: Option = [50, ip('10.77.0.109')]
  // Not by udhcpc, which waits for 3 s behind a NAK.
  const started = performance.now()
  t.is((await client.offer([wish])).yiaddr, '10.77.0.109')
  t.is((await client.select('10.77.0.109')).type, NAK)
  const { yiaddr } = await client.offer([wish])
  t.regex(yiaddr, /^10\.77\.0\.10[0-8]$/)
  t.like(await client.select(yiaddr), { type: ACK, yiaddr })
  t.true(performance.now() - started < 3000)
})

test('conflict_check: false gives whatever the pool has', async (t) => {
  const network = await makeNetwork(t)
  await squatter(network, '10.77.0.100')
  await startAppliance(t, network, settings('10.77.0.100-10.77.0.100', '  conflict_check: false\n'))
  t.is(await addressFor(network), '10.77.0.100')
})

test('a client that lost its lease but kept its address gets it again', async (t) => {
  const network = await makeNetwork(t)
  const mac = '52:54:00:00:0c:01'
  const kept = await network.client(mac)
  await kept.must(['ip', 'address', 'add', '10.77.0.100/24', 'dev', 'eth0'])
  const appliance = await startAppliance(t, network, settings('10.77.0.100-10.77.0.101'))
  t.regex(appliance.transcript.text, /uses 10\.77\.0\.100 without a lease/)
  const argv = [
    'udhcpc',
    '-i',
    'eth0',
    '-n',
    '-q',
    '-f',
    '-t',
    '3',
    '-T',
    '1',
    '-r',
    '10.77.0.100',
    '-s',
    '/bin/true',
  ]
  const { stdout, stderr } = await kept.run(argv)
  t.regex(stdout + stderr, /lease of 10\.77\.0\.100 obtained/)
  await within(2, () => appliance.transcript.text.includes('has 10.77.0.100'))
})
