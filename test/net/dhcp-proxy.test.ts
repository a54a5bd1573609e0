// What firmware notices of proxy mode on a real link, row by row of the conformance list: broadcast, relayed, port 4011.

import test, { type ExecutionContext } from 'ava'
import { ACK, DISCOVER, dotted, OFFER, options, REQUEST, uint16, type Option } from '../dhcp/wire.ts'
import { broadcast, relayAddress, Site, Station, type Client, type Got } from './dhcp-site.ts'
import { serverAddress } from './harness.ts'

const settings = `
dhcp:
  mode: proxy
tftp:
  root: ./tftproot
http:
  root: ./httproot
configuration:
  directory: ./tftproot/pxelinux.cfg/conf
  default: debian
  bootloaders:
    - { name: pxelinux, file: pxelinux.0, arch: [bios] }
    - { name: grub, file: grubx64.efi, arch: [http-x64] }
store: ./pxe-pilot.db
`

const files = {
  'tftproot/pxelinux.0': 'x',
  'tftproot/ldlinux.c32': 'x',
  'tftproot/grubx64.efi': 'x',
  'tftproot/pxelinux.cfg/conf/debian': 'DEFAULT x\n',
  'tftproot/pxelinux.cfg/conf/grub/debian': 'menuentry x {}\n',
}

const uuid = Buffer.concat([Buffer.of(0), Buffer.alloc(16, 7)])
const bios: readonly Option[] = [
  [60, 'PXEClient:Arch:00000:UNDI:002001'],
  [93, uint16(0)],
  [94, Buffer.of(1, 2, 1)],
  [97, uuid],
  [55, Buffer.of(1, 3, 43, 54, 60, 66, 67)],
]

let site: Site
let local: Station
let remote: Station
/** A station whose clients have an address, as they have when they ask port 4011. */
let addressed: Station

test.before(async () => {
  site = await Site.make(settings, files)
  const [near, relay] = [await site.peer(), await site.relay()]
  await site.start()
  // Nothing is acknowledged here: an OFFER shows that everything before it was dealt with.
  local = new Station(near, {}, () => local.client().offer(bios))
  remote = new Station(relay, { giaddr: '10.78.0.1', hops: 1 }, () => remote.client().offer(bios))
  addressed = new Station(relay, {}, () => asks(addressed.client()))
})

test.afterEach.always((t) => {
  if (!t.passed) t.log(site.log.slice(-5000))
})

test.after.always(async () => await site.close())

function both(title: string, row: (t: ExecutionContext, station: Station) => Promise<void>): void {
  test(`${title} (broadcast)`, async (t) => await row(t, local))
  test(`${title} (relayed)`, async (t) => await row(t, remote))
}

/** A REQUEST to port 4011, as firmware sends it with the address it just got. */
async function asks(client: Client, list: readonly Option[] = bios, ciaddr = relayAddress): Promise<Got> {
  return await client.ask(REQUEST, list, { ciaddr }, serverAddress, 4011)
}

both(
  'X02 P02 P05 P06 an OFFER without an address, from port 67 to everyone or the relay, with 97, 60, 43 and the file',
  async (t, station) => {
    const got = await station.client().offer(bios)
    t.like(got, { yiaddr: '0.0.0.0', siaddr: serverAddress, file: 'pxelinux.0' })
    t.deepEqual(got.options.get(97), uuid)
    t.is(got.options.get(60)?.toString(), 'PXEClient')
    t.is(got.options.get(43)?.toString('hex'), '060108ff')
    t.is(dotted(got.options.get(54)), serverAddress)
    t.false(got.options.has(51))
    const to = station === local ? { to: broadcast, toPort: 68 } : { to: '10.78.0.1', toPort: 67 }
    t.like(got.datagram, { from: serverAddress, fromPort: 67, ...to })
  },
)

both(
  'X02 a client that is no boot program, or that asks the other server, is left alone',
  async (t, station) => {
    t.true(await station.client().isIgnored(DISCOVER))
    t.true(
      await station.client().isIgnored(DISCOVER, [
        [60, 'MSFT 5.0'],
        [55, Buffer.of(1, 3, 6)],
      ]),
    )
    t.true(
      await station
        .client()
        .isIgnored(REQUEST, [...bios, [50, Buffer.of(10, 77, 0, 50)], [54, Buffer.of(10, 77, 0, 2)]]),
    )
    t.true(await station.client().isIgnored(REQUEST, [[50, Buffer.of(10, 77, 0, 50)]]))
  },
)

both('P10 UEFI HTTP boot in proxy mode: option 60 HTTPClient and a URL', async (t, station) => {
  const got = await station.client().offer([
    [60, 'HTTPClient:Arch:00016:UNDI:003001'],
    [93, uint16(16)],
    [55, Buffer.of(60, 67)],
  ])
  t.is(got.yiaddr, '0.0.0.0')
  t.is(got.options.get(60)?.toString(), 'HTTPClient')
  t.is(got.options.get(67)?.toString(), `http://${serverAddress}/grubx64.efi`)
  t.false(got.options.has(43))
})

test('X05 a REQUEST to port 4011 with a boot item: an ACK with type and layer of it, and the file', async (t) => {
  const item = Buffer.concat([options([[71, Buffer.of(0, 3, 0, 1)]]), Buffer.of(255)])
  const got = await asks(addressed.client(), [...bios, [43, item]])
  t.like(got, { type: ACK, yiaddr: '0.0.0.0', file: 'pxelinux.0', siaddr: serverAddress })
  t.is(got.options.get(43)?.toString('hex'), '060108470400030001ff')
  t.deepEqual(got.options.get(97), uuid)
})

test('X06 port 4011: silence to what is no PXE client; without ciaddr the answer goes where the REQUEST came from', async (t) => {
  const client = addressed.client()
  const xid = client.send(REQUEST, [], { ciaddr: relayAddress }, serverAddress, 4011)
  t.is(await client.countAnswers(xid), 0)
  const got = await asks(addressed.client(), bios, '0.0.0.0')
  t.is(got.type, ACK)
  // iPXE drops what does not come from 4011.
  t.like(got.datagram, { from: serverAddress, fromPort: 4011, to: relayAddress, toPort: 68 })
})

test('X06 firmware that asks from port 4011 is answered there, as EDK2 does', async (t) => {
  const client = addressed.client()
  const bytes = client.bytes(REQUEST, bios, { ciaddr: relayAddress, xid: 0x40110001 })
  client.station.peer.send({ port: 4011, to: serverAddress, toPort: 4011, hex: bytes.toString('hex') })
  const got = await client.answer(0x40110001)
  t.like(got, { type: ACK, file: 'pxelinux.0' })
  t.like(got.datagram, { fromPort: 4011, to: relayAddress, toPort: 4011 })
})

test('X08 an OFFER with option 60 has its file and 43 with it, and port 4011 has the same file for the first that asks', async (t) => {
  const offer = await local.client().offer(bios)
  t.true(offer.options.has(43))
  const began = performance.now()
  const got = await asks(addressed.client())
  // EDK2 waits 1 s before it asks again.
  t.true(performance.now() - began < 1000)
  t.is(got.file, offer.file)
  t.not(offer.type, got.type)
  t.is(offer.type, OFFER)
})
