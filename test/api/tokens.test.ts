// Tokens, and what a machine may do without one: nothing but say that it is installed.

import { execFileSync } from 'node:child_process'
import { chmodSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { Tokens } from '../../src/api/tokens.ts'
import type { Event } from '../../src/events.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { newFolder } from '../folder.ts'
import { serveApi } from './server.ts'

const mac = (text: string) => parseMac(text) as Mac
const secret = 'f00dfacef00dfacef00d'
const known: Pick<Tokens, 'find'> = {
  find: (text) =>
    text === secret
      ? { name: 'ci', rights: 'write' }
      : text === 'looker'
        ? { name: 'eye', rights: 'read' }
        : undefined,
}

type Body = Readonly<Record<string, unknown>>

const put = async (url: string, configuration: string, host: object, token?: string) => {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const reply = await fetch(`${url}/configurations/${configuration}/deploy`, {
    method: 'PUT',
    body: JSON.stringify({ hosts: [host] }),
    headers,
  })
  return { status: reply.status, headers: reply.headers, body: (await reply.json()) as Body }
}

const shown = async (url: string) => await (await fetch(`${url}/ui/`)).text()

test('the deploy that the first page shows sends a token where one is needed', async (t) => {
  const [open, guarded] = [await serveApi(t), await serveApi(t, { tokens: known })]
  t.regex(await shown(guarded.url), /curl -i -X PUT -H &quot;Authorization: Bearer \$PXE_PILOT_TOKEN&quot; /)
  t.regex(await shown(open.url), /curl -i -X PUT &#39;http/)
})

test('with a token everything works, and the audit knows its name', async (t) => {
  const { url, registry } = await serveApi(t, { tokens: known })
  t.is((await put(url, 'sheep', { name: 'h1' }, secret)).status, 200)
  t.is(registry.audit[0]?.by, 'ci')
})

test('a slash too many is redirected, with and without a token', async (t) => {
  const { url } = await serveApi(t, { tokens: known })
  for (const headers of [{}, { Authorization: `Bearer ${secret}` }]) {
    const path = '/v1/configurations/local/deploy'
    const reply = await fetch(`${url}${path}/`, { method: 'PUT', body: '{}', headers, redirect: 'manual' })
    t.is(reply.status, 307)
    t.is(reply.headers.get('location'), path)
  }
})

test('without one: 401 and how to send it; with a wrong one 401; with a reader’s 403; nothing changed', async (t) => {
  const { url, table, events } = await serveApi(t, { tokens: known })
  const none = await put(url, 'sheep', { name: 'h1' })
  t.is(none.status, 401)
  t.is(none.headers.get('www-authenticate'), 'Bearer')
  t.is(none.body['code'], 'token_needed')
  t.regex(String(none.body['message']), /server\.tokens_file.*Authorization: Bearer/)
  t.is((await put(url, 'sheep', { name: 'h1' }, 'wrong')).status, 401)
  const reader = await put(url, 'sheep', { name: 'h1' }, 'looker')
  t.is(reader.status, 403)
  t.regex(String(reader.body['message']), /eye/)
  for (const [method, path] of [
    ['POST', '/hosts'],
    ['DELETE', '/hosts/h1'],
    ['PATCH', '/hosts/h1/reboot'],
    ['PUT', '/hold'],
    ['POST', '/undo'],
    ['DELETE', '/leases/10.77.0.100'],
  ] as const) {
    t.is((await fetch(`${url}/v1${path}`, { method })).status, 401, `${method} ${path}`)
  }
  t.is(table.assignments.size, 0)
  t.false(table.held)
  t.true(events.filter(({ level, step }) => level === 'warn' && step === 'api.refused').length >= 3)
  t.notRegex(JSON.stringify(events), /wrong|looker/)
  for (const path of ['/healthcheck', '/hosts', '/audit', '/discovered']) {
    t.true((await fetch(`${url}/v1${path}`)).ok, path)
  }
})

test('the use case’s plain PUT works for the caller’s own machine, by any of its cards', async (t) => {
  const { url, table } = await serveApi(t, { tokens: known, macOf: () => mac('00:00:00:00:0b:01') })
  t.is((await put(url, 'local', { macAddress: '00:00:00:00:00:01' })).status, 200)
  t.is(table.assignments.get('h1'), 'local')
  t.is((await put(url, 'local', { name: 'h1' })).status, 200)
})

const notOwn: readonly (readonly [string, string, object, Mac | undefined, number])[] = [
  ['another machine', 'local', { name: 'h2' }, mac('00:00:00:00:00:01'), 403],
  ['an address that nobody knows', 'local', { name: 'h1' }, undefined, 403],
  ['another configuration', 'sheep', { name: 'h1' }, mac('00:00:00:00:00:01'), 401],
  ['a reboot', 'local', { name: 'h1', reboot: true }, mac('00:00:00:00:00:01'), 401],
]

for (const [what, configuration, host, caller, status] of notOwn) {
  test(`without a token, ${what}: ${status}, and nothing changed`, async (t) => {
    const { url, table } = await serveApi(t, { tokens: known, macOf: () => caller })
    const reply = await put(url, configuration, host)
    t.is(reply.status, status)
    t.is(table.assignments.size, 0)
  })
}

test('X-Forwarded-For is anybody’s to write', async (t) => {
  const asked: number[] = []
  const { url } = await serveApi(t, {
    tokens: known,
    macOf: (ip) => {
      asked.push(ip)
      return undefined
    },
  })
  await fetch(`${url}/configurations/local/deploy`, {
    method: 'PUT',
    headers: { 'X-Forwarded-For': '10.77.0.100', Forwarded: 'for=10.77.0.100' },
    body: '{"hosts":[{"name":"h1"}]}',
  })
  t.deepEqual([...new Set(asked)], [0x7f000001])
})

test('a locked machine may say that it is installed', async (t) => {
  const hosts = 'hosts: [{ name: h1, mac_addresses: ["00:00:00:00:00:01"], locked: true }]'
  const { url } = await serveApi(t, { hosts, tokens: known, macOf: () => mac('00:00:00:00:00:01') })
  t.is((await put(url, 'local', { name: 'h1' })).status, 200)
})

for (const tokens of [undefined, known]) {
  test(`a second card nobody declared means the machine that booted by the first${tokens ? ', also with tokens' : ''}`, async (t) => {
    const { url, table, events } = await serveApi(t, {
      policy: 'register',
      tokens,
      macOf: () => mac('00:00:00:00:00:01'),
    })
    await put(url, 'sheep', { name: 'h1' }, secret)
    const reply = await put(url, 'local', { macAddress: '52:54:00:99:99:99' })
    t.is(reply.status, 200)
    t.deepEqual(reply.body['hosts'], [{ name: 'h1', configuration: 'local', rebooted: 'NO' }])
    t.is(table.assignments.get('h1'), 'local')
    t.false(table.hosts.has('52-54-00-99-99-99'))
    t.true(events.some(({ level, text }) => level === 'warn' && /52:54:00:99:99:99.*h1/.test(text)))
  })
}

test('whoever sends a token means the MAC that is written, from wherever it comes', async (t) => {
  const { url, table } = await serveApi(t, { tokens: known, macOf: () => mac('00:00:00:00:00:01') })
  await put(url, 'sheep', { name: 'h1' }, secret)
  const reply = await put(url, 'local', { macAddress: '52:54:00:99:99:99' }, secret)
  t.like(reply, { status: 404, body: { code: 'host_not_found' } })
  t.is(table.assignments.get('h1'), 'sheep')
})

test('of a deploy that is refused no more is understood than a machine’s own call has', async (t) => {
  const { url, registry, events } = await serveApi(t, { writers: () => ({ subnets: [], isSet: true }) })
  await registry.deploy('sheep', [{ name: 'h1' }])
  const much = { name: 'h1', more: 'x'.repeat(9_000) }
  t.is((await put(url, 'local', much)).status, 403)
  t.false(events.some(({ step }) => step === 'deploy.call-home'))
})

test('a refused call of a machine that boots an installer is a warning with the remedy', async (t) => {
  for (const parts of [{ tokens: known }, { writers: () => ({ subnets: [], isSet: true }) }]) {
    const { url, registry, events } = await serveApi(t, parts)
    await registry.deploy('sheep', [{ name: 'h1' }])
    t.is((await put(url, 'local', { macAddress: '00-00-00-00-00-01' })).status, 403)
    const told = events.find(({ step }) => step === 'deploy.call-home')
    t.is(told?.level, 'warn')
    t.regex(told?.text ?? '', /h1 .*goes on booting sheep.*server\.allow.*token/)
  }
})

test('who is refused floods no log: a host is told once, five of a deploy, and twenty refusals in a second', async (t) => {
  const names = Array.from({ length: 9 }, (_, n) => `m${n}`)
  const hosts = `hosts:\n${names.map((name, n) => `  - { name: ${name}, mac_addresses: ["00:00:00:00:01:0${n}"] }\n`).join('')}`
  const { url, registry, events } = await serveApi(t, {
    hosts,
    writers: () => ({ subnets: [], isSet: true }),
  })
  await registry.deploy(
    'sheep',
    names.map((name) => ({ name })),
  )
  const warned = (step: string) => events.filter((event) => event.step === step)
  const send = async (targets: readonly string[]) =>
    await fetch(`${url}/v1/configurations/local/deploy`, {
      method: 'PUT',
      body: JSON.stringify({ hosts: targets.map((name) => ({ name })) }),
    })
  await send(Array.from({ length: 300 }, () => 'm1'))
  t.is(warned('deploy.call-home').length, 1)
  await send(names)
  t.is(warned('deploy.call-home').length, 6)
  const started = performance.now()
  await Promise.all(
    Array.from({ length: 200 }, () => fetch(`${url}/v1/leases/1.2.3.4`, { method: 'DELETE' })),
  )
  const seconds = Math.ceil((performance.now() - started) / 1000) + 1
  t.true(warned('api.refused').length <= 20 * seconds)
})

test('a long address does not cut off the remedy of a refusal', async (t) => {
  const { url, events } = await serveApi(t, { writers: () => ({ subnets: [], isSet: true }) })
  await fetch(`${url}/v1/hosts/${'x'.repeat(900)}`, { method: 'DELETE' })
  t.regex(events.at(-1)?.text ?? '', /^DELETE \/v1\/hosts\/x+….* 403 .*server\.allow in pxe-pilot\.yml$/)
})

test('the file: names, rights, comments; kept while it is broken; read again when it changes', (t) => {
  const path = join(newFolder('tokens'), 'tokens')
  const told: Event[] = []
  let time = 1_000
  const write = (text: string) => {
    writeFileSync(path, text)
    utimesSync(path, time, time++)
  }
  write(`# who\nci  ${secret}\n\neye looker-looker-looker read\n`)
  chmodSync(path, 0o640)
  const clock = performance.now.bind(performance)
  let passed = 0
  performance.now = () => clock() + passed
  t.teardown(() => {
    performance.now = clock
  })
  const tokens = new Tokens(path, (event) => void told.push(event))
  t.regex(told[0]?.text ?? '', /chmod 600/)
  t.deepEqual(tokens.find(secret)?.rights, 'write')
  t.deepEqual(tokens.find('looker-looker-looker')?.rights, 'read')
  t.is(tokens.find(`${secret} `), undefined)
  write('ci\n')
  passed += 2000
  t.is(tokens.find(secret)?.name, 'ci', 'a broken file takes nobody’s token')
  t.regex(told.at(-1)?.text ?? '', /tokens:1: a line is NAME TOKEN/)
  write('new another-secret-secret write\n')
  passed += 2000
  t.is(tokens.find(secret), undefined)
  t.is(tokens.find('another-secret-secret')?.name, 'new')
  t.notRegex(JSON.stringify(told), /another-secret|f00d/)
})

test('a file that is not there, empty, or wrong ends the start, with its line and without the secret', (t) => {
  const path = join(newFolder('tokens'), 'tokens')
  const open = () => new Tokens(path, () => {})
  t.throws(open, { message: /tokens_file: .*cannot be read/ })
  writeFileSync(path, '# nobody\n')
  t.throws(open, { message: /holds no token/ })
  writeFileSync(path, `ci ${secret}\nci ${secret} both\na ${secret} read x\n`)
  const { message } = t.throws(open)
  t.regex(message, /tokens:2: .*neither read nor write\n.*tokens:3: a line is/)
  t.notRegex(message, /f00d/)
})

test('a line without a name makes no token of its last word, and no word of a line is told', (t) => {
  const path = join(newFolder('tokens'), 'tokens')
  const told: Event[] = []
  const open = () => new Tokens(path, (event) => void told.push(event))
  for (const rights of ['write', 'read']) {
    writeFileSync(path, `# nobody\n${secret} ${rights}\n`)
    const { message } = t.throws(open)
    t.regex(message, /tokens:2: .*the name or the token is missing$/)
    t.false(message.includes(secret))
  }
  writeFileSync(path, `${secret} a\n${secret} b\n`)
  t.false(t.throws(open).message.includes(secret))
  // The two the wrong way round.
  writeFileSync(path, `\n${secret} ci\n`, { mode: 0o600 })
  open()
  t.true(told.some(({ text }) => /tokens:2: the token is shorter/.test(text)))
  t.false(JSON.stringify(told).includes(secret))
})

test('a file of tokens that is a FIFO holds nobody up', (t) => {
  const path = join(newFolder('tokens'), 'tokens')
  execFileSync('mkfifo', [path])
  t.throws(() => new Tokens(path, () => undefined), { message: /no regular file/ })
})
