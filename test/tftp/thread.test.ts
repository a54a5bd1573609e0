// The whole of TFTP on its thread, over real sockets: deploys in force when they say so, storms, and a thread that dies.

import { createSocket } from 'node:dgram'
import test, { type ExecutionContext } from 'ava'
import type { Change } from '../../src/boot/table.ts'
import type { Host } from '../../src/model.ts'
import { BindError } from '../../src/net/ports.ts'
import { tftpThread, type TftpOwn } from '../../src/tftp/thread.ts'
import { tree } from '../folder.ts'
import { freeUdp } from '../ports.ts'
import { feed, threadOf } from '../thread.ts'
import { catalogOf, h1, h1Menu, ip, mac, pattern, until } from './memory.ts'
import { fetchFrom, where } from './socket.ts'

type Options = {
  readonly changes?: readonly Change[]
  readonly settings?: Partial<TftpOwn['settings']>
}

function make(t: ExecutionContext, { changes = [], settings = {} }: Options = {}) {
  const whole = {
    root: '/nonexistent',
    bind: ip('127.0.0.1'),
    port: 0,
    single_port: false,
    follow_links: 'inside' as const,
    max_transfers: 1000,
    max_per_client: 64,
    ...settings,
  }
  return feed(t, (fed) => tftpThread({ settings: whole, clients: [] }, fed), changes)
}

test.serial(
  'a file and a per-host text, over sockets: from the address asked, and another port',
  async (t) => {
    const root = tree({ file: pattern(100_000) })
    const { host, deploy } = make(t, {
      settings: { root },
      changes: [catalogOf({ ubuntu: 'DEFAULT ubuntu' })],
    })
    const listening = await host.start()
    t.is(listening.length, 1)
    const server = where(listening[0])
    const file = await fetchFrom(server, {
      file: '/file',
      options: [
        ['blksize', 1468],
        ['windowsize', 4],
      ],
    })
    t.true(file.bytes.equals(pattern(100_000)))
    t.is(file.from?.address, '127.0.0.1')
    t.not(file.from?.port, server.port)
    await deploy('ubuntu')
    t.is((await fetchFrom(server, { file: h1Menu })).bytes.toString(), 'DEFAULT ubuntu')
  },
)

test.serial('T31 on 127.0.0.2 every packet comes from 127.0.0.2', async (t) => {
  const root = tree({ file: pattern(5000) })
  for (const single_port of [false, true]) {
    const { host } = make(t, { settings: { root, bind: ip('127.0.0.2'), single_port } })
    const server = where((await host.start())[0])
    const { from, bytes } = await fetchFrom(server, { file: 'file' })
    t.is(from?.address, '127.0.0.2')
    t.is(from?.port === server.port, single_port)
    t.true(bytes.equals(pattern(5000)))
  }
})

test.serial('T30 60 transfers at once of 2 MiB: all complete with the right content', async (t) => {
  const files = Array.from({ length: 4 }, (_, seed) => pattern(2 * 1024 * 1024, seed))
  const root = tree(Object.fromEntries(files.map((content, index) => [`file${index}`, content])))
  const shapes = [
    [1432, 16],
    [8192, 4],
    [32_768, 1],
  ] as const
  const { host } = make(t, { settings: { root } })
  const server = where((await host.start())[0])
  const start = performance.now()
  const fetched = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const [blksize, windowsize] = shapes.at(index % 3) ?? [512, 1]
      const options = [
        ['tsize', 0] as const,
        ['blksize', blksize] as const,
        ['windowsize', windowsize] as const,
      ]
      const { bytes } = await fetchFrom(server, { file: `file${index % 4}`, options })
      return bytes.equals(files.at(index % 4) as Buffer)
    }),
  )
  t.log(`${Math.round((60 * 2 * 1024) / (performance.now() - start))} MiB/s`)
  t.is(fetched.filter(Boolean).length, 60)
})

test.serial('the first request after a deploy’s reply sees it, a hundred times over', async (t) => {
  const names = Array.from({ length: 100 }, (_, index) => `c${index}`)
  const texts = Object.fromEntries(names.map((name) => [name, `text of ${name}`]))
  const { host, deploy } = make(t, { changes: [catalogOf(texts)] })
  const server = where((await host.start())[0])
  for (const name of names) {
    await deploy(name)
    t.is((await fetchFrom(server, { file: h1Menu })).bytes.toString(), `text of ${name}`)
  }
})

test.serial(
  '100 deploys and 100 requests at once: each request after its deploy’s reply sees that one',
  async (t) => {
    const hosts = Array.from({ length: 100 }, (_, index): Host => {
      const digits = index.toString(16).padStart(2, '0')
      return { ...h1, name: `m${index}`, macs: [mac(`52:54:00:00:01:${digits}`)] }
    })
    const texts = Object.fromEntries(hosts.map(({ name }) => [name, `text of ${name}`]))
    const changes = hosts.map((host): Change => ({ kind: 'host', host }))
    const { host, deploy } = make(t, { changes: [...changes, catalogOf({ ...texts, old: 'old' })] })
    const server = where((await host.start())[0])
    for (const { name } of hosts) await deploy('old', name)
    const seen = await Promise.all(
      hosts.map(async ({ name, macs }) => {
        const file = `pxelinux.cfg/01-${String(macs[0]).replaceAll(':', '-')}`
        // A request under way at the same time may still see the old one, or the new one already.
        const [during] = await Promise.all([fetchFrom(server, { file }), deploy(name, name)])
        const after = await fetchFrom(server, { file })
        return { during: during.bytes.toString(), after: after.bytes.toString(), name }
      }),
    )
    for (const { during, after, name } of seen) {
      t.is(after, `text of ${name}`)
      t.true(['old', `text of ${name}`].includes(during))
    }
  },
)

test.serial('a deploy while the thread still starts is in force with its first answer', async (t) => {
  const { host, deploy } = make(t, { changes: [catalogOf({ ubuntu: 'new' })] })
  const [listening] = await Promise.all([host.start(), deploy('ubuntu')])
  t.is((await fetchFrom(where(listening[0]), { file: h1Menu })).bytes.toString(), 'new')
})

test.serial(
  'a thread that dies is replaced on the same port, and knows what was deployed meanwhile',
  async (t) => {
    const port = await freeUdp()
    const { host, deploy, events } = make(t, {
      settings: { port },
      changes: [catalogOf({ before: 'before', meanwhile: 'meanwhile', after: 'after' })],
    })
    const server = where((await host.start())[0])
    await deploy('before')
    await threadOf(host).terminate()
    t.false(host.listening)
    await deploy('meanwhile')
    t.is((await fetchFrom(server, { file: h1Menu }, 100)).bytes.toString(), 'meanwhile')
    await until(() => host.listening)
    await deploy('after')
    t.is((await fetchFrom(server, { file: h1Menu }, 100)).bytes.toString(), 'after')
    t.is(events.filter(({ step }) => step === 'tftp.thread').length, 1)
  },
)

test.serial('a thread that hangs is replaced by one that knows every deploy', async (t) => {
  const port = await freeUdp()
  const { host, deploy, events } = make(t, { settings: { port }, changes: [catalogOf({ ubuntu: 'new' })] })
  const server = where((await host.start())[0])
  const hung = threadOf(host)
  // As if it never heard.
  hung.postMessage = () => undefined
  await deploy('ubuntu')
  await until(() => events.length > 0 && threadOf(host) !== undefined)
  t.not(threadOf(host), hung)
  t.is((await fetchFrom(server, { file: h1Menu }, 100)).bytes.toString(), 'new')
  t.regex(events.find(({ step }) => step === 'tftp.thread')?.text ?? '', /does not answer/)
})

test.serial('a thread that is busy for two seconds is left to its work', async (t) => {
  const { host, events } = make(t)
  await host.start()
  const busy = threadOf(host)
  const say = busy.postMessage.bind(busy)
  busy.postMessage = () => undefined
  await new Promise((resolve) => setTimeout(resolve, 2_300))
  busy.postMessage = say
  await new Promise((resolve) => setTimeout(resolve, 2_300))
  t.is(threadOf(host), busy)
  t.deepEqual(
    events.filter(({ level }) => level === 'error'),
    [],
  )
})

test.serial('a thread that hangs and cannot be ended is replaced, and that is told', async (t) => {
  const { host, events } = make(t)
  await host.start()
  const hung = threadOf(host)
  const end = hung.terminate.bind(hung)
  t.teardown(end)
  // As if it waited for a disk in the kernel.
  hung.postMessage = () => undefined
  hung.terminate = () => new Promise(() => {})
  await until(() => events.some(({ text }) => /does not end/.test(text)) && host.listening)
  t.true(host.listening)
  t.not(threadOf(host), hung)
})

test.serial(
  'this thread being held up for longer than the limit is no reason to replace the other',
  async (t) => {
    const { host, events } = make(t)
    await host.start()
    const before = threadOf(host)
    for (let times = 0; times < 3; times++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1300)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
    t.is(threadOf(host), before)
    t.deepEqual(
      events.filter(({ level }) => level === 'error'),
      [],
    )
  },
)

test.serial('what is deployed while nobody asks does not pile up, and is in force', async (t) => {
  const { host, deploy, table } = make(t, { changes: [catalogOf({ a: 'a', b: 'b' })] })
  const server = where((await host.start())[0])
  for (let count = 0; count < 5000; count++) await deploy(count % 2 === 0 ? 'a' : 'b')
  t.is(table.revision, 5001)
  t.is((await fetchFrom(server, { file: h1Menu })).bytes.toString(), 'b')
})

test.serial(
  'a port that another program holds: one line that says who, no thread left, and a later start works',
  async (t) => {
    const holder = createSocket('udp4')
    await new Promise<void>((resolve) => holder.bind(0, '127.0.0.1', resolve))
    const { host, deploy } = make(t, { settings: { port: holder.address().port } })
    const error = await t.throwsAsync(host.start(), { instanceOf: BindError })
    t.regex(error?.message ?? '', /TFTP cannot listen on UDP port \d+: .*node.* holds it/)
    await deploy('local')
    t.is(threadOf(host), undefined as never)
    await new Promise<void>((resolve) => holder.close(resolve))
    t.is((await host.start()).length, 1)
  },
)

test.serial(
  'stop ends transfers and frees the port, also at once after the start, twice, or while it starts',
  async (t) => {
    const port = await freeUdp()
    const root = tree({ file: pattern(1_000_000) })
    for (const wait of [true, false]) {
      const { host } = make(t, { settings: { root, port } })
      const started = host.start().catch((error: unknown) => error)
      if (wait) {
        await started
        const socket = createSocket('udp4')
        await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
        const answered = new Promise((resolve) => socket.once('message', resolve))
        socket.send('\0\x01file\0octet\0', port, '127.0.0.1')
        await answered
        socket.close()
      }
      await Promise.all([host.stop(), host.stop()])
      await started
      const again = createSocket('udp4')
      await t.notThrowsAsync(
        new Promise<void>((resolve, reject) => {
          again.once('error', reject)
          again.bind(port, '127.0.0.1', resolve)
        }),
      )
      await new Promise<void>((resolve) => again.close(resolve))
    }
  },
)

test.serial(
  'bursts over many sockets: a flood of requests and noise on the wire, and a transfer completes',
  async (t) => {
    const root = tree({ file: pattern(200_000) })
    const { host, events } = make(t, { settings: { root } })
    const server = where((await host.start())[0])
    const flood = Array.from({ length: 50 }, () => createSocket('udp4'))
    for (let count = 0; count < 200; count++) {
      for (const [index, socket] of flood.entries()) {
        const noise =
          index % 3 === 0
            ? pattern(1 + count, index)
            : Buffer.from(`\0\x01file\0octet\0blksize\0${8 + count}\0`)
        socket.send(noise, server.port, server.address)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { bytes } = await fetchFrom(server, { file: 'file', options: [['blksize', 1468]] }, 200)
    t.true(bytes.equals(pattern(200_000)))
    for (const socket of flood) socket.close()
    await until(() => events.length > 0)
    t.deepEqual(
      events.filter(({ level }) => level === 'error'),
      [],
    )
  },
)
