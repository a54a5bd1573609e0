// HTTP row by row of the conformance list: the built program, and sockets that see every byte.

import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { Daemon } from '../net/harness.ts'
import { Site } from '../main/program.ts'
import { ask, connectMany, countOf, exchange, within } from './raw.ts'

const ends: (() => unknown)[] = []
const image = randomBytes(2 * 1024 * 1024 + 5)
const huge = 256 * 1024 * 1024
let site: Site
let program: Daemon
let port = 0
let url = ''

async function put(name: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(site.folder, name)), { recursive: true })
  await site.write(name, content)
}

test.before(async () => {
  site = await Site.make({
    teardown: (end) => void ends.push(end),
    passed: true,
    log: Object.assign(() => undefined, { skip: () => undefined }),
  })
  for (const [name, content] of Object.entries({
    'httproot/image.iso': image,
    'httproot/debian/linux': 'kernel',
    'httproot/one': '1',
    'httproot/two': '22',
    'httproot/.git/config': 'secret',
    'httproot/g++_1~x.deb': 'package',
    'tftproot/bootx64.efi': 'loader',
    outside: 'secret',
    'httproot-evil/secret': 'secret',
  })) {
    await put(name, content)
  }
  await symlink('../outside', join(site.folder, 'httproot/link'))
  await symlink('..', join(site.folder, 'httproot/up'))
  await symlink('one', join(site.folder, 'httproot/inside'))
  program = await site.start()
  port = site.ports.http
  url = `http://127.0.0.1:${port}`
})

test.after.always(async () => {
  for (const end of ends.toReversed()) await end()
})

/** `GET` as firmware and installers write it. */
const get = (path: string, ...headers: readonly string[]) =>
  `${[`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers].join('\r\n')}\r\n\r\n`

/** Each answer's head and body, by its Content-Length. */
function answersIn(text: string): readonly { readonly head: string; readonly body: string }[] {
  const answers = []
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\r\n\r\n', at) + 4
    if (end < 4) break
    const head = text.slice(at, end)
    const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)?.[1] ?? NaN)
    answers.push({ head, body: text.slice(end, end + length) })
    at = end + length
  }
  return answers
}

const undated = (head: string) => head.replace(/\r\nDate: [^\r]*/, '')

test('H01 GET, a connection kept open, and five pipelined GETs: 200, Content-Length, the right bytes, in order', async (t) => {
  const wanted = ['/one', '/image.iso', '/two', '/debian/linux', '/one']
  const bodies = ['1', image.toString('latin1'), '22', 'kernel', '1']
  for (const isPipelined of [true, false]) {
    const { text } = await exchange(
      port,
      (socket) => {
        if (isPipelined) return void socket.write(wanted.map((path) => get(path)).join(''))
        let seen = ''
        let next = 1
        socket.write(get(wanted[0] ?? ''))
        socket.on('data', (chunk) => {
          seen += String(chunk)
          if (next >= wanted.length || answersIn(seen).length < next) return
          if (answersIn(seen)[next - 1]?.body.length !== bodies[next - 1]?.length) return
          socket.write(get(wanted[next++] ?? ''))
        })
      },
      { until: (seen) => answersIn(seen)[4]?.body === '1', ms: 50_000 },
    )
    const answers = answersIn(text)
    t.deepEqual(
      answers.map(({ body }) => body.length),
      bodies.map(({ length }) => length),
    )
    for (const [index, { head, body }] of answers.entries()) {
      t.true(head.startsWith('HTTP/1.1 200 OK\r\n'))
      t.true(body === bodies[index])
    }
  }
})

test('H02 HEAD and GET have the same headers, with a Content-Length and never chunked; HEAD has no body', async (t) => {
  for (const path of ['/image.iso', '/one', '/bootx64.efi']) {
    const asked = get(path, 'Connection: close')
    const head = await exchange(port, asked.replace('GET', 'HEAD'))
    const whole = await exchange(port, asked, { ms: 50_000 })
    t.true(head.closed)
    const [, headers = '', body] = /^([^]*?\r\n\r\n)([^]*)$/.exec(head.text) ?? []
    t.is(body, '')
    t.is(undated(headers), undated(answersIn(whole.text)[0]?.head ?? ''))
    t.notRegex(headers, /transfer-encoding/i)
    const length = path === '/image.iso' ? image.length : path === '/one' ? 1 : 6
    t.regex(headers, new RegExp(`\r\nContent-Length: ${length}\r\n`))
  }
})

test('H06 If-None-Match, If-Modified-Since and If-Range: 304, 200 or 206 as the validator says', async (t) => {
  for (const path of ['/image.iso', '/two']) {
    const { headers } = await ask(url, path)
    const etag = String(headers['etag'])
    const date = String(headers['last-modified'])
    const rows: readonly (readonly [Readonly<Record<string, string>>, number])[] = [
      [{ 'If-None-Match': etag }, 304],
      [{ 'If-None-Match': `W/${etag}` }, 304],
      [{ 'If-None-Match': '"x", *' }, 200],
      [{ 'If-None-Match': '"x"' }, 200],
      [{ 'If-Modified-Since': date }, 304],
      [{ 'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200],
      [{ 'If-Modified-Since': 'some day' }, 200],
      // RFC 9110 13.1.3: a date counts only where there is no tag.
      [{ 'If-None-Match': '"x"', 'If-Modified-Since': date }, 200],
      [{ Range: 'bytes=1-', 'If-Range': etag }, 206],
      [{ Range: 'bytes=1-', 'If-Range': date }, 206],
      [{ Range: 'bytes=1-', 'If-Range': '"x"' }, 200],
      [{ Range: 'bytes=1-', 'If-Range': `W/${etag}` }, 200],
      [{ Range: 'bytes=1-', 'If-Range': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200],
      // RFC 9110 13.1.5: the very date, and no later one.
      [{ Range: 'bytes=1-', 'If-Range': 'Fri, 01 Jan 2100 00:00:00 GMT' }, 200],
    ]
    for (const [condition, status] of rows) {
      t.is((await ask(url, path, condition)).status, status, `${path} ${JSON.stringify(condition)}`)
    }
  }
})

test('H07 //path, /./path and other spellings are served, and nothing on the way is a redirect', async (t) => {
  for (const path of [
    '//debian/linux',
    '///debian//linux',
    '/./debian/./linux',
    '/debian/.//linux',
    '/debian\\linux',
    `http://pxe-server/debian/linux`,
  ]) {
    const { text } = await exchange(port, get(path, 'Connection: close'))
    t.regex(text, /^HTTP\/1\.1 200 [^]*kernel$/, path)
  }
  for (const path of ['/debian', '/debian/', '//debian', '/debian//', '/', '//', '/.', '/./']) {
    const { text } = await exchange(port, get(path, 'Connection: close'))
    t.regex(text, /^HTTP\/1\.1 40[34] /, path)
    t.notRegex(text, /\r\nLocation:/i)
  }
  const names = ['/g++_1~x.deb', '/g%2b%2b_1%7ex.deb', '/g%2B%2B_1%7Ex.deb']
  for (const name of names) t.is((await ask(url, name)).body.toString(), 'package', name)
})

test('H08 headers a byte every 5 s, and 2000 connections that ask nothing or nothing more, are closed within 20 s; others are served', async (t) => {
  const closedAfter: number[] = []
  const sockets: Socket[] = []
  const open = async () => {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => undefined)
    let since = 0
    const touch = () => (since = performance.now())
    socket.on('close', () => closedAfter.push(performance.now() - since))
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    socket.on('data', touch)
    touch()
    return socket
  }
  const slow = await open()
  const drip = setInterval(() => slow.write('X'), 5_000)
  slow.write('GET /one HTTP/1.1\r\n')
  // Every other one has been served, and is kept open.
  const idle = await connectMany(2_000, open, () => exchange(port, get('/one', 'Connection: close')))
  for (const [index, socket] of idle.entries()) if (index % 2) socket.write(get('/one'))
  for (let second = 0; second < 5; second++) {
    t.is((await ask(url, '/one')).body.toString(), '1')
    await sleep(200)
  }
  // What is announced and never sent keeps nobody from the file.
  const { text } = await exchange(port, get('/two', 'Content-Length: 10'), {
    until: (seen) => seen.endsWith('22'),
  })
  t.regex(text, /^HTTP\/1\.1 200 /)
  await within(40_000, () => closedAfter.length === sockets.length)
  clearInterval(drip)
  t.is(closedAfter.length, 2_001)
  t.true(Math.max(...closedAfter) < 20_000, `the last one after ${Math.max(...closedAfter)} ms`)
})

for (const [what, sends, status] of [
  ['a malformed request line', 'BOOT ME\r\n\r\n', 400],
  ['a request line of another protocol', 'GET /one SIP/2.0\r\nHost: x\r\n\r\n', 400],
  ['100 KiB of headers', `GET /one HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(102_400)}\r\n\r\n`, 431],
  [
    'a smuggled request: Content-Length and Transfer-Encoding',
    'GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n',
    400,
  ],
  [
    'two lengths',
    'GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\nGET /two ',
    400,
  ],
  ['a blank before a colon', 'GET /one HTTP/1.1\r\nHost : x\r\n\r\n', 400],
  ['a header that is folded', 'GET /one HTTP/1.1\r\nHost: x\r\nX: a\r\n b: c\r\n\r\n', 400],
  ['no Host', 'GET /one HTTP/1.1\r\n\r\n', 400],
] as const) {
  test(`H09 ${what}: ${status}, and the connection is closed`, async (t) => {
    const { text, closed } = await exchange(port, sends)
    t.true(closed)
    t.is(countOf(text, 'HTTP/1.1 '), 1, text)
    t.true(text.startsWith(`HTTP/1.1 ${status} `), text)
    t.is((await ask(url, '/one')).body.toString(), '1')
  })
}

test('H10 a link that leads out of the root, and what else is not for clients, is refused', async (t) => {
  for (const path of [
    '/link',
    '/up/outside',
    '/../outside',
    '/%2e%2e/outside',
    '/..%2foutside',
    '/debian/../../outside',
    '/../httproot-evil/secret',
    '/.git/config',
    '/%2egit/config',
    '/one%00',
    '/debian',
  ]) {
    const { text } = await exchange(port, get(path, 'Connection: close'))
    t.regex(text, /^HTTP\/1\.1 40[034] /, path)
    t.notRegex(text, /secret$|root:/)
  }
  t.is((await ask(url, '/inside')).body.toString(), '1')
})

async function openFiles(): Promise<number> {
  const folder = `/proc/${program.pid}/fd`
  const names = await readdir(folder)
  const paths = await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => '')))
  return paths.filter((path) => path.startsWith(join(site.folder, 'httproot'))).length
}

async function residentMib(): Promise<number> {
  const status = await readFile(`/proc/${program.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024
}

// Alone: it looks at the memory and the descriptors of the program.
test.serial(
  '200 clients that read nothing hold little memory; when they vanish, nothing is left open',
  async (t) => {
    await writeFile(join(site.folder, 'httproot/huge'), Buffer.alloc(huge))
    const before = await residentMib()
    const clients = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => undefined)
        socket.pause()
        await new Promise<void>((resolve) => socket.once('connect', resolve))
        socket.write(get('/huge'))
        return socket
      }),
    )
    for (let waited = 0; waited < 20_000 && (await openFiles()) < 200; waited += 100) await sleep(100)
    t.is(await openFiles(), 200)
    await sleep(1_000)
    const during = await residentMib()
    t.true(during - before < 250, `${Math.round(before)} MiB before, ${Math.round(during)} with 200 clients`)
    t.is((await ask(url, '/one')).body.toString(), '1')
    for (const [index, socket] of clients.entries()) {
      if (index % 2) socket.destroy()
      else socket.resetAndDestroy()
    }
    for (let waited = 0; waited < 20_000 && (await openFiles()) > 0; waited += 100) await sleep(100)
    t.is(await openFiles(), 0)
  },
)

test('a client that left is told of with what it was sent, and not with what was read for it', async (t) => {
  await put('httproot/left', Buffer.alloc(64 * 1024 * 1024))
  let got = 0
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      got += chunk.length
      if (got > 100_000) resolve()
    })
    socket.write(get('/left'))
  })
  socket.pause()
  await sleep(500)
  socket.destroy()
  const line = await program.transcript.waitFor(/GET \/left: the client left after (\d+) bytes/, 20)
  const told = Number(
    /after (\d+) bytes/.exec(String(line))?.[1] ?? program.transcript.text.match(/after (\d+) bytes/)?.[1],
  )
  // What the kernel's two buffers hold was sent; what waited in the program was not.
  t.true(told < 32 * 1024 * 1024, `${told}`)
})
