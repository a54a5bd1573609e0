// A hall full of machines switched on at once, and a server that is killed again and again: no lease lost, none given twice.

import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { serverAddress, type Namespace } from './harness.ts'
import { makeNetwork, Site } from './site.ts'

const dora = fileURLToPath(new URL('dora.ts', import.meta.url))
const relay = '10.77.0.2'

const settings = `dhcp:
  mode: server
  other_servers: allow
  limits: { unknown_share: 1 }
  subnets:
    - { subnet: 10.77.0.0/16, ranges: ['10.77.1.0-10.77.200.255'] }`

type Lease = { readonly mac: string; readonly ip: string; readonly ms: number }

function leasesIn(text: string): readonly Lease[] {
  return Array.from(text.matchAll(/^(\S+) (\S+) (\d+)$/gm), ([, mac = '', ip = '', ms]) => ({
    mac,
    ip,
    ms: Number(ms),
  }))
}

async function relayIn(client: Namespace): Promise<void> {
  await client.must(['ip', 'address', 'add', `${relay}/16`, 'dev', 'eth0'])
}

/** Every address that two machines were given. */
function givenTwice(leases: readonly Lease[]): readonly string[] {
  const holders = new Map<string, Set<string>>()
  for (const { ip, mac } of leases) holders.set(ip, (holders.get(ip) ?? new Set()).add(mac))
  return [...holders].filter(([, macs]) => macs.size > 1).map(([ip]) => ip)
}

test('10,000 machines in 60 s: all have a lease within 10 s of asking, and no address twice', async (t) => {
  t.timeout(150_000)
  const network = await makeNetwork(t)
  const site = await Site.make(t, network, settings)
  await site.start()
  const client = await network.client()
  await relayIn(client)
  const machines = client.start([
    process.execPath,
    '--import=tsx',
    dora,
    serverAddress,
    relay,
    '10000',
    '167',
  ])
  t.teardown(() => machines.stop())
  await Promise.race([machines.exited, sleep(100_000)])
  const leases = leasesIn(machines.transcript.text)
  const inTime = leases.filter(({ ms }) => ms <= 10_000).length
  t.true(inTime >= 9990, `${inTime} of 10000 had a lease in 10 s`)
  t.deepEqual(givenTwice(leases), [])
  t.is(new Set(leases.map(({ mac }) => mac)).size, leases.length)
})

test('killed with SIGKILL 50 times amid leases: what was acknowledged is there, and no address was given twice', async (t) => {
  t.timeout(400_000)
  const rounds = 50
  const network = await makeNetwork(t)
  const site = await Site.make(t, network, settings.replace('subnets:', 'conflict_check: false\n  subnets:'))
  const client = await network.client()
  await relayIn(client)
  const machines = client.start([
    process.execPath,
    '--import=tsx',
    dora,
    serverAddress,
    relay,
    '60000',
    '400',
  ])
  t.teardown(() => machines.stop())
  for (let round = 0; round < rounds; round++) {
    const appliance = await site.start()
    const before = machines.transcript.text.length
    for (let waited = 0; waited < 20_000 && machines.transcript.text.length === before; waited += 5)
      await sleep(5)
    t.true(machines.transcript.text.length > before, `round ${round}: no lease was given`)
    await sleep(randomInt(150))
    appliance.kill()
    await appliance.exited
  }
  machines.kill()
  await machines.exited
  const given = leasesIn(machines.transcript.text)
  await site.start()
  const stored = JSON.parse(
    await network.server.must(['curl', '-sS', `http://${serverAddress}:3478/v1/leases`]),
  ) as readonly { readonly ip: string; readonly mac: string }[]
  const held = new Map(stored.map(({ ip, mac }) => [ip, mac]))
  t.deepEqual(givenTwice(given), [])
  t.deepEqual(
    given.filter(({ ip, mac }) => held.get(ip) !== mac),
    [],
    'acknowledged, and not in the store',
  )
  t.true(given.length > rounds)
  t.log(`${given.length} leases in ${rounds} rounds`)
})
