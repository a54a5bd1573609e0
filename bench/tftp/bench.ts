// TFTP side by side: ours, dnsmasq, tftpd-hpa, atftpd and what the kernel allows, in turn within each of several rounds.

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { compiled } from '../peers.ts'
import { peers, type Peer } from './peers.ts'

const exec = promisify(execFile)

export type Options = {
  readonly rounds: number
  /** Of each measurement; ten times so many at most for the ones with loss, as most of their time is waiting. */
  readonly seconds: number
  /** Names of workloads and of servers begin with one of these; empty: all. */
  readonly workloads: readonly string[]
  readonly servers: readonly string[]
  readonly progress: (text: string) => void
}

type Workload = {
  readonly name: string
  readonly clients: number
  readonly blksize: number
  readonly windowsize: number
  readonly loss?: number
  readonly files: readonly string[]
}

const missing = Array.from({ length: 10 }, (_, index) => `pxelinux.cfg/0A4E000${index.toString(16)}`)
export const workloads: readonly Workload[] = [
  { name: 'lockstep, blksize 512', clients: 1, blksize: 512, windowsize: 1, files: ['big'] },
  { name: 'lockstep, blksize 1408', clients: 1, blksize: 1408, windowsize: 1, files: ['big'] },
  { name: 'lockstep, blksize 1468', clients: 1, blksize: 1468, windowsize: 1, files: ['big'] },
  { name: '64 lockstep', clients: 64, blksize: 1468, windowsize: 1, files: ['big'] },
  { name: 'windowsize 4', clients: 1, blksize: 1468, windowsize: 4, files: ['big'] },
  { name: 'windowsize 16', clients: 1, blksize: 1468, windowsize: 16, files: ['big'] },
  { name: '64 windowsize 4', clients: 64, blksize: 1468, windowsize: 4, files: ['big'] },
  { name: '64 windowsize 16', clients: 64, blksize: 1468, windowsize: 16, files: ['big'] },
  { name: '64 probing', clients: 64, blksize: 512, windowsize: 1, files: [...missing, 'small'] },
  { name: '16 with loss', clients: 16, blksize: 1468, windowsize: 1, loss: 0.01, files: ['medium'] },
  {
    name: '16 with loss, windowsize 16',
    clients: 16,
    blksize: 1468,
    windowsize: 16,
    loss: 0.01,
    files: ['medium'],
  },
]
const sizes = { big: 16 * 2 ** 20, medium: 300 * 1024, small: 1024 }

type Result = {
  readonly bytes: number
  readonly seconds: number
  readonly done: number
  readonly failed: number
  readonly wrong: number
  readonly p50: number
  readonly p99: number
}
type Sample = Result & { readonly cpuSeconds: number }
type Samples = Map<string, Sample[]>
type Running = { readonly peer: Peer; readonly child: ChildProcess; readonly group: string }

const serverSpace = `pxe-tftp-${process.pid}-s`
const clientSpace = `pxe-tftp-${process.pid}-c`

/** Needs root, gcc, and Debian's apt the first time. Yields a table in Markdown. */
export async function benchTftp(options: Options): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-tftp-'))
  const running: Running[] = []
  let isStopped = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true))
  const samples: Samples = new Map()
  const chosen = workloads.filter(({ name }) => isChosen(name, options.workloads))
  try {
    const root = join(folder, 'root')
    await mkdir(join(root, 'pxelinux.cfg'), { recursive: true })
    for (const [name, size] of Object.entries(sizes)) await writeFile(join(root, name), randomBytes(size))
    await makeNetwork()
    const load = await compiled('tftp/load')
    for (const peer of peers) {
      if (!isChosen(peer.name, options.servers)) continue
      running.push(await start(peer, root, folder))
      await isUp(load, peer, root)
    }
    for (let round = 1; round <= options.rounds; round++) {
      for (const workload of chosen) {
        // What is measured so far is shown.
        if (isStopped) break
        options.progress(`round ${round} of ${options.rounds}: ${workload.name}`)
        for (const { peer, group } of running) {
          if (isStopped) break
          // The ceiling has no timers.
          if (peer.name === 'ceiling' && workload.loss !== undefined) continue
          const sample = await measure(load, workload, peer, group, root, options.seconds)
          const key = `${peer.name}/${workload.name}`
          samples.set(key, [...(samples.get(key) ?? []), sample])
        }
      }
    }
  } finally {
    for (const each of running) await stop(each)
    for (const space of [serverSpace, clientSpace])
      await exec('ip', ['netns', 'delete', space]).catch(() => 0)
    await rm(folder, { recursive: true, force: true })
  }
  const names = running.map(({ peer }) => peer.name)
  return table(samples, chosen, names)
}

function isChosen(name: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => name.startsWith(word))
}

const ip = (...words: string[]) => exec('ip', words)
const failed = (sample: Sample) => sample.failed + sample.wrong

async function makeNetwork(): Promise<void> {
  for (const space of [serverSpace, clientSpace]) await ip('netns', 'add', space)
  await ip('-n', serverSpace, 'link', 'set', 'lo', 'up')
  const peer = ['peer', 'name', 'eth0', 'netns', clientSpace]
  await ip('-n', serverSpace, 'link', 'add', 'eth0', 'type', 'veth', ...peer)
  for (const { address } of peers) {
    await ip('-n', serverSpace, 'address', 'add', `${address}/16`, 'dev', 'eth0')
  }
  await ip('-n', clientSpace, 'address', 'add', '10.78.1.1/16', 'dev', 'eth0')
  for (const space of [serverSpace, clientSpace]) await ip('-n', space, 'link', 'set', 'eth0', 'up')
}

/** All servers share the first core, and only one has work at a time; the load has the second. */
async function start(peer: Peer, root: string, folder: string): Promise<Running> {
  const own = join(folder, peer.name.replaceAll(/\W/g, '-'))
  await mkdir(own)
  const command = await peer.prepare(peer.address, root, own)
  const words = ['netns', 'exec', serverSpace, ...ahead(0, command)]
  const group = await makeGroup(basename(own))
  const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'inherit'], detached: true })
  await writeFile(join(group, 'cgroup.procs'), String(child.pid))
  return { peer, child, group }
}

/** In a session of its own: the kernel may weigh sessions, and then niceness counts only within one (sched(7), autogroup). */
function ahead(core: number, command: readonly string[]): readonly string[] {
  const script = '{ echo -20 > /proc/self/autogroup; } 2> /dev/null; exec nice -n -20 taskset -c "$0" "$@"'
  return ['sh', '-c', script, String(core), ...command]
}

async function stop({ child, group }: Running): Promise<void> {
  // tftpd-hpa's children leave its process group.
  for (const pid of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n')) {
    if (pid !== '') process.kill(Number(pid), 'SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once('exit', resolve))
  }
  await sleep(100)
  await rmdir(group)
}

async function isUp(load: string, peer: Peer, root: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const { done } = await fetch(load, ['1', '0.2', '1', '512', '1', '0', root, 'small'], peer)
    if (done > 0) return
    await sleep(100)
  }
  throw new Error(`${peer.name} does not answer`)
}

async function fetch(load: string, words: readonly string[], { address }: Peer): Promise<Result> {
  const command = ['netns', 'exec', clientSpace, 'setsid', '--wait', ...ahead(1, [load, address, ...words])]
  return JSON.parse((await exec('ip', command)).stdout) as Result
}

async function measure(
  load: string,
  { clients, blksize, windowsize, loss = 0, files }: Workload,
  peer: Peer,
  group: string,
  root: string,
  seconds: number,
): Promise<Sample> {
  const [limit, transfers] = loss > 0 ? [10 * seconds, 2] : [seconds, 0]
  const before = cpuSeconds(group)
  const words = [clients, limit, transfers, blksize, windowsize, loss].map(String)
  const result = await fetch(load, [...words, root, ...files], peer)
  const cpu = cpuSeconds(group) - before
  await sleep(100)
  return { ...result, cpuSeconds: cpu }
}

/** A control group per server counts what all its processes take, those that have ended and disowned ones included. */
async function makeGroup(name: string): Promise<string> {
  const group = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/cpuacct'
  const path = join(group, `pxe-tftp-${process.pid}-${name}`)
  await mkdir(path)
  return path
}

function cpuSeconds(group: string): number {
  const v1 = join(group, 'cpuacct.usage')
  if (existsSync(v1)) return Number(readFileSync(v1, 'utf8')) / 1e9
  return Number(/usage_usec (\d+)/.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'))?.[1]) / 1e6
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

function table(samples: Samples, chosen: readonly Workload[], names: readonly string[]): string {
  const value = (name: string, workload: Workload, of: (sample: Sample) => number) =>
    median((samples.get(`${name}/${workload.name}`) ?? []).map(of))
  const rows = chosen.flatMap((workload) => {
    const row = (title: string, of: (sample: Sample) => number, digits: number) => {
      const reference = value('dnsmasq', workload, of)
      const cells = names.map((name) => {
        const own = value(name, workload, of)
        if (Number.isNaN(own)) return '-'
        return `${own.toFixed(digits)} (${(own / reference).toFixed(2)})`
      })
      return `| ${title} | ${cells.join(' | ')} |`
    }
    const bad = names.some((name) => value(name, workload, failed) > 0)
    const lost = bad ? [row(`${workload.name}: failed`, failed, 0)] : []
    if (workload.loss !== undefined) {
      return [
        row(`${workload.name}: p50 ms`, ({ p50 }) => p50, 0),
        row(`${workload.name}: p99 ms`, ({ p99 }) => p99, 0),
        ...lost,
      ]
    }
    const isProbing = workload.files.length > 1
    const rate = isProbing
      ? row(`${workload.name}: requests/s`, ({ done, seconds }) => done / seconds, 0)
      : row(`${workload.name}: MB/s`, ({ bytes, seconds }) => bytes / seconds / 1e6, 1)
    const cost = isProbing
      ? row('CPU us per request', ({ cpuSeconds: cpu, done }) => (cpu / done) * 1e6, 1)
      : row('CPU ms per MB', ({ cpuSeconds: cpu, bytes }) => (cpu / bytes) * 1e9, 2)
    return [rate, cost, ...lost]
  })
  return [`| | ${names.join(' | ')} |`, `|${' --- |'.repeat(names.length + 1)}`, ...rows, ''].join('\n')
}
