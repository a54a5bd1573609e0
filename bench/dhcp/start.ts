// From the start to the first OFFER, and the memory that is resident then and after 2 s of load: 10,000 leases in the store,
// without and with as many hosts in the settings file; DHCP, TFTP, HTTP and the API on. Needs root.
// `npm run bench:start [ROUNDS] [IDLE_SECONDS] [PROGRAM...]`; programs are measured in turn.

import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ipv4 } from '../../src/net/ipv4.ts'
import { parseMac } from '../../src/net/mac.ts'
import { openStore } from '../../src/store/open.ts'
import type { StoreChange } from '../../src/store/store.ts'
import { networkOf, relay, server } from '../network.ts'

const exec = promisify(execFile)
const [rounds = '5', idleSeconds = '3', ...given] = process.argv.slice(2)
const programs = given.length > 0 ? given : ['dist/main.js']
const many = 10_000
const { serverSpace, clientSpace, make, remove } = networkOf('start', 13)
const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

function leaseOf(id: number): StoreChange {
  const mac = parseMac(`525400${id.toString(16).padStart(6, '0')}`)
  if (mac === undefined) throw new Error('no MAC')
  const now = Date.now()
  const expires = now + 86_400_000
  return {
    kind: 'lease',
    now,
    lease: { ip: ipv4(0x0a490000 + id), mac, state: 'bound', since: now, expires },
  }
}

function hostOf(id: number): string {
  const hex = id.toString(16).padStart(4, '0')
  return `  - name: node-${id}\n    mac_addresses: [52:54:00:01:${hex.slice(0, 2)}:${hex.slice(2)}]\n`
}

/** `configurations`: their folder. */
async function fill(folder: string, hosts: number, configurations: string): Promise<string> {
  for (const name of ['tftproot', 'httproot']) await mkdir(join(folder, name))
  const lines = [
    'dhcp:',
    '  mode: server',
    '  other_servers: allow',
    '  conflict_check: false',
    '  limits: { unknown_share: 1 }',
    '  subnets: [{ subnet: 10.72.0.0/13, ranges: ["10.73.0.0-10.75.255.250"] }]',
    'tftp: { root: ./tftproot }',
    'http: { root: ./httproot }',
    `configuration: { directory: ${configurations}, default: local }`,
    'hosts_policy: register',
    'log: { level: warn }',
    'store: ./store.db',
    ...(hosts === 0 ? [] : ['hosts:']),
    '',
  ]
  const file = join(folder, 'pxe-pilot.yml')
  await writeFile(file, lines.join('\n') + Array.from({ length: hosts }, (_, id) => hostOf(id)).join(''))
  const store = await openStore(join(folder, 'store.db'))
  await store.apply(Array.from({ length: many }, (_, id) => leaseOf(id)))
  await store.close()
  return file
}

/** In MB. */
async function resident(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000
}

/** `loaded`: after some 10,000 more machines. Memory in MB. */
type Measured = { readonly ms: number; readonly idle: number; readonly loaded: number }

async function measure(program: string, file: string): Promise<Measured> {
  const inClient = ['netns', 'exec', clientSpace, process.execPath, '--import=tsx']
  const first = spawn('ip', [...inClient, script('first.ts'), server, relay], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = () =>
    new Promise<string>((resolve) => first.stdout.once('data', (text) => resolve(String(text))))
  await said()
  const started = Date.now()
  const words = ['netns', 'exec', serverSpace, process.execPath, program, 'server', '-c', file]
  // As `npm start` gives it the number of file threads.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '16' }
  const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'inherit'], env })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    const ms = Number(await said()) - started
    await sleep(Number(idleSeconds) * 1000)
    const idle = await resident(child.pid ?? 0)
    await exec('ip', [...inClient, script('load.ts'), server, relay, '64', '2', '200000'])
    await sleep(1000)
    return { ms, idle, loaded: await resident(child.pid ?? 0) }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

/** A new one: what the load leaves in the store is not for the next start. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-bench-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

const samples = new Map<string, Measured[]>()

async function measureAll(configurations: string): Promise<void> {
  await writeFile(join(configurations, 'install'), 'DEFAULT x\n')
  // As most are at a start: one that was written in the last ten seconds is watched for 200 ms first.
  await sleep(10_500)
  for (let round = 0; round < Number(rounds); round++) {
    for (const hosts of [0, many]) {
      for (const program of programs) {
        const name = `${program}, ${hosts} hosts`
        const measured = await inFolder(async (folder) =>
          measure(program, await fill(folder, hosts, configurations)),
        )
        samples.set(name, [...(samples.get(name) ?? []), measured])
      }
    }
  }
}

try {
  await make()
  await inFolder(measureAll)
  for (const [name, all] of samples) {
    const of = (what: keyof Measured) => {
      const values = all.map((one) => one[what])
      return `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)})`
    }
    process.stdout.write(
      `${name}: first OFFER after ${of('ms')} ms; resident ${of('idle')} MB, after the load ${of('loaded')} MB\n`,
    )
  }
} finally {
  await remove()
}
