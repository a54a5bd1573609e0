// Starting and stopping, as the person at the terminal sees it: what is printed, and the exit status.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { banner } from '../../src/banner.ts'
import { emptyTable } from '../../src/boot/table.ts'
import { settingsOf } from '../settings/written.ts'
import { Site } from './program.ts'

test('it says where everything listens and what to do next', async (t) => {
  const site = await Site.make(t)
  const { transcript } = await site.start()
  const { tftp, http, api } = site.ports
  t.regex(transcript.text, new RegExp(`TFTP +udp 127\\.0\\.0\\.1:${tftp}\\n`))
  t.regex(transcript.text, new RegExp(`HTTP +tcp 127\\.0\\.0\\.1:${http}\\n`))
  t.regex(transcript.text, new RegExp(`API +tcp 127\\.0\\.0\\.1:${api}\\n`))
  t.regex(transcript.text, /A machine that nobody deployed to is left alone/)
  const [, command = ''] = await transcript.waitFor(/deploy +(curl .*)\n/, 5)
  t.regex(
    command,
    new RegExp(`^curl -X PUT http://127\\.0\\.0\\.1:${api}/v1/configurations/local/deploy -d '`),
  )
})

test('when the API answers for the first time, all the rest serves', async (t) => {
  const site = await Site.make(t)
  const file = await site.write('pxe-pilot.yml', site.settings())
  site.run(['server', '-c', file])
  type Status = { readonly listeners: readonly { readonly name: string; readonly serving: boolean }[] }
  const ask = async () =>
    (await fetch(`http://127.0.0.1:${site.ports.api}/v1/status`)).json() as Promise<Status>
  let first: Status | undefined
  for (let tries = 0; first === undefined && tries < 10_000; tries++) {
    first = await ask().catch(() => undefined)
    await sleep(1)
  }
  t.deepEqual(
    first?.listeners.map(({ name, serving }) => [name, serving]),
    [
      ['TFTP', true],
      ['HTTP', true],
      ['API', true],
    ],
  )
})

test('a root that is not there is told before all is said to be ready', async (t) => {
  const site = await Site.make(t)
  await rm(join(site.folder, 'httproot'), { recursive: true })
  const { transcript } = await site.start()
  t.regex(transcript.text, /http\.root: there is no folder .*httproot\n[^]*PXE Pilot is ready/)
})

test('a default that is no configuration is not said to be what machines boot', async (t) => {
  const site = await Site.make(t)
  const given = site.settings().replace('./tftproot/conf', './tftproot/conf, default: shep')
  const program = site.run(['server', '-c', await site.write('pxe-pilot.yml', given)])
  await program.transcript.waitFor(/Next:/, 30)
  t.regex(program.transcript.text, /nobody deployed to boots local, as there is no configuration shep/)
})

const shown = (text: string) =>
  banner(settingsOf(text), [{ name: 'API', where: '', serving: true }], emptyTable())

test('the deploy that it suggests sends a token where the settings ask for one', (t) => {
  t.regex(shown(''), /local\/deploy -d/)
})

test('the deploy that it suggests names a host that is declared, where no other is taken', async (t) => {
  const site = await Site.make(t)
  const { transcript } = await site.start(`hosts:
  - { name: bare }
  - { name: h1, mac_addresses: ['52:54:00:00:00:01', '52:54:00:00:00:02'] }
`)
  const [, mac = ''] = await transcript.waitFor(/deploy +curl .*"macAddress":"(.*)"\}\]\}'\n/, 5)
  t.is(mac, '52:54:00:00:00:01')
  t.is(await site.deploy('local', mac), 200)
})

test('every fault of the settings at once, each with its line: exit 1', async (t) => {
  const site = await Site.make(t)
  await site.write('faulty.yml', 'dhcp: { mode: serve }\ntftp:\n  rot: ./tftproot\nserver: { port: 99999 }\n')
  const program = site.run(['server', '-c', 'faulty.yml'])
  t.is(await program.exited, 1)
  const lines = program.transcript.text.trim().split('\n')
  t.regex(lines[0] ?? '', /^faulty\.yml:1: dhcp\.mode .*did you mean server\?$/)
  t.regex(program.transcript.text, /^faulty\.yml:3: tftp\.rot .*did you mean root\?$/m)
  t.regex(program.transcript.text, /^faulty\.yml:4: server\.port /m)
  for (const line of lines) t.regex(line, /^faulty\.yml:\d+: /)
})

test('a settings file that is not there: one line that names it, exit 1', async (t) => {
  const program = (await Site.make(t)).run(['server', '-c', 'missing.yml'])
  t.is(await program.exited, 1)
  t.is(program.transcript.text, 'missing.yml: there is no such file\n')
})

test('a start that finds all held says so, by whom and why, in the log and in what it prints', async (t) => {
  const site = await Site.make(t)
  const first = await site.start()
  t.notRegex(first.transcript.text, /held/)
  const body = JSON.stringify({ reason: 'a wrong seed' })
  const { status } = await fetch(`http://127.0.0.1:${site.ports.api}/v1/hold`, { method: 'PUT', body })
  t.is(status, 200)
  first.kill()
  await first.exited
  const { transcript } = await site.start()
  t.regex(transcript.text, /WARN: hold: every machine boots local, .* held since \S+ by .*: a wrong seed$/m)
  t.regex(transcript.text, /^All is held: every machine boots local, until pxe-pilot hold --release\.$/m)
})

test('a TCP port in use: which one and by whom, exit 1', async (t) => {
  const site = await Site.make(t)
  const other = createServer().listen(site.ports.http, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const program = site.run(['server', '-c', await site.write('pxe-pilot.yml', site.settings())])
  t.is(await program.exited, 1)
  t.regex(
    program.transcript.text,
    new RegExp(
      `^HTTP cannot listen on TCP port ${site.ports.http}: \\S+ \\(pid ${process.pid}\\) holds it\\..* http\\.port `,
      'm',
    ),
  )
})

test('a UDP port in use: which one and by whom, exit 1', async (t) => {
  const site = await Site.make(t)
  const other = createSocket('udp4').bind(site.ports.tftp, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const program = site.run(['server', '-c', await site.write('pxe-pilot.yml', site.settings())])
  t.is(await program.exited, 1)
  t.regex(
    program.transcript.text,
    new RegExp(
      `^TFTP cannot listen on UDP port ${site.ports.tftp}: \\S+ \\(pid ${process.pid}\\) holds it\\.`,
      'm',
    ),
  )
})

test('a port that an ordinary user may not have: one line with what allows it, exit 1', async (t) => {
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  if (first === 0) {
    t.pass('this machine gives every port to everyone')
    return
  }
  // What the kernel asks for is the capability: root without it is refused, too, and so is a Node that was given it.
  const drop = ['--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service']
  const ordinary = ['setpriv', '--no-new-privs', ...(process.getuid?.() === 0 ? drop : [])]
  const site = await Site.make(t)
  const port = Math.min(69, first - 1)
  const file = await site.write('pxe-pilot.yml', site.settings('', { tftp: port }))
  const program = site.run(['server', '-c', file], ordinary)
  t.is(await program.exited, 1)
  const line = new RegExp(
    `^TFTP cannot listen on UDP port ${port}: .*\`sudo sysctl -w [^\`]*\`.*\`sudo setcap [^\`]* ${process.execPath}\`.*\n$`,
  )
  t.regex(program.transcript.text, line)
})

test('it ends within 5 s of SIGTERM, with exit 0, also while somebody fetches and does not read', async (t) => {
  const site = await Site.make(t)
  await site.write('httproot/big', Buffer.alloc(32 << 20))
  const program = await site.start()
  const reader = connect(site.ports.http, '127.0.0.1').on('error', () => undefined)
  t.teardown(() => reader.destroy())
  reader.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(reader, 'readable')
  const start = performance.now()
  t.is(await program.stop(10), 0)
  t.true(performance.now() - start < 5000)
})

test('SIGHUP while it starts, before the settings are read, ends nothing', async (t) => {
  const site = await Site.make(t)
  const file = await site.write('pxe-pilot.yml', site.settings())
  // The program looks after its output before anything else; the signal comes at that moment.
  const early = `process.stdout.on('newListener',(e)=>e==='error'&&process.kill(process.pid,'SIGHUP'))`
  const program = site.run(
    ['server', '-c', file],
    [
      'env',
      'UV_THREADPOOL_SIZE=16',
      `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(early)}`,
    ],
  )
  await program.transcript.waitFor(/PXE Pilot is ready/, 30)
  t.true(program.running)
})

test('SIGHUP reads the settings again in a terminal, and closing the terminal ends it', async (t) => {
  const site = await Site.make(t)
  const file = await site.write('pxe-pilot.yml', site.settings())
  const onTerminal = ['sh', '-c', 'exec script -qc "echo $\\$ >pid; exec $*" /dev/null', 'sh']
  const terminal = site.run(['server', '-c', file], onTerminal)
  await terminal.transcript.waitFor(/PXE Pilot is ready:[^]*Next:/, 30)
  const pid = Number(readFileSync(join(site.folder, 'pid'), 'utf8'))
  process.kill(pid, 'SIGHUP')
  await terminal.transcript.waitFor(/was read again and is in force/, 10)
  terminal.kill()
  for (let tries = 0; existsSync(`/proc/${pid}`) && tries < 1000; tries++) await sleep(10)
  t.false(existsSync(`/proc/${pid}`))
})

test('it ends in order also where the terminal is said to be closed twice', async (t) => {
  const site = await Site.make(t)
  const file = await site.write('pxe-pilot.yml', site.settings())
  const script = `exec script -qc "trap '' HUP; sh -c 'echo \\$\\$ >pid; exec $*'; echo \\$? >code" /dev/null`
  const terminal = site.run(['server', '-c', file], ['sh', '-c', script, 'sh'])
  await terminal.transcript.waitFor(/PXE Pilot is ready:[^]*Next:/, 30)
  const pid = Number(readFileSync(join(site.folder, 'pid'), 'utf8'))
  terminal.kill()
  // It may have ended before we look, which is in order, too.
  const hasTerminal = () => !['0', undefined].includes(statOf(pid).replace(/^.*\)/s, '').split(' ')[5])
  for (let tries = 0; hasTerminal() && tries < 1000; tries++) await sleep(10)
  for (let count = 0; count < 20 && hangUp(pid); count++) await sleep(2)
  // The shell makes the file before it writes it.
  const code = () => textOf(join(site.folder, 'code'))
  for (let tries = 0; code() === '' && tries < 1000; tries++) await sleep(10)
  t.is(code(), '0\n')
})

const statOf = (pid: number) => textOf(`/proc/${pid}/stat`)

/** Empty where there is no such file. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Whether it was still there to be told. */
function hangUp(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGHUP')
  } catch {
    return false
  }
}

test('what nohup started outlives the terminal', async (t) => {
  const site = await Site.make(t)
  const file = await site.write('pxe-pilot.yml', site.settings())
  const onTerminal = ['sh', '-c', 'exec script -qc "echo $\\$ >pid; exec nohup $* >out" /dev/null', 'sh']
  const terminal = site.run(['server', '-c', file], onTerminal)
  await isUp(site)
  const pid = Number(readFileSync(join(site.folder, 'pid'), 'utf8'))
  t.teardown(() => process.kill(pid, 'SIGKILL'))
  terminal.kill()
  const read = /was read again and is in force/
  for (let tries = 0; !read.test(readFileSync(join(site.folder, 'out'), 'utf8')) && tries < 1000; tries++) {
    await sleep(10)
  }
  t.regex(readFileSync(join(site.folder, 'out'), 'utf8'), read)
  await isUp(site)
})

test('it ends with exit 0 when SIGTERM comes while it starts', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const program = site.run(['server', '-c', await site.write('pxe-pilot.yml', site.settings())])
  // The configurations are read before anything listens.
  await program.transcript.waitFor(/sheep can be deployed/, 30)
  t.is(await program.stop(10), 0)
})

test('log.format json: each line is one object with its level, step and words', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const file = await site.write('pxe-pilot.yml', site.settings('log: { format: json }\n'))
  const program = site.run(['server', '-c', file])
  await program.transcript.waitFor(/can be deployed.*\n/, 30)
  await isUp(site)
  t.is(await site.deploy('sheep', '23:34:a3:e9:09:cc'), 200)
  await program.transcript.waitFor(/sheep.*\n/, 5)
  await program.stop()
  const lines = program.transcript.text.trim().split('\n')
  t.true(lines.length >= 2)
  const events = lines.map((line) => JSON.parse(line) as { level: number; step: string; msg: string })
  for (const { level, msg } of events) t.true([30, 40].includes(level) && msg.length > 0, msg)
  const steps = events.map(({ step }) => step)
  t.true(steps.includes('catalog.configuration'), steps.join())
})

async function isUp(site: Site): Promise<void> {
  const url = `http://127.0.0.1:${site.ports.api}/v1/healthcheck`
  for (const over = Date.now() + 30_000; Date.now() < over;) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.status === 204) return
    await sleep(20)
  }
  throw new Error('the API does not answer')
}
