// What is answered to what, where it is sent, what is in it, and that an ACK leaves when its lease is on disk.

import test from 'ava'
import { builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { decide } from '../../src/boot/decide.ts'
import { applyDelta, emptyTable } from '../../src/boot/table.ts'
import { generator, golden, mutated } from './mutate.ts'
import { address4, Client, host, links, relayed, Server, told, type Parts } from './network.ts'
import {
  ACK,
  captured,
  DISCOVER,
  dotted,
  INFORM,
  ip,
  NAK,
  OFFER,
  options,
  REQUEST,
  uint16,
  uint32,
  write,
  type Option,
} from './wire.ts'

const lab = {
  subnet: '10.77.0.0/24',
  ranges: ['10.77.0.100-10.77.0.199'],
  router: '10.77.0.254',
  dns: ['10.77.0.253', '10.77.0.252'],
  domain: 'lab.example',
  ntp: ['10.77.0.251'],
  lease_time: '1h',
  min_lease_time: '10m',
  max_lease_time: '1d',
}

function serve(dhcp: object = {}, more: Partial<Parts> = {}): Server {
  const other = { subnet: '10.80.0.0/24', ranges: ['10.80.0.100-10.80.0.199'] }
  return new Server({ dhcp: { mode: 'server', subnets: [lab, other], ...dhcp }, ...more })
}

const rom: readonly Option[] = [
  [60, 'PXEClient:Arch:00000:UNDI:002001'],
  [93, uint16(0)],
  [94, Buffer.of(1, 2, 1)],
  [97, Buffer.concat([Buffer.of(0), Buffer.alloc(16, 7)])],
  [55, Buffer.of(1, 3, 43, 54, 60, 66, 67)],
]

test('an ACK leaves when its lease is on disk, and not before', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const address = (await client.offered()) ?? ''
  let written: (() => void) | undefined
  server.commit = (leases) => new Promise((resolve) => (written = () => resolve(leases.map(() => 'ok'))))
  let answer: string | undefined
  const taking = client.take(address).then((got) => (answer = got))
  await new Promise((resolve) => setImmediate(resolve))
  t.is(answer, undefined)
  t.is(server.holder(address), undefined)
  written?.()
  await taking
  t.is(answer, `ACK ${address}`)
  t.is(server.holder(address), client.mac)
})

test('a lease another client has in the store is refused, and its address is offered to nobody for a while', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const address = (await client.offered()) ?? ''
  server.commit = async (leases) => leases.map(() => 'conflict')
  t.is(await client.take(address), 'NAK')
  server.commit = async (leases) => leases.map(() => 'ok')
  t.not(await client.boot(address), address)
  t.not(await new Client(server, 2).offered(address), address)
  server.wait(601)
  t.is(await new Client(server, 3).offered(address), address)
})

test('while the disk is full nobody new gets a lease, and who has one is acknowledged for what is left of it', async (t) => {
  const server = serve()
  const [old, fresh] = [new Client(server, 1), new Client(server, 2)]
  const own = await old.boot()
  server.commit = async (leases) => leases.map(() => 'full')
  server.wait(1000)
  const sent = await old.say(REQUEST, [], { ciaddr: own })
  t.is(told(sent), `ACK ${own}`)
  t.deepEqual(sent?.reply.options.get(51), uint32(2600))
  t.deepEqual(sent?.reply.options.get(58), uint32(1300))
  t.is(await fresh.take((await fresh.offered()) ?? ''), 'silence')
  t.true(server.warnings().some((text) => text.includes('disk')))
  server.commit = async (leases) => leases.map(() => 'ok')
  t.regex(await fresh.boot(), /^10\.77/)
})

test('while the database is out of reach nobody new gets a lease, and the log says so', async (t) => {
  const server = serve()
  const [old, fresh] = [new Client(server, 1), new Client(server, 2)]
  const own = await old.boot()
  server.commit = async (leases) => leases.map(() => 'unavailable')
  t.is(told(await old.say(REQUEST, [], { ciaddr: own })), `ACK ${own}`, 'which it has anyway')
  t.is(await fresh.take((await fresh.offered()) ?? ''), 'silence')
  t.true(server.warnings().some((text) => text.includes('the database of the store is out of reach')))
})

test('a store that fails is met with silence, and the next request is served', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const address = (await client.offered()) ?? ''
  server.commit = () => Promise.reject(new Error('no disk'))
  t.is(await client.take(address), 'silence')
  t.true(server.warnings().some((text) => text.includes('no disk')))
  server.commit = async (leases) => leases.map(() => 'ok')
  t.is(await client.take(address), `ACK ${address}`)
})

test('R13 a REQUEST that is repeated gets the same ACK again, and there is one lease', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const address = (await client.offered()) ?? ''
  const list: readonly Option[] = [
    [50, ip(address)],
    [54, ip('10.77.0.1')],
  ]
  const answers = await Promise.all([1, 2].map(() => client.say(REQUEST, list, { xid: 77 })))
  t.deepEqual(answers[0]?.reply.bytes, answers[1]?.reply.bytes)
  t.is([...server.leases.all()].length, 1)
})

for (const authoritative of [false, true]) {
  const refuses = authoritative ? 'NAK' : 'silence'
  test(`REQUESTs of clients we know nothing of, ${authoritative ? '' : 'not '}authoritative`, async (t) => {
    const server = serve({ authoritative })
    const owner = new Client(server, 1)
    const own = await owner.boot()
    const stranger = new Client(server, 2)
    // R07, and what another server may have given.
    for (const address of ['10.77.0.150', '10.77.0.50', '192.0.2.7']) {
      t.is(await stranger.reboot(address), refuses, address)
      t.is(await stranger.renew(address), refuses, address)
    }
    // R03 R10: that one is certainly not its own.
    t.is(await stranger.reboot(own), 'NAK')
    t.is(await stranger.renew(own), 'NAK')
    t.is(await stranger.take(own), 'NAK')
    // It chose another server.
    t.is(await stranger.take('10.77.0.150', '10.77.0.2'), 'silence')
    // Who has a lease of ours and asks for another address of ours.
    t.is(await owner.reboot('10.77.0.150'), 'NAK')
    t.is(await owner.renew('192.0.2.7'), refuses)
    t.is(await owner.reboot(own), `ACK ${own}`)
    t.is(await owner.renew(own), `ACK ${own}`)
    // RFC 2131 4.3.2: on the wrong network.
    const moved = new Client(server, 1, {}, { link: links.other })
    t.is(await moved.reboot(own), 'NAK')
    t.is(server.holder(own), owner.mac)
  })
}

for (const [otherServers, answer] of [
  ['refuse', 'NAK'],
  ['allow', 'silence'],
] as const) {
  test(`R05 a client that we know starts with an address of another network, other_servers: ${otherServers}`, async (t) => {
    const server = serve({ other_servers: otherServers })
    const near = new Client(server, 1)
    const remote = new Client(server, 2, { giaddr: '10.80.0.2' })
    for (const client of [near, remote]) {
      const own = await client.boot()
      t.is(await client.reboot('192.0.2.7'), answer)
      t.is(await client.reboot(own), `ACK ${own}`)
    }
    // Of this network, and in no range of ours: somebody else may have given it.
    t.is(await near.reboot('10.77.0.50'), 'silence')
    // RFC 2131 4.3.2: without a record of this client, silence.
    t.is(await new Client(server, 3).reboot('192.0.2.7'), 'silence')
  })
}

test('a renewal is acknowledged over whichever link it comes, as it came by a router', async (t) => {
  const server = serve()
  const own = await new Client(server, 1).boot()
  const sent = await new Client(server, 1, {}, { link: links.other, address: own }).say(REQUEST, [], {
    ciaddr: own,
  })
  t.is(told(sent), `ACK ${own}`)
  t.is(sent?.address, own)
  t.is(sent?.reply.ciaddr, own)
})

test('a renewal that names us all the same, past its relay, is one; of a stranger it is not answered', async (t) => {
  const server = serve()
  const own = await new Client(server, 1, { giaddr: '10.77.0.254' }).boot()
  const past = { link: links.other }
  const named: readonly Option[] = [[54, ip('10.80.0.1')]]
  t.is(told(await new Client(server, 1, {}, past).say(REQUEST, named, { ciaddr: own })), `ACK ${own}`)
  t.is(told(await new Client(server, 2, {}, past).say(REQUEST, named, { ciaddr: '10.77.0.150' })), 'silence')
  t.is(told(await new Client(server, 2, {}, past).say(REQUEST, named, { ciaddr: own })), 'NAK')
  server.isServed = false
  t.is(told(await new Client(server, 3, {}, past).say(REQUEST, named, { ciaddr: '10.77.0.151' })), 'silence')
})

test('a host that comes with its reserved address from elsewhere keeps it', async (t) => {
  const hosts = [host('a', ['52:54:00:00:00:01'], { ip: address4('10.77.0.11') })]
  for (const how of ['reboot', 'renew'] as const) {
    t.is(await new Client(serve({}, { hosts }), 1)[how]('10.77.0.11'), 'ACK 10.77.0.11')
  }
})

test('a host that is not given its reserved address: the log says why', async (t) => {
  const macs = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03']
  const server = serve({}, { hosts: [host('a', macs, { ip: address4('10.77.0.11') })] })
  const offer = () => server.events.findLast(({ step }) => step === 'dhcp.offer')?.text ?? ''
  t.is(await new Client(server, 1).offered(), '10.77.0.11')
  t.notRegex(offer(), /reserved/)
  t.not(await new Client(server, 2).offered(), '10.77.0.11')
  t.regex(offer(), /for \d+ s and not its reserved 10\.77\.0\.11, as it is in use or offered to another$/)
  t.is(await new Client(server, 1).boot(), '10.77.0.11')
  await new Client(server, 3).say(DISCOVER, [[60, 'PXEClient:Arch:00000:UNDI:002001']])
  t.regex(offer(), /; not its reserved 10\.77\.0\.11, as 52:54:00:00:00:01 has it$/)
})

for (const [what, close] of [
  ['that is not served', (server: Server) => void (server.isServed = false)],
  ['where another DHCP server answers', (server: Server) => void (server.objection = 'another one')],
] as const) {
  test(`on a link ${what} nobody gets an address, whatever address it says it has; a relay's machines do`, async (t) => {
    const server = serve()
    const own = await new Client(server, 1).boot()
    close(server)
    for (const ciaddr of ['0.0.0.0', '10.77.0.150', '192.0.2.1']) {
      const client = new Client(server, 2, { ciaddr })
      t.is(await client.offered(), undefined, ciaddr)
      t.is(await client.take('10.77.0.150'), 'silence', ciaddr)
    }
    t.is(await new Client(server, 1).reboot(own), 'silence')
    t.is(await new Client(server, 1).renew(own), `ACK ${own}`)
    t.is(await new Client(server, 3, { giaddr: '10.77.0.254' }).boot('10.77.0.160'), '10.77.0.160')
    t.is(await new Client(server, 1).release(own), 'silence')
    t.is(server.holder(own), undefined)
  })
}

test('a machine that asks for a boot where another DHCP server answers is one warning an hour, each', async (t) => {
  const server = serve()
  server.objection = 'another DHCP server, 10.77.0.254, answers there'
  const asksBoot = [[60, 'PXEClient:Arch:00000:UNDI:002001']] as const
  const warned = () =>
    server.events.filter(({ level }) => level === 'warn').map(({ text, client }) => [client?.mac, text])
  const [one, other] = [new Client(server, 1), new Client(server, 2)]
  for (let times = 0; times < 3; times++) await one.say(DISCOVER, asksBoot)
  await new Client(server, 3).say(DISCOVER)
  t.is(warned().length, 1)
  t.is(warned()[0]?.[0], one.mac)
  t.regex(warned()[0]?.[1] ?? '', /asks for a boot, and gets none of us: another DHCP server, 10\.77\.0\.254/)
  await other.say(DISCOVER, asksBoot)
  server.wait(3599)
  await one.say(DISCOVER, asksBoot)
  t.deepEqual(
    warned().map(([mac]) => mac),
    [one.mac, other.mac],
  )
  server.wait(1)
  await one.say(DISCOVER, asksBoot)
  t.is(warned().length, 3)
  // It will be answered when it asks again.
  server.isSearched = true
  await new Client(server, 4).say(DISCOVER, asksBoot)
  t.is(warned().length, 3)
})

test('who chooses an offer gets an address of its link, whatever address it says it has', async (t) => {
  const client = new Client(serve(), 1, { ciaddr: '10.80.0.150' })
  t.is(await client.boot('10.77.0.150'), '10.77.0.150')
})

test('a REQUEST that names no address is met with silence', async (t) => {
  const client = new Client(serve({ authoritative: true }), 1)
  t.is(told(await client.say(REQUEST)), 'silence')
  t.is(told(await client.say(REQUEST, [[54, ip('10.77.0.1')]])), 'silence')
  t.is(await client.reboot('0.0.0.0'), 'silence')
})

test('a client that takes the offer of another server gives ours back', async (t) => {
  const server = serve()
  const [a, b] = [new Client(server, 1), new Client(server, 2)]
  const offered = await a.offered('10.77.0.150')
  t.is(offered, '10.77.0.150')
  t.not(await b.offered('10.77.0.150'), '10.77.0.150')
  t.is(await a.take('10.77.0.9', '10.77.0.2'), 'silence')
  t.is(await new Client(server, 3).offered('10.77.0.150'), '10.77.0.150')
})

test('L01 L03 a RELEASE counts from its own client and for us, and is not answered', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const own = await client.boot()
  t.is(await client.release(own, '10.77.0.2'), 'silence')
  t.is(await new Client(server, 2).release(own), 'silence')
  t.is(await client.release('10.77.0.150'), 'silence')
  t.is(server.holder(own), client.mac)
  t.is(await client.release(own), 'silence')
  t.is(server.holder(own), undefined)
  t.is(await new Client(server, 3).offered(own), own)
})

test('a RELEASE that comes while the lease of a REQUEST is being written ends it, in memory as in the store', async (t) => {
  const server = serve()
  const client = new Client(server, 1)
  const own = await client.boot()
  // One after the other, as a store that is far away.
  let last: Promise<unknown> = new Promise((resolve) => setImmediate(resolve))
  server.commit = (leases) => {
    const outcomes = last.then(() => leases.map(() => 'ok' as const))
    last = outcomes
    return outcomes
  }
  const answers = await Promise.all([client.renew(own), client.release(own)])
  t.deepEqual(answers, [`ACK ${own}`, 'silence'])
  t.deepEqual(
    server.written.slice(-2).map(({ state }) => state),
    ['bound', 'released'],
  )
  t.is(server.holder(own), undefined)
})

test('an INFORM is answered to its address, with options and without a lease', async (t) => {
  const server = serve()
  const sent = await new Client(server, 1).say(INFORM, [[55, Buffer.of(1, 3, 6)]], { ciaddr: '10.77.0.50' })
  t.is(sent?.reply.type, ACK)
  t.like(sent?.reply, { yiaddr: '0.0.0.0', ciaddr: '10.77.0.50' })
  t.is(sent?.address, '10.77.0.50')
  t.is(sent?.to.port, 'client')
  t.deepEqual([...(sent?.reply.options.keys() ?? [])], [53, 54, 1, 3, 6])
  t.is(told(await new Client(server, 1).say(INFORM)), 'silence')
  // RFC 2131 4.3.5: its address is checked. The mask and the router of another subnet are not its own.
  t.is(told(await new Client(server, 1).say(INFORM, [], { ciaddr: '192.0.2.5' })), 'silence')
  t.is(
    told(await new Client(server, 1, { giaddr: '10.80.0.2' }).say(INFORM, [], { ciaddr: '10.77.0.50' })),
    'silence',
  )
  t.is([...server.leases.all()].length, 0)
})

test('an INFORM whose sender left out its address is answered where it came from, and through a relay not', async (t) => {
  const server = serve()
  const from = { address: '10.77.0.50' }
  const sent = await new Client(server, 1, {}, from).say(INFORM, [[55, Buffer.of(1, 3)]])
  t.like(sent?.reply, { type: ACK, yiaddr: '0.0.0.0', ciaddr: '0.0.0.0' })
  t.deepEqual([sent?.address, sent?.to.port], ['10.77.0.50', 'client'])
  t.is(dotted(sent?.reply.options.get(3)), '10.77.0.254')
  t.is(told(await new Client(server, 1, {}, { address: '192.0.2.5' }).say(INFORM)), 'silence')
  t.is(told(await new Client(server, 1, { giaddr: '10.77.0.50' }, from).say(INFORM)), 'silence')
})

test('replies are sent to the relay, to the address a client has, to its hardware, or to everyone (RFC 2131 4.1)', async (t) => {
  const server = serve()
  const to = async (type: number, more: object, list: readonly Option[] = []) => {
    const sent = await new Client(server, 1).say(type, list, more)
    return [sent?.reply.type, sent?.address, sent?.to.port, sent?.to.frame?.mac]
  }
  const mac = '52:54:00:00:00:01'
  t.deepEqual(await to(DISCOVER, { giaddr: '10.77.0.254' }), [OFFER, '10.77.0.254', 'server', undefined])
  t.deepEqual(await to(DISCOVER, { flags: 0x8000 }), [OFFER, '255.255.255.255', 'client', undefined])
  t.deepEqual(await to(DISCOVER, {}), [OFFER, '255.255.255.255', 'client', mac])
  const selecting: readonly Option[] = [
    [50, ip('10.77.0.100')],
    [54, ip('10.77.0.1')],
  ]
  t.deepEqual(await to(REQUEST, {}, selecting), [ACK, '255.255.255.255', 'client', mac])
  t.deepEqual(await to(REQUEST, { ciaddr: '10.77.0.100' }), [ACK, '10.77.0.100', 'client', undefined])
  t.deepEqual(await to(REQUEST, { ciaddr: '10.77.0.100', flags: 0x8000 }), [
    ACK,
    '10.77.0.100',
    'client',
    undefined,
  ])
  const wrong: readonly Option[] = [[50, ip('10.77.0.150')]]
  t.deepEqual(await to(REQUEST, {}, wrong), [NAK, '255.255.255.255', 'client', undefined])
  t.deepEqual(await to(REQUEST, { giaddr: '10.77.0.254' }, wrong), [NAK, '10.77.0.254', 'server', undefined])
  // Who goes by its client-id alone has no hardware to send to.
  const nameless = { mac: '00:00:00:00:00:00' }
  t.deepEqual(await to(DISCOVER, nameless, [[61, 'id']]), [OFFER, '255.255.255.255', 'client', undefined])
  // Table 5: a ciaddr in these is a lie, and nobody is known to be there.
  const lie = { ciaddr: '10.77.0.66' }
  t.deepEqual(await to(DISCOVER, lie), [OFFER, '255.255.255.255', 'client', mac])
  t.deepEqual(await to(REQUEST, lie, selecting), [ACK, '255.255.255.255', 'client', mac])
})

test('InfiniBand: machines without a MAC go by their client-ids, and broadcasts bring them their answers (RFC 4390)', async (t) => {
  const server = serve()
  const card = (id: string) =>
    new Client(server, 0, {
      mac: '00:00:00:00:00:00',
      htype: 32,
      hlen: 0,
      flags: 0x8000,
      options: [[61, id]],
    })
  const [one, other] = [card('guid 1'), card('guid 2')]
  const sent = await one.say(DISCOVER)
  t.is(sent?.address, '255.255.255.255')
  t.is(sent?.to.frame, undefined)
  t.like(sent?.reply, { type: OFFER, htype: 32, hlen: 0, flags: 0x8000, chaddr: '0'.repeat(32) })
  t.is(sent?.reply.options.get(61)?.toString(), 'guid 1')
  t.is(await one.boot(), '10.77.0.100')
  t.is(await other.boot(), '10.77.0.101')
  t.is(await one.boot(), '10.77.0.100')
  t.is(await one.renew('10.77.0.100'), 'ACK 10.77.0.100')
  t.is(await other.renew('10.77.0.100'), 'NAK')
  t.regex(server.events.find(({ step }) => step === 'dhcp.ack')?.text ?? '', /^id 677569642031 on eth1 has/)
})

test('Y03 R17 a NAK carries 53, 54, 56, the client-id and option 82 last, no address, and a relay broadcasts it', async (t) => {
  const server = serve({ authoritative: true })
  const circuit = relayed([1, 'port 7'])
  const sent = await new Client(server, 1, { giaddr: '10.77.0.254', options: [circuit, [61, 'id']] }).say(
    REQUEST,
    [[50, ip('192.0.2.1')]],
  )
  t.is(sent?.reply.type, NAK)
  t.deepEqual(
    sent?.reply.list.map(([code]) => code),
    [53, 54, 56, 61, 82],
  )
  t.deepEqual(sent?.reply.options.get(82), Buffer.from(circuit[1]))
  t.is(sent?.reply.options.get(61)?.toString(), 'id')
  t.like(sent?.reply, {
    yiaddr: '0.0.0.0',
    ciaddr: '0.0.0.0',
    siaddr: '0.0.0.0',
    giaddr: '10.77.0.254',
    flags: 0x8000,
  })
})

test('D02 a client gets what it asks for in its order, and everything where it asks for nothing', async (t) => {
  const server = serve()
  const asked = await new Client(server, 1).say(DISCOVER, [[55, Buffer.of(28, 15, 3, 6, 99, 3)]])
  t.deepEqual(
    asked?.reply.list.map(([code]) => code),
    [53, 54, 51, 58, 59, 1, 28, 15, 3, 6],
  )
  t.is(dotted(asked?.reply.options.get(6)), '10.77.0.253 10.77.0.252')
  const all = await new Client(server, 2).say(DISCOVER)
  t.deepEqual(
    all?.reply.list.map(([code]) => code).toSorted((a, b) => a - b),
    [1, 3, 6, 15, 28, 42, 51, 53, 54, 58, 59],
  )
})

test('on a link of two addresses neither is told to be a broadcast address (RFC 3021)', async (t) => {
  const server = new Server({
    dhcp: { mode: 'server', subnets: [{ subnet: '10.80.0.0/31', ranges: ['10.80.0.0-10.80.0.1'] }] },
  })
  const sent = await new Client(server, 1, {}, { link: links.other }).say(DISCOVER, [[55, Buffer.of(1, 28)]])
  t.is(sent?.reply.yiaddr, '10.80.0.0')
  t.is(dotted(sent?.reply.options.get(1)), '255.255.255.254')
  t.is(sent?.reply.options.get(28), undefined)
})

test('options of a host go before its subnet, and its name is its host name', async (t) => {
  const hosts = [
    host('h1', ['52:54:00:00:00:01'], { options: [{ code: 3, bytes: ip('10.77.0.250') }] }),
    host('52-54-00-00-00-02', ['52:54:00:00:00:02'], { origin: 'registered' }),
  ]
  const server = serve({}, { hosts })
  const asking: readonly Option[] = [[55, Buffer.of(1, 3, 12)]]
  const declared = (await new Client(server, 1).say(DISCOVER, asking))?.reply.options
  t.is(dotted(declared?.get(3)), '10.77.0.250')
  t.is(declared?.get(12)?.toString(), 'h1')
  const registered = (await new Client(server, 2).say(DISCOVER, asking))?.reply.options
  t.is(dotted(registered?.get(3)), '10.77.0.254')
  t.is(registered?.get(12), undefined)
})

test('D11 the lease time is what a client asks for within the limits, T1 half and T2 seven eighths of it', async (t) => {
  const server = serve()
  const times = async (asked: number | undefined) => {
    const list: readonly Option[] = asked === undefined ? [] : [[51, uint32(asked)]]
    const sent = await new Client(server, 1).say(DISCOVER, list)
    return [51, 58, 59].map((code) => sent?.reply.options.get(code)?.readUInt32BE())
  }
  t.deepEqual(await times(undefined), [3600, 1800, 3150])
  t.deepEqual(await times(0), [600, 300, 525])
  t.deepEqual(await times(60), [600, 300, 525])
  t.deepEqual(await times(7200), [7200, 3600, 6300])
  t.deepEqual(await times(604_800), [86_400, 43_200, 75_600])
  t.deepEqual(await times(0xffffffff), [86_400, 43_200, 75_600])
})

test('Y07 what a relay wants to be taken for is our identifier, and a REQUEST that names it is ours (RFC 5107)', async (t) => {
  const server = serve()
  const client = new Client(server, 1, { giaddr: '10.77.0.254', options: [relayed([11, ip('10.77.0.254')])] })
  const offer = await client.say(DISCOVER)
  t.is(dotted(offer?.reply.options.get(54)), '10.77.0.254')
  const address = offer?.reply.yiaddr ?? ''
  const ack = await client.say(REQUEST, [
    [50, ip(address)],
    [54, ip('10.77.0.254')],
  ])
  t.is(told(ack), `ACK ${address}`)
  t.is(dotted(ack?.reply.options.get(54)), '10.77.0.254')
  t.is(await client.release(address, '10.77.0.254'), 'silence')
  t.is(server.holder(address), undefined)
})

test('PXE: 60, 43 and 97 come with a boot file, in OFFER and ACK alike; 97 also where there is nothing to boot', async (t) => {
  const server = serve({}, { boot: 'pxelinux.0' })
  const client = new Client(server, 1, { options: rom })
  const offer = await client.say(DISCOVER)
  const ack = await client.say(REQUEST, [
    [50, ip(offer?.reply.yiaddr ?? '')],
    [54, ip('10.77.0.1')],
  ])
  for (const sent of [offer, ack]) {
    t.like(sent?.reply, { siaddr: '10.77.0.1', file: 'pxelinux.0', sname: '' })
    const found = sent?.reply.options
    t.is(found?.get(60)?.toString(), 'PXEClient')
    t.is(found?.get(43)?.toString('hex'), '060108ff')
    t.is(found?.get(66)?.toString(), '10.77.0.1')
    t.is(found?.get(67)?.toString(), 'pxelinux.0')
    t.deepEqual(found?.get(97), Buffer.from(rom[3]?.[1] ?? ''))
  }
  const nothing = (await new Client(serve(), 1, { options: rom }).say(DISCOVER))?.reply
  t.like(nothing, { siaddr: '0.0.0.0', file: '' })
  t.deepEqual(
    [60, 43, 66, 67].map((code) => nothing?.options.get(code)),
    [undefined, undefined, undefined, undefined],
  )
  t.is(nothing?.options.get(97)?.length, 17)
})

test("a host on local: UEFI HTTP boot's DISCOVER has no answer, and everything else that runs on it has an address", async (t) => {
  const table = emptyTable()
  const site = {
    bootloaders: builtInBootloaders,
    default: null,
    localMethod: 'auto',
    httpPort: 80,
    apiPort: 3478,
  } as const
  const a = host('a', ['52:54:00:00:00:01'])
  const deploy = (revision: number, configuration: string) =>
    applyDelta(table, {
      revision,
      changes: [
        { kind: 'host', host: a },
        { kind: 'assignment', host: a.name, configuration },
      ],
    })
  deploy(1, 'local')
  const server = serve({}, { hosts: [a], boot: (facts) => decide(facts, table, site) })
  const http: readonly Option[] = [
    [60, 'HTTPClient:Arch:00016:UNDI:003000'],
    [93, uint16(16)],
    [55, Buffer.of(1, 3, 6, 43, 60, 67)],
  ]
  const firmware = new Client(server, 1, { options: http })
  t.is((await server.receive(captured('ovmf-http-discover'))).length, 1, 'nothing is deployed to this one')
  t.is(await firmware.offered(), undefined)
  t.is(await new Client(server, 1, { giaddr: '10.77.0.254', options: http }).offered(), undefined)
  t.true(server.events.some(({ text }) => text.includes('is left alone') && text.includes('a boots local')))
  t.is([...server.leases.all()].length, 0)
  t.regex(await new Client(server, 1, { options: rom }).boot(), /^10\.77/)
  t.regex(
    await new Client(server, 1, {
      options: [
        [60, 'd-i'],
        [55, Buffer.of(1, 3, 6)],
      ],
    }).boot(),
    /^10\.77/,
  )
  deploy(2, 'gone')
  t.is(await firmware.offered(), undefined, 'what vanished boots local, too')
})

test("several subnets on one link: who gets an address of the second fetches from that one's next_server and knows us by our address there", async (t) => {
  const [first, second] = [
    { subnet: '10.77.0.0/24', ranges: ['10.77.0.100'], next_server: '10.77.0.8' },
    { subnet: '10.78.0.0/24', ranges: ['10.78.0.100-10.78.0.109'] },
  ]
  for (const [next_server, from] of [
    ['10.78.0.9', '10.78.0.9'],
    [undefined, '10.78.0.1'],
  ]) {
    const server = serve(
      { limits: { unknown_share: 1 }, subnets: [first, { ...second, next_server }] },
      { boot: 'pxelinux.0' },
    )
    const there = { link: links.shared }
    const one = (await new Client(server, 1, { options: rom }, there).say(DISCOVER))?.reply
    t.deepEqual([one?.yiaddr, one?.siaddr], ['10.77.0.100', '10.77.0.8'])
    t.is(dotted(one?.options.get(54)), '10.77.0.1')
    const client = new Client(server, 2, { options: rom }, there)
    const offer = await client.say(DISCOVER)
    // Also who says the other of our addresses is answered.
    for (const said of ['10.78.0.1', '10.77.0.1']) {
      const ack = await client.say(REQUEST, [
        [50, ip('10.78.0.100')],
        [54, ip(said)],
      ])
      t.is(told(ack), 'ACK 10.78.0.100')
      for (const sent of [offer, ack]) {
        t.is(sent?.reply.siaddr, from)
        t.is(sent?.reply.options.get(66)?.toString(), from)
        t.is(dotted(sent?.reply.options.get(54)), '10.78.0.1')
        t.is(sent?.to.frame?.from, address4('10.78.0.1'))
      }
    }
    t.is(told(await client.say(REQUEST, [[50, ip('10.78.0.100')]])), 'ACK 10.78.0.100', 'INIT-REBOOT')
    t.is(await client.release('10.78.0.100', '10.78.0.1'), 'silence')
    t.is(server.holder('10.78.0.100'), undefined)
  }
})

test('several subnets on one link: a NAK names the address of ours that was chosen, as systemd-networkd and udhcpc ignore it by another', async (t) => {
  const second = { subnet: '10.78.0.0/24', ranges: ['10.78.0.100-10.78.0.109'] }
  const server = serve({ subnets: [lab, second] })
  const there = { link: links.shared }
  t.is(await new Client(server, 1, {}, there).offered('10.78.0.100'), '10.78.0.100')
  t.is(await new Client(server, 1, {}, there).take('10.78.0.100', '10.78.0.1'), 'ACK 10.78.0.100')
  const late = await new Client(server, 2, {}, there).say(REQUEST, [
    [50, ip('10.78.0.100')],
    [54, ip('10.78.0.1')],
  ])
  t.is(late?.reply.type, NAK)
  t.is(dotted(late?.reply.options.get(54)), '10.78.0.1')
})

test('options 66 and 67 of the settings are for who is given nothing to boot, whatever it asks for', async (t) => {
  const given = { subnets: [{ ...lab, options: { 66: '10.77.0.9', 67: 'other.0' } }] }
  const card = rom.filter(([code]) => code !== 55)
  for (const wants of [[1, 3], [1, 66, 67], []]) {
    const list: readonly Option[] = wants.length === 0 ? card : [...card, [55, Uint8Array.from(wants)]]
    const said = async (boot: string | undefined) => {
      const sent = await new Client(serve(given, { boot }), 1).say(DISCOVER, list)
      return [66, 67].map((code) => sent?.reply.options.get(code)?.toString())
    }
    const asked = wants.includes(66) ? ['10.77.0.1', 'pxelinux.0'] : [undefined, undefined]
    t.deepEqual(await said('pxelinux.0'), asked, wants.join())
    t.deepEqual(await said(undefined), ['10.77.0.9', 'other.0'], wants.join())
  }
})

test('a client that only wants an address is told of no boot', async (t) => {
  const reply = (
    await new Client(serve({}, { boot: 'pxelinux.0' }), 1).say(DISCOVER, [[55, Buffer.of(1, 3, 6)]])
  )?.reply
  t.like(reply, { siaddr: '0.0.0.0', file: '' })
  t.is(reply?.options.get(67), undefined)
})

test('O07 a boot path of 127 octets is in the file field, a longer one in option 67, whole', async (t) => {
  const silentRom = rom.filter(([code]) => code !== 55)
  for (const length of [127, 128, 300]) {
    const path = 'f'.repeat(length)
    const reply = (
      await new Client(serve({}, { boot: path }), 1, { options: [...silentRom, [55, Buffer.of(1)]] }).say(
        DISCOVER,
      )
    )?.reply
    t.is(reply?.file, length <= 127 ? path : '')
    t.is(reply?.options.get(67)?.toString(), length <= 127 ? undefined : path)
    t.is(reply?.options.get(52), undefined)
  }
})

test('what a host name may not do: nothing a client sends reaches the log as it is', async (t) => {
  const server = serve()
  for (const [index, name] of ['a\u001b[2J<script>', 'a\0b', '\ud800', 'x'.repeat(255)].entries()) {
    const client = new Client(server, 1 + index, {
      options: [
        [12, name],
        [60, name],
      ],
    })
    t.regex(await client.boot(), /^10\.77/)
  }
  // oxlint-disable-next-line no-control-regex
  for (const { text } of server.events) t.notRegex(text, /[\u0000-\u001f]/)
})

const router = '10.77.0.254'

function serveProxy(boot: string | undefined = 'pxelinux.0'): Server {
  return new Server({ dhcp: { mode: 'proxy' }, boot })
}

test('X02 proxy mode: an OFFER without an address, to everyone, with 60, 43, 97 and the file', async (t) => {
  const sent = await new Client(serveProxy(), 1, { options: rom }).say(DISCOVER)
  t.like(sent?.reply, { type: OFFER, yiaddr: '0.0.0.0', siaddr: '10.77.0.1', file: 'pxelinux.0' })
  t.is(sent?.address, '255.255.255.255')
  t.is(sent?.to.frame, undefined)
  t.deepEqual(
    [51, 1, 3].map((code) => sent?.reply.options.get(code)),
    [undefined, undefined, undefined],
  )
  t.is(sent?.reply.options.get(60)?.toString(), 'PXEClient')
  t.is(sent?.reply.options.get(97)?.length, 17)
})

test('proxy mode: the REQUEST to the other server is not answered, but tells who has which address', async (t) => {
  const server = serveProxy()
  const client = new Client(server, 1, { options: rom })
  t.is(await client.take('10.77.0.50', router), 'silence')
  t.is(told(await new Client(server, 2).say(REQUEST, [], { ciaddr: '10.77.0.51' })), 'silence')
  t.deepEqual(server.learnt, ['10.77.0.50 52:54:00:00:00:01', '10.77.0.51 52:54:00:00:00:02'])
})

test('proxy mode: nobody becomes another host by a REQUEST that it sends over a router', async (t) => {
  const server = serveProxy()
  const claims = async (from: string, takes: string, giaddr: string, how: 'option 50' | 'ciaddr') => {
    const more = how === 'ciaddr' ? { ciaddr: takes, giaddr } : { giaddr }
    const list: readonly Option[] = how === 'ciaddr' ? [] : [[50, ip(takes)]]
    for (const service of ['dhcp', 'boot-server'] as const) {
      await new Client(server, 1, { options: rom }, { address: from, service }).say(REQUEST, list, more)
    }
  }
  const [attacker, relay] = ['192.0.2.66', '192.0.2.1']
  for (const how of ['option 50', 'ciaddr'] as const) {
    await claims(attacker, attacker, '0.0.0.0', how)
    await claims(attacker, '10.77.0.50', '0.0.0.0', how)
    await claims(attacker, attacker, attacker, how)
    await claims(attacker, attacker, relay, how)
    await claims(attacker, '192.0.2.67', relay, how)
    await claims('10.77.0.250', '10.77.0.250', relay, how)
    await claims('0.0.0.0', attacker, '0.0.0.0', how)
    t.deepEqual(server.learnt, [], how)
  }
  // dnsmasq and Cisco send from giaddr, ISC dhcrelay from the address of its uplink.
  await claims(relay, '192.0.2.70', relay, 'option 50')
  await claims('10.77.0.250', '192.0.2.71', relay, 'option 50')
  t.deepEqual([...new Set(server.learnt)], ['192.0.2.70 52:54:00:00:00:01', '192.0.2.71 52:54:00:00:00:01'])
})

test('X06 X05 port 4011: PXE clients only, answered where they ask from, and their boot item comes back', async (t) => {
  const server = serveProxy()
  const there = { service: 'boot-server', address: '10.77.0.50', port: 4011 } as const
  t.is(told(await new Client(server, 1, {}, there).say(REQUEST)), 'silence')
  const asking = new Client(server, 1, { options: rom }, there)
  for (const ciaddr of ['0.0.0.0', '10.77.0.50']) {
    const sent = await asking.say(REQUEST, [], { ciaddr })
    t.like(sent?.reply, { type: ACK, yiaddr: '0.0.0.0', file: 'pxelinux.0' })
    t.deepEqual([sent?.address, sent?.to.port], ['10.77.0.50', 4011])
  }
  const nowhere = new Client(server, 1, { options: rom }, { ...there, address: '0.0.0.0' })
  for (const [ciaddr, to] of [
    ['10.77.0.50', '10.77.0.50'],
    ['0.0.0.0', '255.255.255.255'],
  ] as const) {
    const sent = await nowhere.say(REQUEST, [], { ciaddr })
    t.deepEqual([sent?.address, sent?.to.port], [to, 'client'])
  }
  const item = options([[71, Buffer.of(0, 3, 0, 0)]])
  const chosen = await asking.say(REQUEST, [[43, Buffer.concat([item, Buffer.of(255)])]])
  t.is(chosen?.reply.options.get(43)?.toString('hex'), '060108470400030000ff')
})

test('X06 port 4011 over a router, in a subnet of proxy mode beside one of server mode: also who names us, as iPXE does', async (t) => {
  const far = { subnet: '10.81.0.0/24', mode: 'proxy' }
  const server = serve({ subnets: [lab, far] }, { boot: 'pxelinux.0' })
  const there = { service: 'boot-server', address: '10.81.0.50', port: 68 } as const
  const client = new Client(server, 1, { options: rom }, there)
  for (const named of [[], [[54, ip('10.77.0.1')]]] as const) {
    const sent = await client.say(REQUEST, named, { ciaddr: '10.81.0.50' })
    t.like(sent?.reply, { type: ACK, file: 'pxelinux.0' })
    t.deepEqual([sent?.address, sent?.to.port], ['10.81.0.50', 68])
  }
})

test('proxy mode keeps silent where it has nothing to boot', async (t) => {
  const server = new Server({ dhcp: { mode: 'proxy' } })
  t.is(told(await new Client(server, 1, { options: rom }).say(DISCOVER)), 'silence')
})

test('replies of others, and messages of no type of a client, are dropped', async (t) => {
  const server = serve()
  for (const type of [OFFER, ACK, NAK]) t.is(told(await new Client(server, 1).say(type)), 'silence')
  t.deepEqual(await server.receive(write({ op: 2, type: DISCOVER })), [])
  t.deepEqual(await server.receive(Buffer.from('no DHCP')), [])
  t.is(server.warnings().length, 0)
})

test('fuzz: whatever comes, nothing fails, and every answer is well-formed', async (t) => {
  const seed = Number(process.env['PXE_PILOT_SEED'] ?? Date.now())
  const random = generator(seed)
  const corpus = [
    ...golden.map(captured),
    write({ type: INFORM, ciaddr: '10.77.0.50', options: rom }),
    write({
      type: DISCOVER,
      giaddr: '10.77.0.254',
      options: [...rom, relayed([5, ip('10.80.0.0')], [11, ip('10.77.0.254')])],
    }),
    write({ type: REQUEST, options: [...rom, [50, ip('10.77.0.100')], [54, ip('10.77.0.1')]] }),
  ]
  const servers = [
    serve({ authoritative: true, identity: 'client-id' }, { boot: 'f'.repeat(130) }),
    serveProxy(),
  ]
  let answers = 0
  for (let round = 0; round < 20_000; round++) {
    const bytes = mutated(corpus[random(corpus.length)] ?? Buffer.alloc(0), random)
    const service = random(4) === 0 ? 'boot-server' : 'dhcp'
    const server = servers[random(2)]
    answers += (await server?.receive(bytes, { service, address: '10.77.0.50' }))?.length ?? 0
    const fault = server?.events.splice(0).find(({ step }) => step === 'dhcp.fault')
    if (fault !== undefined) t.fail(`seed ${seed}, round ${round}: ${fault.text}\n${bytes.toString('hex')}`)
  }
  t.true(answers > 1000, `only ${answers} answers`)
})
