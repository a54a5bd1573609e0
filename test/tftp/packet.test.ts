// The codec: the wire as the RFCs draw it, both ways; what is malformed and why; any bytes at all.

import test from 'ava'
import * as fc from 'fast-check'
import { decode, encode, type Packet } from '../../src/tftp/packet.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')

const rows: readonly { readonly name: string; readonly wire: string; readonly packet: Packet }[] = [
  {
    name: 'RRQ without options (RFC 1350 5)',
    wire: '\0\x01pxelinux.0\0octet\0',
    packet: { kind: 'rrq', file: 'pxelinux.0', mode: 'octet', options: [] },
  },
  {
    name: 'RRQ of iPXE on BIOS',
    wire: '\0\x01/undionly.kpxe\0octet\0blksize\x001432\0tsize\x000\0',
    packet: {
      kind: 'rrq',
      file: '/undionly.kpxe',
      mode: 'octet',
      options: [
        ['blksize', '1432'],
        ['tsize', '0'],
      ],
    },
  },
  {
    name: 'RRQ of EDK2',
    wire: '\0\x01syslinux.efi\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0',
    packet: {
      kind: 'rrq',
      file: 'syslinux.efi',
      mode: 'octet',
      options: [
        ['tsize', '0'],
        ['blksize', '1468'],
        ['windowsize', '4'],
      ],
    },
  },
  { name: 'WRQ', wire: '\0\x02x\0octet\0', packet: { kind: 'wrq', file: 'x', mode: 'octet', options: [] } },
  { name: 'DATA', wire: '\0\x03\x01\x02abc', packet: { kind: 'data', block: 258, data: bytes('abc') } },
  { name: 'DATA, empty', wire: '\0\x03\0\x01', packet: { kind: 'data', block: 1, data: bytes('') } },
  { name: 'ACK', wire: '\0\x04\xff\xff', packet: { kind: 'ack', block: 65535 } },
  {
    name: 'ERROR of EDK2 to an OACK',
    wire: '\0\x05\0\x08User aborted the transfer\0',
    packet: { kind: 'error', code: 8, message: 'User aborted the transfer' },
  },
  {
    name: 'OACK (RFC 2347)',
    wire: '\0\x06blksize\x001432\0tsize\x0042430\0',
    packet: {
      kind: 'oack',
      options: [
        ['blksize', '1432'],
        ['tsize', '42430'],
      ],
    },
  },
]

for (const { name, wire, packet } of rows) {
  test(`${name}: decoded, encoded, and back`, (t) => {
    t.deepEqual(decode(bytes(wire)), packet)
    t.is(encode(packet).toString('latin1'), wire)
    t.deepEqual(decode(encode(packet)), packet)
  })
}

test('what real clients spell otherwise is understood', (t) => {
  const request = (text: string) => decode(bytes(`\0\x01${text}`))
  t.like(request('x\0OCTET\0'), { mode: 'octet' })
  t.deepEqual(request('x\0octet\0BlkSize\x00512\0'), {
    kind: 'rrq',
    file: 'x',
    mode: 'octet',
    options: [['blksize', '512']],
  })
  t.deepEqual(
    request('x\0octet\0\0\0\0\0'),
    { kind: 'rrq', file: 'x', mode: 'octet', options: [] },
    'padding',
  )
  t.like(request('x\0octet\0tsize\0'), { options: [] }, 'an option without its value')
  t.like(request('x\0octet\0tsize\x000'), { options: [] }, 'a value without its end')
  t.deepEqual(decode(bytes('\0\x04\0\x01padding')), { kind: 'ack', block: 1 })
  t.deepEqual(decode(bytes('\0\x05\0\0bye')), { kind: 'error', code: 0, message: 'bye' }, 'no NUL')
})

test('what is malformed says why', (t) => {
  const reasons: readonly (readonly [wire: string, because: RegExp])[] = [
    ['', /shorter than an opcode/],
    ['\0', /shorter than an opcode/],
    ['\0\0', /opcode 0 /],
    ['\0\x07', /opcode 7 /],
    ['\x01\0x\0octet\0', /opcode 256 /],
    ['\0\x01', /name has no end/],
    ['\0\x01pxelinux.0', /name has no end/],
    ['\0\x01\0octet\0', /name is empty/],
    ['\0\x01x\0', /mode has no end/],
    ['\0\x01x\0octet', /mode has no end/],
    ['\0\x02x\0octet', /mode has no end/],
    [`\0\x01${'x'.repeat(9000)}\0octet\0`, /a request of 9\d\d\d octets/],
    ['\0\x03\0', /DATA without a block/],
    ['\0\x04\0', /ACK without a block/],
    ['\0\x05\0', /ERROR without a code/],
    [`\0\x06${'x\0y\0'.repeat(3000)}`, /an OACK of 12002 octets/],
  ]
  for (const [wire, because] of reasons) {
    const packet = decode(bytes(wire))
    t.is(packet.kind, 'malformed', wire)
    if (packet.kind === 'malformed') t.regex(packet.because, because)
  }
})

const word = fc
  .string({ minLength: 1, maxLength: 20 })
  .filter((text) => !text.includes('\0') && !/\p{Cs}/u.test(text))
const lower = word.map((text) => text.toLowerCase()).filter((text) => text === text.toLowerCase())
const options = fc.array(fc.tuple(lower, word), { maxLength: 5 })
const number = fc.integer({ min: 0, max: 65535 })
const packets: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({ kind: fc.constantFrom('rrq' as const, 'wrq' as const), file: word, mode: lower, options }),
  fc.record({
    kind: fc.constant('data' as const),
    block: number,
    data: fc.uint8Array().map((data) => Buffer.from(data)),
  }),
  fc.record({ kind: fc.constant('ack' as const), block: number }),
  fc.record({ kind: fc.constant('error' as const), code: number, message: word }),
  fc.record({ kind: fc.constant('oack' as const), options }),
)

test('decode(encode(packet)) is the packet', (t) => {
  fc.assert(
    fc.property(packets, (packet) => void t.deepEqual(decode(encode(packet)), packet)),
    { numRuns: 500 },
  )
})

test('any bytes, and packets with any octet changed, give a packet or a reason', (t) => {
  const kinds = new Set(['rrq', 'wrq', 'data', 'ack', 'error', 'oack', 'malformed'])
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (any) => kinds.has(decode(Buffer.from(any)).kind)))
  fc.assert(
    fc.property(packets, fc.nat(), fc.nat(255), fc.nat(), (packet, at, octet, cut) => {
      const changed = encode(packet)
      changed[at % changed.length] = octet
      return kinds.has(decode(changed.subarray(0, 1 + (cut % changed.length))).kind)
    }),
    { numRuns: 5000 },
  )
  t.pass()
})
