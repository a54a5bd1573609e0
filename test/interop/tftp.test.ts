// TFTP clients that nobody here wrote: tftp-hpa, atftp, curl, busybox where it has one, and the npm package tftp.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { applyDelta, emptyTable, snapshotOf } from '../../src/boot/table.ts'
import { tftpThread } from '../../src/tftp/thread.ts'
import { newFolder, tree } from '../folder.ts'
import { catalogOf, h1, h1Menu, ip, pattern, site } from '../tftp/memory.ts'
import { where } from '../tftp/socket.ts'

const run = promisify(execFile)

const sizes = [0, 511, 512, 513, 2 ** 20 + 3]
const menu = 'DEFAULT linux\nLABEL linux\n  KERNEL vmlinuz\n'

type Fetch = (port: number, remote: string, local: string) => Promise<unknown>

const tftpHpa: Fetch = (port, remote, local) =>
  run('tftp', ['-4', '-m', 'binary', '127.0.0.1', `${port}`, '-c', 'get', remote, local])

const atftp =
  (...options: string[]): Fetch =>
  (port, remote, local) => {
    const words = options.flatMap((option) => ['--option', option])
    return run('atftp', [...words, '--get', '-r', remote, '-l', local, '127.0.0.1', `${port}`])
  }

const curl =
  (...words: string[]): Fetch =>
  (port, remote, local) =>
    run('curl', ['-sS', ...words, '-o', local, `tftp://127.0.0.1:${port}/${remote}`])

const busybox =
  (...words: string[]): Fetch =>
  (port, remote, local) =>
    run('busybox', ['tftp', '-g', ...words, '-r', remote, '-l', local, '127.0.0.1', `${port}`])

type Package = {
  createClient(options: Readonly<Record<string, string | number>>): {
    get(remote: string, local: string, done: (error?: Error) => void): void
  }
}
const npmTftp = createRequire(import.meta.url)('tftp') as Package

const npm =
  (options: Readonly<Record<string, number>> = {}): Fetch =>
  (port, remote, local) =>
    new Promise<void>((resolve, reject) => {
      const client = npmTftp.createClient({ host: '127.0.0.1', port, ...options })
      client.get(remote, local, (error) => (error ? reject(error) : resolve()))
    })

const clients: Readonly<Record<string, Fetch>> = {
  'tftp-hpa': tftpHpa,
  atftp: atftp(),
  'atftp without options': atftp('blksize disable', 'tsize disable', 'windowsize disable'),
  'atftp, blksize 1428': atftp('blksize 1428', 'tsize enable'),
  'atftp, blksize 65464': atftp('blksize 65464'),
  'atftp, windowsize 4': atftp('blksize 1468', 'windowsize 4', 'tsize enable'),
  'atftp, windowsize 64': atftp('windowsize 64', 'timeout 1'),
  curl: curl(),
  'curl without options': curl('--tftp-no-options'),
  'curl, blksize 1468': curl('--tftp-blksize', '1468'),
  'the package tftp, windowsize 4': npm(),
  'the package tftp, windowsize 1': npm({ windowSize: 1, blockSize: 512 }),
  'the package tftp, windowsize 64': npm({ windowSize: 64, blockSize: 1024 }),
  ...(hasBusybox() && { busybox: busybox(), 'busybox, blksize 1468': busybox('-b', '1468') }),
}

function hasBusybox(): boolean {
  const { status, stdout } = spawnSync('busybox', ['--list'], { encoding: 'utf8' })
  return status === 0 && stdout.split('\n').includes('tftp')
}

const root = tree(Object.fromEntries(sizes.map((size) => [`${size}.bin`, pattern(size, size)])))
const table = emptyTable()
applyDelta(table, {
  revision: 1,
  changes: [
    { kind: 'host', host: h1 },
    catalogOf({ linux: menu }),
    { kind: 'assignment', host: h1.name, configuration: 'linux' },
  ],
})
const errors: string[] = []
const host = tftpThread(
  {
    settings: {
      root,
      bind: ip('127.0.0.1'),
      port: 0,
      single_port: false,
      follow_links: 'inside',
      max_transfers: 1000,
      max_per_client: 64,
    },
    clients: [],
  },
  {
    site,
    snapshot: () => snapshotOf(table),
    tell: ({ level, text }) => {
      if (level === 'error' || level === 'warn') errors.push(text)
    },
  },
)
let port = 0

test.before(async (t) => {
  t.regex(spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout, /^Protocols:.* tftp/m)
  ;({ port } = where((await host.start())[0]))
})
test.after.always(() => host.stop())

for (const [name, fetch] of Object.entries(clients)) {
  test.serial(`${name}: whole files of ${sizes.join(', ')} octets`, async (t) => {
    const folder = newFolder('interop')
    for (const size of sizes) {
      const local = join(folder, `${size}`)
      await fetch(port, `${size}.bin`, local)
      // Where nothing comes, curl writes no file.
      const got = existsSync(local) ? readFileSync(local) : Buffer.alloc(0)
      t.true(got.equals(pattern(size, size)), `${size} octets: ${got.length} came`)
    }
  })

  test.serial(`${name}: a per-host name, answered from memory`, async (t) => {
    const local = join(newFolder('interop'), 'menu')
    await fetch(port, h1Menu, local)
    t.is(readFileSync(local, 'utf8'), menu)
  })
}

test.serial('a missing file: each client says so at once', async (t) => {
  const local = join(newFolder('interop'), 'none')
  const start = performance.now()
  for (const fetch of [atftp(), curl(), npm()]) await t.throwsAsync(fetch(port, 'none', local))
  const { stdout } = await run('tftp', ['-4', '127.0.0.1', `${port}`, '-c', 'get', 'none', local]).catch(
    (error: unknown) => error as { readonly stdout: string },
  )
  t.regex(stdout, /Error code 1: there is no such file/)
  t.true(performance.now() - start < 5000)
})

test.serial('netascii of tftp-hpa is the text again', async (t) => {
  const folder = newFolder('interop')
  await run('tftp', [
    '-4',
    '-m',
    'netascii',
    '127.0.0.1',
    `${port}`,
    '-c',
    'get',
    h1Menu,
    join(folder, 'hpa'),
  ])
  t.is(readFileSync(join(folder, 'hpa'), 'utf8'), menu)
})

test.serial('nothing went wrong on our side', (t) => {
  t.deepEqual(
    errors.filter((text) => !text.includes('none')),
    [],
  )
})
