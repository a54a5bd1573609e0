// What TFTP clients notice, row by row of the conformance list, at packet level: by libc's sockets, and by Node's alone.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { mkdirSync, mkdtempSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { encode } from '../../src/tftp/packet.ts'
import { Download, type Asked } from '../tftp/download.ts'
import { pattern } from '../tftp/memory.ts'
import { Network, type Daemon, type Namespace } from './harness.ts'
import { makeNetwork, Site, within } from './site.ts'
import { Peer, type Client } from './tftp-peer.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const program = here('../../dist/main.js')
/** An ordinary user, so that there is something it may not read. */
const asUser = [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--inh-caps=+net_bind_service',
  '--ambient-caps=+net_bind_service',
]

type Server = { readonly address: string; readonly daemon: Daemon; readonly root: string }
type Kind = 'libc' | 'dgram'

const folder = mkdtempSync(join(tmpdir(), 'pxe-pilot-tftp-rows-'))
let network: Network
let namespace: Namespace
let peer: Peer
const servers = new Map<Kind, Server>()

const files = {
  '1000.bin': pattern(1000),
  '1024.bin': pattern(1024),
  'small.bin': pattern(700),
  'sub/inner.bin': pattern(900, 2),
  empty: '',
  text: 'one\ntwo\rthree\r\n',
  '2M.bin': pattern(2 * 1024 * 1024),
  'unreadable.bin': 'x',
}

async function start(kind: Kind, address: string): Promise<void> {
  const own = join(folder, kind)
  const root = join(own, 'root')
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  mkdirSync(join(root, 'folder'))
  chmodSync(join(root, 'unreadable.bin'), 0)
  symlinkSync('/etc/hostname', join(root, 'outside'))
  writeFileSync(join(root, 'huge.bin'), '')
  truncateSync(join(root, 'huge.bin'), 5 * 1024 ** 3)
  execFileSync('mkfifo', [join(root, 'fifo')])
  execFileSync('mknod', [join(root, 'device'), 'c', '1', '5'])
  mkdirSync(join(own, 'conf'))
  const settings = [
    `server: { bind: ${address} }`,
    `http: { root: ${own}, bind: ${address} }`,
    `tftp: { root: ${root}, bind: ${address} }`,
    `configuration: { directory: ${join(own, 'conf')} }`,
    'store: ./pxe-pilot.db',
    'log: { level: debug }',
  ]
  writeFileSync(join(own, 'pxe-pilot.yml'), `${settings.join('\n')}\n`)
  execFileSync('chown', ['65534', own])
  const without = kind === 'dgram' ? ['--import', here('without-koffi.mjs')] : []
  const argv = [...asUser, process.execPath, ...without, program, 'server', '-c', join(own, 'pxe-pilot.yml')]
  const daemon = network.server.start(argv, { cwd: own, name: `the appliance (${kind})` })
  servers.set(kind, { address, daemon, root })
  await daemon.transcript.waitFor(/API +tcp/, 60)
}

test.before(async () => {
  chmodSync(folder, 0o755)
  network = await Network.make()
  await network.server.must(['ip', 'address', 'add', '10.77.0.2/24', 'dev', 'br0'])
  namespace = await network.client()
  await namespace.must(['ip', 'address', 'add', '10.77.0.50/24', 'dev', 'eth0'])
  await Promise.all([start('libc', '10.77.0.1'), start('dgram', '10.77.0.2')])
  peer = await Peer.start(namespace)
})

test.after.always(async () => {
  peer?.stop()
  for (const { daemon } of servers.values()) await daemon.stop()
  network?.close()
  rmSync(folder, { recursive: true, force: true })
})

type Row = (t: ExecutionContext, server: Server, client: () => Client) => Promise<void>

function row(title: string, run: Row, kinds: readonly Kind[] = ['libc', 'dgram']): void {
  for (const kind of kinds) {
    test.serial(`${title} (${kind})`, async (t) => {
      const server = servers.get(kind)
      if (server === undefined) return t.fail()
      await run(t, server, () => peer.client(server.address))
      if (!t.passed) t.log(server.daemon.transcript.text.slice(-5000))
    })
  }
}

const rrq = (file: string, ...options: NonNullable<Asked['options']>): Asked => ({ file, options })

/** Descriptors of the server that have something under its root open. */
function openFiles({ daemon, root }: Server): number {
  const path = `/proc/${daemon.pid}/fd`
  return readdirSync(path).filter((name) => {
    try {
      return readlinkSync(join(path, name)).startsWith(root)
    } catch {
      return false
    }
  }).length
}

row(
  'T01 no options: DATA of 512 from a new port; 1024 octets end with an empty block',
  async (t, _, client) => {
    const first = client()
    const whole = await first.fetch(rrq('1000.bin'))
    t.deepEqual(whole.bytes, pattern(1000))
    t.deepEqual(
      first.got.map(({ bytes }) => bytes.length - 4),
      [512, 488],
    )
    t.not(first.got[0]?.port, 69)
    t.is(new Set(first.got.map(({ port }) => port)).size, 1)
    const second = client()
    t.deepEqual((await second.fetch(rrq('1024.bin'))).bytes, pattern(1024))
    t.deepEqual(
      second.got.map(({ bytes }) => bytes.readUInt32BE(0) & 0xffff),
      [1, 2, 3],
    )
    t.is(second.got[2]?.bytes.length, 4)
  },
)

row('T02 an empty file is one empty block', async (t, _, client) => {
  const one = client()
  t.is((await one.fetch(rrq('empty'))).bytes.length, 0)
  t.deepEqual(one.got[0]?.bytes, Buffer.from([0, 3, 0, 1]))
})

row(
  'T03 a missing file: ERROR 1 at once, its text ended by a NUL, a debug line',
  async (t, server, client) => {
    const one = client()
    const began = performance.now()
    one.ask(rrq('pxelinux.cfg/0A4D0032'))
    const { bytes } = await one.nth(1)
    // PXELINUX asks for some ten names that are not there.
    t.true(performance.now() - began < 1000)
    t.is(bytes.readUInt32BE(0), 0x50001)
    t.is(bytes.at(-1), 0)
    t.is(bytes.indexOf(0, 4), bytes.length - 1)
    await server.daemon.transcript.waitFor(/DEBUG.*tftp\.missing.*0A4D0032/, 5)
  },
)

row(
  'T04 no permission, a folder, a FIFO, a device: an ERROR at once, and others are served',
  async (t, _, client) => {
    for (const name of ['unreadable.bin', 'folder', 'fifo', 'device', 'folder/', '']) {
      const one = client()
      const began = performance.now()
      one.ask(rrq(name === '' ? '.' : name))
      const { packet } = await one.nth(1)
      t.true(
        packet.kind === 'error' && (packet.code === 2 || packet.code === 1),
        `${name}: ${JSON.stringify(packet)}`,
      )
      t.true(performance.now() - began < 2000)
    }
    t.deepEqual((await client().fetch(rrq('small.bin'))).bytes, pattern(700))
  },
)

row('T06 a link that leads out of the root: ERROR 2', async (t, _, client) => {
  for (const name of [
    'outside',
    '../../../../../../etc/hostname',
    '/../../etc/hostname',
    'sub/../../../../etc/hostname',
  ]) {
    const one = client()
    one.ask(rrq(name))
    const { packet } = await one.nth(1)
    t.true(
      packet.kind === 'error' && (packet.code === 2 || packet.code === 1),
      `${name}: ${JSON.stringify(packet)}`,
    )
  }
  const one = client()
  one.ask(rrq('outside'))
  t.like((await one.nth(1)).packet, { kind: 'error', code: 2 })
})

row('T07 a WRQ: an ERROR, and nothing is created', async (t, { root }, client) => {
  const one = client()
  one.send(encode({ kind: 'wrq', file: 'new.bin', mode: 'octet', options: [] }))
  const { packet } = await one.nth(1)
  t.true(packet.kind === 'error' && (packet.code === 2 || packet.code === 4))
  t.false(existsSync(join(root, 'new.bin')))
})

row('T10 blksize: too big is made smaller, nonsense is left out', async (t, _, client) => {
  const big = await client().fetch(rrq('small.bin', ['blksize', 65465]))
  t.true(Number(big.oack?.get('blksize')) <= 65464)
  t.deepEqual(big.bytes, pattern(700))
  for (const value of ['7', '0', '-1', 'abc', '']) {
    const one = await client().fetch(rrq('small.bin', ['blksize', value], ['tsize', 0]))
    t.deepEqual([...(one.oack ?? [])], [['tsize', '700']], value)
    t.deepEqual(one.bytes, pattern(700))
  }
})

row('T11 timeout: 1 to 255 are echoed and used, others left out', async (t, _, client) => {
  for (const [value, kept] of [
    ['1', true],
    ['255', true],
    ['0', false],
    ['256', false],
  ] as const) {
    const { oack, bytes } = await client().fetch(rrq('small.bin', ['timeout', value], ['tsize', 0]))
    t.is(oack?.get('timeout'), kept ? value : undefined)
    t.deepEqual(bytes, pattern(700))
  }
  const one = client()
  one.ask(rrq('small.bin', ['timeout', 1]))
  await one.nth(2)
  const [first, second] = one.got.map(({ at }) => at)
  t.true((second ?? 0) - (first ?? 0) > 900)
  one.send(encode({ kind: 'error', code: 0, message: '' }), one.got[0]?.port)
})

row(
  'T15 a client that vanishes: at most 6 more packets and 64 KiB in 15 to 30 s, then nothing is left of it',
  async (t, server, client) => {
    t.timeout(90_000)
    await within(10, () => openFiles(server) === 0)
    const one = client()
    one.ask(rrq('2M.bin', ['blksize', 1024], ['windowsize', 64]))
    await one.nth(1)
    one.ack(0)
    await one.nth(2)
    t.is(openFiles(server), 1)
    await within(45, () => openFiles(server) === 0)
    t.is(openFiles(server), 0)
    const data = one.got.filter(({ packet }) => packet.kind === 'data')
    t.true(data.reduce((sum, { bytes }) => sum + bytes.length - 4, 0) <= 65_536)
    const times = data.map(({ at }) => at)
    const first = times[0] ?? 0
    const again = new Set(times.filter((at) => at > first + 15).map((at) => Math.round(at / 10)))
    t.true(again.size >= 2 && again.size <= 6, `sent again ${again.size} times`)
    const last = (times.at(-1) ?? 0) - first
    t.true(last >= 15_000 && last <= 30_000, `the last one after ${last} ms`)
    t.deepEqual((await client().fetch(rrq('small.bin'))).bytes, pattern(700))
  },
  ['libc'],
)

row('T17 an OACK that was lost is sent again, soon', async (t, _, client) => {
  const one = client()
  one.ask(rrq('small.bin', ['blksize', 1024]))
  const [first, second] = [await one.nth(1), await one.nth(2)]
  t.deepEqual(second.bytes, first.bytes)
  t.is(first.packet.kind, 'oack')
  t.true(second.at - first.at < 1000, `${second.at - first.at} ms`)
  one.ack(0)
  const data = await one.nth(one.got.length + 1)
  t.like(data.packet, { kind: 'data', block: 1 })
  one.ack(1)
})

row('T20 netascii: LF and CR as RFC 764 writes them, and no wrong tsize', async (t, _, client) => {
  const asked = { file: 'text', mode: 'netascii', options: [['tsize', 0]] } as const
  const { oack, bytes } = await client().fetch(asked)
  t.is(bytes.toString(), 'one\r\ntwo\r\0three\r\0\r\n')
  const size = oack?.get('tsize')
  t.true(size === undefined || size === String(bytes.length), size)
})

const text = (...words: string[]) => Buffer.from(words.join('\0'))
const malformed: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from([0]),
  Buffer.from([0, 1]),
  Buffer.from([0, 1, 0]),
  Buffer.from([0, 1, 0, 0]),
  Buffer.concat([Buffer.from([0, 1]), text('small.bin')]),
  Buffer.concat([Buffer.from([0, 1]), text('small.bin', 'octet')]),
  Buffer.concat([Buffer.from([0, 1]), text('', 'octet', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('small.bin', '', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('small.bin', 'mail', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('x'.repeat(4000), 'octet', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('x/'.repeat(2000), 'octet', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('small.bin', 'octet', ...Array<string>(400).fill('blksize'), '')]),
  Buffer.concat([Buffer.from([0, 1]), text('small.bin', 'octet', 'x'.repeat(20_000), '1', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('small.bin', 'o'.repeat(3000), '')]),
  Buffer.concat([Buffer.from([0, 1]), text('none', 'octet', 'blksize', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('none', 'octet', 'blksize', '9'.repeat(300), '')]),
  Buffer.concat([Buffer.from([0, 1]), text('%n%s%x', 'octet', '')]),
  Buffer.concat([Buffer.from([0, 1]), Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0]), text('octet', '')]),
  Buffer.concat([Buffer.from([0, 1]), text('none\r\n\u001b[2J', 'octet', '')]),
  Buffer.concat([Buffer.from([0, 2]), text('none', 'octet', '')]),
  Buffer.from([0, 3]),
  Buffer.from([0, 3, 0, 1, 1, 2, 3]),
  Buffer.from([0, 4]),
  Buffer.from([0, 4, 0]),
  Buffer.from([0, 4, 0xff, 0xff]),
  Buffer.from([0, 5]),
  Buffer.from([0, 5, 0, 1, 65, 66]),
  Buffer.from([0, 6]),
  Buffer.concat([Buffer.from([0, 6]), text('blksize')]),
  Buffer.from([0, 7, 0, 0]),
  Buffer.from([0xff, 0xff, 0xff, 0xff]),
  Buffer.from([1, 0, 65, 0, 66, 0]),
  pattern(9000),
  pattern(60_000),
]

row(
  'T22 malformed packets to both kinds of ports: nothing ends, the next request is served',
  async (t, server, client) => {
    for (const bytes of malformed) client().send(bytes)
    const busy = client()
    busy.ask(rrq('2M.bin', ['blksize', 1024]))
    const { port } = await busy.nth(1)
    for (const bytes of malformed) client().send(bytes, port)
    t.deepEqual((await client().fetch(rrq('small.bin'))).bytes, pattern(700))
    busy.send(encode({ kind: 'error', code: 0, message: 'bye' }), port)
    await within(5, () => openFiles(server) === 0)
    t.is(openFiles(server), 0)
    t.true(server.daemon.running)
    t.notRegex(server.daemon.transcript.text, /ERROR:/)
  },
)

row('T25 an ACK of a block not yet sent is ignored', async (t, _, client) => {
  const one = client()
  one.ask(rrq('1024.bin'))
  await one.nth(1)
  for (const block of [2, 5, 0x8000, 0xffff]) one.ack(block)
  one.ack(1)
  const next = await one.nth(2)
  t.true(next.bytes.readUInt16BE(2) <= 2)
  for (let count = 2; one.got.at(-1)?.bytes.readUInt16BE(2) !== 2; count++) await one.nth(count)
  one.ack(2)
  one.ack(3)
})

row('RFC 1123 4.2.3.1: what is acknowledged many times is followed once', async (t, _, client) => {
  const one = client()
  // So that nothing is sent again for want of an ACK.
  one.ask(rrq('2M.bin', ['timeout', 5]))
  await one.nth(1)
  for (let block = 0; block < 3; block++) {
    for (let times = 0; times < 4; times++) one.ack(block)
    await one.nth(block + 2)
  }
  // Behind the answer to another, nothing is due any more.
  t.deepEqual((await client().fetch(rrq('small.bin'))).bytes, pattern(700))
  t.deepEqual(
    one.got.map(({ packet }) => (packet.kind === 'data' ? packet.block : packet.kind)),
    ['oack', 1, 2, 3],
  )
  one.send(encode({ kind: 'error', code: 0, message: 'bye' }), one.got[0]?.port)
})

row('T26 the same file by a leading slash, two of them, and backslashes', async (t, _, client) => {
  for (const name of ['/small.bin', '//small.bin', '.\\small.bin', './small.bin', '\\small.bin']) {
    t.deepEqual((await client().fetch(rrq(name))).bytes, pattern(700), name)
  }
  for (const name of ['sub\\inner.bin', '/sub//inner.bin', '\\sub\\inner.bin', 'sub/./inner.bin']) {
    t.deepEqual((await client().fetch(rrq(name))).bytes, pattern(900, 2), name)
  }
})

row('T27 more than 4 GiB: tsize in full', async (t, server, client) => {
  const one = client()
  one.ask(rrq('huge.bin', ['tsize', 0], ['blksize', 1468]))
  const { packet, port } = await one.nth(1)
  t.true(packet.kind === 'oack')
  t.is(packet.kind === 'oack' && new Map(packet.options).get('tsize'), String(5 * 1024 ** 3))
  // EDK2 asks for the size this way: no failure, and nothing is left.
  one.send(encode({ kind: 'error', code: 8, message: 'User aborted the transfer' }), port)
  await within(5, () => openFiles(server) === 0)
  t.is(openFiles(server), 0)
  t.notRegex(server.daemon.transcript.text, /WARN.*huge/)
})

row('T30 60 transfers of 2 MiB at once, and one whose blocks go past 65535, by curl', async (t, server) => {
  t.timeout(120_000)
  const long = join(server.root, 'long.bin')
  writeFileSync(long, pattern(65_540 * 512 + 7))
  const curl = (name: string, ...more: string[]) =>
    namespace.must(['sh', '-c', `curl -sS ${more.join(' ')} tftp://${server.address}/${name} | sha256sum`], {
      seconds: 100,
    })
  const sum = (name: string) =>
    execFileSync('sha256sum', [join(server.root, name)], { encoding: 'utf8' }).slice(0, 64)
  const sums = await Promise.all([
    curl('long.bin', '--tftp-blksize', '512'),
    ...Array.from({ length: 60 }, () => curl('2M.bin', '--tftp-blksize', '1468')),
  ])
  const wanted = [sum('long.bin'), ...Array<string>(60).fill(sum('2M.bin'))]
  t.deepEqual(
    sums.map((line) => line.slice(0, 64)),
    wanted,
  )
  rmSync(long)
})

row(
  'T32 10,000 requests of ports that say nothing more: 64 are open at most, and a real transfer completes',
  async (t, server, client) => {
    t.timeout(120_000)
    const memory = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.daemon.pid}/status`, 'utf8'))?.[1])
    const before = memory()
    const flood = peer.flood(server.address, new Download(rrq('2M.bin', ['blksize', 1024])).request, 10_000)
    let most = 0
    const look = setInterval(() => (most = Math.max(most, openFiles(server))), 20)
    await flood
    // Behind all of the flood, which a busy server reads later than it was sent.
    const { bytes } = await client().fetch(rrq('2M.bin', ['blksize', 1468], ['windowsize', 16]))
    clearInterval(look)
    t.deepEqual(bytes, pattern(2 * 1024 * 1024))
    t.true(most > 1 && most <= 64, `${most} files were open`)
    t.true(memory() - before < 100 * 1024, `${memory() - before} KiB more`)
    await within(40, () => openFiles(server) === 0)
    t.is(openFiles(server), 0)
  },
)

row(
  'T32 10,000 requests of 20 addresses: a thousand are open at most, and a real transfer completes',
  async (t, server, client) => {
    t.timeout(120_000)
    const addresses = Array.from({ length: 20 }, (_, index) => `10.77.0.${100 + index}`)
    for (const one of addresses) await namespace.must(['ip', 'address', 'add', `${one}/24`, 'dev', 'eth0'])
    const { request } = new Download(rrq('2M.bin', ['blksize', 1024]))
    const flood = peer.flood(server.address, request, 10_000, addresses)
    let most = 0
    const look = setInterval(() => (most = Math.max(most, openFiles(server))), 50)
    await flood
    // Behind all of the flood, which a busy server reads later than it was sent.
    const { bytes } = await client().fetch(rrq('2M.bin', ['blksize', 1468], ['windowsize', 16]))
    clearInterval(look)
    t.deepEqual(bytes, pattern(2 * 1024 * 1024))
    t.true(most > 64 && most <= 1000, `${most} files were open`)
    await within(40, () => openFiles(server) === 0)
    t.is(openFiles(server), 0)
  },
  ['libc'],
)

row(
  'a repeated request joins its transfer, another file from the same port starts at once',
  async (t, _, client) => {
    const one = client()
    one.ask(rrq('2M.bin', ['blksize', 1024]))
    await one.nth(1)
    one.ask(rrq('2M.bin', ['blksize', 1024]))
    await one.nth(2)
    t.is(one.got[1]?.port, one.got[0]?.port)
    t.deepEqual(one.got[1]?.bytes, one.got[0]?.bytes)
    one.ask(rrq('small.bin'))
    while (one.got.at(-1)?.packet.kind !== 'data') await sleep(5)
    t.not(one.got.at(-1)?.port, one.got[0]?.port)
    t.deepEqual(one.got.at(-1)?.bytes.subarray(4), pattern(700).subarray(0, 512))
    one.ack(1)
  },
)

row('windows of blocks longer than the link takes, and of tiny ones', async (t, _, client) => {
  for (const [blksize, windowsize] of [
    [4000, 8],
    [1469, 16],
    [1468, 16],
    [8, 500],
  ] as const) {
    const file = blksize === 8 ? '1024.bin' : '2M.bin'
    const { bytes, oack } = await client().fetch(rrq(file, ['blksize', blksize], ['windowsize', windowsize]))
    t.is(oack?.get('blksize'), String(blksize))
    t.true(bytes.equals(blksize === 8 ? pattern(1024) : pattern(2 * 1024 * 1024)), `${blksize}`)
  }
})

row('a file that changed is served changed by the next request', async (t, { root }, client) => {
  for (const content of ['one', 'two', 'three']) {
    writeFileSync(join(root, 'changing'), content)
    t.is((await client().fetch(rrq('changing'))).bytes.toString(), content)
    writeFileSync(join(root, 'next'), content.toUpperCase())
    renameSync(join(root, 'next'), join(root, 'changing'))
    t.is((await client().fetch(rrq('changing'))).bytes.toString(), content.toUpperCase())
  }
  rmSync(join(root, 'changing'))
  t.is((await client().fetch(rrq('changing'))).error?.code, 1)
})

test.serial(
  'T06 tftp.follow_links: anywhere follows a link out of the root, and climbs no folder',
  async (t) => {
    const net = await makeNetwork(t)
    const machine = await net.client()
    await machine.must(['ip', 'address', 'add', '10.77.0.50/24', 'dev', 'eth0'])
    const own = await Peer.start(machine)
    t.teardown(() => own.stop())
    const site = await Site.make(t, net, '')
    const path = join(site.folder, 'pxe-pilot.yml')
    const settings = readFileSync(path, 'utf8')
    writeFileSync(path, settings.replace('root: ./tftproot', 'root: ./tftproot, follow_links: anywhere'))
    writeFileSync(join(site.folder, 'beside'), pattern(700))
    symlinkSync('../beside', join(site.folder, 'tftproot', 'link'))
    await site.start()
    t.deepEqual((await own.client('10.77.0.1').fetch(rrq('link'))).bytes, pattern(700))
    t.is((await own.client('10.77.0.1').fetch(rrq('../beside'))).error?.code, 2)
  },
)

for (const kind of ['libc', 'dgram'] as const) {
  test.serial(
    `T31 an answer leaves from the address that was asked, and with single_port from port 69 (${kind})`,
    async (t) => {
      const net = await makeNetwork(t)
      await net.server.must(['ip', 'address', 'add', '10.77.0.9/24', 'dev', 'br0'])
      const machine = await net.client()
      await machine.must(['ip', 'address', 'add', '10.77.0.50/24', 'dev', 'eth0'])
      const own = await Peer.start(machine)
      t.teardown(() => own.stop())
      for (const single of [false, true]) {
        const site = await Site.make(t, net, '')
        const path = join(site.folder, 'pxe-pilot.yml')
        const settings = readFileSync(path, 'utf8').replace(
          'root: ./tftproot',
          `root: ./tftproot, single_port: ${single}`,
        )
        writeFileSync(path, settings)
        writeFileSync(join(site.folder, 'tftproot', 'file'), pattern(100_000))
        const without = `--import ${here('without-koffi.mjs')}`
        const daemon = await site.start(kind === 'dgram' ? ['env', `NODE_OPTIONS=${without}`] : [])
        for (const address of ['10.77.0.1', '10.77.0.9']) {
          const one = own.client(address)
          const got = await one.fetch(rrq('file', ['blksize', 1468], ['windowsize', 8]))
          t.deepEqual(got.bytes, pattern(100_000))
          t.deepEqual([...new Set(one.got.map(({ from }) => from))], [address])
          t.is(
            one.got.every(({ port }) => port === 69),
            single,
          )
        }
        await daemon.stop()
      }
    },
  )
}
