// DHCP side by side: ours, Kea, dnsmasq and isc-dhcp-server, one after the other in each of several rounds, medians and ratios.
// Needs root; fetches the others. `npm run bench:dhcp [ROUNDS] [SECONDS] [SERVERS]`

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { networkOf, relay, server } from '../network.ts'
import { contestants, environment, type Contestant } from './servers.ts'

const exec = promisify(execFile)
const [rounds = '5', seconds = '4', only = ''] = process.argv.slice(2)
const { serverSpace, clientSpace, make, remove } = networkOf('bench', 13)
const load = fileURLToPath(new URL('load.ts', import.meta.url))
const loads = [64, 1]
/** A second, by perfdhcp: what Kea and we keep up with on a quiet machine, and what neither does. */
const offers = [12_000, 24_000]
const env = await environment()

type Result = {
  perSecond: number
  ackP50: number
  ackP99: number
  wholeP99: number
  lost: number
  naks: number
}
type Samples = Map<string, number[]>

/** On the first core; the load has the second. */
function start(command: readonly string[]): ChildProcess {
  const words = ['netns', 'exec', serverSpace, 'taskset', '-c', '0', ...command]
  return spawn('ip', words, { stdio: ['ignore', 'ignore', 'inherit'], detached: true, env })
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  if (child.pid !== undefined && child.exitCode === null) {
    process.kill(-child.pid, 'SIGKILL')
    await ended
  }
}

async function inClient(...command: string[]): Promise<string> {
  const { stdout } = await exec('ip', ['netns', 'exec', clientSpace, 'taskset', '-c', '1', ...command], {
    env,
  })
  return stdout
}

async function exchange(inFlight: number, secs: string, first: number): Promise<Result> {
  const argv = [process.execPath, '--import=tsx', load, server, relay, String(inFlight), secs, String(first)]
  return JSON.parse(await inClient(...argv)) as Result
}

/** perfdhcp's completed exchanges per second when so many are offered. */
async function perfdhcp(offered: number): Promise<number> {
  const argv = ['perfdhcp', '-4', '-r', String(offered), '-R', '50000', '-p', '4', '-l', relay, server]
  // It exits with 3 when some exchanges were not completed.
  const { stdout } = await exec('ip', ['netns', 'exec', clientSpace, 'taskset', '-c', '1', ...argv], {
    env,
  }).catch((error: { stdout: string }) => error)
  return Number(/Rate: ([\d.]+) 4-way/.exec(stdout)?.[1] ?? NaN)
}

async function isUp(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { perSecond } = await exchange(1, '0.2', 1)
    if (perSecond > 0) return
    await sleep(100)
  }
  throw new Error('the server does not answer')
}

/** What every server is measured after, as one that runs for days: ours is compiled while it runs. */
async function warmUp(): Promise<void> {
  await exchange(64, '2', 1000)
}

async function measure(contestant: Contestant, samples: Samples): Promise<void> {
  const keep = (what: string, value: number) => {
    const key = `${contestant.name} ${what}`
    samples.set(key, [...(samples.get(key) ?? []), value])
  }
  for (const inFlight of loads) {
    await withServer(contestant, async () => {
      const result = await exchange(inFlight, seconds, 200_000)
      keep(`${inFlight}/s`, result.perSecond)
      keep(`${inFlight} p99`, result.ackP99)
      keep(`${inFlight} lost`, result.lost + result.naks)
    })
  }
  for (const offered of offers) {
    await withServer(contestant, async () => keep(`perfdhcp ${offered}/s`, await perfdhcp(offered)))
  }
}

async function withServer(contestant: Contestant, work: () => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-bench-'))
  for (const name of ['tftproot', 'conf']) await mkdir(join(folder, name))
  const child = start(await contestant.prepare(folder))
  try {
    await isUp()
    await warmUp()
    await work()
  } finally {
    await stop(child)
    await rm(folder, { recursive: true, force: true })
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

function table(samples: Samples): string {
  const columns = [
    '64/s',
    '64 p99',
    '64 lost',
    '1/s',
    '1 p99',
    ...offers.map((offered) => `perfdhcp ${offered}/s`),
  ]
  const value = (name: string, column: string) => median(samples.get(`${name} ${column}`) ?? [])
  const rows = contestants.map(({ name, note }) => {
    const cells = columns.map((column) => {
      const own = value(name, column)
      const ratio = column.endsWith('lost') ? '' : ` (${(own / value('kea', column)).toFixed(2)})`
      return `${own}${ratio}`
    })
    return `| ${name} | ${cells.join(' | ')} | ${note} |`
  })
  return [
    `| server | ${columns.join(' | ')} | |`,
    `|${' --- |'.repeat(columns.length + 2)}`,
    ...rows,
    '',
  ].join('\n')
}

const samples: Samples = new Map()
try {
  await make()
  for (let round = 1; round <= Number(rounds); round++) {
    for (const contestant of contestants) {
      if (only !== '' && !only.split(',').includes(contestant.name)) continue
      if (process.stderr.isTTY) process.stderr.write(`round ${round} of ${rounds}: ${contestant.name}\n`)
      await measure(contestant, samples).catch((error: unknown) => {
        process.stderr.write(`${contestant.name} is left out of round ${round}: ${String(error)}\n`)
      })
    }
  }
  process.stdout.write(`In brackets: the ratio to Kea. p99 in ms, of REQUEST to ACK.\n\n${table(samples)}`)
} finally {
  await remove()
}
