// The API measured: the list of 10,000 hosts, a deploy of 1,000 hosts, and deploys beside a bare Koa that reads the same body.
// npm run build && npm run bench:api [-- ROUNDS SECONDS]

import { fork } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Koa from 'koa'
import type { ApiParts } from '../../src/api/routes.ts'
import type { Host } from '../../src/model.ts'
import type { Mac } from '../../src/net/mac.ts'

// As built: tsx, which runs this file, gives functions their names anew whenever they are made, a sixth of a deploy.
const { apiApp } = await built<typeof import('../../src/api/router.ts')>('api/router')
const { bootloader } = await built<typeof import('../../src/boot/bootloaders.ts')>('boot/bootloaders')
const { Catalog } = await built<typeof import('../../src/catalog/catalog.ts')>('catalog/catalog')
const { emptyTable } = await built<typeof import('../../src/boot/table.ts')>('boot/table')
const { handlerOf, HttpListener } = await built<typeof import('../../src/http/server.ts')>('http/server')
const { ipv4 } = await built<typeof import('../../src/net/ipv4.ts')>('net/ipv4')
const { parseMac } = await built<typeof import('../../src/net/mac.ts')>('net/mac')
const { Registry } = await built<typeof import('../../src/registry.ts')>('registry')
const { openStore } = await built<typeof import('../../src/store/open.ts')>('store/open')

const connections = 32
const configurations = 20
const shipped = fileURLToPath(new URL('../../tftproot/pxelinux.cfg/conf', import.meta.url))
const pxelinux = bootloader({ name: 'pxelinux', file: 'pxelinux.0' })
const loopback = ipv4(0x7f000001)

type Order = {
  readonly port: number
  readonly path: string
  readonly bodies: readonly string[]
  readonly ms: number
}

if (process.send === undefined) await measure()
else await load(JSON.parse(process.argv[2] ?? '') as Order)

async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../../dist/${path}.js`, import.meta.url).href)) as Module
}

async function measure(): Promise<void> {
  const [rounds = 5, seconds = 3] = process.argv.slice(2).map(Number)
  const folder = mkdtempSync(join(tmpdir(), 'pxe-pilot-bench-'))
  const store = await openStore(join(folder, 'p.db'))
  const registry = new Registry({
    table: emptyTable(),
    store,
    guards: { policy: 'declared' },
    tell: () => {},
    now: Date.now,
  })
  await registry.load(Array.from({ length: 10_000 }, (_, number) => hostOf(number)))
  // Each deploy looks whether what it deploys is there.
  const directory = join(folder, 'conf')
  fill(directory)
  const catalog = new Catalog({
    directory,
    tftproot: undefined,
    bootloaders: [pxelinux],
    links: 'inside',
    variables: () => registry.table.variables.names,
    changed: (contents) => registry.setCatalog(contents),
    tell: () => {},
    now: Date.now,
  })
  await catalog.start()
  const ours = await serve(handlerOf(apiApp(parts(registry, (at) => catalog.look(at)))))
  const bare = await serve(handlerOf(bareApp()))
  try {
    await ask(ours.port, 'GET', '/v1/hosts?status=false')
    await report('GET /v1/hosts, 10,000 hosts, ms', rounds * 5, () =>
      ask(ours.port, 'GET', '/v1/hosts?status=false'),
    )
    const thousand = bodyOf(Array.from({ length: 1000 }, (_, number) => number))
    await report('PUT deploy of 1,000 hosts, ms', rounds * 5, () =>
      ask(ours.port, 'PUT', '/v1/configurations/ubuntu-16.04/deploy', thousand),
    )
    const bodies = Array.from({ length: connections }, (_, number) => bodyOf([number]))
    const rates: { own: Served; other: Served }[] = []
    for (let round = 0; round <= rounds; round++) {
      const path = '/v1/configurations/local/deploy'
      const rate = {
        own: await rateOf({ port: ours.port, path, bodies, ms: seconds * 1000 }),
        other: await rateOf({ port: bare.port, path, bodies, ms: seconds * 1000 }),
      }
      // The first is for V8 to learn the code.
      if (round > 0) rates.push(rate)
    }
    const medianOf = (value: (rate: (typeof rates)[number]) => number) => median(rates.map(value)).toFixed(2)
    const [deploys, replies] = [medianOf((rate) => rate.own.rate), medianOf((rate) => rate.other.rate)]
    const ratio = medianOf((rate) => rate.own.rate / rate.other.rate)
    const cpu = medianOf((rate) => rate.own.cpu / rate.other.cpu)
    console.log(
      `PUT deploy at ${connections} connections: ${deploys}/s, bare Koa ${replies}/s, ratio ${ratio}; ` +
        `CPU ${medianOf((rate) => rate.own.cpu)} us each, ${cpu} times the bare Koa's`,
    )
  } finally {
    await ours.stop()
    await bare.stop()
    await catalog.stop()
    await store.close()
    rmSync(folder, { recursive: true })
  }
}

/** With the templates that ship, and some of every kind there is. */
function fill(directory: string): void {
  cpSync(shipped, directory, { recursive: true })
  const kinds = [
    (name: string) => [name, `DEFAULT ${name}\n`],
    (name: string) => [
      `${name}.tmpl`,
      `DEFAULT ${name}\nLABEL ${name}\n  APPEND url=\${http}/seed rack=\${rack}\n`,
    ],
    (name: string) => [
      `${name}.yml`,
      `kernel: ${name}/linux\ninitrd: ${name}/initrd.gz\narguments: rack=\${rack}\n`,
    ],
  ] as const
  for (let number = readdirSync(directory).length; number < configurations; number++) {
    const [file = '', text = ''] = kinds[number % kinds.length]?.(`c${number}`) ?? []
    writeFileSync(join(directory, file), text)
  }
}

function hostOf(number: number): Host {
  const digits = number.toString(16).padStart(4, '0')
  const mac = parseMac(`52540000${digits}`) as Mac
  return {
    name: `host-${number}`,
    macs: [mac],
    origin: 'settings',
    locked: false,
    vars: { rack: '7' },
    options: [],
  }
}

function bodyOf(numbers: readonly number[]): string {
  return JSON.stringify({ hosts: numbers.map((number) => ({ macAddress: hostOf(number).macs[0] })) })
}

function parts(registry: ApiParts['registry'], look: ApiParts['look']): ApiParts {
  const { table } = registry
  const site = {
    bootloaders: [pxelinux],
    default: null,
    localMethod: 'auto',
    apiPort: 3478,
  } as const
  const power = { state: '' } as const
  return {
    registry,
    table,
    site,
    power: {
      last: () => power,
      ask: async () => new Map(),
      order: async () => ({ fault: { code: 'power_unmanaged', message: '' } }),
      refresh: async () => undefined,
    },
    unknowns: { list: () => [], find: () => undefined },
    lint: { all: async () => [], one: async () => [] },
    importLinks: async () => ({ hosts: [], movedTo: undefined }),
    macOf: () => undefined,
    names: () => [],
    writers: () => ({ subnets: undefined, isSet: false }),
    tokens: undefined,
    selfService: () => ['local'],
    look,
    listeners: () => [],
    leases: () => [],
    releaseLease: async () => undefined,
    tell: () => {},
  } as unknown as ApiParts
}

/** Reads the body, parses it, and answers as much. */
function bareApp(): Koa {
  const app = new Koa()
  app.use(async (ctx) => {
    const chunks: Buffer[] = []
    for await (const chunk of ctx.req as AsyncIterable<Buffer>) chunks.push(chunk)
    const { hosts } = JSON.parse(Buffer.concat(chunks).toString()) as { hosts: { macAddress: string }[] }
    ctx.body = {
      hosts: hosts.map(({ macAddress }) => ({ name: macAddress, configuration: 'local', rebooted: 'NO' })),
    }
  })
  return app
}

async function serve(handle: ReturnType<typeof handlerOf>) {
  const listener = new HttpListener({
    service: 'the API',
    setting: 'server.port',
    bind: loopback,
    port: 0,
    handle,
    tell: () => {},
  })
  const port = await listener.start()
  return { port, stop: () => listener.stop() }
}

async function ask(port: number, method: string, path: string, body?: string): Promise<void> {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body ?? null })
  await reply.arrayBuffer()
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`)
}

async function report(what: string, times: number, run: () => Promise<void>): Promise<void> {
  const took: number[] = []
  for (let time = 0; time < times; time++) {
    const begun = performance.now()
    await run()
    took.push(performance.now() - begun)
  }
  console.log(`${what}: median ${median(took).toFixed(1)}, worst ${Math.max(...took).toFixed(1)}`)
}

/** Requests a second, and microseconds of CPU that this process had for each. */
type Served = { readonly rate: number; readonly cpu: number }

/** The load comes from a process of its own, so that it takes no time of what is measured. */
async function rateOf(order: Order): Promise<Served> {
  const child = fork(new URL(import.meta.url), [JSON.stringify(order)], { execArgv: ['--import=tsx'] })
  const before = process.cpuUsage()
  return await new Promise((resolve, reject) => {
    child.once('message', (count) => {
      const { user, system } = process.cpuUsage(before)
      resolve({ rate: (Number(count) * 1000) / order.ms, cpu: (user + system) / Number(count) })
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the load ended with ${code}`)))
  })
}

async function load({ port, path, bodies, ms }: Order): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const end = performance.now() + ms
  let count = 0
  const put = (body: string) =>
    new Promise<void>((resolve, reject) => {
      const asked = request({ agent, port, path, method: 'PUT' }, (reply) => {
        reply.on('end', () =>
          reply.statusCode === 200 ? resolve() : reject(new Error(`${reply.statusCode}`)),
        )
        reply.resume()
      })
      asked.on('error', reject)
      asked.end(body)
    })
  await Promise.all(
    bodies.map(async (body) => {
      while (performance.now() < end) {
        await put(body)
        count++
      }
    }),
  )
  agent.destroy()
  process.send?.(count, () => process.disconnect())
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
