// HTTP's files on their thread, over real sockets: deploys in force when they say so, and a thread that dies.

import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import type { Change } from '../../src/boot/table.ts'
import { httpThread } from '../../src/http/thread.ts'
import { BindError } from '../../src/net/ports.ts'
import { tree } from '../folder.ts'
import { freeTcp } from '../ports.ts'
import { catalogOf, h1Menu, ip, until } from '../tftp/memory.ts'
import { feed, threadOf } from '../thread.ts'
import { ask, exchange } from './raw.ts'

type Options = { readonly changes?: readonly Change[]; readonly root?: string; readonly port?: number }

function make(t: ExecutionContext, { changes, root = '/nonexistent', port = 0 }: Options = {}) {
  const settings = { root, bind: ip('127.0.0.1'), port, listing: false }
  const own = { settings, tftproot: undefined, tftpLinks: 'inside', clients: [] } as const
  return feed(t, (fed) => httpThread(own, fed), changes)
}

const portOf = (where: string | undefined) => Number((where ?? '').split(':')[1])

async function menuAt(port: number): Promise<string> {
  return (await ask(`http://127.0.0.1:${port}`, `/${h1Menu}`)).body.toString()
}

async function holdPort(port = 0): Promise<Server> {
  const holder = createServer()
  await new Promise<void>((resolve, reject) => {
    holder.once('error', reject)
    holder.listen(port, '127.0.0.1', resolve)
  })
  return holder
}

async function letGo(holder: Server): Promise<number> {
  const { port } = holder.address() as AddressInfo
  await new Promise((resolve) => holder.close(resolve))
  return port
}

test.serial('the first request after a deploy’s reply sees it, a hundred times over', async (t) => {
  const names = Array.from({ length: 100 }, (_, index) => `c${index}`)
  const texts = Object.fromEntries(names.map((name) => [name, `text of ${name}`]))
  const { host, deploy } = make(t, { changes: [catalogOf(texts)] })
  const port = portOf((await host.start())[0])
  for (const name of names) {
    await deploy(name)
    t.is(await menuAt(port), `text of ${name}`)
  }
})

test.serial('a deploy is seen on a connection that is kept open, too', async (t) => {
  const { host, deploy } = make(t, { changes: [catalogOf({ old: 'the old', new: 'the new' })] })
  const port = portOf((await host.start())[0])
  const get = `GET /${h1Menu} HTTP/1.1\r\nHost: x\r\n\r\n`
  await deploy('old')
  const { text } = await exchange(
    port,
    (socket) => {
      socket.write(get)
      socket.once('data', () => void deploy('new').then(() => socket.write(get)))
    },
    { until: (seen) => seen.endsWith('the new') },
  )
  t.regex(text, /the old[^]*the new$/)
})

test.serial(
  'a thread that dies is replaced on the same port, and knows what was deployed meanwhile',
  async (t) => {
    const port = await freeTcp()
    const { host, deploy, events } = make(t, {
      port,
      changes: [catalogOf({ before: 'before', meanwhile: 'meanwhile', after: 'after' })],
    })
    await host.start()
    await deploy('before')
    t.is(await menuAt(port), 'before')
    await threadOf(host).terminate()
    t.false(host.listening)
    await deploy('meanwhile')
    await until(() => host.listening)
    t.is(await menuAt(port), 'meanwhile')
    await deploy('after')
    t.is(await menuAt(port), 'after')
    t.deepEqual(
      events.filter(({ level }) => level === 'error').map(({ step }) => step),
      ['http.thread'],
    )
  },
)

test.serial(
  'a port that another program holds: one line that says who, no thread left, and a later start works',
  async (t) => {
    const holder = await holdPort()
    const { port } = holder.address() as AddressInfo
    const { host, deploy } = make(t, { port, changes: [catalogOf({ ubuntu: 'new' })] })
    const error = await t.throwsAsync(host.start(), { instanceOf: BindError })
    t.regex(error?.message ?? '', /^HTTP cannot listen on TCP port \d+: .*node.* holds it.*$/)
    t.is(threadOf(host), undefined as never)
    await deploy('ubuntu')
    await letGo(holder)
    t.is(portOf((await host.start())[0]), port)
    t.is(await menuAt(port), 'new')
  },
)

test.serial('stop cuts a download under way in time, and frees the port', async (t) => {
  const port = await freeTcp()
  const root = tree({ 'big.iso': Buffer.alloc(32 * 1024 * 1024) })
  for (const wait of [true, false]) {
    const { host } = make(t, { root, port })
    const started = host.start().catch((error: unknown) => error)
    if (wait) await started
    const client = connect(port, '127.0.0.1').on('error', () => undefined)
    client.write('GET /big.iso HTTP/1.1\r\nHost: x\r\n\r\n')
    client.once('data', () => client.pause())
    if (wait) await until(() => client.isPaused(), 'the download')
    const since = performance.now()
    await Promise.all([host.stop(), host.stop()])
    // Left alone, who reads no further keeps it for the five minutes that a stalled answer has.
    t.true(performance.now() - since < 5_000)
    await started
    client.destroy()
    await letGo(await holdPort(port))
  }
})
