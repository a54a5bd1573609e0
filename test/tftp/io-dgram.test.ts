// Sockets of every address of ours, also of those that come and go, and what happens to them at the end.

import { createSocket } from 'node:dgram'
import test, { type ExecutionContext } from 'ava'
import type { Event } from '../../src/events.ts'
import { BindError } from '../../src/net/ports.ts'
import { DgramIo } from '../../src/tftp/io-dgram.ts'
import { encode } from '../../src/tftp/packet.ts'
import type { Port } from '../../src/tftp/port.ts'
import { ip, turns, until } from './memory.ts'
import { where } from './socket.ts'

/** Answers every datagram by an ACK of its length, from the port of a transfer. */
function make(
  t: ExecutionContext,
  { addresses = ['127.0.0.1'], bind = '0.0.0.0', port = 0, rescanMs = 20 } = {},
) {
  const events: Event[] = []
  const ports: Port[] = []
  const ours = { addresses }
  const io = new DgramIo({
    bind: ip(bind),
    port,
    singlePort: false,
    rescanMs,
    addresses: () => ours.addresses,
    receive: (from, bytes, address, clientPort) => {
      ports.push(from)
      from.forTransfer().send(encode({ kind: 'ack', block: bytes.length }), address, clientPort)
    },
    tellSparingly: (event) => void events.push(event),
  })
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

test('T31 every address of ours takes requests, and answers from itself by another port', async (t) => {
  const { io, ports } = make(t, { addresses: ['127.0.0.1', '127.0.0.2', '127.0.0.3'] })
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

test('an address that comes is served, one that goes frees its port, and one that cannot be bound is told once', async (t) => {
  const { io, events, ours } = make(t)
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
})

test('stop frees every port, also while addresses are being opened; sending afterwards is harmless', async (t) => {
  const { io, ports } = make(t, { addresses: ['127.0.0.1', '127.0.0.2'] })
  const [first] = await io.start()
  const server = where(first)
  await exchange(server)
  io.stop()
  io.stop()
  t.notThrows(() => ports[0]?.send(Buffer.from('late'), '127.0.0.1', 9))
  await bindable(server.port, '127.0.0.1')
  await bindable(server.port, '127.0.0.2')
  const early = make(t, { port: server.port })
  const starting = early.io.start()
  early.io.stop()
  await starting
  await bindable(server.port, '127.0.0.1')
  t.pass()
})

test('a port that is taken: BindError, and no socket of the others stays open', async (t) => {
  const holder = createSocket('udp4')
  await new Promise<void>((resolve) => holder.bind(0, '127.0.0.2', resolve))
  const { port } = holder.address()
  const { io } = make(t, { addresses: ['127.0.0.1', '127.0.0.2'], port })
  await t.throwsAsync(io.start(), { instanceOf: BindError })
  await bindable(port, '127.0.0.1')
  holder.close()
})

test('what cannot be sent is as good as lost: port 0, a datagram too big', async (t) => {
  const { io, ports, events } = make(t)
  const [listening] = await io.start()
  await exchange(where(listening))
  ports[0]?.send(Buffer.from('x'), '127.0.0.1', 0)
  ports[0]?.send(Buffer.alloc(70_000), '127.0.0.1', 9)
  await until(() => events.length === 2)
  t.deepEqual(
    events.map(({ step, level }) => `${level} ${step}`),
    ['debug tftp.unsent', 'debug tftp.unsent'],
  )
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
