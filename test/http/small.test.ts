// Small files that are given from memory: the same answer as from the disk, and never an old one.

import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { openGlance } from '../../src/glance.ts'
import { openLibc, type Libc } from '../../src/net/libc.ts'
import { tree } from '../folder.ts'
import { ask, countOf, exchange, within } from './raw.ts'
import { serveFiles } from './site.ts'

/** What is younger than a second is not kept: it could change without a trace. */
const settled = 1_100

async function serve(t: ExecutionContext, files: Readonly<Record<string, string>>, send?: Libc['send']) {
  const glance = await openGlance()
  if (glance === undefined) throw new Error('the kernel does not let us')
  let kept = 0
  const counting = {
    ...glance,
    isAs: (...asked: Parameters<typeof glance.isAs>) => {
      const is = glance.isAs(...asked)
      if (is) kept++
      return is
    },
  }
  const httproot = tree(files)
  await sleep(settled)
  const served = await serveFiles(t, { httproot, glance: counting, ...(send && { send }) })
  const get = async (path: string) => {
    const reply = await fetch(served.url + path)
    return { status: reply.status, headers: reply.headers, text: await reply.text() }
  }
  /** Has a file read into memory, which is looked at once more then. */
  const warm = async (path: string) => {
    const before = kept
    const reply = await get(path)
    await within(10_000, () => kept > before)
    return reply
  }
  /** How many answers came from memory in `work`. */
  const fromMemory = async (work: () => Promise<unknown>) => {
    const before = kept
    await work()
    return kept - before
  }
  return { ...served, httproot, get, warm, fromMemory }
}

test('from memory as from the disk: the same headers and bytes, for HEAD too, and conditions are judged', async (t) => {
  const { get, warm, fromMemory, port, url } = await serve(t, { 'pool/a.deb': '0123456789\xff' })
  const first = await warm('/pool/a.deb')
  let second = first
  t.is(await fromMemory(async () => (second = await get('/pool/a.deb'))), 1)
  t.is(second.text, first.text)
  t.deepEqual(told(second.headers), told(first.headers))
  const head = await fetch(`${url}/pool/a.deb`, { method: 'HEAD' })
  t.deepEqual(told(head.headers), told(first.headers))
  const etag = first.headers.get('etag') ?? ''
  t.is((await ask(url, '/pool/a.deb', { 'If-None-Match': etag })).status, 304)
  t.is((await ask(url, '/pool/a.deb', { Range: 'bytes=2-3' })).status, 206)
  const asked = 'GET /pool/a.deb HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5)
  const { text } = await exchange(port, asked, { until: (seen) => countOf(seen, '0123456789') === 5 })
  t.is(countOf(text, 'HTTP/1.1 200'), 5)
  const old = await exchange(port, 'GET /pool/a.deb HTTP/1.0\r\n\r\n')
  t.true(old.closed)
  t.regex(old.text, /0123456789/)
})

test('asked again and again on one connection: the same answer each time, told each time, and a changed file changed', async (t) => {
  const { warm, httproot, port, events } = await serve(t, { 'pool/a.deb': 'one' })
  await warm('/pool/a.deb')
  const asked = 'GET /pool/a.deb HTTP/1.1\r\nHost: x\r\n\r\n'
  const gets = () => events.filter(({ step }) => step === 'http.get').length
  const before = gets()
  const talk = async (socket: Socket) => {
    for (let count = 0; count < 8; count++) {
      // As large, so that every answer ends alike.
      if (count === 6) writeFileSync(join(httproot, 'pool/a.deb'), 'two')
      socket.write(asked)
      await once(socket, 'data')
    }
  }
  const { text } = await exchange(port, (socket) => void talk(socket).catch(() => undefined), {
    until: (seen) => countOf(seen, 'HTTP/1.1 200') === 8 && seen.endsWith('two'),
  })
  const answers = text.split(/(?=HTTP\/1\.1 )/).map((answer) => answer.replace(/^Date: .*\r\n/m, ''))
  t.is(new Set(answers.slice(0, 6)).size, 1)
  t.deepEqual(
    answers.map((answer) => answer.slice(-3)),
    [...Array<string>(6).fill('one'), 'two', 'two'],
  )
  // A file that was read from the disk is told when its end was read, too.
  await within(10_000, () => gets() - before >= 8)
  t.is(gets() - before, 8)
})

test('an answer that is given again says when it is given, and one without a body has none', async (t) => {
  const { warm, port } = await serve(t, { 'pool/a.deb': 'one' })
  await warm('/pool/a.deb')
  const { text } = await exchange(port, (socket) => void askAgain(socket).catch(() => undefined), {
    until: (seen) => countOf(seen, 'HTTP/1.1 200') === 8 && seen.endsWith('one'),
  })
  const answers = text.split(/(?=HTTP\/1\.1 )/)
  const bodies = answers.map((answer) => answer.slice(answer.indexOf('\r\n\r\n') + 4))
  t.deepEqual(bodies, ['one', 'one', 'one', '', '', '', 'one', 'one'])
  const dates = answers.map((answer) => Date.parse(/^Date: (.*)$/m.exec(answer)?.[1] ?? ''))
  t.true((dates[7] ?? 0) - (dates[6] ?? 0) >= 1000)
})

test('a client that is slow to read gets each answer whole, also what the system had no room for', async (t) => {
  const libc = await openLibc()
  if ('unavailable' in libc) return t.fail(libc.unavailable)
  const room = [100, 0, 5, 2000]
  let sent = 0
  const send: Libc['send'] = (fd, bytes, count) =>
    libc.send(fd, bytes, Math.min(count, room[sent++ % room.length] ?? 0))
  const body = '0123456789'.repeat(80)
  const { warm, port } = await serve(t, { 'pool/a.deb': body }, send)
  await warm('/pool/a.deb')
  const { text } = await exchange(port, (socket) => void askSlowly(socket).catch(() => undefined), {
    until: (seen) => countOf(seen, 'HTTP/1.1 200') === 20 && seen.endsWith(body),
  })
  const answers = text.split(/(?=HTTP\/1\.1 )/).map((answer) => answer.replace(/^Date: .*\r\n/m, ''))
  t.is(new Set(answers).size, 1)
  t.true(sent > room.length)
})

test('however its name is spelled, a file is kept once; with a slash behind it, it is none', async (t) => {
  const { get, warm, fromMemory } = await serve(t, { 'pool/a.deb': 'x' })
  await warm('/pool/a.deb')
  const spelled = ['/pool//a.deb', '/pool/%61.deb', `/${'/'.repeat(3000)}pool/a.deb`, '//pool\\a.deb']
  for (const path of spelled) {
    t.is(await fromMemory(async () => void t.is((await get(path)).text, 'x')), 1, path)
  }
  t.is((await get('/pool/a.deb/')).status, 404)
})

async function askSlowly(socket: Socket): Promise<void> {
  for (let count = 0; count < 20; count++) {
    socket.write('GET /pool/a.deb HTTP/1.1\r\nHost: x\r\n\r\n')
    await sleep(5)
  }
}

/** Of each kind, one of them is for Node's parser, one is kept, and the others are given again. */
async function askAgain(socket: Socket): Promise<void> {
  for (const method of ['GET', 'GET', 'GET', 'HEAD', 'HEAD', 'HEAD', 'GET']) {
    socket.write(`${method} /pool/a.deb HTTP/1.1\r\nHost: x\r\n\r\n`)
    await once(socket, 'data')
  }
  await sleep(1_100)
  socket.write('GET /pool/a.deb HTTP/1.1\r\nHost: x\r\n\r\n')
}

/** What is said of the file. Headers yields them in the order of their names. */
function told(headers: Headers) {
  return [...headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name))
}

const changes: Readonly<Record<string, readonly [(file: string) => void, number, string]>> = {
  'written again with as many bytes': [(file) => writeFileSync(file, 'two'), 200, 'two'],
  'written again, with the times of before': [
    (file) => {
      writeFileSync(file, 'two')
      utimesSync(file, 1_000_000_000, 1_000_000_000)
    },
    200,
    'two',
  ],
  'replaced by a rename': [
    (file) => {
      writeFileSync(`${file}~`, 'two')
      renameSync(`${file}~`, file)
    },
    200,
    'two',
  ],
  removed: [unlinkSync, 404, ''],
  'in a folder that was replaced by a link out of the root': [
    (file) => {
      const outside = tree({ file: 'secret' })
      rmSync(join(file, '..'), { recursive: true })
      symlinkSync(outside, join(file, '..'))
    },
    403,
    '',
  ],
  'a folder now': [
    (file) => {
      unlinkSync(file)
      mkdirSync(file)
    },
    403,
    '',
  ],
}

for (const [what, [change, status, body]] of Object.entries(changes)) {
  test(`a file that is ${what} is given changed at the next request`, async (t) => {
    const { get, warm, fromMemory, httproot } = await serve(t, { 'a/file': 'one' })
    utimesSync(join(httproot, 'a/file'), 1_000_000_000, 1_000_000_000)
    await sleep(settled)
    await warm('/a/file')
    t.is(await fromMemory(() => get('/a/file')), 1)
    change(join(httproot, 'a/file'))
    const after = await get('/a/file')
    t.is(after.status, status)
    if (status === 200) t.is(after.text, body)
    else t.notRegex(after.text, /one$|secret/)
  })
}

test('a file that was just written is read again and again', async (t) => {
  const { get, httproot } = await serve(t, {})
  for (let round = 0; round < 50; round++) {
    writeFileSync(join(httproot, 'busy'), String(round).padStart(3, '0'))
    t.is((await get('/busy')).text, String(round).padStart(3, '0'))
  }
})

test('a glance never opens what may not be opened, and sees a change of rights', async (t) => {
  const glance = await openGlance()
  const root = tree({ file: 'x' })
  const path = Buffer.from(`${join(root, 'file')}\0`)
  const handle = await open(join(root, 'file'))
  const state = glance?.stateOf(handle)
  await handle.close()
  if (state === undefined) return t.fail('the kernel does not let us')
  t.true(glance?.isAs(path, state))
  await sleep(20)
  chmodSync(join(root, 'file'), 0o600)
  t.false(glance?.isAs(path, state))
  t.false(glance?.isAs(Buffer.from('/nowhere/at/all\0'), state))
})
