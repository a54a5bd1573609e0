// What clients see, row by row of what RFCs and firmware want, on ports in memory and with real files.

import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, ftruncateSync, openSync, readdirSync, symlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parseSubnet } from '../../src/net/ipv4.ts'
import { encode } from '../../src/tftp/packet.ts'
import { tree } from '../folder.ts'
import { catalogOf, h1, h1Menu, ip, mac, pattern, serve, turns, until } from './memory.ts'

test('T01 1000 and 1024 octets without options: blocks of 512 from another port, the last one shorter', async (t) => {
  const root = tree({ '1000': pattern(1000), '1024': pattern(1024) })
  for (const [name, sizes] of [
    ['1000', [512, 488]],
    ['1024', [512, 512, 0]],
  ] as const) {
    const { client, listening } = serve({ root })
    const peer = client()
    const { bytes, oack } = await peer.fetch({ file: name })
    t.deepEqual(bytes, pattern(Number(name)))
    t.is(oack, undefined)
    t.deepEqual(
      peer.got.map((got) => got.packet),
      sizes.map((size, index) => ({
        kind: 'data',
        block: index + 1,
        data: pattern(Number(name)).subarray(512 * index, 512 * index + size),
      })),
    )
    t.true(peer.got.every(({ from }) => from !== listening))
    t.is(new Set(peer.got.map(({ from }) => from)).size, 1)
  }
})

test('T02 an empty file is one DATA of no octets', async (t) => {
  const { client, engine } = serve({ root: tree({ empty: '' }) })
  const peer = client()
  await peer.fetch({ file: 'empty' })
  t.deepEqual(
    peer.got.map(({ packet }) => packet),
    [{ kind: 'data', block: 1, data: Buffer.alloc(0) }],
  )
  t.is(engine.open, 0)
})

test('T03 a missing file: ERROR 1 with a text that ends in NUL, told only at debug level', async (t) => {
  const { client, engine, events } = serve({ root: tree() })
  const peer = client()
  const { error } = await peer.fetch({ file: 'pxelinux.cfg/0A4D0081' })
  t.is(error?.code, 1)
  t.true(String(error?.message).length > 0)
  t.is(peer.last.bytes.at(-1), 0)
  t.is(peer.got.length, 1)
  t.is(engine.open, 0)
  t.deepEqual(
    events.map(({ level, step }) => [level, step]),
    [['debug', 'tftp.missing']],
  )
})

test.serial(
  'T04 a file we may not read, a folder, a FIFO and a device: an ERROR at once, and nobody waits',
  async (t) => {
    const root = tree({ secret: 'x', 'folder/inner': 'x', small: 'small' })
    chmodSync(root, 0o755)
    chmodSync(join(root, 'secret'), 0)
    execFileSync('mkfifo', [join(root, 'fifo')])
    symlinkSync('/dev/zero', join(root, 'device'))
    symlinkSync('/dev/tty', join(root, 'tty'))
    const { client, engine, events } = serve({ root, links: 'anywhere' })
    await asNobody(async () => {
      for (const file of ['secret', 'folder', 'folder/', '/', '.', 'fifo', 'device', 'tty']) {
        const { error } = await client().fetch({ file })
        t.is(error?.code, 2, file)
      }
    })
    t.deepEqual((await client().fetch({ file: 'small' })).bytes, Buffer.from('small'))
    t.is(engine.open, 0)
    t.regex(events[0]?.text ?? '', /secret: we may not read it/)
  },
)

/** Root reads what it may not: without its rights, where the tests run as root. */
async function asNobody(run: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65534)
  try {
    await run()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

test('T06 a link out of the root: ERROR 2, unless links may lead anywhere; links inside are followed', async (t) => {
  const outside = tree({ secret: 'outside' })
  const root = tree({ 'sub/real': 'inside' })
  symlinkSync(join(outside, 'secret'), join(root, 'out'))
  symlinkSync(outside, join(root, 'folder'))
  symlinkSync('sub/real', join(root, 'in'))
  const strict = serve({ root }).client()
  t.is((await strict.fetch({ file: 'out' })).error?.code, 2)
  t.is((await strict.fetch({ file: 'folder/secret' })).error?.code, 2)
  t.is((await strict.fetch({ file: '../x' })).error?.code, 2)
  t.is((await strict.fetch({ file: 'in' })).bytes.toString(), 'inside')
  const loose = serve({ root, links: 'anywhere' }).client()
  t.is((await loose.fetch({ file: 'out' })).bytes.toString(), 'outside')
  t.is((await loose.fetch({ file: 'sub/../../secret' })).error?.code, 2, 'climbing is not linking')
})

test('T07 a WRQ: ERROR 2, and nothing is created or overwritten', async (t) => {
  const root = tree({ small: 'small' })
  const { client, engine } = serve({ root })
  for (const file of ['new', 'small', 'pxelinux.cfg/default']) {
    const peer = client()
    peer.send(encode({ kind: 'wrq', file, mode: 'octet', options: [] }))
    t.like(peer.last.packet, { kind: 'error', code: 2 })
    peer.send(encode({ kind: 'data', block: 1, data: Buffer.from('overwritten') }), peer.last.from)
  }
  t.is(engine.open, 0)
  t.deepEqual(readdirSync(root), ['small'])
  t.is((await client().fetch({ file: 'small' })).bytes.toString(), 'small')
})

test('an unknown mode: ERROR 4', (t) => {
  const { client } = serve()
  const peer = client()
  peer.ask({ file: 'x', mode: 'mail' })
  t.like(peer.last.packet, { kind: 'error', code: 4 })
})

test('T10 blksize 65465, 7, 0, -1, abc, empty', async (t) => {
  const content = pattern(70_000)
  const { client } = serve({ root: tree({ file: content }) })
  const biggest = await client().fetch({ file: 'file', options: [['blksize', 65465]] })
  t.is(biggest.oack?.get('blksize'), '65464')
  t.deepEqual(biggest.bytes, content)
  for (const value of ['7', '0', '-1', 'abc', '']) {
    const alone = await client().fetch({ file: 'file', options: [['blksize', value]] })
    t.is(alone.oack, undefined, value)
    t.deepEqual(alone.bytes, content)
    const options = [['blksize', value] as const, ['tsize', 0] as const]
    const beside = await client().fetch({ file: 'file', options })
    t.deepEqual([...(beside.oack ?? [])], [['tsize', '70000']], value)
    t.deepEqual(beside.bytes, content)
  }
})

test('T11 timeout 1 and 255 are echoed and kept; 0 and 256 are left out', async (t) => {
  const root = tree({ file: pattern(3000) })
  for (const seconds of [1, 255]) {
    const { client, clock } = serve({ root })
    const peer = client()
    peer.ask({ file: 'file', options: [['timeout', seconds]] })
    await peer.nth(1)
    t.deepEqual(peer.last.packet, { kind: 'oack', options: [['timeout', String(seconds)]] })
    clock.forward(seconds * 1000 - 1)
    t.is(peer.got.length, 1)
    clock.forward(1)
    t.is(peer.got.length, 2)
    peer.ack(0)
    t.is(peer.got.length, 3)
    clock.forward(seconds * 1000 - 1)
    t.is(peer.got.length, 3)
    clock.forward(1)
    t.is(peer.got.length, 4, 'DATA, too')
  }
  const { client } = serve({ root })
  for (const seconds of [0, 256]) {
    const { oack, bytes } = await client().fetch({ file: 'file', options: [['timeout', seconds]] })
    t.is(oack, undefined)
    t.is(bytes.length, 3000)
  }
})

for (const windowsize of [1, 4, 16, 65535]) {
  test(`T15 a client vanishes with a window of ${windowsize}: six repetitions, 64 KiB and 30 s at most`, async (t) => {
    const { client, clock, engine, events } = serve({ root: tree({ file: pattern(300_000) }) })
    const peer = client()
    const options = [['blksize', 1428] as const, ['windowsize', windowsize] as const]
    peer.ask({ file: 'file', options })
    await peer.nth(1)
    peer.ack(0)
    const blocks = Math.min(windowsize, Math.floor(65536 / 1428) - 6)
    await until(() => peer.got.length === 1 + blocks)
    const start = clock.now()
    let lastAt = start
    let bursts = 0
    while (engine.open > 0) {
      const before = peer.got.length
      clock.forward(10)
      if (peer.got.length > before) [bursts, lastAt] = [bursts + 1, clock.now()]
    }
    t.is(bursts, 6)
    t.true(lastAt - start >= 15_000, `the last one after ${lastAt - start} ms`)
    t.true(clock.now() - start <= 30_000, `freed after ${clock.now() - start} ms`)
    const octets = peer.got.slice(1).reduce((sum, { bytes }) => sum + bytes.length - 4, 0)
    t.true(octets <= 65536, `${octets} octets`)
    t.is(clock.pending, 0)
    t.is(events.at(-1)?.step, 'tftp.silent')
  })
}

test('T17 an OACK that was lost is sent again, and the transfer goes on', async (t) => {
  const { client, clock } = serve({ root: tree({ file: 'x' }) })
  const peer = client()
  peer.ask({ file: 'file', options: [['tsize', 0]] })
  await peer.nth(1)
  clock.forward(1000)
  t.true(peer.got.length >= 2)
  t.deepEqual(peer.last.packet, { kind: 'oack', options: [['tsize', '1']] })
  peer.ack(0)
  t.deepEqual(peer.last.packet, { kind: 'data', block: 1, data: Buffer.from('x') })
})

test('T20 netascii: LF as CR LF, CR as CR NUL; tsize is what is sent, or left out', async (t) => {
  const long = 'line\n'.repeat(20_000)
  const root = tree({ text: 'a\nb\rc\r\n', long })
  const { client } = serve({ root })
  const options = [['tsize', 0] as const]
  const short = await client().fetch({ file: 'text', mode: 'NetASCII', options })
  t.is(short.bytes.toString('latin1'), 'a\r\nb\r\0c\r\0\r\n')
  t.is(short.oack?.get('tsize'), String(short.bytes.length))
  const whole = await client().fetch({ file: 'long', mode: 'netascii', options })
  t.is(whole.bytes.toString(), long.replaceAll('\n', '\r\n'))
  t.is(whole.oack, undefined)
})

test('T22 malformed packets: no answer that matters, and the next request is served', async (t) => {
  const { client, engine, events } = serve({ root: tree({ small: 'small' }) })
  const options = 'x\x001\0'.repeat(400)
  const malformed = [
    '',
    '\0',
    '\0\0',
    '\0\x07',
    '\0\x09',
    '\xff\xff',
    '\x01\0x\0octet\0',
    '\0\x01',
    '\0\x01\0',
    '\0\x01\0octet\0',
    '\0\x01\0\0',
    '\0\x01small',
    '\0\x01small\0',
    '\0\x01small\0octet',
    '\0\x02small',
    '\0\x01small\0\0',
    '\0\x01small\0oct\xff\0',
    `\0\x01${'n'.repeat(4000)}\0octet\0`,
    `\0\x01${'n'.repeat(60_000)}\0octet\0`,
    `\0\x01${'../'.repeat(1300)}\0octet\0`,
    '\0\x03',
    '\0\x03\0',
    '\0\x04',
    '\0\x04\0',
    '\0\x05',
    '\0\x05\0',
    '\0\x06',
    '\0\x06\0\0\0',
    `\0\x06${options}`,
    '\0\x01%s%n%p\0octet\0',
    '\0\x01a\\..\\..\\etc\\passwd\0octet\0',
    '\0\x01\x1b[2J\r\nx\0octet\0',
  ].map((wire) => Buffer.from(wire, 'latin1'))
  t.true(malformed.length >= 30)
  for (const [index, wire] of malformed.entries()) client(41_000 + index).send(wire)
  await until(() => engine.open === 0)
  // 400 options it does not know, and a request that is fine: served.
  const many = client()
  many.send(Buffer.from(`\0\x01small\0octet\0${options}`))
  await many.nth(1)
  t.deepEqual(many.last.packet, { kind: 'data', block: 1, data: Buffer.from('small') })
  t.is((await client(40_001).fetch({ file: 'small' })).bytes.toString(), 'small')
  t.deepEqual(
    events.filter(({ step }) => step === 'tftp.fault'),
    [],
  )
  // oxlint-disable-next-line no-control-regex
  t.true(events.every((event) => !/[\x00-\x1f\x7f-\x9f]/.test(event.text)))
})

test('T25 an ACK of a block not yet sent changes nothing', async (t) => {
  const content = pattern(3000)
  const { client } = serve({ root: tree({ file: content }) })
  const peer = client()
  peer.ask({ file: 'file' })
  await peer.nth(1)
  for (const block of [2, 3, 6, 7, 300, 65535, 0]) peer.ack(block)
  t.is(peer.got.length, 1)
  for (let block = 1; block <= 5; block++) peer.ack(block)
  t.is(peer.got.length, 6)
  t.deepEqual(Buffer.concat(peer.got.map(({ bytes }) => bytes.subarray(4))), content)
})

test('T26 leading slashes, doubled ones and backslashes are spellings', async (t) => {
  const { client } = serve({ root: tree({ 'small.bin': 'small', 'sub/inner.bin': 'inner' }) })
  for (const file of [
    'small.bin',
    '/small.bin',
    '//small.bin',
    '.\\small.bin',
    './small.bin',
    '\\small.bin',
  ]) {
    t.is((await client().fetch({ file })).bytes.toString(), 'small', file)
  }
  for (const file of ['sub\\inner.bin', 'sub//inner.bin', '/sub/./inner.bin', '\\sub\\\\inner.bin']) {
    t.is((await client().fetch({ file })).bytes.toString(), 'inner', file)
  }
})

test('T27 a file of more than 4 GiB: tsize in full, and its octets', async (t) => {
  const root = tree()
  const size = 5 * 2 ** 30 + 7
  const file = openSync(join(root, 'big'), 'w')
  ftruncateSync(file, size)
  writeSync(file, 'start')
  closeSync(file)
  const { client } = serve({ root })
  const peer = client()
  peer.ask({
    file: 'big',
    options: [
      ['tsize', 0],
      ['blksize', 1024],
    ],
  })
  await peer.nth(1)
  t.deepEqual(peer.last.packet, {
    kind: 'oack',
    options: [
      ['tsize', String(size)],
      ['blksize', '1024'],
    ],
  })
  peer.ack(0)
  await peer.nth(2)
  t.is(peer.last.bytes.toString('latin1', 4, 9), 'start')
  peer.send(encode({ kind: 'error', code: 0, message: 'enough' }), peer.last.from)
})

test('T31 an answer leaves from the address that was asked, also for one client on two addresses', async (t) => {
  const { client, listen } = serve({ root: tree({ file: pattern(600) }) })
  const peer = client()
  const second = listen('127.0.0.2')
  peer.ask({ file: 'file' })
  await peer.nth(1)
  const first = peer.last.from.address
  peer.ask({ file: 'file' }, second)
  await peer.nth(2)
  t.not(first, second.address)
  t.is(peer.last.from.address, second.address)
  peer.ack(1)
  t.like(peer.last.packet, { kind: 'data', block: 2 })
  t.is(peer.last.from.address, second.address)
})

test('a request sent again from its port belongs to its transfer: one OACK each, from the same port', async (t) => {
  const { client, engine } = serve({ root: tree({ file: pattern(2000) }) })
  const peer = client()
  const asked = { file: 'file', options: [['blksize', 1024]] } as const
  for (let count = 0; count < 5; count++) peer.ask(asked)
  t.is(engine.open, 1)
  await until(() => peer.got.length > 0)
  t.is(peer.got.length, 1, 'those that came while it was opened are answered by the first')
  peer.ask(asked)
  t.is(peer.got.length, 2)
  t.is(peer.got[0]?.from, peer.got[1]?.from)
  t.deepEqual(peer.got[0]?.packet, peer.got[1]?.packet)
  peer.ack(0)
  peer.ask(asked)
  t.is(peer.got.length, 3, 'an OACK that was acknowledged is not sent again')
  peer.ack(1)
  peer.ask(asked)
  t.like(peer.last.packet, { kind: 'data', block: 2 })
  t.is(engine.open, 1)
  t.is(peer.got.length, 4, 'under way, it is only a late copy')
})

test('a machine that was reset in mid-transfer asks the same from the same port: it starts over', async (t) => {
  const { client, clock } = serve({ root: tree({ file: pattern(5000) }) })
  const peer = client()
  peer.ask({ file: 'file' })
  await peer.nth(1)
  peer.ack(1)
  const old = peer.last.from
  clock.forward(3000)
  const before = peer.got.length
  peer.ask({ file: 'file' })
  await peer.nth(before + 1)
  t.like(peer.last.packet, { kind: 'data', block: 1 })
  t.not(peer.last.from, old)
})

test('another file from the same port starts at once; what comes late for the old one is met by silence', async (t) => {
  const { client } = serve({ root: tree({ first: pattern(600), second: 'second' }) })
  const peer = client(49153)
  await peer.fetch({ file: 'first' })
  const old = peer.last.from
  const { bytes } = await peer.fetch({ file: 'second' })
  t.is(bytes.toString(), 'second')
  const before = peer.got.length
  peer.ack(2, old)
  peer.ack(1)
  t.is(peer.got.length, before)
})

test('RFC 1350 4: who has no transfer here gets ERROR 5, and one that is under way is not harmed', async (t) => {
  const { client } = serve({ root: tree({ file: pattern(2000) }), transferPorts: 1 })
  const peer = client()
  peer.ask({ file: 'file' })
  await peer.nth(1)
  const stranger = client(40_001)
  stranger.ack(1, peer.last.from)
  t.like(stranger.last.packet, { kind: 'error', code: 5 })
  stranger.send(encode({ kind: 'error', code: 0, message: '' }), peer.last.from)
  t.is(stranger.got.length, 1, 'an ERROR is never answered')
  peer.ack(1)
  t.like(peer.last.packet, { kind: 'data', block: 2 })
})

test('one port for everything: answers come from where the request went', async (t) => {
  const { client, listening } = serve({ root: tree({ file: pattern(2000) }), transferPorts: 0 })
  const peer = client()
  t.deepEqual((await peer.fetch({ file: 'file' })).bytes, pattern(2000))
  t.true(peer.got.every(({ from }) => from === listening))
})

test('a request to the port of a transfer is not taken', async (t) => {
  const { client, engine } = serve({ root: tree({ file: pattern(2000) }) })
  const peer = client()
  peer.ask({ file: 'file' })
  await peer.nth(1)
  client(40_001).ask({ file: 'file' }, peer.last.from)
  await turns()
  t.is(engine.open, 1)
})

test('only the clients of the settings may fetch', async (t) => {
  const subnet = parseSubnet('10.77.0.0/24')
  const { client, engine } = serve({ root: tree({ x: 'x' }), clients: subnet === undefined ? [] : [subnet] })
  t.is((await client(40_000, '10.77.1.5').fetch({ file: 'x' })).error?.code, 2)
  t.is((await client(40_000, '10.77.0.5').fetch({ file: 'x' })).bytes.toString(), 'x')
  t.is(engine.open, 0)
})

test('EDK2 asks for the size with an ERROR 8, then for the file: no failure is told', async (t) => {
  const { client, engine, events } = serve({ root: tree({ file: pattern(5000) }) })
  const peer = client(1234)
  const options = [['tsize', 0] as const, ['blksize', 1468] as const, ['windowsize', 4] as const]
  peer.ask({ file: 'file', options })
  await peer.nth(1)
  peer.send(encode({ kind: 'error', code: 8, message: 'User aborted the transfer' }), peer.last.from)
  t.is(engine.open, 0)
  const { bytes, oack } = await client(1235).fetch({ file: 'file', options: options.slice(1) })
  t.deepEqual(bytes, pattern(5000))
  t.deepEqual([...(oack?.keys() ?? [])], ['blksize', 'windowsize'])
  t.true(events.every(({ level }) => level === 'debug' || level === 'info'))
})

test('a per-host name is answered from memory, by the MAC in it or by who holds the address', async (t) => {
  const { table, client } = serve({ changes: [catalogOf({ ubuntu: 'DEFAULT ubuntu\n' })] })
  const peer = client()
  t.is((await peer.fetch({ file: h1Menu })).error?.code, 1)
  table.assignments.set(h1.name, 'ubuntu')
  t.is((await peer.fetch({ file: h1Menu })).bytes.toString(), 'DEFAULT ubuntu\n')
  t.is((await peer.fetch({ file: `/${h1Menu.toUpperCase()}` })).error?.code, 1)
  table.assignments.set(h1.name, 'local')
  t.regex((await peer.fetch({ file: h1Menu })).bytes.toString(), /LOCALBOOT/)
})

test('a request sent again after a deploy gets what was deployed, not what its transfer began with', async (t) => {
  const { table, client, engine } = serve({ changes: [catalogOf({ old: 'old', new: 'new' })] })
  table.assignments.set(h1.name, 'old')
  const peer = client()
  peer.ask({ file: h1Menu })
  await peer.nth(1)
  t.is(peer.last.bytes.toString('latin1', 4), 'old')
  peer.ask({ file: h1Menu })
  t.is(peer.got.length, 2)
  table.assignments.set(h1.name, 'new')
  peer.ask({ file: h1Menu })
  await peer.nth(3)
  t.is(peer.last.bytes.toString('latin1', 4), 'new')
  t.is(engine.open, 1)
})

test('a loader that came whole three times in a minute comes no more in it; one that was broken off does', async (t) => {
  const root = tree({ 'pxelinux.0': pattern(2000), other: 'x' })
  const { client, clock, events } = serve({ root, macOf: () => h1.macs[0] })
  const asked = { file: 'pxelinux.0' }
  for (let times = 0; times < 3; times++) {
    const peer = client(1 + times)
    peer.ask(asked)
    await peer.nth(1)
    peer.send(encode({ kind: 'error', code: 0, message: 'bye' }), peer.last.from)
  }
  for (let times = 0; times < 3; times++) t.is((await client().fetch(asked)).bytes.length, 2000)
  t.is((await client().fetch(asked)).error?.code, 1)
  t.like(events.at(-1), { level: 'warn', step: 'tftp.missing' })
  t.is((await client().fetch({ file: 'other' })).bytes.length, 1)
  clock.forward(60_000)
  t.is((await client().fetch(asked)).bytes.length, 2000)
})

test('behind a router that translates many machines fetch one loader', async (t) => {
  const root = tree({ 'pxelinux.0': pattern(2000) })
  const { client } = serve({ root, macOf: () => mac('52:54:00:00:00:99') })
  for (let machine = 0; machine < 5; machine++) {
    const { error } = await client(40_000 + machine).fetch({ file: 'pxelinux.0' })
    t.is(error, undefined)
  }
})

test('a missing file that a configuration names is a warning, and says so', async (t) => {
  const text = 'KERNEL /ubuntu/vmlinuz\nAPPEND initrd=ubuntu/initrd timeout=30'
  const { table, client, events } = serve({ root: tree(), changes: [catalogOf({ ubuntu: text })] })
  table.assignments.set(h1.name, 'ubuntu')
  table.addresses.set(ip('127.0.0.1'), mac('52:54:00:00:00:01'))
  for (const [file, level] of [
    ['ubuntu/vmlinuz', 'warn'],
    ['/ubuntu/initrd', 'warn'],
    ['ubuntu', 'debug'],
    ['30/x', 'debug'],
  ] as const) {
    t.is((await client().fetch({ file })).error?.code, 1)
    t.is(events.at(-1)?.level, level, file)
  }
  t.regex(events[0]?.text ?? '', /^h1 \(127\.0\.0\.1\) asks for .*configuration ubuntu names it$/)
})
