// Where another DHCP server answers, we give no address; where it is switched off, we do.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { serverAddress, type Daemon, type Namespace, type Network } from './harness.ts'
import { makeNetwork, program, Site, startAppliance, startDnsmasqIn } from './site.ts'

const subnet = `dhcp:
  mode: server
  conflict_check: false
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.150'] }`

/** A router with dnsmasq. */
async function startDnsmasq(t: ExecutionContext, network: Network): Promise<Daemon> {
  const router = await network.client()
  await router.must(['ip', 'address', 'add', '10.77.0.254/24', 'dev', 'eth0'])
  return await startDnsmasqIn(t, router)
}

async function asks(client: Namespace): Promise<string> {
  const { stdout, stderr } = await client.run([
    'udhcpc',
    '-i',
    'eth0',
    '-n',
    '-q',
    '-f',
    '-t',
    '6',
    '-T',
    '1',
    '-s',
    '/bin/true',
  ])
  return stdout + stderr
}

test('beside another DHCP server: no address of ours, a line that says who and what to do, 503 in the status', async (t) => {
  const network = await makeNetwork(t)
  const dnsmasq = await startDnsmasq(t, network)
  const appliance = await startAppliance(t, network, subnet)
  const [line] = await appliance.transcript.waitFor(/another DHCP server answers on br0: .*/, 10)
  t.regex(line, /10\.77\.0\.254 .*dhcp\.mode: proxy, or set dhcp\.other_servers: allow/)
  const client = await network.client()
  t.regex(await asks(client), /from 10\.77\.0\.254/)
  const explained = await network.server.must([
    'curl',
    '-sfS',
    `http://${serverAddress}:3478/v1/explain?mac=52:54:00:00:00:77&arch=bios`,
  ])
  t.regex(
    explained,
    /"notes":\["[^"]* on br0 \(10\.77\.0\.1\) now: another DHCP server, 10\.77\.0\.254, answers there"/,
  )
  const status = await network.server.must([
    'curl',
    '-s',
    '-w',
    '%{http_code}',
    `http://${serverAddress}:3478/v1/status`,
  ])
  t.regex(status, /another DHCP server, 10\.77\.0\.254, answers there.*503$/s)
  await dnsmasq.stop()
  t.regex(await asks(await network.client()), /no lease/)
  await appliance.transcript.waitFor(/no other DHCP server answers on br0 any more/, 40)
  t.regex(await asks(await network.client()), /obtained from 10\.77\.0\.1,/)
})

test('another DHCP server that comes later is found by the hourly search, told, and left alone with the link', async (t) => {
  const network = await makeNetwork(t)
  const shortHour = `NODE_OPTIONS=--import ${fileURLToPath(new URL('short-hour.mjs', import.meta.url))}`
  const appliance = await startAppliance(t, network, subnet, ['env', shortHour])
  const client = await network.client()
  await appliance.transcript.waitFor(/no other DHCP server answers on br0: it is served/, 10)
  t.regex(await asks(client), /obtained from 10\.77\.0\.1,/)
  await startDnsmasq(t, network)
  await appliance.transcript.waitFor(/another DHCP server answers on br0: 10\.77\.0\.254/, 20)
  t.regex(await asks(client), /obtained from 10\.77\.0\.254,/)
  const url = `http://${serverAddress}:3478/v1/status`
  t.is(await network.server.must(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', url]), '503')
})

test('a link that comes later is told as served when it is, and not while it is searched', async (t) => {
  const network = await makeNetwork(t)
  await network.server.must(['ip', 'link', 'set', 'br0', 'down'])
  const appliance = await startAppliance(t, network, subnet)
  await network.client()
  await network.server.must(['ip', 'link', 'set', 'br0', 'up'])
  await appliance.transcript.waitFor(
    /br0 \(10\.77\.0\.1\) has come: it is searched for other DHCP servers first/,
    6,
  )
  t.notRegex(appliance.transcript.text, /br0.* is served/)
  await appliance.transcript.waitFor(/no other DHCP server answers on br0: it is served/, 8)
  t.notRegex(appliance.transcript.text, /served from now on/)
})

test('without another one a link is served after the search, and our own question is not answered by ourselves', async (t) => {
  const network = await makeNetwork(t)
  const appliance = await startAppliance(t, network, subnet)
  const client = await network.client()
  const { stdout, stderr } = await client.run(
    ['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '10', '-T', '1', '-s', '/bin/true'],
    { seconds: 30 },
  )
  t.regex(stdout + stderr, /lease of 10\.77\.0\.1\d\d obtained from 10\.77\.0\.1,/)
  // A client that waits longer than a second asks again.
  t.is(new Set(appliance.transcript.text.match(/dhcp\.offer: \S+/g)).size, 1)
})

test('the search works where this machine’s own DHCP client holds port 68', async (t) => {
  const network = await makeNetwork(t)
  await startDnsmasq(t, network)
  const holder = network.server.start([
    'node',
    '-e',
    "require('dgram').createSocket('udp4').bind(68); setTimeout(() => {}, 60000)",
  ])
  t.teardown(() => holder.stop())
  const appliance = await startAppliance(t, network, subnet)
  await t.notThrowsAsync(
    appliance.transcript.waitFor(/another DHCP server answers on br0: 10\.77\.0\.254/, 10),
  )
})

test('other_servers: allow serves at once beside another one', async (t) => {
  const network = await makeNetwork(t)
  await startDnsmasq(t, network)
  await startAppliance(t, network, subnet.replace('mode: server', 'mode: server\n  other_servers: allow'))
  // The other one is slow: it pings first.
  t.regex(await asks(await network.client()), /obtained from 10\.77\.0\.1,/)
})

for (const mode of ['server', 'proxy']) {
  test(`a DHCP server on this very machine, dhcp.mode ${mode}: who has port 67, and what to do`, async (t) => {
    const network = await makeNetwork(t)
    const dnsmasq = await startDnsmasqIn(t, network.server)
    const site = await Site.make(t, network, subnet.replace('mode: server', `mode: ${mode}`))
    const argv = [process.execPath, program, 'server', '-c', join(site.folder, 'pxe-pilot.yml')]
    const refused = network.server.start(argv, { cwd: site.folder, name: 'the appliance' })
    t.is(await refused.exited, 1)
    t.regex(
      refused.transcript.text,
      /^DHCP \(br0\) cannot listen on UDP port 67: dnsmasq \(pid \d+\) holds it\. Stop that program, or .* set dhcp\.mode: off\.\n$/m,
    )
    t.true(dnsmasq.running)
  })
}
