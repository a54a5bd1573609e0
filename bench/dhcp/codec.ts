// Our codec beside that of the npm package dhcp: one OFFER encoded and one DISCOVER decoded, medians of interleaved rounds.
// node --import=tsx bench/dhcp/codec.ts [ROUNDS]

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { decode, encode, type Reply } from '../../src/dhcp/packet.ts'
import { ipv4 } from '../../src/net/ipv4.ts'

type Other = { parse(bytes: Buffer): unknown; format(data: object): { buffer: Buffer } }

const rounds = Number(process.argv[2] ?? 9)
const count = 20_000
const other = createRequire(import.meta.url)('dhcp/lib/protocol.js') as Other

const fixture = new URL('../../test/fixtures/dhcp/udhcpc-discover.hex', import.meta.url)
const text = readFileSync(fixture, 'utf8')
const discover = Buffer.from(text.replace(/#.*$/gm, '').replace(/\s/g, ''), 'hex')

const header = { op: 2, htype: 1, hlen: 6, hops: 0, xid: 7, secs: 0, flags: 0 }
const offer: Reply = {
  ...header,
  ciaddr: ipv4(0),
  yiaddr: ipv4(0x0a4d0064),
  siaddr: ipv4(0x0a4d0001),
  giaddr: ipv4(0),
  chaddr: Buffer.alloc(16, 1),
  sname: '',
  file: 'pxelinux.0',
  options: [
    [53, Uint8Array.of(2)],
    [54, Uint8Array.of(10, 77, 0, 1)],
    [51, Uint8Array.of(0, 0, 14, 16)],
    [1, Uint8Array.of(255, 255, 255, 0)],
    [3, Uint8Array.of(10, 77, 0, 254)],
    [6, Uint8Array.of(10, 77, 0, 1)],
  ],
}
const otherOffer = {
  ...header,
  ciaddr: '0.0.0.0',
  yiaddr: '10.77.0.100',
  siaddr: '10.77.0.1',
  giaddr: '0.0.0.0',
  chaddr: '01-01-01-01-01-01',
  sname: '',
  file: 'pxelinux.0',
  options: { 53: 2, 54: '10.77.0.1', 51: 3600, 1: '255.255.255.0', 3: ['10.77.0.254'], 6: ['10.77.0.1'] },
}

/** CPU in microseconds for one decode and one encode. */
function cost(work: () => void): number {
  const before = process.cpuUsage()
  for (let done = 0; done < count; done++) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

const ours = () => {
  decode(discover)
  encode(offer, 548)
}
const theirs = () => {
  other.parse(discover)
  other.format(otherOffer)
}

cost(ours)
cost(theirs)
const pairs = Array.from({ length: rounds }, () => ({ own: cost(ours), their: cost(theirs) }))
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
const own = median(pairs.map((pair) => pair.own))
const their = median(pairs.map((pair) => pair.their))
const ratio = median(pairs.map((pair) => pair.their / pair.own))
process.stdout.write(
  `ours ${own.toFixed(2)} us, npm dhcp ${their.toFixed(2)} us for a decode and an encode: ${ratio.toFixed(1)} times as fast\n`,
)
