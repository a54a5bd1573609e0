// Boot files as firmware, loaders and installers ask for them.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs, { closeSync, openSync, symlinkSync, truncateSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { decide } from '../../src/boot/decide.ts'
import { emptyTable } from '../../src/boot/table.ts'
import { readsPerRoot } from '../../src/disk.ts'
import { tree } from '../folder.ts'
import { ask, countOf, exchange, within } from './raw.ts'
import { form, h1, ip, mac, serveFiles, site } from './site.ts'

const big = randomBytes(3 * 1024 * 1024 + 17)

const assigned = (text: string, more = {}) =>
  [
    {
      kind: 'catalog',
      catalog: { configurations: [{ name: 'ubuntu', forms: [form(text, more)] }], menus: [], loaders: [] },
    },
    { kind: 'assignment', host: 'h1', configuration: 'ubuntu' },
  ] as const

const menu = '/pxelinux.cfg/01-00-00-00-00-00-01'

// Each of these is the same file to its client, whatever stands behind it.
const sources = {
  'a file of httproot': async (t: Parameters<typeof serveFiles>[0]) => ({
    ...(await serveFiles(t, { httproot: tree({ 'a/file': '0123456789' }) })),
    path: '/a/file',
  }),
  'a file of tftproot': async (t: Parameters<typeof serveFiles>[0]) => ({
    ...(await serveFiles(t, { httproot: tree({}), tftproot: tree({ 'a/file': '0123456789' }) })),
    path: '/a/file',
  }),
  'a loader of the system': async (t: Parameters<typeof serveFiles>[0]) => {
    const path = join(tree({ 'pxelinux.0': '0123456789' }), 'pxelinux.0')
    const loaders = [['pxelinux.0', { from: 'system', path }]] as const
    const catalog = { configurations: [], menus: [], loaders }
    return {
      ...(await serveFiles(t, { httproot: tree({}), changes: [{ kind: 'catalog', catalog }] })),
      path: '/pxelinux.0',
    }
  },
  'a configuration of the table': async (t: Parameters<typeof serveFiles>[0]) => ({
    ...(await serveFiles(t, { httproot: tree({}), changes: assigned('0123456789') })),
    path: menu,
  }),
  'a template': async (t: Parameters<typeof serveFiles>[0]) => ({
    ...(await serveFiles(t, {
      httproot: tree({ 'x.seed.tmpl': '0123${none}456789'.replace('${none}', '') }),
    })),
    path: '/x.seed',
  }),
}

for (const [what, make] of Object.entries(sources)) {
  test(`${what}: GET, HEAD, ranges and conditions as RFC 9110 has them`, async (t) => {
    const { url, path, events } = await make(t)
    const whole = await ask(url, path)
    t.is(whole.status, 200)
    t.is(whole.body.toString(), '0123456789')
    t.is(whole.headers['content-length'], '10')
    t.is(whole.headers['transfer-encoding'], undefined)
    t.is(whole.headers['accept-ranges'], 'bytes')
    const etag = String(whole.headers['etag'])
    t.regex(etag, /^"/, 'a strong validator')

    const head = await ask(url, path, { Range: 'bytes=0-1' }, 'HEAD')
    t.is(head.status, 200)
    t.is(head.body.length, 0)
    for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges']) {
      t.is(head.headers[name], whole.headers[name], name)
    }
    const toldOf = (step: string) => events.find((event) => event.step === step)?.data
    t.like(toldOf('http.get'), { status: 200, bytes: 10 })
    t.like(toldOf('http.head'), { status: 200, bytes: 0 })

    const ranges: readonly (readonly [Record<string, string>, number, string, string?])[] = [
      [{ Range: 'bytes=2-4' }, 206, '234', 'bytes 2-4/10'],
      [{ Range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
      [{ Range: 'bytes=-2' }, 206, '89', 'bytes 8-9/10'],
      [{ Range: 'bytes=-10' }, 206, '0123456789', 'bytes 0-9/10'],
      [{ Range: 'bytes=-500' }, 206, '0123456789', 'bytes 0-9/10'],
      [{ Range: 'bytes=5-500' }, 206, '56789', 'bytes 5-9/10'],
      [{ Range: 'bytes=0-0' }, 206, '0', 'bytes 0-0/10'],
      [{ Range: 'pages=1-2' }, 200, '0123456789'],
      [{ Range: 'bytes=x' }, 200, '0123456789'],
      [{ Range: 'bytes=0-1,4-5' }, 200, '0123456789'],
      [{ Range: 'bytes=2-4', 'If-Range': etag }, 206, '234', 'bytes 2-4/10'],
      [{ Range: 'bytes=2-4', 'If-Range': '"other"' }, 200, '0123456789'],
      [{ Range: 'bytes=2-4', 'If-Range': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200, '0123456789'],
      [{ 'If-Match': etag }, 200, '0123456789'],
      [{ 'If-Match': `W/"other", ${etag}` }, 200, '0123456789'],
      [{ 'If-Match': '*' }, 200, '0123456789'],
      [{ 'If-None-Match': '"other"' }, 200, '0123456789'],
      [{ 'If-None-Match': etag }, 304, ''],
      [{ 'If-None-Match': `"other", W/${etag}` }, 304, ''],
      [{ 'If-None-Match': '*' }, 304, ''],
      [{ 'If-None-Match': etag, 'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 304, ''],
    ]
    for (const [headers, status, body, contentRange] of ranges) {
      const reply = await ask(url, path, headers)
      t.is(reply.status, status, JSON.stringify(headers))
      t.is(reply.body.toString(), body, JSON.stringify(headers))
      t.is(reply.headers['content-range'], contentRange)
    }
    const beyond = await ask(url, path, { Range: 'bytes=10-' })
    t.is(beyond.status, 416)
    t.is(beyond.headers['content-range'], 'bytes */10')
    for (const tags of ['"other"', `W/${etag}`, `"other", W/${etag}`]) {
      t.is((await ask(url, path, { 'If-Match': tags })).status, 412, tags)
    }
  })
}

test('If-Modified-Since, as apt asks a mirror', async (t) => {
  const { url } = await serveFiles(t, { httproot: tree({ Release: 'x' }) })
  const since = String((await ask(url, '/Release')).headers['last-modified'])
  t.is((await ask(url, '/Release', { 'If-Modified-Since': since })).status, 304)
  const before = 'Thu, 01 Jan 1970 00:00:00 GMT'
  t.is((await ask(url, '/Release', { 'If-Modified-Since': before })).status, 200)
  t.is((await ask(url, '/Release', { Range: 'bytes=0-', 'If-Range': since })).status, 206)
})

test('If-Range: the date that was told, also where that is rounded up to a whole second', async (t) => {
  const httproot = tree({ x: '0123456789' })
  fs.utimesSync(join(httproot, 'x'), 1_767_225_610.9997, 1_767_225_610.9997)
  const { url } = await serveFiles(t, { httproot })
  const since = String((await ask(url, '/x')).headers['last-modified'])
  t.is(since, 'Thu, 01 Jan 2026 00:00:11 GMT')
  t.is((await ask(url, '/x', { Range: 'bytes=4-', 'If-Range': since })).body.toString(), '456789')
})

test('a leading slash, //, /./ and a backslash are spellings, and never a redirect', async (t) => {
  const { url } = await serveFiles(t, {
    httproot: tree({ 'ubuntu/1604/linux': 'kernel' }),
    tftproot: tree({ 'grub/grubx64.efi': 'loader' }),
    changes: assigned('menu'),
  })
  for (const path of [
    '/ubuntu/1604/linux',
    '//ubuntu/1604/linux',
    '/./ubuntu/./1604//linux',
    '/ubuntu\\1604\\linux',
    '/ubuntu%5c1604%2Flinux',
    '/ubuntu/1604/linux?some=query',
    'http://pxe-server/ubuntu/1604/linux',
  ]) {
    const reply = await ask(url, path)
    t.is(reply.status, 200, path)
    t.is(reply.body.toString(), 'kernel', path)
  }
  t.is((await ask(url, '//grub//grubx64.efi')).body.toString(), 'loader')
  t.is((await ask(url, `/${menu}`)).body.toString(), 'menu')
})

test('names with +, ~, blanks and umlauts, escaped or not', async (t) => {
  const { url } = await serveFiles(t, {
    httproot: tree({
      'pool/g++_12.2.0-3~deb12_amd64.deb': 'package',
      'a b/ü%41': 'odd',
    }),
  })
  for (const path of [
    '/pool/g++_12.2.0-3~deb12_amd64.deb',
    '/pool/g%2b%2b_12.2.0-3%7edeb12_amd64.deb',
    '/pool/g%2B%2B_12.2.0-3%7Edeb12_amd64.deb',
  ]) {
    t.is((await ask(url, path)).body.toString(), 'package', path)
  }
  t.is((await ask(url, '/a%20b/%C3%BC%2541')).body.toString(), 'odd')
})

test('a mirror of 250 files over one connection, pipelined', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 250 }, (_, n) => [`pool/p${n}+b1~x.deb`, `<${n}>`.repeat(n * 40)]),
  )
  const { port } = await serveFiles(t, { httproot: tree(files) })
  const sends = Object.keys(files)
    .map((name) => `GET /${name.replaceAll('+', '%2b').replaceAll('~', '%7e')} HTTP/1.1\r\nHost: x\r\n\r\n`)
    .join('')
  const { text } = await exchange(port, `${sends}GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, {
    ms: 50_000,
  })
  t.is(countOf(text, 'HTTP/1.1 200'), 250)
  let from = 0
  for (const content of Object.values(files)) {
    const at = text.indexOf(content, from)
    t.true(at >= from)
    from = at + content.length
  }
})

test('five pipelined GETs of a big file come whole and in order', async (t) => {
  const { port } = await serveFiles(t, { httproot: tree({ 'big.iso': big }) })
  const asked = 'GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4)
  const last = 'GET /big.iso HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const { text } = await exchange(port, asked + last, { ms: 50_000 })
  t.is(countOf(text, big.toString('latin1')), 5)
})

test('each request is decided once', async (t) => {
  const asked: unknown[] = []
  const { url } = await serveFiles(t, {
    httproot: tree({ file: 'x' }),
    decide: (facts) => {
      asked.push(facts.asks)
      return decide(facts, emptyTable(), site)
    },
  })
  t.is((await ask(url, '/file')).status, 200)
  t.is((await ask(url, '/missing')).status, 404)
  t.is((await ask(url, menu)).status, 404)
  t.is(asked.length, 3)
})

test('a name with a slash behind it is no file’s, nor one with a dot behind that', async (t) => {
  const httproot = tree({ a: 'x', 'b.seed.tmpl': 'x', 'folder/c': 'x' })
  const { url } = await serveFiles(t, { httproot, changes: assigned('menu') })
  for (const name of ['/a', '/b.seed', '/folder/c', menu]) {
    t.is((await ask(url, name)).status, 200, name)
    for (const more of ['/', '//', '/.', '/./', '%2f', '%2F.', '\\', '%5c']) {
      t.is((await ask(url, name + more)).status, 404, name + more)
    }
  }
})

/** Has each of Node's file threads wait, until the function it yields is called. */
function holdFileThreads(): () => Promise<void> {
  const folder = tree({})
  const count = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)
  const pipes = Array.from({ length: count }, (_, index) => join(folder, String(index)))
  execFileSync('mkfifo', pipes)
  const readers = pipes.map((pipe) => open(pipe))
  return async () => {
    const writers = pipes.map((pipe) => openSync(pipe, 'w'))
    for (const reader of readers) await (await reader).close()
    for (const writer of writers) closeSync(writer)
  }
}

test.serial('whoever leaves while the disk is slow leaves no work for it behind', async (t) => {
  let decided = 0
  const { url, port, events } = await serveFiles(t, {
    httproot: tree({ file: 'x' }),
    decide: (facts) => {
      decided++
      return decide(facts, emptyTable(), site)
    },
  })
  const release = holdFileThreads()
  const clients = Array.from({ length: 12 }, () => connect(port, '127.0.0.1'))
  for (const client of clients) client.write('GET /file HTTP/1.1\r\nHost: x\r\n\r\n')
  await within(10_000, () => decided === clients.length)
  // A FIN alone is no end: an installer's nc sends one behind its request, and waits.
  for (const client of clients) client.resetAndDestroy()
  // It came after their end.
  t.is((await ask(url, '/')).status, 404)
  await release()
  const left = () => events.filter(({ step }) => step === 'http.left')
  await within(10_000, () => left().length === clients.length)
  t.is(left().length, clients.length)
  t.is(left().filter(({ text }) => /nobody waits for it/.test(text)).length, clients.length - readsPerRoot)
  t.deepEqual(
    events.filter(({ level }) => level === 'warn'),
    [],
  )
  t.is((await ask(url, '/file')).status, 200)
})

test('whoever leaves with requests under way is told as such, each time', async (t) => {
  const { port, events } = await serveFiles(t, {
    httproot: tree({ 'big.iso': Buffer.alloc(32 * 1024 * 1024) }),
  })
  for (let clients = 0; clients < 20; clients++) {
    const client = connect(port, '127.0.0.1')
    client.write('GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5))
    await new Promise((resolve) => client.once('data', resolve))
    client.resetAndDestroy()
  }
  const steps = () => events.map(({ step }) => step).filter((step) => step !== 'http.fault')
  await within(20_000, () => steps().length === 100)
  t.deepEqual(steps(), Array<string>(100).fill('http.left'))
})

// Alone: where many download, they are read in smaller pieces.
test.serial(
  'where libc sends nothing, big files are read in pieces that the core’s own cache holds, and larger than serve-static’s',
  async (t) => {
    const { url } = await serveFiles(t, { httproot: tree({ 'mebibyte.iso': big }), libc: undefined })
    const sizes: number[] = []
    const create = fs.createReadStream
    t.teardown(() => void (fs.createReadStream = create))
    fs.createReadStream = ((path: string, options: object) => {
      const stream = create(path, options)
      if (path.endsWith('mebibyte.iso')) sizes.push(stream.readableHighWaterMark)
      return stream
    }) as typeof create
    t.true((await ask(url, '/mebibyte.iso')).body.equals(big))
    t.deepEqual(sizes, [256 * 1024])
  },
)

test('what is no file is refused or missing, and never a 5xx', async (t) => {
  const base = tree({
    'root/folder/inside': 'x',
    'root/.git/config': 'secret',
    'root/.treeinfo': 'tree',
    'root/plain': 'p',
    'root-evil/secret': 'secret',
  })
  const httproot = join(base, 'root')
  const outside = tree({ secret: 'secret' })
  symlinkSync(join(outside, 'secret'), join(httproot, 'link-out'))
  symlinkSync(outside, join(httproot, 'folder-out'))
  symlinkSync('plain', join(httproot, 'link-in'))
  symlinkSync('circle', join(httproot, 'circle'))
  const { url, events } = await serveFiles(t, { httproot })
  for (const [path, statuses] of [
    ['/missing', [404]],
    ['/folder', [403, 404]],
    ['/folder/', [403, 404]],
    ['/plain/x', [404]],
    ['/link-out', [403]],
    ['/folder-out/secret', [403]],
    ['/circle', [403]],
    ['/../../../../etc/passwd', [403]],
    ['/folder/../../../etc/passwd', [403]],
    ['/%2e%2e/%2e%2e/etc/passwd', [403]],
    ['/..%2f..%2fetc%2fpasswd', [403]],
    ['/..%5c..%5cetc%5cpasswd', [403]],
    ['/..%2froot-evil/secret', [403]],
    ['/%252e%252e/%252e%252e/etc/passwd', [404]],
    ['/plain%00.txt', [400, 403]],
    ['/%zz', [400]],
    ['/%ff%fe', [400]],
    ['/.git/config', [404]],
    ['/%2egit/config', [404]],
    ['/', [404]],
    ['//', [404]],
    [`/${'a'.repeat(5000)}`, [403, 404]],
    [`/${'a'.repeat(300)}`, [404]],
  ] as const) {
    const reply = await ask(url, path)
    t.true((statuses as readonly number[]).includes(reply.status), `${path}: ${reply.status}`)
    t.notRegex(reply.body.toString(), /secret$|root:/)
  }
  t.is((await ask(url, '/link-in')).body.toString(), 'p')
  t.is((await ask(url, '/.treeinfo')).body.toString(), 'tree')
  t.regex((await ask(url, '/')).body.toString(), /http:\/\/127\.0\.0\.1:3478\//)
  t.true(events.every((event) => !/[\n\0]/.test(event.text)))
})

test('only GET and HEAD; the rest is 405 with Allow', async (t) => {
  const { url } = await serveFiles(t, { httproot: tree({ x: 'x' }) })
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const reply = await ask(url, '/x', {}, method)
    t.is(reply.status, 405, method)
    t.is(reply.headers['allow'], 'GET, HEAD')
  }
})

test('media types that firmware and loaders look at', async (t) => {
  const names = [
    'a.efi',
    'b.ipxe',
    'c.iso',
    'pxelinux.0',
    'vmlinuz',
    'd.txt',
    'E.EFI',
    'f.img',
    'g.deb',
    'h.seed',
  ]
  const { url } = await serveFiles(t, {
    httproot: tree(Object.fromEntries(names.map((name) => [name, 'x']))),
  })
  const types = await Promise.all(
    names.map(async (name) => (await ask(url, `/${name}`)).headers['content-type']),
  )
  t.deepEqual(types, [
    'application/efi',
    'text/plain; charset=utf-8',
    'application/x-iso9660-image',
    'application/octet-stream',
    'application/octet-stream',
    'text/plain; charset=utf-8',
    'application/efi',
    'application/octet-stream',
    'application/x-debian-package',
    'text/plain; charset=utf-8',
  ])
})

test('a template is filled in for its client; what it names must be known', async (t) => {
  const httproot = tree({
    'a.seed.tmpl': 'd-i ${http}/x ${api} ${mac} ${hostname} ${disk} ${ip} $${HOME} ${net0/mac}\n',
    'wrong.seed.tmpl': 'line one\nwipe ${dsik}\n',
    'both.seed': 'the file',
    'both.seed.tmpl': 'the template',
    'huge.tmpl': Buffer.alloc(1024 * 1024 + 1, 'x'),
    'latin.seed.tmpl': Buffer.from('hostname M\xfcnchen ${mac}\n', 'latin1'),
  })
  const { url, events } = await serveFiles(t, {
    httproot,
    macOf: () => h1.macs[0],
    advertise: ip('10.77.0.1'),
  })
  const reply = await ask(url, '/a.seed')
  t.is(
    reply.body.toString(),
    'd-i http://10.77.0.1/x http://10.77.0.1:3478 00:00:00:00:00:01 h1 /dev/vda 127.0.0.1 ${HOME} ${net0/mac}\n',
  )
  t.is(reply.headers['content-type'], 'text/plain; charset=utf-8')
  const wrong = await ask(url, '/wrong.seed')
  t.is(wrong.status, 500)
  t.regex(wrong.body.toString(), /wrong\.seed\.tmpl line 2: \$\{dsik\}/)
  t.is(events.at(-1)?.level, 'warn')
  t.regex(events.at(-1)?.text ?? '', /line 2/)
  t.is((await ask(url, '/both.seed')).body.toString(), 'the file')
  t.is((await ask(url, '/huge')).status, 500)
  const latin = await ask(url, '/latin.seed')
  t.is(latin.status, 500)
  t.regex(latin.body.toString(), /latin\.seed\.tmpl is not written in UTF-8/)
  t.is(events.at(-1)?.level, 'warn')
  t.regex(events.at(-1)?.text ?? '', /latin\.seed\.tmpl is not written in UTF-8/)
})

test('a host boots what is deployed to it, byte for byte; nothing deployed is a 404', async (t) => {
  const { url, events } = await serveFiles(t, {
    httproot: tree({}),
    changes: assigned('MENU TITLE \xdb\n', { encoding: 'latin1' }),
  })
  t.deepEqual((await ask(url, menu)).body, Buffer.from('MENU TITLE \xdb\n', 'latin1'))
  const step = events.at(-1)
  t.is(step?.level, 'info')
  t.is(step?.step, 'http.get')
  t.is(step?.client?.host, 'h1')
  t.is(step?.data?.['bytes'], 13)
  t.regex(step?.text ?? '', /h1 boots ubuntu/)
  const other = await ask(url, '/pxelinux.cfg/01-00-00-00-00-00-99')
  t.is(other.status, 404)
  t.regex(other.body.toString(), /nothing is deployed/)
  t.is(events.at(-1)?.level, 'debug')
  t.is(events.at(-1)?.data?.['bytes'], other.body.length)
})

test('a file that is not there is a warning where the configuration of the machine names it', async (t) => {
  const { url, events } = await serveFiles(t, {
    httproot: tree({}),
    changes: assigned('#!ipxe\nkernel /ubuntu/linux\nboot\n', { language: 'ipxe' }),
    macOf: () => h1.macs[0],
  })
  const missing = await ask(url, '/ubuntu/linux')
  t.is(missing.status, 404)
  t.regex(missing.body.toString(), /there is no such file, and the configuration ubuntu names it/)
  t.is(events.at(-1)?.level, 'warn')
  t.regex(events.at(-1)?.text ?? '', /h1 .*GET \/ubuntu\/linux: 404.*the configuration ubuntu names it/)
  t.is((await ask(url, '/ubuntu/other')).status, 404)
  t.is(events.at(-1)?.level, 'info')
})

test('a configuration whose file vanished is local, and a warning', async (t) => {
  const { url, events } = await serveFiles(t, {
    httproot: tree({}),
    changes: [{ kind: 'assignment', host: 'h1', configuration: 'gone' }],
  })
  t.regex((await ask(url, menu)).body.toString(), /LOCALBOOT 0/)
  t.is(events.at(-1)?.level, 'warn')
})

test('clients: who is not in a named subnet gets 403 and reads which setting', async (t) => {
  const parts = { httproot: tree({ x: 'x' }), clients: [{ network: ip('10.77.0.0'), prefix: 24 }] }
  const { url, events } = await serveFiles(t, parts)
  const reply = await ask(url, '/x')
  t.is(reply.status, 403)
  t.regex(reply.body.toString(), /127\.0\.0\.1 .* clients /)
  t.is(events.at(-1)?.level, 'warn')
  const allowed = await serveFiles(t, { ...parts, clients: [{ network: ip('127.0.0.0'), prefix: 8 }] })
  t.is((await ask(allowed.url, '/x')).status, 200)
})

test('the log says who fetched what; a client that leaves half way is told as that', async (t) => {
  const { url, port, events } = await serveFiles(t, {
    httproot: tree({ 'big.iso': Buffer.alloc(32 * 1024 * 1024) }),
    macOf: () => mac('00:00:00:00:00:01'),
  })
  await ask(url, '/big.iso', { Range: 'bytes=0-9' })
  t.is(events.at(-1)?.level, 'debug')
  await exchange(port, 'GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n', { until: (text) => text.length > 100_000 })
  await within(2_000, () => events.at(-1)?.step === 'http.left')
  const left = events.at(-1)
  t.is(left?.step, 'http.left')
  t.is(left?.client?.mac, mac('00:00:00:00:00:01'))
  t.is(left?.client?.host, 'h1')
})

test('a loader whose download breaks off is sent again, as often as it takes', async (t) => {
  const loader = Buffer.alloc(16 * 1024 * 1024)
  const { url, port, events } = await serveFiles(t, {
    httproot: tree({ 'grub/grubx64.efi': loader }),
    macOf: () => h1.macs[0],
  })
  const get = 'GET /grub/grubx64.efi HTTP/1.1\r\nHost: x\r\n\r\n'
  const broken = () => events.filter(({ step }) => step === 'http.left').length
  for (let times = 1; times <= 3; times++) {
    await exchange(port, get, { until: (text) => text.length > 0 })
    await within(10_000, () => broken() === times)
  }
  t.is(broken(), 3)
  for (let times = 0; times < 3; times++) t.is((await ask(url, '/grub/grubx64.efi')).status, 200)
  t.is((await ask(url, '/grub/grubx64.efi')).status, 403, 'three that came whole are a loop')
})

test('behind a router that translates many machines fetch one loader', async (t) => {
  const { url } = await serveFiles(t, {
    httproot: tree({ 'grub/grubx64.efi': 'loader' }),
    macOf: () => mac('00:00:00:00:00:99'),
  })
  for (let times = 0; times < 5; times++) t.is((await ask(url, '/grub/grubx64.efi')).status, 200)
})

test('a file that shrinks while it is sent ends in a cut connection, not in a client that waits for ever', async (t) => {
  const httproot = tree({ 'big.iso': Buffer.alloc(32 * 1024 * 1024) })
  const { port } = await serveFiles(t, { httproot })
  const { closed } = await exchange(
    port,
    (socket) => {
      socket.write('GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n')
      socket.once('data', () => truncateSync(join(httproot, 'big.iso'), 8 * 1024 * 1024))
    },
    { ms: 10_000 },
  )
  t.true(closed)
})

test('an empty file is 200 with no bytes', async (t) => {
  const { url } = await serveFiles(t, { httproot: tree({ empty: '' }) })
  const reply = await ask(url, '/empty')
  t.is(reply.status, 200)
  t.is(reply.headers['content-length'], '0')
})

test('any path: an answer below 500', async (t) => {
  const { port } = await serveFiles(t, { httproot: tree({ x: 'x' }), tftproot: tree({ y: 'y' }) })
  for (let round = 0; round < 300; round++) {
    const noise = randomBytes(round % 60)
      .toString('latin1')
      .replace(/[\0-\x20\x7f]/g, '')
    const path = round % 2 ? noise : encodeURI(noise.replaceAll('%', '/../'))
    const { text } = await exchange(port, `GET /${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    t.regex(text, /^HTTP\/1\.1 [234]/, path)
  }
})
