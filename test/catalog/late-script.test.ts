// The script that ends an installation, run for real with each program it may find: it deploys local or powers off.

import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { render } from '../../src/boot/render.ts'

const template = readFileSync('httproot/ubuntu-16.04.sh.tmpl', 'utf8')
const mac = '52:54:00:00:00:01'

/** Where `program` lies on this machine. */
function find(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** A folder that is the script's whole PATH: what it always needs, `programs`, and a poweroff that only says so. */
async function toolbox(t: ExecutionContext, programs: Readonly<Record<string, string>>): Promise<string> {
  const box = await mkdtemp(join(tmpdir(), 'pxe-pilot-late-'))
  t.teardown(() => rm(box, { recursive: true, force: true }))
  for (const name of ['grep', 'sed', 'sleep']) await symlink(find(name) ?? name, join(box, name))
  for (const [name, path] of Object.entries(programs)) await symlink(path, join(box, name))
  for (const name of ['poweroff', 'sync']) {
    await writeFile(join(box, name), `#!/bin/sh\necho ${name} >>"${box}/called"\n`)
    await chmod(join(box, name), 0o755)
  }
  return box
}

type Seen = { method: string; url: string; body: string }

/** An API that answers with these statuses in turn, the last one for ever. */
async function api(t: ExecutionContext, statuses: readonly number[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      response.statusCode = statuses[Math.min(seen.length, statuses.length - 1)] ?? 500
      seen.push({ method: request.method ?? '', url: request.url ?? '', body })
      response.end('{"hosts":[]}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, seen }
}

type Ended = { status: number | null; output: string; called: string }

async function run(box: string, url: string): Promise<Ended> {
  const rendered = render(template, { api: url, mac })
  if ('fault' in rendered) throw new Error(rendered.fault)
  await writeFile(join(box, 'late.sh'), rendered.text)
  const env = {
    PATH: box,
    http_proxy: 'http://127.0.0.1:1',
    PXE_PILOT_TRIES: '3',
    PXE_PILOT_PAUSE: '0.05',
    PXE_PILOT_HOLD: '0',
    // A whole path: where /bin/sh is BusyBox's, `poweroff` would be its own, and this machine's end.
    PXE_PILOT_POWEROFF: join(box, 'poweroff'),
  }
  const child = spawn('/bin/sh', [join(box, 'late.sh')], { env })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  const called = await readFile(join(box, 'called'), 'utf8').catch(() => '')
  return { status, output, called }
}

const busybox = find('busybox')
const curl = find('curl')
const wget = find('wget')
const means: { name: string; programs: Record<string, string> }[] = [
  ...(curl === undefined ? [] : [{ name: 'curl', programs: { curl } }]),
  ...(wget === undefined ? [] : [{ name: 'wget', programs: { wget } }]),
  ...(busybox === undefined ? [] : [{ name: "BusyBox's nc", programs: { nc: busybox, wget: busybox } }]),
]

for (const { name, programs } of means) {
  test(`${name}: 200 ends it well, with the MAC of this machine`, async (t) => {
    const { url, seen } = await api(t, [200])
    const ended = await run(await toolbox(t, programs), url)
    t.is(ended.status, 0, ended.output)
    t.is(ended.called, '')
    t.deepEqual(seen, [
      { method: 'PUT', url: '/configurations/local/deploy', body: `{"hosts":[{"macAddress":"${mac}"}]}` },
    ])
  })

  test(`${name}: an API that comes back within the minute is enough`, async (t) => {
    const { url, seen } = await api(t, [503, 507, 200])
    const ended = await run(await toolbox(t, programs), url)
    t.is(ended.status, 0, ended.output)
    t.is(seen.length, 3)
    t.is(ended.called, '')
  })

  test(`${name}: faults for a minute power the machine off, with the remedy`, async (t) => {
    const { url, seen } = await api(t, [500])
    const ended = await run(await toolbox(t, programs), url)
    t.is(ended.status, 1)
    t.is(seen.length, 3)
    t.is(ended.called, 'sync\npoweroff\n')
    t.regex(ended.output, /answer: 500\), attempt 3 of 3/)
    t.regex(
      ended.output,
      /curl -X PUT http:\/\/127\.0\.0\.1:\d+\/configurations\/local\/deploy -d '\{"hosts"/,
    )
  })

  test(`${name}: a refused connection powers the machine off, too`, async (t) => {
    const ended = await run(await toolbox(t, programs), 'http://127.0.0.1:1')
    t.is(ended.status, 1)
    t.is(ended.called, 'sync\npoweroff\n')
  })
}

// Its syntax only: BusyBox's shell takes its own poweroff before the one on PATH.
test("the installer's shell can read the script", (t) => {
  const shell = busybox === undefined ? ['/bin/sh'] : [busybox, 'sh']
  const [program = '', ...before] = shell
  t.is(spawnSync(program, [...before, '-n', 'httproot/ubuntu-16.04.sh.tmpl']).status, 0)
})

test('with no program to send anything, the machine is powered off', async (t) => {
  const ended = await run(await toolbox(t, {}), 'http://127.0.0.1:1')
  t.is(ended.status, 1)
  t.is(ended.called, 'sync\npoweroff\n')
})

test('the seeds fetch and run their script, and stop where it fails', (t) => {
  for (const name of ['ubuntu-16.04', 'debian-12']) {
    const seed = render(readFileSync(`httproot/${name}.seed.tmpl`, 'utf8'), { http: 'http://10.0.0.1' })
    t.true('text' in seed)
    const line = `d-i preseed/late_command string wget -O /tmp/late.sh http://10.0.0.1/${name}.sh && sh /tmp/late.sh`
    t.true('text' in seed && seed.text.split('\n').includes(line), name)
  }
})
