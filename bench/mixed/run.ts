// All at once: 64 machines load by TFTP and 8 by HTTP, and what a deploy and a DISCOVER wait meanwhile.
// Needs root and gcc; fetches wrk from Debian without installing it. `npm run bench:mixed [ROUNDS] [SECONDS]`

import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { networkOf, relay, server } from '../network.ts'
import { compiled, unpacked } from '../peers.ts'

const exec = promisify(execFile)
const [rounds = '5', seconds = '5'] = process.argv.slice(2)
const { serverSpace, clientSpace, make, remove } = networkOf('mixed', 16)
const probe = fileURLToPath(new URL('probe.ts', import.meta.url))

type Result = Readonly<
  Record<'deploys' | 'deployP50' | 'deployP99' | 'offers' | 'offerP50' | 'offerP99' | 'lost', number>
>

/** On one core, in one of the namespaces; ended with its group. */
function start(space: string, core: string, ...command: readonly string[]) {
  const words = ['netns', 'exec', space, 'taskset', '-c', core, ...command]
  const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'inherit'], detached: true })
  return async () => {
    if (child.pid === undefined || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    process.kill(-child.pid, 'SIGKILL')
    await ended
  }
}

async function inClient(...command: string[]): Promise<string> {
  return (await exec('ip', ['netns', 'exec', clientSpace, 'taskset', '-c', '1', ...command])).stdout
}

async function fill(folder: string): Promise<void> {
  for (const name of ['tftproot', 'httproot', 'conf']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'tftproot/big'), randomBytes(16 * 1024 * 1024))
  await writeFile(join(folder, 'httproot/50m'), randomBytes(50 * 1024 * 1024))
  await writeFile(join(folder, 'conf/install'), 'DEFAULT x\n')
  const lines = [
    'dhcp:',
    '  mode: server',
    '  other_servers: allow',
    '  conflict_check: false',
    '  limits: { unknown_share: 1 }',
    '  subnets: [{ subnet: 10.77.0.0/16, ranges: ["10.77.1.0-10.77.200.255"] }]',
    'tftp: { root: ./tftproot, max_per_client: 1000 }',
    'http: { root: ./httproot }',
    'configuration: { directory: ./conf, default: local }',
    'hosts_policy: register',
    'log: { level: warn }',
    '',
  ]
  await writeFile(join(folder, 'pxe-pilot.yml'), lines.join('\n'))
}

async function isUp(): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const url = `http://${server}:3478/v1/healthcheck`
    if (
      await inClient('curl', '-sf', url).then(
        () => true,
        () => false,
      )
    ) {
      return
    }
    await sleep(100)
  }
  throw new Error('the server does not answer')
}

async function measure(folder: string, isLoaded: boolean): Promise<Result> {
  const wrk = await unpacked('wrk', 'libluajit-5.1-2', 'libluajit-5.1-common')
  const load = await compiled('tftp/load')
  const ends: (() => Promise<void>)[] = []
  try {
    const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
    ends.push(
      start(serverSpace, '0', process.execPath, program, 'server', '-c', join(folder, 'pxe-pilot.yml')),
    )
    await isUp()
    if (isLoaded) {
      const long = String(Number(seconds) + 60)
      const root = join(folder, 'tftproot')
      ends.push(start(clientSpace, '1', load, server, '64', long, '0', '1468', '4', '0', root, 'big'))
      const library = `LD_LIBRARY_PATH=${join(wrk, 'usr/lib/x86_64-linux-gnu')}`
      const words = ['--threads=1', '--connections=8', `--duration=${long}s`, `http://${server}/50m`]
      ends.push(start(clientSpace, '1', 'env', library, join(wrk, 'usr/bin/wrk'), ...words))
    }
    // Code that is compiled: what a server is like that has run for a while.
    // Ahead of the loads on its core: what is measured is the server's time, not the probe's own turn.
    const asking = ['nice', '-n', '-20', process.execPath, '--import=tsx', probe, server, relay]
    await inClient(...asking, '2')
    return JSON.parse(await inClient(...asking, seconds)) as Result
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

// What is measured so far is shown.
let isStopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true))
const folder = await mkdtemp(join(tmpdir(), 'pxe-mixed-'))
try {
  await make()
  await fill(folder)
  const rows: string[] = []
  const results = new Map<boolean, Result[]>([
    [false, []],
    [true, []],
  ])
  for (let round = 1; round <= Number(rounds); round++) {
    if (isStopped) break
    for (const [isLoaded, kept] of results) kept.push(await measure(folder, isLoaded))
  }
  for (const [isLoaded, kept] of results) {
    const cells = (['deployP50', 'deployP99', 'offerP50', 'offerP99', 'lost'] as const).map((column) =>
      median(kept.map((result) => result[column])),
    )
    rows.push(`| ${isLoaded ? '64 by TFTP, 8 by HTTP' : 'nobody loads'} | ${cells.join(' | ')} |`)
  }
  const head =
    '| meanwhile | PUT deploy p50 | p99 | OFFER p50 | p99 | lost |\n| --- | ---: | ---: | ---: | ---: | ---: |'
  process.stdout.write(
    `Medians of up to ${rounds} rounds of ${seconds} s, in ms.\n\n${head}\n${rows.join('\n')}\n`,
  )
} finally {
  await remove()
  await rm(folder, { recursive: true, force: true })
}
