// The codec three ways, what real firmware sends, what is malformed and why, what is left out of a reply, and any bytes.

import test from 'ava'
import * as fc from 'fast-check'
import { readClient, type Client } from '../../src/dhcp/client.ts'
import { decode, encode, type Message, type Reply } from '../../src/dhcp/packet.ts'
import { formatIpv4, ipv4, parseIpv4 } from '../../src/net/ipv4.ts'
import { generator, golden, mutated } from './mutate.ts'
import {
  captured,
  DISCOVER,
  hardware,
  ip,
  options,
  read,
  REQUEST,
  uint16,
  uint32,
  write,
  type Option,
} from './wire.ts'

function decoded(bytes: Buffer): Message {
  const message = decode(bytes)
  if ('malformed' in message) throw new Error(message.malformed)
  return message
}

function clientOf(bytes: Buffer): Client {
  const client = readClient(decoded(bytes))
  if ('refused' in client) throw new Error(client.refused)
  return client
}

/** A reply with nothing in it but what a test is about. */
function reply(list: readonly Option[], more: Partial<Reply> = {}): Reply {
  const zero = ipv4(0)
  return {
    op: 2,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 1,
    secs: 0,
    flags: 0,
    ciaddr: zero,
    yiaddr: zero,
    siaddr: zero,
    giaddr: zero,
    chaddr: Buffer.alloc(16),
    sname: '',
    file: '',
    options: list.map(([code, value]) => [code, Buffer.from(value)] as const),
    ...more,
  }
}

const address = (text: string) => parseIpv4(text) ?? ipv4(0)

test('a request is read field by field as RFC 2131 2 draws it', (t) => {
  const message = decoded(
    write({
      hops: 3,
      xid: 0xdeadbeef,
      secs: 258,
      flags: 0x8000,
      ciaddr: '10.0.0.1',
      yiaddr: '10.0.0.2',
      siaddr: '10.0.0.3',
      giaddr: '10.0.0.4',
      mac: '52:54:00:12:34:56',
      padding: Buffer.from('0102030405060708090a', 'hex'),
      sname: Buffer.from('server\0'),
      file: Buffer.from('file\0'),
      type: DISCOVER,
      options: [[12, 'name']],
    }),
  )
  const { op, htype, hlen, hops, xid, secs, flags } = message
  t.deepEqual([op, htype, hlen, hops, xid, secs, flags], [1, 1, 6, 3, 0xdeadbeef, 258, 0x8000])
  const { ciaddr, yiaddr, siaddr, giaddr } = message
  t.deepEqual([ciaddr, yiaddr, siaddr, giaddr].map(formatIpv4), [
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
    '10.0.0.4',
  ])
  t.is(message.chaddr.toString('hex'), '5254001234560102030405060708090a')
  t.is(message.options.field('sname').toString('utf8', 0, 7), 'server\0')
  t.is(message.options.field('file').toString('utf8', 0, 5), 'file\0')
  t.is(message.options.get(12)?.toString(), 'name')
})

test('a reply is written field by field as RFC 2131 2 draws it, and its options in their order', (t) => {
  const bytes = encode(
    reply(
      [
        [53, Uint8Array.of(2)],
        [54, ip('10.0.0.1')],
        [12, 'name'],
      ],
      {
        hops: 2,
        xid: 0xdeadbeef,
        secs: 7,
        flags: 0x8000,
        ciaddr: address('10.0.0.1'),
        yiaddr: address('10.0.0.2'),
        siaddr: address('10.0.0.3'),
        giaddr: address('255.255.255.254'),
        chaddr: Buffer.from('5254001234560102030405060708090a', 'hex'),
        sname: 'server',
        file: 'file',
      },
    ),
    548,
  )
  t.is(bytes.length, 300)
  const { list, options: _, bytes: __, ...fields } = read(bytes)
  t.deepEqual(fields, {
    op: 2,
    htype: 1,
    hlen: 6,
    hops: 2,
    xid: 0xdeadbeef,
    secs: 7,
    flags: 0x8000,
    ciaddr: '10.0.0.1',
    yiaddr: '10.0.0.2',
    siaddr: '10.0.0.3',
    giaddr: '255.255.255.254',
    chaddr: '5254001234560102030405060708090a',
    sname: 'server',
    file: 'file',
    type: 2,
  })
  t.deepEqual(
    list.map(([code]) => code),
    [53, 54, 12],
  )
})

const comparable = (each: Message) => ({ ...each, options: [...each.options] })

for (const name of golden) {
  test(`${name}: what was captured is the same again after decode and encode`, (t) => {
    const bytes = captured(name)
    const message = decoded(bytes)
    const again = encode({ ...message, sname: '', file: '', options: [...message.options] }, 1472)
    t.deepEqual(again.subarray(0, bytes.length), bytes)
    t.true(again.subarray(bytes.length).every((octet) => octet === 0))
    t.deepEqual(comparable(decoded(again)), comparable(message))
  })
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What each capture tells of its sender. */
const senders: readonly { readonly name: (typeof golden)[number]; readonly is: Partial<Client> }[] = [
  {
    name: 'ipxe-bios-discover',
    is: {
      type: 'DISCOVER',
      agent: 'ipxe',
      archs: [0],
      boots: true,
      clientId: '01525400000001',
      wantsBroadcast: false,
      longest: 1444,
      vendorClass: 'PXEClient:Arch:00000:UNDI:002001',
    },
  },
  {
    name: 'ipxe-bios-request',
    is: { type: 'REQUEST', agent: 'ipxe', server: address('10.77.0.1'), wantsBroadcast: false },
  },
  {
    name: 'ipxe-efi-discover',
    is: { agent: 'ipxe', archs: [7], boots: true, vendorClass: 'PXEClient:Arch:00007:UNDI:003010' },
  },
  {
    name: 'ovmf-pxe-discover',
    is: {
      type: 'DISCOVER',
      agent: 'rom',
      archs: [7],
      boots: true,
      clientId: undefined,
      wantsBroadcast: true,
      longest: 1444,
      vendorClass: 'PXEClient:Arch:00007:UNDI:003001',
    },
  },
  {
    // It says 65280 octets; what is longer than a frame comes in fragments, and small stacks lose those.
    name: 'ovmf-pxe-request',
    is: { type: 'REQUEST', agent: 'rom', server: address('10.77.0.1'), longest: 1472, wantsBroadcast: true },
  },
  {
    name: 'ovmf-http-discover',
    is: { agent: 'httpboot', archs: [16], boots: true, vendorClass: 'HTTPClient:Arch:00016:UNDI:003001' },
  },
  {
    name: 'udhcpc-discover',
    is: {
      agent: 'unknown',
      archs: [],
      boots: false,
      uuid: undefined,
      longest: 548,
      vendorClass: 'udhcp 1.35.0',
    },
  },
  { name: 'udhcpc-request', is: { type: 'REQUEST', boots: false, server: address('10.77.0.1') } },
  {
    name: 'debian-installer-discover',
    is: { boots: false, agent: 'unknown', vendorClass: 'd-i', wants: Buffer.from([1, 3, 6, 12, 15, 28, 42]) },
  },
]

for (const { name, is } of senders) {
  test(`${name}: who sent it, and what it wants`, (t) => {
    const client = clientOf(captured(name))
    t.like(client, is)
    if (client.agent !== 'unknown') t.regex(client.uuid ?? '', uuid)
    if (client.type === 'REQUEST') t.regex(formatIpv4(client.requestedAddress ?? ipv4(0)), /^10\.77\.0\.5\d$/)
  })
}

const numberTo = (max: number) => fc.integer({ min: 0, max })
const octets = (length: object) => fc.uint8Array(length).map((value) => Buffer.from(value))
const ascii = (most: number) => fc.string({ unit: 'grapheme-ascii', maxLength: most })

test('decode(encode(x)) is x, whatever the fields and options are', (t) => {
  const codes = fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52)
  const list = fc.uniqueArray(fc.tuple(codes, octets({ maxLength: 700 })), {
    maxLength: 20,
    selector: ([code]) => code,
  })
  const fields = fc.record({
    op: numberTo(255),
    htype: numberTo(255),
    hlen: numberTo(255),
    hops: numberTo(255),
    xid: numberTo(0xffffffff),
    secs: numberTo(0xffff),
    flags: numberTo(0xffff),
    ciaddr: numberTo(0xffffffff).map(ipv4),
    yiaddr: numberTo(0xffffffff).map(ipv4),
    siaddr: numberTo(0xffffffff).map(ipv4),
    giaddr: numberTo(0xffffffff).map(ipv4),
    chaddr: octets({ minLength: 16, maxLength: 16 }),
  })
  fc.assert(
    fc.property(fields, ascii(63), ascii(127), list, (head, sname, file, given) => {
      const message = decoded(encode({ ...head, sname, file, options: given }, 65_000))
      t.deepEqual({ ...message, options: [] }, { ...head, options: [] })
      t.is(message.options.field('sname').toString('utf8').replace(/\0+$/, ''), sname.replace(/\0+$/, ''))
      t.is(message.options.field('file').toString('utf8').replace(/\0+$/, ''), file.replace(/\0+$/, ''))
      t.deepEqual([...message.options], given)
    }),
  )
})

test('O03 pads between options are skipped, and what stands behind the end is not read', (t) => {
  const raw = Buffer.concat([
    Buffer.of(0, 0, 53, 1, 1, 0, 0, 0),
    options([[12, 'name']]),
    Buffer.of(0, 255, 12, 200, 61, 3, 1),
  ])
  const message = decoded(write({ raw }))
  t.deepEqual([...message.options.keys()], [53, 12])
  t.is(message.options.get(12)?.toString(), 'name')
})

test('a message whose end option is missing is read as far as it goes', (t) => {
  t.is(clientOf(write({ raw: Buffer.of(53, 1, 3) })).type, 'REQUEST')
})

test('O02 options in the file and sname fields are read where option 52 says so, file first', (t) => {
  const file = Buffer.concat([options([[61, 'file-']]), Buffer.of(255)])
  const sname = Buffer.concat([options([[61, 'sname']]), Buffer.of(255)])
  const overload = (value: number) =>
    decoded(
      write({
        type: DISCOVER,
        options: [
          [61, 'main-'],
          [52, Uint8Array.of(value)],
        ],
        file,
        sname,
      }),
    )
  const ids = [1, 2, 3].map((value) => overload(value).options.get(61)?.toString())
  t.deepEqual(ids, ['main-file-', 'main-sname', 'main-file-sname'])
  t.deepEqual(
    [1, 2, 3].map((value) =>
      ['file', 'sname'].map((name) => overload(value).options.field(name as 'file' | 'sname').length),
    ),
    [
      [0, 64],
      [128, 0],
      [0, 0],
    ],
  )
  // Without option 52 they are texts, whatever they look like.
  t.is(decoded(write({ type: DISCOVER, file, sname })).options.get(61), undefined)
})

test('an option 52 that stands in an overloaded field changes nothing', (t) => {
  const file = Buffer.concat([options([[52, Uint8Array.of(2)]]), Buffer.of(255)])
  const sname = options([[61, 'id']])
  const message = decoded(write({ type: DISCOVER, options: [[52, Uint8Array.of(1)]], file, sname }))
  t.is(message.options.get(61), undefined)
  t.is(message.options.field('sname').length, 64)
})

test('O01 an option that comes in several is one (RFC 3396 5)', (t) => {
  const message = decoded(
    write({
      type: DISCOVER,
      options: [
        [61, 'ab'],
        [12, 'x'],
        [61, 'cd'],
        [61, ''],
        [61, 'e'],
      ],
    }),
  )
  t.is(message.options.get(61)?.toString(), 'abcde')
})

test('O06 what has more than 255 octets is written in several options (RFC 3396 4)', (t) => {
  const value = Buffer.from(Array.from({ length: 600 }, (_, index) => index & 255))
  const { list, options: joined } = read(
    encode(
      reply([
        [53, Uint8Array.of(2)],
        [43, value],
      ]),
      1472,
    ),
  )
  t.deepEqual(
    list.map(([code, part]) => [code, part.length]),
    [
      [53, 1],
      [43, 255],
      [43, 255],
      [43, 90],
    ],
  )
  t.deepEqual(joined.get(43), value)
})

test('an empty option is written as one', (t) => {
  t.deepEqual(read(encode(reply([[80, '']]), 548)).list, [[80, Buffer.alloc(0)]])
})

const malformed: readonly { readonly name: string; readonly bytes: Buffer; readonly because: RegExp }[] = [
  { name: 'nothing', bytes: Buffer.alloc(0), because: /0 octets are too few/ },
  { name: 'BOOTP without options', bytes: Buffer.alloc(239, 1), because: /239 octets are too few/ },
  { name: 'another cookie', bytes: Buffer.alloc(300), because: /magic cookie/ },
  {
    name: 'an option longer than what follows',
    bytes: write({ raw: Buffer.of(53, 1, 1, 61, 9, 1) }),
    because: /option 61 is cut off/,
  },
  {
    name: 'a code without a length',
    bytes: write({ raw: Buffer.of(53, 1, 1, 61) }),
    because: /option 61 is cut off/,
  },
  {
    name: 'an option that leaves the file field',
    bytes: write({ type: DISCOVER, options: [[52, Uint8Array.of(1)]], file: Buffer.alloc(128, 200) }),
    because: /option 200 is cut off/,
  },
]

for (const { name, bytes, because } of malformed) {
  test(`malformed: ${name}`, (t) => {
    const message = decode(bytes)
    t.true('malformed' in message)
    if ('malformed' in message) t.regex(message.malformed, because)
  })
}

const refused: readonly { readonly name: string; readonly bytes: Buffer; readonly because: RegExp }[] = [
  { name: 'O05 plain BOOTP', bytes: write({}), because: /BOOTP/ },
  { name: 'an unknown message type', bytes: write({ type: 99 }), because: /message type/ },
  {
    name: 'O09 a hardware address of zeros and no client-id',
    bytes: write({ type: DISCOVER, mac: '00:00:00:00:00:00' }),
    because: /zero/,
  },
  { name: 'InfiniBand', bytes: write({ type: DISCOVER, htype: 32, hlen: 0 }), because: /Ethernet/ },
  {
    name: 'seventeen octets of hardware address',
    bytes: write({ type: DISCOVER, hlen: 17 }),
    because: /Ethernet/,
  },
  {
    name: 'seventeen octets of hardware address and a client-id',
    bytes: write({ type: DISCOVER, hlen: 17, options: [[61, 'x1']] }),
    because: /Ethernet/,
  },
  {
    name: 'a client-id nobody could keep',
    bytes: write({
      type: DISCOVER,
      options: [
        [61, Buffer.alloc(255, 1)],
        [61, Buffer.alloc(255, 1)],
        [61, 'x'],
      ],
    }),
    because: /client-id/,
  },
]

for (const { name, bytes, because } of refused) {
  test(`nobody is answered: ${name}`, (t) => {
    const client = readClient(decoded(bytes))
    t.true('refused' in client)
    if ('refused' in client) t.regex(client.refused, because)
  })
}

test('a hardware address of zeros goes by its client-id', (t) => {
  t.is(clientOf(write({ type: DISCOVER, mac: '00:00:00:00:00:00', options: [[61, 'x1']] })).clientId, '7831')
})

test('six octets are a MAC on any kind of network; of any other length, it goes by its client-id', (t) => {
  t.like(clientOf(write({ type: DISCOVER, htype: 6 })), { mac: '52:54:00:00:00:01' })
  for (const [htype, hlen] of [
    [32, 0],
    [32, 8],
    [1, 0],
    [255, 16],
  ] as const) {
    const client = clientOf(write({ type: DISCOVER, htype, hlen, options: [[61, 'x1']] }))
    t.like(client, { mac: '00:00:00:00:00:00', clientId: '7831' })
  }
})

const longestFor = (said: number | undefined) =>
  clientOf(write({ type: DISCOVER, options: said === undefined ? [] : [[57, uint16(said)]] })).longest

test('D16 the longest reply a client takes: 576 octets of IP at the least, one frame at the most', (t) => {
  t.deepEqual(
    [undefined, 100, 576, 590, 1472, 1500, 65280].map(longestFor),
    [548, 548, 548, 562, 1444, 1472, 1472],
  )
})

test('options of the wrong length are as good as absent', (t) => {
  const client = clientOf(
    write({
      type: REQUEST,
      options: [
        [50, Buffer.of(10, 0, 0)],
        [51, Buffer.of(1)],
        [54, Buffer.of(10, 0, 0, 1, 5)],
        [57, Buffer.of(2)],
        [61, ''],
        [93, Buffer.of(0)],
        [97, Buffer.of(0, 1, 2)],
      ],
    }),
  )
  t.like(client, {
    requestedAddress: undefined,
    leaseTime: undefined,
    server: undefined,
    longest: 548,
    clientId: undefined,
    archs: [],
    uuid: undefined,
  })
})

const archsFrom = (...list: Option[]) => clientOf(write({ type: DISCOVER, options: list })).archs

test('what firmware it is shows in option 93, with all its values, else in option 60', (t) => {
  t.deepEqual(archsFrom([93, uint16(99, 7, 0)]), [99, 7, 0])
  t.deepEqual(archsFrom([60, 'PXEClient:Arch:00009:UNDI:003016']), [9])
  t.deepEqual(archsFrom([60, 'PXEClient:Arch:00009:UNDI:003016'], [93, uint16(7)]), [7])
  t.deepEqual(archsFrom([60, 'HTTPClient:Arch:00016']), [16])
  t.deepEqual(archsFrom([60, 'PXEClient']), [])
})

const agentFrom = (...list: Option[]) =>
  clientOf(write({ type: DISCOVER, options: [[60, 'PXEClient:Arch:00000:UNDI:002001'], ...list] })).agent

test('iPXE is known by option 175 or its user class, with or without the length of RFC 3004', (t) => {
  t.is(agentFrom(), 'rom')
  t.is(agentFrom([77, 'iPXE']), 'ipxe')
  t.is(agentFrom([77, '\u0004iPXE']), 'ipxe')
  t.is(agentFrom([77, 'iPXE\0']), 'ipxe')
  t.is(agentFrom([175, Buffer.of(0xb1, 5, 1)]), 'ipxe')
  t.is(agentFrom([77, 'gPXE']), 'rom')
})

const placeFrom = (...list: Option[]) => {
  const { subnet, serverOverride } = clientOf(write({ type: DISCOVER, options: list }))
  return [subnet, serverOverride].map((found) => (found === undefined ? undefined : formatIpv4(found)))
}
const [relay5, relay11] = [options([[5, ip('10.1.0.0')]]), options([[11, ip('10.1.0.1')]])]

const lacksHttp = (...features: readonly number[]) => {
  const list = options(features.map((code) => [code, Uint8Array.of(1)]))
  return clientOf(write({ type: DISCOVER, options: [[175, list]] })).lacksHttp
}

test('an iPXE that lists TFTP and no HTTP among its features takes no URL', (t) => {
  t.true(lacksHttp(0xb1, 0x17, 0x15, 0x21))
  t.false(lacksHttp(0xb1, 0x13, 0x17, 0x15))
  t.false(lacksHttp(0xb1), 'it lists none')
  t.false(lacksHttp())
})

test('a relay says where its client is: 82.5 goes before option 118; what is cut off in 82 is not there', (t) => {
  t.deepEqual(placeFrom([118, ip('10.2.0.0')]), ['10.2.0.0', undefined])
  t.deepEqual(placeFrom([118, ip('10.2.0.0')], [82, relay5]), ['10.1.0.0', undefined])
  t.deepEqual(placeFrom([82, Buffer.concat([options([[1, 'port']]), relay5, relay11])]), [
    '10.1.0.0',
    '10.1.0.1',
  ])
  // O01: split over two options, in the middle of a sub-option.
  const whole = Buffer.concat([relay5, relay11])
  t.deepEqual(placeFrom([82, whole.subarray(0, 8)], [82, whole.subarray(8)]), ['10.1.0.0', '10.1.0.1'])
  t.deepEqual(placeFrom([82, Buffer.concat([relay11, Buffer.of(5, 4, 10, 1)])]), [undefined, '10.1.0.1'])
})

test('0.0.0.0 in options 82.5, 82.11 and 118 names nothing: what stands behind it counts, else our own choice', (t) => {
  const nothing = ip('0.0.0.0')
  const relay = Buffer.concat([options([[5, nothing]]), options([[11, nothing]])])
  t.deepEqual(placeFrom([82, relay]), [undefined, undefined])
  t.deepEqual(placeFrom([82, relay], [118, ip('10.2.0.0')]), ['10.2.0.0', undefined])
  t.deepEqual(placeFrom([118, nothing]), [undefined, undefined])
})

test('O12 what does not fit is left out whole, the least needed first, and the boot never', (t) => {
  const full: readonly Option[] = [
    [53, Uint8Array.of(5)],
    [54, ip('10.0.0.1')],
    [60, 'PXEClient'],
    [43, Buffer.from('060108ff', 'hex')],
    [97, Buffer.alloc(17, 9)],
    [67, 'f'.repeat(40)],
    [66, '10.0.0.1'],
    [51, uint32(3600)],
    [58, uint32(1800)],
    [59, uint32(3150)],
    [1, ip('255.255.255.0')],
    [3, ip('10.0.0.254')],
    [6, ip('10.0.0.254')],
    [12, 'h'.repeat(20)],
    [15, 'd'.repeat(20)],
    [28, ip('10.0.0.255')],
    [42, ip('10.0.0.254')],
    [209, 'c'.repeat(20)],
    [210, 'p'.repeat(20)],
    [119, 's'.repeat(60)],
    [61, Buffer.alloc(7, 1)],
    [82, Buffer.alloc(20, 1)],
  ]
  const needed = [53, 54, 60, 43, 97, 67, 51, 1, 61, 82]
  const order = [119, 58, 59, 210, 209, 28, 42, 12, 15, 66, 6, 3]
  const all = full.map(([code]) => code)
  for (let most = 250; most <= 800; most++) {
    const bytes = encode(reply(full), most)
    const left = read(bytes).list.map(([code]) => code)
    const gone = order.filter((code) => !left.includes(code))
    t.deepEqual(gone, order.slice(0, gone.length), `at ${most} octets`)
    t.deepEqual(
      left,
      all.filter((code) => !gone.includes(code)),
    )
    for (const code of needed) t.true(left.includes(code))
    if (gone.length < order.length) t.true(bytes.length <= Math.max(most, 300), `at ${most} octets`)
  }
  t.deepEqual(read(encode(reply(full), 800)).list.length, full.length)
})

test("what EDK2 does to the octet behind the boot file's name harms nothing", (t) => {
  const file = Buffer.from('http://10.77.0.1/ipxe.efi')
  const bytes = encode(
    reply([
      [53, Uint8Array.of(5)],
      [67, file],
      [51, uint32(3600)],
      [1, ip('255.255.255.0')],
    ]),
    548,
  )
  bytes[bytes.indexOf(file) + file.length] = 0
  t.deepEqual(
    read(bytes).list.map(([code]) => code),
    [53, 67, 51, 1],
  )
})

test('a text that is too long for its field still ends with NUL', (t) => {
  const { sname, file } = read(encode(reply([], { sname: 's'.repeat(99), file: 'f'.repeat(200) }), 548))
  t.deepEqual([sname.length, file.length], [63, 127])
})

test('the time that a datagram of many short options takes grows with their number, not with its square', (t) => {
  const time = (count: number, rounds: number) => {
    const raw = Buffer.concat(Array.from({ length: count }, () => Buffer.of(61, 1, 1)))
    const bytes = write({ raw })
    const start = process.cpuUsage()
    for (let round = 0; round < rounds; round++) t.is(decoded(bytes).options.get(61)?.length, count)
    return process.cpuUsage(start).user / 1000
  }
  // In milliseconds of our own, and the best of several, as other tests run meanwhile.
  const best = (count: number, rounds: number) => Math.min(...[1, 2, 3].map(() => time(count, rounds)))
  best(1000, 20)
  t.true(best(20_000, 2) < 5 * best(1000, 40) + 5)
})

test('fuzz: no bytes make decode, readClient or encode throw, and what is encoded is well-formed', async (t) => {
  const count = Number(process.env['PXE_PILOT_FUZZ'] ?? 100_000)
  t.timeout(60_000 + count / 10)
  const seed = Number(process.env['PXE_PILOT_SEED'] ?? Date.now())
  const random = generator(seed)
  const corpus = [
    ...golden.map(captured),
    write({
      type: DISCOVER,
      options: [
        [52, Uint8Array.of(3)],
        [82, options([[5, ip('10.0.0.1')]])],
      ],
    }),
  ]
  let deep = 0
  for (let round = 0; round < count; round++) {
    // So that the runner hears that a long one is alive.
    if (round % 50_000 === 0) await new Promise((resolve) => setImmediate(resolve))
    const bytes = mutated(corpus[random(corpus.length)] ?? Buffer.alloc(0), random)
    try {
      const message = decode(bytes)
      if ('malformed' in message) continue
      const client = readClient(message)
      const longest = 'refused' in client ? 548 : client.longest
      const written = encode({ ...message, sname: '', file: '', options: [...message.options] }, longest)
      if ('malformed' in decode(written)) throw new Error('what was encoded cannot be decoded')
      deep++
    } catch (error) {
      t.fail(`seed ${seed}, round ${round}: ${String(error)}\n${bytes.toString('hex')}`)
      return
    }
  }
  t.true(deep > count / 5, `only ${deep} of ${count} got behind the decoder`)
})

test('the fixtures are what their names say', (t) => {
  for (const name of golden) t.is(captured(name)[0], 1, name)
  t.deepEqual(captured('ovmf-pxe-discover').subarray(28, 34), hardware('52:54:00:00:00:02'))
})
