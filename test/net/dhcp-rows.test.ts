// What clients and relays notice of server mode on real links, row by row of the conformance list: broadcast and relayed.

import test, { type ExecutionContext } from 'ava'
import {
  ACK,
  DISCOVER,
  dotted,
  hardware,
  ip,
  NAK,
  options,
  REQUEST,
  uint16,
  uint32,
  type Option,
} from '../dhcp/wire.ts'
import { broadcast, Site, Station, type Got, type Peer } from './dhcp-site.ts'
import { serverAddress } from './harness.ts'

const long = 'x'.repeat(120)

const subnets = `
    - subnet: 10.77.0.0/24
      ranges: ['10.77.0.100-10.77.0.199']
      router: 10.77.0.254
      dns: [10.77.0.253, 10.77.0.252]
      domain: lab.example
      ntp: [10.77.0.251]
      lease_time: 1h
      min_lease_time: 10m
      max_lease_time: 1d
      options: { root-path: ${long}, 43: '0x${'01fa'.padEnd(1000, '5')}', nis-domain: ${long}, merit-dump: ${long} }
    - subnet: 10.78.0.0/24
      ranges: ['10.78.0.100-10.78.0.199']
      router: 10.78.0.1
      dns: [10.77.0.253, 10.77.0.252]
      domain: lab.example
      ntp: [10.77.0.251]
      lease_time: 1h
      min_lease_time: 10m
      max_lease_time: 1d
      options: { root-path: ${long}, 43: '0x${'01fa'.padEnd(1000, '5')}', nis-domain: ${long}, merit-dump: ${long} }
    - { subnet: 10.80.0.0/24, ranges: ['10.80.0.100-10.80.0.102'], router: 10.80.0.1 }
    - { subnet: 10.81.0.0/24, ranges: ['10.81.0.100-10.81.0.199'] }
    - { subnet: 10.82.0.0/24, ranges: ['10.82.0.100-10.82.0.199'] }
    - { subnet: 10.83.0.0/24, ranges: ['10.83.0.100-10.83.0.102'] }
    - { subnet: 10.84.0.0/24, ranges: ['10.84.0.100-10.84.0.199'], next_server: 10.84.0.7 }
    - { subnet: 10.85.0.0/24, ranges: ['10.85.0.100-10.85.0.199'] }
    - subnet: 10.86.0.0/24
      ranges: ['10.86.0.100-10.86.0.199']
      options:
        114: https://portal.lab.example/
        119: [lab.example, example]
        121: [10.17.0.0/16 via 10.86.0.1, default via 10.86.0.2]
        150: [10.86.0.7, 10.86.0.8]
        209: pxelinux.cfg/lab`

const ownMac = '52:54:02:00:00:01'

const settings = `
dhcp:
  mode: server
  other_servers: allow
  conflict_check: false
  limits: { unknown_share: 1 }
  subnets: ${subnets}
tftp:
  root: ./tftproot
http:
  root: ./httproot
hosts_policy: register
configuration:
  directory: ./tftproot/pxelinux.cfg/conf
  default: debian
  bootloaders:
    - { name: pxelinux, file: pxelinux.0, arch: [bios] }
    - { name: long, file: ${'f'.repeat(127)}, arch: [bios] }
    - { name: longer, file: ${'f'.repeat(128)}, arch: [bios] }
    - { name: syslinux-efi64, file: efi64/syslinux.efi, arch: [uefi-x64] }
    - { name: grub, file: grubx64.efi, arch: [http-x64] }
    - { name: ipxe, file: undionly.kpxe, arch: [bios] }
hosts:
  - { name: h1, mac_addresses: ['${ownMac}'], options: { 150: 10.86.0.9 } }
store: ./pxe-pilot.db
log: { level: debug }
`

const files = {
  'tftproot/pxelinux.0': 'x',
  'tftproot/ldlinux.c32': 'x',
  'tftproot/efi64/syslinux.efi': 'x',
  'tftproot/efi64/ldlinux.e64': 'x',
  'tftproot/grubx64.efi': 'x',
  'tftproot/undionly.kpxe': 'x',
  [`tftproot/${'f'.repeat(127)}`]: 'x',
  [`tftproot/${'f'.repeat(128)}`]: 'x',
  'tftproot/pxelinux.cfg/conf/debian': 'DEFAULT x\n',
  'tftproot/pxelinux.cfg/conf/grub/debian': 'menuentry x {}\n',
  'tftproot/pxelinux.cfg/conf/ipxe/script': '#!ipxe\nexit\n',
  'tftproot/pxelinux.cfg/conf/long/of-127': 'DEFAULT x\n',
  'tftproot/pxelinux.cfg/conf/longer/of-128': 'DEFAULT x\n',
  'tftproot/pxelinux.cfg/conf/special': 'DEFAULT y\n',
}

let site: Site
let near: Peer
let other: Peer
let relay: Peer
let local: Station
let remote: Station
let far: Station

test.before(async () => {
  site = await Site.make(settings, files)
  ;[near, relay] = [await site.peer(), await site.relay()]
  other = await site.secondLink('10.80.0.1')
  await site.start()
  local = new Station(near)
  remote = new Station(relay, { giaddr: '10.78.0.1', hops: 1 })
  far = new Station(other)
})

test.afterEach.always((t) => {
  if (!t.passed) t.log(site.log.slice(-5000))
})

test.after.always(async () => await site.close())

type Row = (t: ExecutionContext, station: Station, pool: RegExp) => Promise<void>

/** RFC 2131 table 3 and 4.1: it gives nothing, and goes to the relay or to everyone, whatever address the client has. */
function isNak(t: ExecutionContext, got: Got, { always }: Station): void {
  const none = '0.0.0.0'
  t.like(got, { type: NAK, ciaddr: none, yiaddr: none, siaddr: none, file: '' })
  t.false([1, 3, 51, 60, 67].some((code) => got.options.has(code)))
  const everyone = { to: broadcast, toPort: 68, hardware: 'ff:ff:ff:ff:ff:ff' }
  t.like(got.datagram, always.giaddr === undefined ? everyone : { to: always.giaddr, toPort: 67 })
}

/** One test by a client on the link, and one behind a relay. */
function both(title: string, row: Row): void {
  test(`${title} (broadcast)`, async (t) => await row(t, local, /^10\.77\.0\.1\d\d$/))
  test(`${title} (relayed)`, async (t) => await row(t, remote, /^10\.78\.0\.1\d\d$/))
}

const wants: Option = [55, Buffer.of(1, 3, 6, 15, 28)]
const bios: readonly Option[] = [
  [60, 'PXEClient:Arch:00000:UNDI:002001'],
  [93, uint16(0)],
  [94, Buffer.of(1, 2, 1)],
  [97, Buffer.concat([Buffer.of(0), Buffer.alloc(16, 7)])],
  [57, uint16(1472)],
  [55, Buffer.of(1, 3, 6, 12, 15, 43, 54, 60, 66, 67, 97)],
]

/** A ROM that says of itself all of `types`. */
const biosOf = (...types: readonly number[]): readonly Option[] => [
  ...bios.filter(([code]) => code !== 93),
  [93, uint16(...types)],
]

function seconds(got: Got, code: number): number {
  return got.options.get(code)?.readUInt32BE() ?? NaN
}

function codesOf(got: Got): readonly number[] {
  return got.list.map(([code]) => code)
}

both(
  'D01 an OFFER has an address of the pool, our address, a lease time, and T1 < T2 < it',
  async (t, station, pool) => {
    const got = await station.client().offer([wants])
    t.is(got.op, 2)
    t.regex(got.yiaddr, pool)
    t.is(dotted(got.options.get(54)), serverAddress)
    t.true(seconds(got, 58) < seconds(got, 59) && seconds(got, 59) < seconds(got, 51))
  },
)

both(
  'D02 OFFER and ACK carry what was asked for and configured, the same in both, in the order asked',
  async (t, station) => {
    const list: readonly Option[] = [[55, Buffer.of(28, 6, 1, 33, 15, 3, 44)]]
    const client = station.client()
    const offer = await client.offer(list)
    const ack = await client.select(offer.yiaddr, list)
    for (const got of [offer, ack]) {
      // The mask goes first: RFC 2132 3.3 has it before the router.
      t.deepEqual(codesOf(got), [53, 54, 51, 58, 59, 1, 28, 6, 15, 3])
      t.is(dotted(got.options.get(1)), '255.255.255.0')
      t.is(dotted(got.options.get(3)), station === local ? '10.77.0.254' : '10.78.0.1')
      t.is(dotted(got.options.get(6)), '10.77.0.253 10.77.0.252')
      t.is(got.options.get(15)?.toString(), 'lab.example')
      t.is(dotted(got.options.get(28)), station === local ? '10.77.0.255' : '10.78.0.255')
    }
    // A subnet without a router, DNS or domain.
    const bare = await station.client().offer([...list, [118, ip('10.85.0.0')]])
    t.deepEqual(codesOf(bare), [53, 54, 51, 58, 59, 1, 28, 118])
  },
)

both('D04 xid, htype, hlen, all of chaddr, giaddr and flags come back; op is 2', async (t, station) => {
  for (const flags of [0x8000, 0]) {
    const padding = Buffer.from('0a0b0c0d0e0f10111213', 'hex')
    const client = station.client()
    const got = await client.offer([], {
      flags,
      padding,
      xid: 0xcafe0000 + flags + (station === local ? 0 : 1),
    })
    t.like(got, { op: 2, htype: 1, hlen: 6, flags, giaddr: station.always.giaddr ?? '0.0.0.0' })
    t.is(got.chaddr, Buffer.concat([hardware(client.mac), padding]).toString('hex'))
    t.true(got.hops === 0 || got.hops === 1)
  }
})

both('D05 a free address of the pool that is asked for is offered', async (t, station, pool) => {
  const wish = (await station.client().offer()).yiaddr.replace(/\d+$/, '190')
  t.regex(wish, pool)
  t.is((await station.client().offer([[50, ip(wish)]])).yiaddr, wish)
})

both('D06 an address outside every pool that is asked for is not', async (t, station, pool) => {
  for (const wish of ['10.77.0.20', '192.0.2.1', '10.77.0.1', '10.77.0.254', '10.78.0.1', '0.0.0.0']) {
    t.regex((await station.client().offer([[50, ip(wish)]])).yiaddr, pool)
  }
})

both('D07 a client that starts again is offered what it holds', async (t, station) => {
  const client = station.client()
  const own = await client.boot()
  t.is((await client.offer()).yiaddr, own)
  t.is(await client.boot(), own)
  t.deepEqual(await site.leasesOf(client.mac), [own])
})

both('D09 a DISCOVER that is repeated gets the same address', async (t, station) => {
  const client = station.client()
  const xid = client.send(DISCOVER)
  client.send(DISCOVER, [], { xid })
  t.is(await client.countAnswers(xid), 2)
  const seen = station.peer
    .all(({ hex }) => Number.parseInt(hex.slice(8, 16), 16) === xid)
    .map(({ hex }) => hex)
  t.is(new Set(seen).size, 1)
})

both(
  'D11 the lease time asked for is kept within the limits of the subnet, and never infinite',
  async (t, station) => {
    for (const [asked, given] of [
      [60, 600],
      [7200, 7200],
      [604_800, 86_400],
      [0xffffffff, 86_400],
    ] as const) {
      const client = station.client()
      const offer = await client.offer([[51, uint32(asked)]])
      const ack = await client.select(offer.yiaddr, [[51, uint32(asked)]])
      t.deepEqual([seconds(offer, 51), seconds(ack, 51)], [given, given])
    }
  },
)

test('B04 the answer leaves by the link of the request, and names the address there', async (t) => {
  const client = far.client()
  const got = await client.offer(bios, { flags: 0x8000 })
  t.regex(got.yiaddr, /^10\.80\.0\./)
  t.is(dotted(got.options.get(54)), '10.80.0.1')
  t.like(got, { siaddr: '10.80.0.1' })
  t.like(got.datagram, { from: '10.80.0.1', to: broadcast })
  await client.select(got.yiaddr, [], '10.80.0.1')
  await client.release(got.yiaddr, '10.80.0.1')
  t.deepEqual(
    near.all(({ hex }) => Number.parseInt(hex.slice(8, 16), 16) === got.xid),
    [],
  )
})

for (const via of ['broadcast', 'relayed'] as const) {
  test(`D12 a full pool is met with silence and a warning; a RELEASE serves the next (${via})`, async (t) => {
    const [station, server] =
      via === 'broadcast' ? [far, '10.80.0.1'] : [new Station(relay, { giaddr: '10.83.0.1' }), serverAddress]
    // Its own client takes one of the three.
    await station.barrier()
    const client = station.client()
    const address = await client.boot()
    await station.client().boot()
    const late = station.client()
    for (let times = 0; times < 3; times++) t.true(await late.isIgnored(DISCOVER))
    const subnet = `every address of ${via === 'broadcast' ? '10.80.0.0/24' : '10.83.0.0/24'}`
    await site.logs(new RegExp(subnet))
    const lines = site.log.split('\n').filter((line) => /warn/i.test(line) && line.includes(subnet))
    t.is(lines.length, 1, lines.join('\n'))
    await client.release(address, server)
    t.is(await late.boot(), address)
  })
}

both(
  'D16 a reply fits into what the client says it takes, headers included, and less than 576 counts as 576',
  async (t, station) => {
    const everything: Option = [55, Buffer.of(1, 3, 6, 15, 28, 42, 17, 40, 14)]
    for (const [said, most] of [
      [576, 548],
      [590, 562],
      [1472, 1444],
      [100, 548],
    ] as const) {
      const got = await station.client().offer([everything, [57, uint16(said)]])
      t.true(got.bytes.length <= most, `${got.bytes.length} octets for ${said}`)
      t.true(got.options.has(51) && got.options.has(1))
      t.is(
        [17, 40, 14].every((code) => got.options.has(code)),
        said === 1472,
      )
    }
  },
)

both(
  'R01 R13 SELECTING: an ACK with address, lease time and server; the same again when the REQUEST is repeated',
  async (t, station) => {
    const client = station.client()
    const { yiaddr } = await client.offer()
    const ack = await client.select(yiaddr)
    t.like(ack, { type: ACK, yiaddr })
    t.is(seconds(ack, 51), 3600)
    t.is(dotted(ack.options.get(54)), serverAddress)
    const list: readonly Option[] = [
      [50, ip(yiaddr)],
      [54, ip(serverAddress)],
    ]
    t.is(await client.countAnswers(client.send(REQUEST, list, { xid: ack.xid })), 2)
    const seen = station.peer
      .all(({ hex }) => hex.startsWith('02') && Number.parseInt(hex.slice(8, 16), 16) === ack.xid)
      .map(({ hex }) => hex)
    t.is(new Set(seen).size, 1)
    t.deepEqual(await site.leasesOf(client.mac), [yiaddr])
  },
)

both('R03 SELECTING an address that another client holds: NAK', async (t, station) => {
  const own = await station.client().boot()
  const got = await station.client().select(own)
  isNak(t, got, station)
})

both('R04 INIT-REBOOT with the own address: ACK', async (t, station) => {
  const client = station.client()
  const own = await client.boot()
  t.like(await client.ask(REQUEST, [[50, ip(own)]]), { type: ACK, yiaddr: own })
})

both('R07 INIT-REBOOT of a client we know nothing of, not authoritative: silence', async (t, station) => {
  const free = (await station.client().boot()).replace(/\d+$/, '185')
  t.true(await station.client().isIgnored(REQUEST, [[50, ip(free)]]))
  t.true(await station.client().isIgnored(REQUEST, [[50, ip('192.0.2.9')]]))
})

test('R09 REBINDING by broadcast, then RENEWING by unicast: ACK to the address itself', async (t) => {
  const client = local.client()
  const own = await client.boot()
  await near.namespace.must(['ip', 'address', 'add', `${own}/24`, 'dev', 'eth0'])
  for (const to of [broadcast, serverAddress]) {
    const got = await client.ask(REQUEST, [], { ciaddr: own }, to)
    t.like(got, { type: ACK, yiaddr: own, ciaddr: own })
    t.like(got.datagram, { to: own, toPort: 68, fromPort: 67 })
  }
  await near.namespace.must(['ip', 'address', 'delete', `${own}/24`, 'dev', 'eth0'])
})

test('R09 REBINDING through a relay: ACK to the relay; RENEWING past it: ACK to the address itself', async (t) => {
  const client = remote.client()
  const own = await client.boot()
  const rebound = await client.ask(REQUEST, [], { ciaddr: own })
  t.like(rebound, { type: ACK, yiaddr: own })
  t.like(rebound.datagram, { to: '10.78.0.1', toPort: 67 })
  const renewed = await client.ask(REQUEST, [], { ciaddr: own, giaddr: '0.0.0.0' }, serverAddress)
  t.like(renewed, { type: ACK, yiaddr: own })
  t.like(renewed.datagram, { to: own, toPort: 68 })
})

both("R10 REBINDING another client's address: NAK", async (t, station) => {
  const own = await station.client().boot()
  isNak(t, await station.client().ask(REQUEST, [], { ciaddr: own }), station)
})

test("R10 RENEWING another client's address, by unicast: NAK to everyone on the link it came by", async (t) => {
  for (const station of [local, remote]) {
    const own = await station.client().boot()
    // Only the relay has an address to send from.
    const past = { ciaddr: own, giaddr: '0.0.0.0' }
    isNak(t, await remote.client().ask(REQUEST, [], past, serverAddress), local)
  }
})

both(
  'R17 Y03 options 61 and 82 come back in a NAK, and a relay is told to broadcast it',
  async (t, station) => {
    const own = await station.client().boot()
    const agent: Option = [
      82,
      options([
        [1, 'port 7'],
        [2, 'switch'],
      ]),
    ]
    const got = await station.client().select(own, [[61, 'my id'], agent])
    t.is(got.type, NAK)
    t.is(got.options.get(61)?.toString(), 'my id')
    t.deepEqual(got.options.get(82), Buffer.from(agent[1]))
    t.is(codesOf(got).at(-1), 82)
    if (station === remote) t.is(got.flags & 0x8000, 0x8000)
  },
)

both(
  'R18 a ROM without a client-id, then a system with one, on the same card: one address',
  async (t, station) => {
    const client = station.client()
    const own = await client.boot(bios)
    t.is(await client.boot([[61, Buffer.from('ff0123456789', 'hex')]]), own)
    t.is(await client.boot(), own)
  },
)

both('L01 a RELEASE is not answered, and the address is free for who asks for it', async (t, station) => {
  const client = station.client()
  const own = await client.boot()
  await client.release(own)
  t.is((await station.client().offer([[50, ip(own)]])).yiaddr, own)
})

both("L03 a RELEASE to another server, or of another's address, changes nothing", async (t, station) => {
  const client = station.client()
  const own = await client.boot()
  await client.release(own, '10.77.0.2')
  await station.client().release(own)
  t.not((await station.client().offer([[50, ip(own)]])).yiaddr, own)
  t.is((await client.offer()).yiaddr, own)
})

both("L05 a stranger's DECLINE changes nothing", async (t, station) => {
  const client = station.client()
  const own = await client.boot()
  await station.client().decline([
    [50, ip(own)],
    [54, ip(serverAddress)],
  ])
  t.is((await client.offer()).yiaddr, own)
  t.like(await client.ask(REQUEST, [[50, ip(own)]]), { type: ACK, yiaddr: own })
})

both(
  'L06 a DECLINE that names no address, no server, or an address outside the pool changes nothing',
  async (t, station) => {
    const client = station.client()
    const own = await client.boot()
    await client.decline([[54, ip(serverAddress)]])
    await client.decline([[50, ip(own)]])
    await client.decline([
      [50, ip('192.0.2.1')],
      [54, ip(serverAddress)],
    ])
    t.is((await client.offer()).yiaddr, own)
    await t.notThrowsAsync(site.logs(new RegExp(`${client.mac}.*DECLINE names no address or no server`)))
    await t.notThrowsAsync(site.logs(new RegExp(`${client.mac}.*declines 192.0.2.1, which is not its own`)))
  },
)

both('a DECLINE of the own address sets it aside', async (t, station) => {
  const client = station.client()
  const own = await client.boot()
  await client.decline([
    [50, ip(own)],
    [54, ip(serverAddress)],
  ])
  t.not((await client.offer([[50, ip(own)]])).yiaddr, own)
  t.not((await station.client().offer([[50, ip(own)]])).yiaddr, own)
})

for (const [via, subnet] of [
  ['broadcast', '10.81.0.0'],
  ['relayed', '10.82.0.0'],
] as const) {
  test(`L09 a hundred DECLINEs cost a tenth of the pool at most (${via})`, async (t) => {
    const selection: Option = [118, ip(subnet)]
    const [peer, always] = via === 'broadcast' ? [near, {}] : [relay, { giaddr: subnet.replace(/0$/, '1') }]
    const station = new Station(peer, { ...always, options: [selection] }, () =>
      (via === 'broadcast' ? local : remote).barrier(),
    )
    for (let times = 0; times < 100; times++) {
      const client = station.client()
      const { yiaddr } = await client.offer()
      client.send(4, [
        [50, ip(yiaddr)],
        [54, ip(serverAddress)],
      ])
    }
    await station.barrier()
    const given = await Promise.all(Array.from({ length: 90 }, () => station.client().offer()))
    t.is(new Set(given.map(({ yiaddr }) => yiaddr)).size, 90)
  })
}

test('Y01 OFFER, ACK and NAK go to the relay, from port 67 to port 67, with one and the same option 54', async (t) => {
  const client = remote.client()
  const offer = await client.offer()
  const ack = await client.select(offer.yiaddr)
  const nak = await remote.client().select(offer.yiaddr)
  for (const got of [offer, ack, nak]) {
    t.like(got.datagram, { from: serverAddress, fromPort: 67, to: '10.78.0.1', toPort: 67 })
    t.is(dotted(got.options.get(54)), serverAddress)
  }
})

both('Y05 option 118, or 82.5 of a relay, chooses the subnet, and comes back', async (t, station) => {
  const selection: Option = [118, ip('10.85.0.0')]
  const got = await station.client().offer([selection])
  t.regex(got.yiaddr, /^10\.85\.0\./)
  t.is(dotted(got.options.get(118)), '10.85.0.0')
  t.is(got.datagram.to, station.always.giaddr ?? got.datagram.to)
  const link = await station.client().offer([[82, options([[5, ip('10.84.0.0')]])]])
  t.regex(link.yiaddr, /^10\.84\.0\./)
})

test('Y07 the server identifier that a relay asks for is ours in OFFER and ACK (RFC 5107)', async (t) => {
  const client = remote.client({ options: [[82, options([[11, ip('10.78.0.1')]])]] })
  const offer = await client.offer()
  t.is(dotted(offer.options.get(54)), '10.78.0.1')
  const ack = await client.select(offer.yiaddr, [], '10.78.0.1')
  t.is(ack.type, ACK)
  t.is(dotted(ack.options.get(54)), '10.78.0.1')
  await client.release(offer.yiaddr, '10.78.0.1')
  t.is((await remote.client().offer([[50, ip(offer.yiaddr)]])).yiaddr, offer.yiaddr)
})

test('who has no address yet is answered, whatever address it says it has', async (t) => {
  const client = local.client({ ciaddr: '10.77.0.66' })
  const own = (await client.offer()).yiaddr
  t.like(await client.select(own), { type: ACK, yiaddr: own })
})

test('B02 without the broadcast flag: to the address and the hardware of the client; with it: to everyone', async (t) => {
  const client = local.client()
  const offer = await client.offer()
  const ack = await client.select(offer.yiaddr)
  for (const got of [offer, ack]) {
    t.like(got.datagram, {
      to: got.yiaddr,
      toPort: 68,
      fromPort: 67,
      from: serverAddress,
      hardware: client.mac,
    })
    t.true(got.datagram.checksum)
  }
  const flagged = await local.client().offer([], { flags: 0x8000 })
  t.like(flagged.datagram, { to: broadcast, toPort: 68, fromPort: 67, hardware: 'ff:ff:ff:ff:ff:ff' })
})

both('InfiniBand has no MAC: its client-id goes for one (RFC 4390)', async (t, station) => {
  const card = { mac: '00:00:00:00:00:00', htype: 32, hlen: 0, flags: 0x8000 }
  const [one, two] = ['port 1', 'port 2'].map((id) => station.client({ ...card, options: [[61, id]] }))
  const own = await one?.boot()
  t.not(await two?.boot(), own)
  const offer = await one?.offer()
  t.like(offer, { yiaddr: own, htype: 32, hlen: 0, chaddr: '0'.repeat(32) })
  t.is(offer?.options.get(61)?.toString(), 'port 1')
})

both('O01 61 and 82 in two options each are joined, and come back whole', async (t, station) => {
  const agent = options([
    [1, 'port 7'],
    [5, ip('10.85.0.0')],
  ])
  const client = station.client({
    options: [
      [61, 'first '],
      [82, agent.subarray(0, 10)],
      [61, 'second'],
      [82, agent.subarray(10)],
    ],
  })
  const got = await client.offer()
  t.regex(got.yiaddr, /^10\.85\.0\./)
  t.is(got.options.get(61)?.toString(), 'first second')
  t.deepEqual(got.options.get(82), agent)
})

both('O02 options in file and sname are read where option 52 says so, file first', async (t, station) => {
  const end = Buffer.of(255)
  const file = Buffer.concat([options([[61, 'file ']]), end])
  const sname = Buffer.concat([options([[61, 'sname']]), end])
  const ids = await Promise.all(
    [1, 2, 3].map(async (overload) => {
      const got = await station.client().offer(
        [
          [61, 'main '],
          [52, Uint8Array.of(overload)],
        ],
        { file, sname },
      )
      return got.options.get(61)?.toString()
    }),
  )
  t.deepEqual(ids, ['main file ', 'main sname', 'main file sname'])
})

both('O03 pads between options, and junk behind their end, are skipped', async (t, station, pool) => {
  const raw = Buffer.concat([
    Buffer.of(0, 0, 53, 1, 1, 0, 61, 2, 1, 7, 0, 255, 53, 1, 9),
    Buffer.alloc(40, 200),
  ])
  const client = station.client()
  const got = await client.answer(client.send(undefined, [], { raw }))
  t.regex(got.yiaddr, pool)
  t.is(got.options.get(61)?.toString('hex'), '0107')
})

both('O05 O09 plain BOOTP, and a client that is nobody, are met with silence', async (t, station) => {
  t.true(await station.client().isIgnored(undefined))
  t.true(await station.client({ mac: '00:00:00:00:00:00' }).isIgnored(DISCOVER))
  await t.notThrowsAsync(site.logs(/hardware address is zero/))
})

both(
  'O06 an option of more than 255 octets comes in pieces, and its length is never wrong',
  async (t, station) => {
    const got = await station.client().offer([
      [55, Buffer.of(43)],
      [57, uint16(1500)],
    ])
    const parts = got.list.filter(([code]) => code === 43).map(([, value]) => value.length)
    t.deepEqual(parts, [255, 245])
    t.is(got.options.get(43)?.length, 500)
  },
)

test('O07 a boot path of 127 octets is in the file field, one of 128 in option 67, and option 52 is never used', async (t) => {
  for (const [configuration, length] of [
    ['of-127', 127],
    ['of-128', 128],
  ] as const) {
    for (const station of [local, remote]) {
      const client = station.client()
      await site.deploy(configuration, client.mac)
      const path = 'f'.repeat(length)
      const got = await client.offer(
        bios.map(([code, value]) => (code === 55 ? [55, Buffer.of(1)] : [code, value])),
      )
      t.is(got.file, length <= 127 ? path : '')
      if (length > 127) t.is(got.options.get(67)?.toString(), path)
      t.false(got.options.has(52))
    }
  }
})

/** What a terminal or a browser would obey; line feeds aside. */
// oxlint-disable-next-line no-control-regex
const unsafe = /[\0-\u0009\u000b-\u001f\u007f-\u009f]|<script>alert/

both(
  'O08 a host name of escapes, markup and NUL: served, and raw in no list, log or page, nor in what the API says',
  async (t, station) => {
    const api = `http://${serverAddress}:3478`
    for (const [name, shown] of [
      ['a\u001b[2J\u0007<script>alert(1)</script>', String.raw`a\x1b[2J\x07<script>`],
      ['a\0b', String.raw`a\x00b`],
      ['a\u009b2Jb', String.raw`a\x9b2Jb`],
      ['caf\u00e9', 'caf\u00e9'],
      ['x'.repeat(255), 'xxx'],
    ] as const) {
      const client = station.client()
      const own = await client.boot([
        [12, name],
        [60, `PXEClient${name}`.slice(0, 250)],
        [93, uint16(0)],
      ])
      const list = await site.cli('lease', 'list')
      // A table shows markup as it is.
      t.notRegex(list.replaceAll('<', ''), unsafe)
      const line = list.split('\n').find((one) => one.includes(` ${own} `))
      t.true(line?.includes(shown), line)
      const leases = await site.curl('-f', `${api}/v1/leases`)
      t.notRegex(leases, unsafe)
      const all = JSON.parse(leases) as readonly { readonly ip: string; readonly hostname: string }[]
      t.is(all.find((lease) => lease.ip === own)?.hostname, name)
      const discovered = await site.curl('-f', `${api}/v1/discovered`)
      t.true(discovered.includes(client.mac))
      t.notRegex(discovered, unsafe)
      await site.deploy('debian', client.mac)
      t.notRegex(await site.curl('-f', `${api}/v1/hosts`), unsafe)
      const page = await site.curl('-f', `${api}/ui/`)
      t.true(page.includes(client.mac) && page.includes(own))
      t.notRegex(page, unsafe)
    }
    t.notRegex(site.rawLog, unsafe)
  },
)

both(
  'options 114, 119, 121, 150 and 209 as the settings say, and as they say of the host',
  async (t, station) => {
    const codes = [114, 119, 121, 150, 209]
    const ofSubnet = {
      114: Buffer.from('https://portal.lab.example/').toString('hex'),
      119: '036c6162076578616d706c6500076578616d706c6500',
      121: '100a110a560001000a560002',
      150: '0a5600070a560008',
      209: Buffer.from('pxelinux.cfg/lab').toString('hex'),
    }
    const list: readonly Option[] = [
      [118, ip('10.86.0.0')],
      [55, Buffer.from(codes)],
    ]
    const octets = (got: Got) =>
      Object.fromEntries(codes.map((code) => [code, got.options.get(code)?.toString('hex')]))
    for (const [client, values] of [
      [station.client(), ofSubnet],
      [station.client({ mac: ownMac }), { ...ofSubnet, 150: '0a560009' }],
    ] as const) {
      const offer = await client.offer(list)
      const ack = await client.select(offer.yiaddr, list)
      t.deepEqual([octets(offer), octets(ack)], [values, values])
      t.deepEqual(
        codesOf(offer).filter((code) => codes.includes(code)),
        codes,
      )
    }
    // What the loader reads, and firmware does not ask for.
    const rom = await station.client().offer([...bios, [118, ip('10.86.0.0')]])
    t.deepEqual(
      codes.filter((code) => rom.options.has(code)),
      [150, 209],
    )
  },
)

both('O12 a PXE client that states no size: at most 548 octets, and all of the boot', async (t, station) => {
  const asks: Option = [55, Buffer.of(1, 3, 6, 15, 28, 42, 43, 54, 60, 66, 67, 17, 40, 14)]
  const rom = bios.filter(([code]) => code !== 55 && code !== 57)
  const got = await station.client().offer([...rom, asks, [61, Buffer.alloc(17, 1)]])
  t.true(got.bytes.length <= 548, `${got.bytes.length} octets`)
  for (const code of [53, 54, 51, 1, 60, 43, 97, 67]) t.true(got.options.has(code), `option ${code}`)
})

both(
  'P02 P05 P06 P12 a PXE ROM: option 60 with a file, 43 that says to take it, 97 again; siaddr and 66 say where',
  async (t, station) => {
    const client = station.client()
    const offer = await client.offer(bios)
    const ack = await client.select(offer.yiaddr, bios)
    for (const got of [offer, ack]) {
      t.is(got.options.get(60)?.toString(), 'PXEClient')
      t.is(got.file, 'pxelinux.0')
      t.is(got.options.get(67)?.toString(), 'pxelinux.0')
      t.is(got.options.get(43)?.toString('hex'), '060108ff')
      t.deepEqual(got.options.get(97), Buffer.from(bios[3]?.[1] ?? ''))
      t.is(got.siaddr, serverAddress)
      t.is(got.options.get(66)?.toString(), serverAddress)
    }
  },
)

both(
  'P02 P05 a PXE ROM that there is nothing for gets an address and its 97, and no option 60 or 43 of PXE',
  async (t, station, pool) => {
    const unknown: readonly Option[] = [
      [60, 'PXEClient:Arch:00099:UNDI:002001'],
      [93, uint16(99)],
      [97, Buffer.alloc(17, 3)],
      [55, Buffer.of(1, 60, 66, 67)],
    ]
    const got = await station.client().offer(unknown)
    t.regex(got.yiaddr, pool)
    t.deepEqual(got.options.get(97), Buffer.alloc(17, 3))
    t.like(got, { siaddr: '0.0.0.0', file: '' })
    t.deepEqual(
      [60, 66, 67].map((code) => got.options.has(code)),
      [false, false, false],
    )
  },
)

both('P04 of several types in option 93 the first that is known wins', async (t, station) => {
  t.is((await station.client().offer(biosOf(99, 7, 0))).file, 'efi64/syslinux.efi')
  t.is((await station.client().offer(biosOf(0, 7))).file, 'pxelinux.0')
})

both('P09 iPXE gets its script by URL, and not iPXE again', async (t, station) => {
  for (const says of [
    [77, 'iPXE'],
    [175, Buffer.of(0xb1, 5, 1)],
  ] as const) {
    const client = station.client()
    await site.deploy('script', client.mac)
    t.is((await client.offer(bios)).file, 'undionly.kpxe')
    const url = `http://${serverAddress}/ipxe.cfg/01-${client.mac.replaceAll(':', '-')}`
    const got = await client.offer([...bios, says])
    t.is(got.file, url)
    t.is(got.options.get(67)?.toString(), url)
  }
})

both(
  'P10 UEFI HTTP boot: option 60 HTTPClient, option 67 a URL with our address, and nothing of PXE',
  async (t, station) => {
    const http: readonly Option[] = [
      [60, 'HTTPClient:Arch:00016:UNDI:003001'],
      [93, uint16(16)],
      [97, Buffer.alloc(17)],
      [57, uint16(1472)],
      [55, Buffer.of(1, 3, 6, 43, 60, 67)],
    ]
    const got = await station.client().offer(http)
    t.is(got.options.get(60)?.toString(), 'HTTPClient')
    t.is(got.options.get(67)?.toString(), `http://${serverAddress}/grubx64.efi`)
    t.not(got.options.get(43)?.[0], 6)
  },
)

both(
  'P08 P12 another boot server: siaddr and 66 are its address, 54 is ours, and 43 names no other',
  async (t, station) => {
    const got = await station.client().offer([...bios, [118, ip('10.84.0.0')]])
    t.is(got.siaddr, '10.84.0.7')
    t.is(got.options.get(66)?.toString(), '10.84.0.7')
    t.is(dotted(got.options.get(54)), serverAddress)
    t.is(got.options.get(43)?.toString('hex'), '060108ff')
  },
)

both('P14 a deploy between OFFER and ACK: the ACK has all of the new one', async (t, station) => {
  const client = station.client()
  await site.deploy('debian', client.mac)
  const offer = await client.offer(bios)
  await site.deploy('of-127', client.mac)
  const ack = await client.select(offer.yiaddr, bios)
  t.is(offer.file, 'pxelinux.0')
  t.is(offer.options.get(67)?.toString(), offer.file)
  t.is(ack.file, 'f'.repeat(127))
  t.is(ack.options.get(67)?.toString(), ack.file)
})

// Last, as it ends the appliance.
test('R01 what was acknowledged is known after kill -9', async (t) => {
  const clients = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const client = (index % 2 ? local : remote).client()
      return [client, (await client.offer()).yiaddr] as const
    }),
  )
  const acks = await Promise.all(clients.map(([client, address]) => client.select(address)))
  await site.kill()
  t.true(acks.every(({ type }) => type === ACK))
  await site.start()
  for (const [client, address] of clients) {
    t.like(await client.ask(REQUEST, [[50, ip(address)]]), { type: ACK, yiaddr: address })
  }
})
