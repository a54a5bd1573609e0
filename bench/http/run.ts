// HTTP side by side: ours and nginx, one after the other in each of several rounds; medians, ratios to nginx and CPU.
// Fetches nginx and wrk from Debian without installing them. `npm run bench:http [ROUNDS] [SECONDS]`

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { unpacked } from '../peers.ts'
import { contestants, type Contestant } from './servers.ts'

const exec = promisify(execFile)
const [rounds = '5', seconds = '4', only = ''] = process.argv.slice(2)
const port = 18_080
const smallFiles = 250
/** Clock ticks of /proc/PID/stat: 100 a second on every Linux. */
const tickMs = 10

type Load = {
  readonly name: string
  readonly connections: number
  readonly path: string
  /** What a higher figure is better of. */
  readonly counts: 'bytes' | 'requests'
}

const loads: readonly Load[] = [
  { name: '50 MB x 8', connections: 8, path: '/50m', counts: 'bytes' },
  { name: '1.5 GB', connections: 1, path: '/1500m', counts: 'bytes' },
  { name: '1 KB', connections: 32, path: '/small/', counts: 'requests' },
]

type Samples = Map<string, number[]>

async function fill(httproot: string): Promise<void> {
  await mkdir(join(httproot, 'small'), { recursive: true })
  for (const [name, mib] of [
    ['50m', 50],
    ['1500m', 1500],
  ] as const) {
    const file = await open(join(httproot, name), 'w')
    const piece = Buffer.alloc(1024 * 1024, name)
    for (let written = 0; written < mib; written++) await file.write(piece)
    await file.close()
  }
  for (let count = 0; count < smallFiles; count++) {
    await writeFile(join(httproot, 'small', `${count}.deb`), Buffer.alloc(1024, 'x'))
  }
}

/** In turn, as an installer takes a mirror's packages. */
const luaOfMirror = `
local count = 0
request = function()
  count = (count + 1) % ${smallFiles}
  return wrk.format("GET", "/small/" .. count .. ".deb")
end
`

/** On the second core; the server has the first. */
async function wrk(
  root: string,
  folder: string,
  load: Load,
  secs = seconds,
): Promise<{ bytes: number; requests: number }> {
  const script = join(folder, 'mirror.lua')
  await writeFile(script, luaOfMirror)
  const { stdout } = await exec(
    'taskset',
    [
      '-c',
      '1',
      join(root, 'usr/bin/wrk'),
      '--threads=1',
      `--connections=${load.connections}`,
      `--duration=${secs}s`,
      '--timeout=60s',
      ...(load.counts === 'requests' ? [`--script=${script}`] : []),
      `http://127.0.0.1:${port}${load.path}`,
    ],
    { env: { ...process.env, LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu') } },
  )
  if (/Non-2xx|Socket errors: connect [1-9]/.test(stdout)) throw new Error(stdout)
  return {
    bytes: bytesOf(/Transfer\/sec: +([\d.]+)(\w+)/.exec(stdout)),
    requests: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]),
  }
}

function bytesOf(match: RegExpExecArray | null): number {
  const [, number = 'NaN', unit = 'B'] = match ?? []
  return Number(number) * 1024 ** ['B', 'KB', 'MB', 'GB'].indexOf(unit)
}

async function start(command: readonly string[]): Promise<ChildProcess> {
  const child = spawn('taskset', ['-c', '0', ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  })
  for (let tries = 0; tries < 1200; tries++) {
    if (
      await fetch(`http://127.0.0.1:${port}/small/0.deb`).then(
        (reply) => reply.ok,
        () => false,
      )
    )
      return child
    await sleep(50)
  }
  await stop(child)
  throw new Error(`${command.join(' ')} does not answer`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid, 'SIGKILL')
  await ended
}

/** Milliseconds of CPU that the process and its children have had. */
async function cpuOf(pid: number | undefined): Promise<number> {
  let ticks = 0
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    // proc(5): behind the name in brackets come state, ppid, pgrp, ...; utime and stime are the 14th and 15th in all.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    if (Number(fields[2]) === pid) ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * tickMs
}

async function measure(
  contestant: Contestant,
  httproot: string,
  root: string,
  samples: Samples,
): Promise<void> {
  const keep = (what: string, value: number) => {
    const key = `${contestant.name} ${what}`
    samples.set(key, [...(samples.get(key) ?? []), value])
  }
  const folder = await mkdtemp(join(tmpdir(), 'pxe-bench-'))
  const child = await start(await contestant.prepare({ folder, httproot, port, peers: root }))
  try {
    for (let count = 0; count < smallFiles; count++) {
      await (await fetch(`http://127.0.0.1:${port}/small/${count}.deb`)).arrayBuffer()
    }
    for (const load of loads.filter(
      ({ name }) => name.includes(only) && name.includes(contestant.only ?? ''),
    )) {
      // Code that is compiled, files that have been read: what a server is like that has run for a while.
      await wrk(root, folder, load, '2')
      const before = await cpuOf(child.pid)
      const did = await wrk(root, folder, load)
      const cpu = (await cpuOf(child.pid)) - before
      keep(load.name, did[load.counts])
      const work = load.counts === 'bytes' ? did.bytes / 1e9 : did.requests / 1e3
      keep(`${load.name} cpu`, cpu / (work * Number(seconds)))
    }
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
  const value = (name: string, column: string) => median(samples.get(`${name} ${column}`) ?? [])
  const measured = loads.filter(({ name }) => samples.has(`ours ${name}`))
  const rows = measured.flatMap(({ name, counts }) => {
    const [unit, scale, work] = counts === 'bytes' ? ['MB/s', 1e6, 'GB'] : ['/s', 1, '1000']
    return [
      [`${name}, ${unit}`, name, scale] as const,
      [`${name}, ms of CPU per ${work}`, `${name} cpu`, 1] as const,
    ].map(([title, column, by]) => {
      const cells = contestants.map((contestant) => {
        const own = value(contestant.name, column)
        return Number.isNaN(own)
          ? '-'
          : `${(own / by).toFixed(0)} (${(own / value('nginx', column)).toFixed(2)})`
      })
      return `| ${title} | ${cells.join(' | ')} |`
    })
  })
  const names = contestants.map(({ name }) => name)
  return [`| load | ${names.join(' | ')} |`, `| --- |${' ---: |'.repeat(names.length)}`, ...rows, ''].join(
    '\n',
  )
}

const samples: Samples = new Map()
let isStopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true))
const root = await unpacked('nginx', 'nginx-common', 'wrk', 'libluajit-5.1-2', 'libluajit-5.1-common')
const httproot = await mkdtemp(join(tmpdir(), 'pxe-bench-root-'))
try {
  await fill(httproot)
  for (let round = 1; round <= Number(rounds); round++) {
    for (const contestant of contestants) {
      // What is measured so far is shown.
      if (isStopped) break
      if (process.stderr.isTTY) process.stderr.write(`round ${round} of ${rounds}: ${contestant.name}\n`)
      await measure(contestant, httproot, root, samples)
    }
  }
  process.stdout.write(`Medians of up to ${rounds} rounds of ${seconds} s.\n\n${table(samples)}`)
} finally {
  await rm(httproot, { recursive: true, force: true })
}
