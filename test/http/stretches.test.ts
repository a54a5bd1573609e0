// Big files, which libc sends where it can be called: each octet, and no connection's but its own.

import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { readdirSync, readlinkSync, truncateSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { openLibc, type Libc } from '../../src/net/libc.ts'
import { tree } from '../folder.ts'
import { ask, countOf, exchange, within } from './raw.ts'
import { serveFiles } from './site.ts'

const size = 12 * 1024 * 1024 + 17
const big = randomBytes(size)
const get = 'GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n'
const last = 'GET /big.iso HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'

const ways = {
  'by libc': (libc: Libc) => libc,
  'by Node alone': () => undefined,
  'by Node where the kernel refuses': (libc: Libc) => ({ ...libc, sendFile: async () => -22 }),
}

/** `change`: what libc is. Counts what it sends. */
async function make(t: ExecutionContext, change: (libc: Libc) => Libc | undefined = (libc) => libc) {
  const called = await openLibc()
  if ('unavailable' in called) throw new Error(called.unavailable)
  const sent = { bytes: 0 }
  const counting: Libc = {
    ...called,
    sendFile: async (...args) => {
      const bytes = await called.sendFile(...args)
      sent.bytes += Math.max(0, bytes)
      return bytes
    },
  }
  const httproot = tree({ 'big.iso': big, small: 'small' })
  return {
    ...(await serveFiles(t, { httproot, libc: change(counting) })),
    path: join(httproot, 'big.iso'),
    sent,
  }
}

/** Descriptors of this process that lead to `what`: a path, or `socket:`. */
function opened(what: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(what)
    } catch {
      return false
    }
  }).length
}

test('libc sends most of a big file', async (t) => {
  const { url, sent } = await make(t)
  t.true((await ask(url, '/big.iso')).body.equals(big))
  t.true(sent.bytes > size / 2, `${sent.bytes}`)
})

for (const [way, change] of Object.entries(ways)) {
  test(`${way}: the whole file, ranges, and none of it for HEAD`, async (t) => {
    const { url, events } = await make(t, change)
    const rows: [string, number, number][] = [
      ['bytes=0-', 0, size],
      ['bytes=1-9000000', 1, 9_000_001],
      ['bytes=-3000001', size - 3_000_001, size],
      ['bytes=777-800', 777, 801],
      [`bytes=${size - 1}-`, size - 1, size],
    ]
    for (const [range, from, to] of rows) {
      const reply = await ask(url, '/big.iso', { Range: range })
      t.is(reply.status, 206)
      t.is(reply.headers['content-range'], `bytes ${from}-${to - 1}/${size}`)
      t.true(reply.body.equals(big.subarray(from, to)), range)
    }
    const whole = await ask(url, '/big.iso')
    t.is(whole.headers['content-length'], String(size))
    t.true(whole.body.equals(big))
    t.true(
      events.some(({ text }) => text.includes(String(size))),
      'the log says how much',
    )
    const etag = String(whole.headers['etag'])
    t.is((await ask(url, '/big.iso', { 'If-None-Match': etag })).status, 304)
    t.is((await ask(url, '/big.iso', { Range: `bytes=${size}-` })).status, 416)
    const head = await ask(url, '/big.iso', {}, 'HEAD')
    t.is(head.headers['content-length'], String(size))
    t.is(head.body.length, 0)
  })

  test(`${way}: what is pipelined behind a big file comes behind it, and the connection goes on`, async (t) => {
    const { port } = await make(t, change)
    const small = 'GET /small HTTP/1.1\r\nHost: x\r\n\r\n'
    const body = big.toString('latin1')
    const { text, closed } = await exchange(
      port,
      (socket) => {
        socket.write(get + small + get)
        let length = 0
        socket.on('data', (chunk: string) => {
          const before = length
          length += chunk.length
          if (before < 2 * size && length >= 2 * size) socket.write(small + last)
        })
      },
      { ms: 50_000 },
    )
    t.true(closed)
    const parts = text.split(/HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n/)
    t.deepEqual(
      parts.map((part) => (part === body ? 'big' : part)),
      ['', 'big', 'small', 'big', 'small', 'big'],
    )
  })

  test(`${way}: a client that reads slowly has it whole`, async (t) => {
    const { port } = await make(t, change)
    const socket = connect(port, '127.0.0.1')
    socket.write(last)
    const chunks: Buffer[] = []
    let turns = 0
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      if (turns++ % 16 === 0) await sleep(5)
    }
    t.true(Buffer.concat(chunks).subarray(-size).equals(big))
  })

  test(`${way}: a file that shrinks while it is sent ends in a cut connection`, async (t) => {
    const { port, path } = await make(t, change)
    const { text, closed } = await exchange(
      port,
      (socket) => {
        socket.write(get)
        socket.once('data', () => truncateSync(path, 7_000_000))
      },
      { ms: 20_000 },
    )
    t.true(closed)
    t.true(text.length > 6_000_000)
    t.true(text.length < 8_000_000)
  })
}

test.serial('clients that leave half way leave no descriptor behind', async (t) => {
  const { port, url, path, events } = await make(t)
  await ask(url, '/small')
  const before = opened('socket:')
  for (let clients = 0; clients < 30; clients++) {
    const socket = connect(port, '127.0.0.1')
    socket.write(get + get)
    await new Promise((resolve) => socket.once('data', resolve))
    if (clients % 2) socket.resetAndDestroy()
    else socket.destroy()
  }
  await within(20_000, () => events.filter(({ step }) => step === 'http.left').length === 60)
  await within(5_000, () => opened(path) === 0 && opened('socket:') <= before)
  t.is(opened(path), 0)
  t.true(opened('socket:') <= before, `${opened('socket:')} and not ${before}`)
})

/** Calls of sendfile wait until `release` is called. */
function held(libc: Libc) {
  const gate = new EventEmitter()
  const isOpen = once(gate, 'open')
  let calls = 0
  const sendFile: Libc['sendFile'] = async (...args) => {
    calls++
    await isOpen
    return await libc.sendFile(...args)
  }
  return { libc: { ...libc, sendFile }, release: () => void gate.emit('open'), calls: () => calls }
}

test.serial(
  'what is sent late to a client that left reaches no other, and its file stays open until then',
  async (t) => {
    let hold: ReturnType<typeof held> | undefined
    const { port, path } = await make(t, (libc) => (hold = held(libc)).libc)
    const leaver = connect(port, '127.0.0.1')
    leaver.resume().write(get)
    await within(5_000, () => hold?.calls() === 1)
    leaver.resetAndDestroy()
    await sleep(100)
    // The next descriptors are the lowest that are free.
    const others: Socket[] = []
    let strayed = 0
    for (let count = 0; count < 10; count++) {
      const socket = connect(port, '127.0.0.1')
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.on('data', (chunk: Buffer) => (strayed += chunk.length))
      others.push(socket)
    }
    t.is(opened(path), 1)
    hold?.release()
    await within(5_000, () => opened(path) === 0)
    t.is(opened(path), 0)
    await sleep(100)
    t.is(strayed, 0)
    for (const socket of others) socket.destroy()
  },
)

test.serial('a disk that hangs in the middle of a big file: its client is cut off in time', async (t) => {
  let hold: ReturnType<typeof held> | undefined
  const { port, url, path, events } = await make(t, (libc) => (hold = held(libc)).libc)
  const { text, closed } = await exchange(port, get, { ms: 20_000 })
  t.true(closed)
  t.true(text.length < size)
  t.is(opened(path), 1)
  t.is(countOf(events.map(({ step }) => step).join(' '), 'http.left'), 1)
  hold?.release()
  await within(5_000, () => opened(path) === 0)
  t.is(opened(path), 0)
  t.is((await ask(url, '/small')).body.toString(), 'small')
})
