// Sockets of every address of ours, also of those that come and go, and what happens to them at the end.

import { createSocket } from 'node:dgram'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Disk } from '../../src/disk.ts'
import type { Event } from '../../src/events.ts'
import { openLibc, type Libc } from '../../src/net/libc.ts'
import { BindError, bindError } from '../../src/net/ports.ts'
import { openBatch } from '../../src/tftp/io-batch.ts'
import { openDgram } from '../../src/tftp/io-dgram.ts'
import { fileOf } from '../../src/tftp/opened.ts'
import { encode } from '../../src/tftp/packet.ts'
import type { Port, Receive } from '../../src/tftp/port.ts'
import { Sockets } from '../../src/tftp/sockets.ts'
import { FileSource, textSource, type Source } from '../../src/tftp/source.ts'
import { tree } from '../folder.ts'
import { ip, pattern, turns, until } from './memory.ts'
import { where } from './socket.ts'

let libc: Awaited<ReturnType<typeof openLibc>>
test.before(async () => {
  libc = await openLibc()
})

type Kind = 'dgram' | 'batch'

/** The same by Node's sockets and by libc's. */
function both(title: string, run: (t: ExecutionContext, kind: Kind) => Promise<void>): void {
  test(`${title} (dgram)`, run, 'dgram')
  test(`${title} (batch)`, run, 'batch')
}

test('where another program has port 69, no other port is suggested, as machines ask none', (t) => {
  const inUse = Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
  const told = (port: number) =>
    bindError({ service: 'TFTP', protocol: 'udp', port, setting: 'tftp.port' }, inUse).message
  t.regex(told(69), /Stop that program: machines ask port 69 and no other/)
  t.regex(told(6969), /, or set tftp\.port in the settings file/)
})

test('koffi is there', (t) => t.false('unavailable' in libc))

/** Answers every datagram by an ACK of its length, from the port of a transfer. */
function make(
  t: ExecutionContext,
  kind: Kind,
  { addresses = ['127.0.0.1'], bind = '0.0.0.0', port = 0, rescanMs = 20, singlePort = false } = {},
) {
  const events: Event[] = []
  const ports: Port[] = []
  const ours = { addresses }
  const receive: Receive = (from, bytes, client, clientPort) => {
    ports.push(from)
    from.forTransfer().send(encode({ kind: 'ack', block: bytes.length }), client, clientPort)
  }
  const tellSparingly = (event: Event) => void events.push(event)
  if ('unavailable' in libc) throw new Error(libc.unavailable)
  const io = new Sockets(
    { bind: ip(bind), port, singlePort, rescanMs, addresses: () => ours.addresses, tellSparingly },
    kind === 'dgram' ? openDgram(receive, tellSparingly) : openBatch(libc, receive, tellSparingly),
  )
  t.teardown(() => io.stop())
  return { io, events, ours, ports }
}

async function exchange(server: { readonly address: string; readonly port: number }, length = 5) {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  let answer: { readonly block: number; readonly address: string; readonly port: number } | undefined
  socket.on(
    'message',
    (bytes, { address, port }) => (answer = { block: bytes.readUInt16BE(2), address, port }),
  )
  const repeat = setInterval(() => socket.send(Buffer.alloc(length), server.port, server.address), 50)
  try {
    await until(() => answer !== undefined, `an answer of ${server.address}`)
  } finally {
    clearInterval(repeat)
    socket.close()
  }
  return answer
}

both('T31 every address of ours takes requests, and answers from itself by another port', async (t, kind) => {
  const { io, ports } = make(t, kind, { addresses: ['127.0.0.1', '127.0.0.2', '127.0.0.3'] })
  const listening = await io.start()
  t.is(listening.length, 3)
  for (const [index, text] of listening.entries()) {
    const server = where(text)
    const answer = await exchange(server, 7)
    t.is(answer?.block, 7)
    t.is(answer?.address, `127.0.0.${index + 1}`)
    t.not(answer?.port, server.port)
    t.is(ports.at(-1)?.address, ip(server.address))
  }
})

both(
  'an address that comes is served, one that goes frees its port, and one that cannot be bound is told once',
  async (t, kind) => {
    const { io, events, ours } = make(t, kind)
    const first = where((await io.start())[0])
    ours.addresses = ['127.0.0.1', '127.0.0.2', '192.0.2.1']
    t.is((await exchange({ ...first, address: '127.0.0.2' }))?.address, '127.0.0.2')
    await until(() => events.some(({ level }) => level === 'warn'))
    ours.addresses = ['127.0.0.2']
    await bindable(first.port, '127.0.0.1')
    t.is((await exchange({ ...first, address: '127.0.0.2' }))?.address, '127.0.0.2')
    t.deepEqual(
      events.filter(({ step }) => step === 'tftp.listen').map(({ level }) => level),
      ['info', 'warn'],
    )
    t.regex(events.find(({ level }) => level === 'warn')?.text ?? '', /192\.0\.2\.1.*EADDRNOTAVAIL/)
  },
)

both(
  'stop frees every port, also while addresses are being opened; sending afterwards is harmless',
  async (t, kind) => {
    const { io, ports } = make(t, kind, { addresses: ['127.0.0.1', '127.0.0.2'] })
    const [first] = await io.start()
    const server = where(first)
    await exchange(server)
    io.stop()
    io.stop()
    t.notThrows(() => ports[0]?.send(Buffer.from('late'), ip('127.0.0.1'), 9))
    await bindable(server.port, '127.0.0.1')
    await bindable(server.port, '127.0.0.2')
    const early = make(t, kind, { port: server.port })
    const starting = early.io.start()
    early.io.stop()
    await starting
    await bindable(server.port, '127.0.0.1')
    t.pass()
  },
)

both('a port that is taken: BindError, and no socket of the others stays open', async (t, kind) => {
  const holder = createSocket('udp4')
  await new Promise<void>((resolve) => holder.bind(0, '127.0.0.2', resolve))
  const { port } = holder.address()
  const { io } = make(t, kind, { addresses: ['127.0.0.1', '127.0.0.2'], port })
  await t.throwsAsync(io.start(), { instanceOf: BindError })
  await bindable(port, '127.0.0.1')
  holder.close()
})

both('what cannot be sent is as good as lost: port 0, a datagram too big', async (t, kind) => {
  const { io, ports, events } = make(t, kind)
  const [listening] = await io.start()
  await exchange(where(listening))
  ports[0]?.send(Buffer.from('x'), ip('127.0.0.1'), 0)
  ports[0]?.send(Buffer.alloc(70_000), ip('127.0.0.1'), 9)
  await until(() => events.length === 2)
  t.deepEqual(
    events.map(({ step, level }) => `${level} ${step}`),
    ['debug tftp.unsent', 'debug tftp.unsent'],
  )
})

both('one port that does everything answers from itself', async (t, kind) => {
  const { io } = make(t, kind, { singlePort: true })
  const server = where((await io.start())[0])
  t.is((await exchange(server, 9))?.port, server.port)
})

both(
  'a run of blocks arrives as the datagrams it is made of, the last one short, whatever the link takes',
  async (t, kind) => {
    const { io, ports, events } = make(t, kind)
    await exchange(where((await io.start())[0]))
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    const got: Buffer[] = []
    socket.on('message', (bytes) => got.push(bytes))
    // Loopback takes 65,536 octets: 64 KiB of blocks in one, more than 64 of them, and some whose last one is empty.
    for (const [blksize, size] of [
      [1468, 23_000],
      [512, 128 * 512],
      [8, 100],
      [1468, 700_000],
      [32_000, 64_001],
      [65_464, 70_000],
    ] as const) {
      const bytes = pattern(size, blksize)
      const last = Math.floor(size / blksize) + 1
      for (const source of [textSource(bytes, false), await fileSource(bytes)]) {
        got.length = 0
        const blocks = { source, blksize, ready: size, first: 1, last, mayBeOne: true }
        ports[0]?.forTransfer().sendBlocks(blocks, ip('127.0.0.1'), socket.address().port)
        await until(() => got.length === last, `${last} blocks of ${blksize}: ${got.length} came`)
        const sorted = got.toSorted((a, b) => a.readUInt16BE(2) - b.readUInt16BE(2))
        t.deepEqual(
          sorted.map((packet) => packet.readUInt32BE(0)),
          Array.from({ length: last }, (_, at) => 0x30001 + at),
        )
        t.true(Buffer.concat(sorted.map((packet) => packet.subarray(4))).equals(bytes))
        source.close()
      }
    }
    t.deepEqual(events, [])
    socket.close()
  },
)

/** All of a file, in the pieces it was read in. */
async function fileSource(bytes: Buffer): Promise<Source> {
  const disk = new Disk(4, 1000, () => 0)
  const handle = await open(join(tree({ file: bytes }), 'file'))
  const source = new FileSource(fileOf(handle, bytes.length, disk, undefined), false, disk)
  await source.open()
  while (!source.ended) await source.more(0)
  return source
}

test('a send buffer that is full for a moment loses nothing, and one that stays full does not send what is old', async (t) => {
  if ('unavailable' in libc) return t.fail(libc.unavailable)
  const events: Event[] = []
  const real = libc
  const kernel = { isFull: false }
  const sometimes: Libc = {
    ...real,
    sendMany: (...words) => (kernel.isFull ? -11 : real.sendMany(...words)),
    sendTo: (...words) => !kernel.isFull && real.sendTo(...words),
  }
  const tellSparingly = (event: Event) => void events.push(event)
  const ports: Port[] = []
  const io = new Sockets(
    { bind: ip('127.0.0.1'), port: 0, singlePort: true, rescanMs: 1000, addresses: () => [], tellSparingly },
    openBatch(sometimes, (port) => void ports.push(port), tellSparingly),
  )
  t.teardown(() => io.stop())
  const server = where((await io.start())[0])
  const client = createSocket('udp4')
  await new Promise<void>((resolve) => client.bind(0, '127.0.0.1', resolve))
  const got: number[] = []
  client.on('message', (bytes) => got.push(bytes.readUInt16BE(2)))
  client.send('x', server.port, server.address)
  await until(() => ports.length === 1)
  const source = textSource(pattern(20 * 512), false)
  const send = () => {
    const blocks = { source, blksize: 512, ready: 20 * 512, first: 1, last: 20, mayBeOne: true }
    ports[0]?.sendBlocks(blocks, ip('127.0.0.1'), client.address().port)
  }
  kernel.isFull = true
  send()
  kernel.isFull = false
  send()
  await until(() => got.length === 40)
  t.deepEqual(
    got,
    [...Array(40).keys()].map((at) => (at % 20) + 1),
    'in their order',
  )
  kernel.isFull = true
  send()
  await new Promise((resolve) => setTimeout(resolve, 400))
  kernel.isFull = false
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.is(got.length, 40, 'what is too old is not sent')
  client.close()
})

/** Waits until nobody has the port. */
async function bindable(port: number, address: string): Promise<void> {
  const limit = performance.now() + 5000
  while (performance.now() < limit) {
    const socket = createSocket('udp4')
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false))
      socket.bind(port, address, () => resolve(true))
    })
    await new Promise<void>((resolve) => socket.close(resolve))
    if (isFree) return
    await turns(1)
  }
  throw new Error(`${address}:${port} is still held`)
}
