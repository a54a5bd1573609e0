// The listener against peers that misbehave: slow, broken, too many; and ports that are taken.

import { createHash } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, request } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { Event } from '../../src/events.ts'
import { HttpListener, type Handle, type Limits } from '../../src/http/server.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { BindError } from '../../src/net/ports.ts'
import { connectMany, countOf, exchange, within } from './raw.ts'

const loopback = parseIpv4('127.0.0.1') as Ipv4
const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

async function listen(
  t: { teardown(stop: () => Promise<void>): void },
  limits: Partial<Limits> = {},
  handle: Handle = (_, response) => void response.end('hello'),
) {
  const events: Event[] = []
  const tell = (event: Event) => void events.push(event)
  const listener = new HttpListener({
    service: 'HTTP',
    setting: 'http.port',
    bind: loopback,
    port: 0,
    handle,
    tell,
    limits: { checkMs: 50, ...limits },
  })
  const port = await listener.start()
  t.teardown(() => listener.stop())
  return { listener, port, events }
}

/** Answers by p, and the same request again by r. */
const repeating: Handle = (_, response) => {
  response.writeHead(200, ['Content-Length', '1']).end('p')
  return () => ({ head: 'Content-Length: 1\r\n', body: 'r' })
}

test('five pipelined requests are answered in order on one connection', async (t) => {
  const { port } = await listen(t, {}, (asked, response) => {
    // The first takes longest.
    setTimeout(() => response.end(`<${asked.url}>`), asked.url === '/1' ? 60 : 1)
  })
  const sends = [1, 2, 3, 4, 5].map((n) => `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`).join('')
  const { text } = await exchange(port, sends, { until: (seen) => seen.includes('</5>') })
  t.deepEqual(text.match(/<\/\d>/g), ['</1>', '</2>', '</3>', '</4>', '</5>'])
})

test('1500 pipelined requests are answered in order, a few at a time, and others are served meanwhile', async (t) => {
  let underWay = 0
  let most = 0
  const { port } = await listen(t, {}, (asked, response) => {
    if (asked.url === '/other') return void response.end('other')
    most = Math.max(most, ++underWay)
    setTimeout(() => {
      underWay--
      response.end(`<${asked.url}>`)
    }, 5)
  })
  const sends = Array.from({ length: 1500 }, (_, n) => `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`).join('')
  let isOver = false
  const flood = exchange(port, sends, { until: (seen) => seen.includes('</1499>'), ms: 50_000 })
  void flood.then(() => (isOver = true))
  await within(2_000, () => underWay > 0)
  const { text } = await exchange(port, 'GET /other HTTP/1.1\r\nHost: x\r\n\r\n', {
    until: (seen) => seen.endsWith('other'),
  })
  t.true(text.endsWith('other'))
  t.false(isOver)
  t.deepEqual(
    (await flood).text.match(/<\/\d+>/g),
    Array.from({ length: 1500 }, (_, n) => `</${n}>`),
  )
  t.true(most < 30, `${most} at once`)
})

/** Sends each piece when what went before has been answered, as the letters say, and yields them all. */
async function converse(port: number, pieces: readonly (readonly [string, string])[]): Promise<string> {
  const served = new Set<Socket>()
  const keep = (message: unknown) => void served.add((message as { socket: Socket }).socket)
  subscribe('net.server.socket', keep)
  const socket = connect(port, '127.0.0.1')
  let seen = ''
  socket.on('data', (chunk) => (seen += chunk.toString('latin1')))
  socket.on('error', () => {})
  const isRead = () =>
    [...served].some((peer) => peer.remotePort === socket.localPort && peer.bytesRead === socket.bytesWritten)
  const letters = () => [...seen.matchAll(/\r\n\r\n([a-z])/g)].map(([, letter]) => letter).join('')
  for (const [piece, answers] of pieces) {
    const before = letters().length
    socket.write(piece, 'latin1')
    // Else it would come in one with the next piece.
    if (answers === '') await within(5_000, isRead)
    else await within(5_000, () => letters().length >= before + answers.length)
  }
  socket.destroy()
  unsubscribe('net.server.socket', keep)
  return letters()
}

test('the very same request again needs no parser; what only looks like it does', async (t) => {
  const { port } = await listen(t, {}, repeating)
  const post = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${get.length}\r\n\r\n`
  const chunked = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
  const size = get.length.toString(16)
  const closing = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const expecting = 'GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n'
  const pieces: readonly (readonly [string, string])[] = [
    // Node's limit for the first head of a connection ends with a request of its own, and the next one is learnt.
    [get, 'p'],
    [get, 'p'],
    [get, 'r'],
    [get, 'r'],
    [get + get, 'pp'],
    [get, 'r'],
    [get.slice(0, 9), ''],
    [get.slice(9), 'p'],
    [get, 'r'],
    // A body.
    [post, 'p'],
    [get, ''],
    [get, 'r'],
    [chunked, 'p'],
    [`${size}\r\n`, ''],
    [get, ''],
    ['\r\n0\r\n\r\n', ''],
    [get, 'r'],
    // A line of a head.
    ['GET / HTTP/1.1\r\nX: ', ''],
    [get, 'p'],
    ['\r\n', ''],
    [get, 'p'],
    [get, 'r'],
    [expecting, 'p'],
    [expecting, 'p'],
    [closing, 'p'],
  ]
  t.is(await converse(port, pieces), pieces.map(([, answers]) => answers).join(''))
  t.is(
    await converse(port, [
      [get, 'p'],
      [get, 'r'],
      [closing, 'p'],
    ]),
    'prp',
  )
})

/** Sends each piece when the one before was answered, and yields the statuses and letters of each answer. */
async function replies(port: number, pieces: readonly string[]) {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  let seen = ''
  socket.on('data', (chunk) => (seen += chunk.toString('latin1')))
  const answers: string[] = []
  for (const piece of pieces) {
    seen = ''
    socket.write(piece, 'latin1')
    await within(5_000, () => seen !== '' || socket.closed)
    await sleep(30)
    const found = [...seen.matchAll(/HTTP\/1\.1 (\d+)[^]*?\r\n\r\n([pr]?)/g)]
    answers.push(found.map(([, status, letter]) => `${status}${letter}`).join(' '))
  }
  await within(200, () => socket.closed)
  const { closed } = socket
  socket.destroy()
  return { answers, closed }
}

test('a body behind a head that is refused for its Expect is no request, whatever it says', async (t) => {
  const { port } = await listen(t, {}, repeating)
  const head = `GET /b HTTP/1.1\r\nHost: x\r\nExpect: x\r\nContent-Length: ${get.length}\r\n\r\n`
  const { answers } = await replies(port, [get, get, get, head])
  t.deepEqual(answers, ['200p', '200p', '200r', '417'])
  const pieces = [
    [get, 'p'],
    [get, 'r'],
    [head, ''],
    [get, ''],
    [get, 'r'],
  ] as const
  t.is(await converse(port, pieces), 'prr')
})

test('a request and one that is refused for its Expect are two each time', async (t) => {
  const { port } = await listen(t, {}, repeating)
  const both = `${get}GET /b HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n`
  const { answers } = await replies(port, [get, both, both, get])
  t.deepEqual(answers, ['200p', '200p 417', '200p 417', '200p'])
})

for (const [what, tail] of [
  ['garbage', 'GARBAGE\r\n\r\n'],
  ['a CONNECT', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'],
  [
    'a length said twice',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
] as const) {
  test(`${what} behind a request closes the connection each time`, async (t) => {
    const { port } = await listen(t, {}, repeating)
    for (let time = 0; time < 3; time++) {
      const { answers, closed } = await replies(port, [get, get + tail])
      t.true(closed)
      t.false(answers[1]?.includes('r'))
    }
  })
}

test('a connection whose requests are all alike stays open in time, and is closed when it is idle', async (t) => {
  const limits = { headersMs: 1_500, requestMs: 1_500, keepAliveMs: 2_000 }
  const { port } = await listen(t, limits, repeating)
  const { text, closed } = await exchange(port, (socket) => {
    let left = 20
    const timer = setInterval(() => {
      if (left-- > 0) socket.write(get)
      else clearInterval(timer)
    }, 100)
  })
  t.true(closed)
  t.is(countOf(text, '\r\n\r\np'), 2)
  t.is(countOf(text, '\r\n\r\nr'), 18)
})

test('what is pipelined starts a few requests in a turn, however fast they are answered', async (t) => {
  let thisTurn = 0
  let most = 0
  const { port } = await listen(t, {}, (_, response) => {
    if (++thisTurn === 1) setImmediate(() => (thisTurn = 0))
    most = Math.max(most, thisTurn)
    response.end('hello')
  })
  const { text } = await exchange(port, get.repeat(500), {
    until: (seen) => countOf(seen, 'hello') === 500,
    ms: 50_000,
  })
  t.is(countOf(text, 'hello'), 500)
  t.true(most < 30, `${most} in one turn`)
})

test('a client that closes its side behind the request, as nc does, has its answer', async (t) => {
  const { port } = await listen(t, {}, (_, response) => void setTimeout(() => response.end('late'), 100))
  for (const version of ['1.0', '1.1\r\nConnection: close']) {
    const put = `PUT /x HTTP/${version}\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`
    const { text, closed } = await exchange(port, (socket) => void socket.end(put))
    t.regex(text, /^HTTP\/1\.1 200 [^]*late$/)
    t.true(closed)
  }
})

for (const [what, sends, status] of [
  ['a malformed request line', 'GARBAGE\r\n\r\n', 400],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['no Host in HTTP/1.1', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['lines that end by LF alone', 'GET / HTTP/1.0\n\n', 400],
  ['two Host lines', 'GET / HTTP/1.1\r\nHost: x\r\nX: host\r\nhOST: x\r\n\r\n', 400],
  ['two Host lines in HTTP/1.0', 'GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n', 400],
  [
    'two Host lines, a body and another request behind',
    'PUT / HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    400,
  ],
  ['a Host line with a blank in it', 'GET / HTTP/1.1\r\nHost: x y\r\n\r\n', 400],
  ['a Host line that is a path', 'GET / HTTP/1.1\r\nHost: x/y@z\r\n\r\n', 400],
  [
    'a second Host line behind a thousand others',
    `GET / HTTP/1.1\r\nHost: x\r\n${'a:b\r\n'.repeat(2000)}Host: y\r\n\r\n`,
    400,
  ],
  [
    'chunks in HTTP/1.0, and another request behind',
    'GET / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    400,
  ],
  [
    'a GET with an end that nobody knows',
    'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n',
    400,
  ],
  ['100 KiB of headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(102_400)}\r\n\r\n`, 431],
  ['a path of 100 KiB', `GET /${'a'.repeat(102_400)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  [
    'Content-Length and Transfer-Encoding together',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    400,
  ],
  [
    'two different lengths',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde',
    400,
  ],
] as const) {
  test(`${what}: ${status}, closed, a debug line at most`, async (t) => {
    const { port, events } = await listen(t)
    const { text, closed } = await exchange(port, sends)
    t.true(closed)
    t.is(countOf(text, 'HTTP/1.1 '), 1, text)
    t.true(text.startsWith(`HTTP/1.1 ${status} `), text)
    t.notRegex(text, /smuggled|hello/)
    t.true(events.length <= 1)
    t.true(events.every((event) => event.level === 'debug'))
  })
}

test('what stands behind a head that is refused is not done', async (t) => {
  const done: unknown[] = []
  const { port } = await listen(t, {}, ({ url }, response) => {
    done.push(url)
    response.end('hello')
  })
  for (const refused of ['Host: x y', 'Host: x\r\nHost: x', 'X: no host']) {
    const { text, closed } = await exchange(port, `GET / HTTP/1.1\r\n${refused}\r\n\r\n${get}`)
    t.true(closed)
    t.regex(text, /^HTTP\/1\.1 400 /, refused)
  }
  t.deepEqual(done, [])
})

test('each of 2000 header lines counts, and every spelling of a host is one', async (t) => {
  const { port } = await listen(
    t,
    {},
    ({ headers }, response) => void response.end(`${String(headers['x'])}.`),
  )
  const lines = 'a:b\r\n'.repeat(2000)
  for (const host of [
    '',
    'x',
    'x:',
    'x_y.lan:8080',
    '10.77.0.1',
    '[fe80::1]',
    '[::ffff:10.77.0.1]:80',
    '%41',
  ]) {
    const head = `GET / HTTP/1.1\r\n${lines}Host: ${host}\r\nX: heard\r\nConnection: close\r\n\r\n`
    t.regex((await exchange(port, head)).text, /^HTTP\/1\.1 200 [^]*heard\./, host)
  }
})

test('garbage behind a good request never lands inside its answer', async (t) => {
  const { port } = await listen(t, {}, (_, response) => {
    response.writeHead(200, { 'Content-Length': 10 })
    response.write('01234')
    setTimeout(() => response.end('56789'), 100)
  })
  const { text, closed } = await exchange(port, (socket) => {
    socket.write(get)
    setTimeout(() => socket.write('GARBAGE\r\n\r\n'), 30)
  })
  t.true(closed)
  t.regex(text, /^HTTP\/1\.1 200 [^]*\r\n\r\n0123456789$/)
})

for (const [what, more] of [
  ['a byte', 'X'],
  ['a megabyte', 'X'.repeat(1024 * 1024)],
] as const) {
  test(`${what} too many behind a body: what was asked is answered, nothing else, and the connection closed`, async (t) => {
    const { port } = await listen(t, {}, (asked, response) => {
      asked.resume().on('end', () => setTimeout(() => response.end('deployed'), 50))
    })
    const put = 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'
    const { text, closed } = await exchange(port, put + put + more)
    t.true(closed)
    t.is(countOf(text, 'HTTP/1.1 '), 2)
    t.is(countOf(text, 'deployed'), 2)
  })
}

test('headers that come a byte at a time are cut off in time, and others are served meanwhile', async (t) => {
  const { port } = await listen(t, { headersMs: 1_500 })
  const started = Date.now()
  const slow = exchange(port, (socket) => {
    socket.write('GET / HTTP/1.1\r\n')
    const drip = setInterval(() => socket.write('a'), 40)
    socket.on('close', () => clearInterval(drip))
  })
  const { text } = await exchange(port, get, { until: (seen) => seen.endsWith('hello') })
  t.regex(text, /^HTTP\/1.1 200/)
  const cut = await slow
  t.true(cut.closed)
  t.regex(cut.text, /^HTTP\/1.1 408 /)
  t.true(Date.now() - started < 15_000)
})

const put = 'PUT / HTTP/1.1\r\nHost: x\r\n'

test('a body that never comes is cut off in time', async (t) => {
  const { port } = await listen(t, { headersMs: 200, requestMs: 300 }, (asked, response) => {
    asked.resume().on('end', () => response.end('hello'))
  })
  const { closed } = await exchange(port, `${put}Content-Length: 10\r\n\r\nabc`)
  t.true(closed)
})

for (const [what, sends] of [
  ['a body that ends too early', `${put}Content-Length: 10\r\n\r\nabc`],
  ['a chunk without a length', `${put}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}`],
  ['a body with an end that nobody knows', `${put}Transfer-Encoding: gzip\r\n\r\nabc`],
] as const) {
  test(`${what} is refused, and told`, async (t) => {
    const { port, events } = await listen(t, {}, (asked, response) => {
      asked.resume().on('end', () => response.end('hello'))
    })
    const { text, closed } = await exchange(port, (socket) => void socket.end(sends))
    t.true(closed)
    t.regex(text, /^HTTP\/1\.1 400 /)
    t.regex(events[0]?.text ?? '', /a request whose body does not end where its headers say/)
  })
}

test('nothing is said in the middle of an answer whose request breaks off', async (t) => {
  const { port } = await listen(t, {}, (_, response) => {
    response.writeHead(200, { 'Content-Length': 10 })
    response.write('01234')
  })
  const { text } = await exchange(port, (socket) => {
    socket.write(`${put}Content-Length: 10\r\n\r\nabc`)
    setTimeout(() => socket.end(), 100)
  })
  t.true(text.endsWith('01234'), text)
})

test('an answer may take longer than a request may', async (t) => {
  const { port } = await listen(t, { headersMs: 1_500, requestMs: 2_000 }, (_, response) => {
    response.writeHead(200, { 'Content-Length': 6 })
    response.write('abc')
    setTimeout(() => response.end('def'), 3_500)
  })
  const { text } = await exchange(port, get, { until: (seen) => seen.endsWith('def'), ms: 10_000 })
  t.true(text.endsWith('abcdef'))
})

test('2000 idle connections do not keep others out, and are closed in time', async (t) => {
  const { port } = await listen(t, { headersMs: 3_000 })
  let open = 0
  const connectOne = async () => {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => void socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => open--)
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    open++
  }
  await connectMany(2_000, connectOne, async () => {
    const { text } = await exchange(port, get, { until: (seen) => seen.endsWith('hello') })
    t.true(text.endsWith('hello'))
  })
  await within(20_000, () => open === 0)
  t.is(open, 0)
})

test('when every connection is taken, the one that waits longest makes room', async (t) => {
  const { port, events } = await listen(t, { connections: 3 })
  const idle = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
  const closed = idle.map((socket) => new Promise((resolve) => socket.on('close', resolve)))
  await sleep(100)
  const { text } = await exchange(port, get, { until: (seen) => seen.endsWith('hello') })
  t.true(text.endsWith('hello'))
  await closed[0]
  t.false(idle[2]?.destroyed)
  t.true(events.some((event) => event.step === 'http.full'))
  for (const socket of idle) socket.destroy()
})

test('a connection with a request under way is never the one to go', async (t) => {
  const { port } = await listen(t, { connections: 2 }, (asked, response) => {
    setTimeout(() => response.end('hello'), asked.url === '/slow' ? 300 : 0)
  })
  const slow = exchange(port, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n', {
    until: (seen) => seen.endsWith('hello'),
  })
  await sleep(50)
  for (let i = 0; i < 5; i++) await exchange(port, get, { until: (seen) => seen.endsWith('hello') })
  t.true((await slow).text.endsWith('hello'))
})

test('one client with a request on every connection keeps no other out; the log warns once', async (t) => {
  const { port, events } = await listen(t, { connections: 20 }, (asked, response) => {
    if (asked.url === '/held') return void response.write('held')
    setTimeout(() => response.end('hello'), 100)
  })
  const from = async (localAddress: string, path: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {})
    t.teardown(() => void socket.destroy())
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await within(5_000, () => socket.closed || /held|hello/.test(text))
    return { socket, text }
  }
  const greedy = await Promise.all(Array.from({ length: 20 }, () => from('127.0.0.2', '/held')))
  const others = await Promise.all([3, 4, 5, 6, 7].map((last) => from(`127.0.0.${last}`, '/')))
  for (const { text } of others) t.true(text.endsWith('hello'))
  // It gets nothing by coming again, not even the place of one that just waits.
  t.is((await from('127.0.0.2', '/held')).text, '')
  t.is(greedy.filter(({ socket }) => !socket.closed).length, 15)
  t.is(others.filter(({ socket }) => !socket.closed).length, 5)
  const told = events.filter(({ step }) => step === 'http.full')
  t.is(told.length, 1)
  t.like(told[0], { level: 'warn' })
  t.regex(told[0]?.text ?? '', /20 of them by 127\.0\.0\.2/)
})

test('a kept-open connection serves again, and is closed when it is idle', async (t) => {
  const { port } = await listen(t, { keepAliveMs: 2_000 })
  let answers = 0
  const { text, closed } = await exchange(port, (socket) => {
    socket.write(get)
    socket.on('data', () => {
      if (++answers === 1) socket.write(get)
    })
  })
  t.is(countOf(text, 'hello'), 2)
  t.true(closed)
})

test('a port in use: the error names the port, who holds it, and the setting', async (t) => {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void holder.close())
  const { port } = holder.address() as AddressInfo
  const listener = new HttpListener({
    service: 'HTTP',
    setting: 'http.port',
    bind: loopback,
    port,
    handle: () => {},
    tell: () => {},
  })
  const error = await t.throwsAsync(listener.start(), { instanceOf: BindError })
  t.regex(error.message, new RegExp(`port ${port}.*pid ${process.pid}.*http\\.port`))
  await listener.stop()
})

test('stop lets a short answer end, cuts a long one, and frees the port', async (t) => {
  let begun = 0
  const { listener, port } = await listen(t, { stopMs: 400 }, (asked, response) => {
    begun++
    response.write('begun ')
    if (asked.url === '/short') setTimeout(() => response.end('ended'), 100)
  })
  const short = exchange(port, 'GET /short HTTP/1.0\r\n\r\n')
  const long = exchange(port, 'GET /long HTTP/1.0\r\n\r\n')
  const idle = exchange(port, '')
  await within(2_000, () => begun === 2)
  await sleep(50)
  const started = Date.now()
  await listener.stop()
  // Left alone, the long one would stay for ever, and the idle one for 10 s.
  t.true(Date.now() - started < 8_000)
  t.regex((await short).text, /begun ended$/)
  t.true((await long).closed)
  t.true((await idle).closed)
  t.false(listener.listening)
  await t.throwsAsync(
    new Promise((_, reject) => request({ port, host: '127.0.0.1' }).on('error', reject).end()),
    { code: 'ECONNREFUSED' },
  )
})

test('random bytes: an answer or a closed connection, and the listener goes on', async (t) => {
  const { port } = await listen(t, { headersMs: 1_500 })
  for (let round = 0; round < 40; round++) {
    const noise = createHash('sha512').update(String(round)).digest().toString('latin1')
    const { closed } = await exchange(port, round % 2 ? noise : `GET /${noise} HTTP/1.1\r\n${noise}\r\n\r\n`)
    t.true(closed)
  }
  t.true((await exchange(port, get, { until: (seen) => seen.endsWith('hello') })).text.endsWith('hello'))
})
