// Guards of a deploy, the audit, undo and the hold.

import test from 'ava'
import * as answers from '../../src/api/answers.ts'
import { ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { serveApi } from './server.ts'

type Body = Readonly<Record<string, unknown>>

const mac = (text: string) => parseMac(text) as Mac

const ask = async (url: string, method: string, path: string, body?: unknown) => {
  const reply = await fetch(`${url}/v1${path}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
  })
  const said = await reply.text()
  return { status: reply.status, body: (said === '' ? {} : JSON.parse(said)) as Body }
}
const deploy = (url: string, configuration: string, names: readonly string[], more: object = {}) =>
  ask(url, 'PUT', `/configurations/${configuration}/deploy`, {
    hosts: names.map((name) => ({ name })),
    ...more,
  })

test('a dry run says what would be, and changes nothing', async (t) => {
  const { url, table, registry } = await serveApi(t, { guards: { destructive: ['sheep'] } })
  await deploy(url, 'zebra', ['h1'])
  const { status, body } = await deploy(url, 'sheep', ['h1', 'h2'], { dry_run: true })
  t.is(status, 200)
  t.notThrows(() => answers.deployed.parse(body))
  t.deepEqual(body, {
    hosts: [
      { name: 'h1', configuration: 'sheep', rebooted: 'NO', before: 'zebra' },
      { name: 'h2', configuration: 'sheep', rebooted: 'NO', before: null },
    ],
    dry_run: true,
    confirm: 2,
  })
  t.deepEqual([...table.assignments], [['h1', 'zebra']])
  t.is(registry.audit.length, 1)
  const free = await deploy(url, 'local', ['h1'], { dry_run: true })
  t.deepEqual(free.body, {
    hosts: [{ name: 'h1', configuration: 'local', rebooted: 'NO', before: 'zebra' }],
    dry_run: true,
  })
  t.is(table.assignments.get('h1'), 'zebra', 'nor where nothing has to be confirmed')
  t.is(registry.audit.length, 1)
})

test('a destructive configuration and too many hosts need the number of hosts; local never', async (t) => {
  const { url, table } = await serveApi(t, { guards: { destructive: ['sheep'], maxHosts: 1 } })
  for (const more of [{}, { confirm: 2 }, { confirm: 0 }]) {
    const { status, body } = await deploy(url, 'sheep', ['h1'], more)
    t.is(status, 409)
    t.is(body['code'], 'confirmation_needed')
    t.is(body['confirm'], 1)
    t.regex(String(body['message']), /configuration\.destructive.*"confirm": 1/)
  }
  t.is((await deploy(url, 'sheep', ['h1'], { confirm: 1 })).status, 200)
  const many = await deploy(url, 'zebra', ['h1', 'h2'])
  t.regex(String(many.body['message']), /max_hosts_per_deploy, 1.*"confirm": 2/)
  t.is((await deploy(url, 'zebra', ['h1', 'h2'], { confirm: 2 })).status, 200)
  t.is((await deploy(url, 'local', ['h1', 'h2'])).status, 200)
  t.is(table.assignments.get('h2'), 'local')
})

test('the audit says who changed what, the last change first, and bounds what it keeps', async (t) => {
  const { url } = await serveApi(t)
  await deploy(url, 'sheep', ['h1', 'h2'])
  await ask(url, 'DELETE', '/hosts/h1/configuration')
  await ask(url, 'POST', '/hosts', { name: 'h9', macAddresses: ['525400000009'] })
  const all = (await (await fetch(`${url}/v1/audit`)).json()) as readonly Body[]
  t.notThrows(() => answers.audit.parse(all))
  t.deepEqual(
    all.map(({ id, action, from, hosts }) => ({ id, action, from, hosts })),
    [
      { id: 3, action: 'add', from: '127.0.0.1', hosts: [{ name: 'h9', host: 'added' }] },
      { id: 2, action: 'undeploy', from: '127.0.0.1', hosts: [{ name: 'h1', before: 'sheep', after: null }] },
      {
        id: 1,
        action: 'deploy',
        from: '127.0.0.1',
        hosts: [
          { name: 'h1', before: null, after: 'sheep' },
          { name: 'h2', before: null, after: 'sheep' },
        ],
      },
    ],
  )
  t.is(((await (await fetch(`${url}/v1/audit?limit=1`)).json()) as readonly unknown[]).length, 1)
  for (const query of ['limit=0', 'limit=x', 'limit=1&limit=2']) {
    t.is((await fetch(`${url}/v1/audit?${query}`)).status, 400)
  }
})

test('undo takes the last change back, then the one before it, and never arms an installer unasked', async (t) => {
  const { url, table } = await serveApi(t)
  await deploy(url, 'sheep', ['h1'])
  await deploy(url, 'local', ['h1'])
  await deploy(url, 'local', ['h1'])
  const shown = await ask(url, 'POST', '/undo', { dry_run: true })
  t.notThrows(() => answers.undone.parse(shown.body))
  t.like(shown.body, {
    id: 2,
    confirm: 1,
    dry_run: true,
    hosts: [{ name: 'h1', before: 'local', after: 'sheep' }],
  })
  const refused = await ask(url, 'POST', '/undo')
  t.is(refused.status, 409)
  t.is(refused.body['code'], 'confirmation_needed')
  t.regex(String(refused.body['message']), /h1 sheep/)
  t.is(table.assignments.get('h1'), 'local')
  t.is((await ask(url, 'POST', '/undo', { id: 1, confirm: 1 })).body['code'], 'undo_conflict')
  t.is((await ask(url, 'POST', '/undo', { id: 2, confirm: 1 })).status, 200)
  t.is(table.assignments.get('h1'), 'sheep')
  t.like((await ask(url, 'POST', '/undo')).body, { id: 1 })
  t.false(table.assignments.has('h1'))
  t.is((await ask(url, 'POST', '/undo')).body['code'], 'nothing_to_undo')
})

test('a change of a host that changes nothing is none, and hides no deploy from undo', async (t) => {
  const { url, table } = await serveApi(t)
  const whole = { macAddresses: ['525400000009'], ipmi: { hostname: '10.0.0.9', password: 'hunter2' } }
  await ask(url, 'POST', '/hosts', { name: 'h9', ...whole })
  await deploy(url, 'local', ['h9'])
  t.like(await ask(url, 'PATCH', '/hosts/h9', {}), { status: 200, body: { name: 'h9' } })
  t.is((await ask(url, 'PATCH', '/hosts/h9', { macAddresses: ['52-54-00-00-00-09'] })).status, 200)
  t.is((await ask(url, 'PUT', '/hosts/h9', whole)).status, 200)
  const audit = (await (await fetch(`${url}/v1/audit`)).json()) as readonly { readonly action: string }[]
  t.deepEqual(
    audit.map(({ action }) => action),
    ['deploy', 'add'],
  )
  t.like((await ask(url, 'POST', '/undo')).body, { id: 2 })
  t.false(table.assignments.has('h9'))
})

test('undo of a removal brings the host back with what it boots', async (t) => {
  const { url, table } = await serveApi(t)
  await ask(url, 'POST', '/hosts', {
    name: 'h9',
    macAddresses: ['525400000009'],
    ipmi: { password: 'hunter2' },
  })
  await deploy(url, 'local', ['h9'])
  await ask(url, 'DELETE', '/hosts/h9')
  t.is((await ask(url, 'POST', '/undo')).status, 200)
  t.is(table.assignments.get('h9'), 'local')
  t.is(table.hosts.get('h9')?.power?.ipmi?.password, 'hunter2')
  t.is(table.hosts.get('h9')?.origin, 'added')
})

test('a hold makes everything boot local until it is released; deploys are taken meanwhile', async (t) => {
  const { url, table, registry } = await serveApi(t)
  t.deepEqual((await ask(url, 'GET', '/hold')).body, { held: false })
  const held = await ask(url, 'PUT', '/hold', { reason: 'a wrong seed' })
  t.notThrows(() => answers.hold.parse(held.body))
  t.like(held.body, { held: true, reason: 'a wrong seed', from: '127.0.0.1' })
  t.true(table.held)
  const deployed = await deploy(url, 'sheep', ['h1'])
  t.is(deployed.body['held'], true)
  t.is((await ask(url, 'PUT', '/hold')).body['reason'], 'a wrong seed')
  t.deepEqual((await ask(url, 'DELETE', '/hold')).body, { held: false })
  t.is((await ask(url, 'DELETE', '/hold')).status, 200)
  t.false(table.held)
  t.deepEqual(
    registry.audit.map(({ action }) => action),
    ['hold', 'deploy', 'release'],
  )
})

test('the reason of a hold is one line, and brings no escape sequence into the log', async (t) => {
  const { url, table, events } = await serveApi(t)
  const forged = await ask(url, 'PUT', '/hold', { reason: 'x\n2026-01-01T00:00:00Z info forged' })
  t.is(forged.status, 400)
  t.regex(String(forged.body['message']), /reason must be one line/)
  t.false(table.held)
  await ask(url, 'PUT', '/hold', { reason: 'a \u202emove' })
  t.regex(events.map(({ text }) => text).join(), /released: a \\u202emove/)
})

test('what was mistyped is guessed in a key of its own; the message stays the original’s', async (t) => {
  const { url } = await serveApi(t)
  const { body } = await deploy(url, 'sheeep', ['h1'])
  t.is(body['Message'], "Configuration 'sheeep' does not exists")
  t.is(body['hint'], 'did you mean sheep?')
  t.is((await deploy(url, 'sheep', ['bar'])).body['hint'], 'did you mean bare?')
})

const card = { name: 'h9', macAddresses: ['525400000009'] }
const other = { macAddresses: ['52540000000a'] }
const isRefused = ({ status, body }: { status: number; body: Body }) =>
  status === 409 && body['code'] === 'confirmation_needed' && body['confirm'] === 1

test('undo of a host that installs has to be confirmed, also where only its cards or its firmware return', async (t) => {
  const { url, table } = await serveApi(t)
  await ask(url, 'POST', '/hosts', card)
  await deploy(url, 'sheep', ['h9'])
  for (const patch of [other, { arch: 'bios' }, { localMethod: 'withhold' }]) {
    t.is((await ask(url, 'PATCH', '/hosts/h9', patch)).status, 200)
    t.like((await ask(url, 'POST', '/undo', { dry_run: true })).body, { confirm: 1 })
    t.true(isRefused(await ask(url, 'POST', '/undo')))
    t.is((await ask(url, 'POST', '/undo', { confirm: 1 })).status, 200)
  }
  t.deepEqual(table.hosts.get('h9')?.macs, ['52:54:00:00:00:09'])
  await deploy(url, 'local', ['h9'])
  await ask(url, 'PATCH', '/hosts/h9', other)
  t.is((await ask(url, 'POST', '/undo')).status, 200, 'it boots its disk')
})

test('the undo of a first deploy arms a default that installs', async (t) => {
  const { url } = await serveApi(t, { policy: 'register', guards: { default: 'sheep' } })
  const hosts = [{ macAddress: '52:54:00:00:00:09' }]
  await ask(url, 'PUT', '/configurations/local/deploy', { hosts })
  t.true(isRefused(await ask(url, 'POST', '/undo')))
})

test('another machine is not installed by a change of cards, unless that is confirmed', async (t) => {
  const { url, table } = await serveApi(t, { guards: { destructive: ['sheep'] } })
  await ask(url, 'POST', '/hosts', card)
  await deploy(url, 'sheep', ['h9'], { confirm: 1 })
  const refused = await ask(url, 'PATCH', '/hosts/h9', other)
  t.true(isRefused(refused))
  t.regex(String(refused.body['message']), /52:54:00:00:00:0a boots local.*h9 sheep.*\?confirm=1/)
  t.true(isRefused(await ask(url, 'PUT', '/hosts/h9', other)))
  t.is((await ask(url, 'PATCH', '/hosts/h9', { name: 'h8', vars: { x: 'y' } })).status, 200)
  t.is((await ask(url, 'PATCH', '/hosts/h8?confirm=1', other)).status, 200)
  t.deepEqual(table.hosts.get('h8')?.macs, ['52:54:00:00:00:0a'])
})

test('what keeps a machine from a default that installs is not taken away unasked', async (t) => {
  const { url, table } = await serveApi(t, { guards: { default: 'sheep', destructive: ['sheep'] } })
  await ask(url, 'POST', '/hosts', card)
  t.is((await ask(url, 'DELETE', '/hosts/h9/configuration')).status, 204, 'it boots sheep already')
  await deploy(url, 'local', ['h9'])
  t.true(isRefused(await ask(url, 'DELETE', '/hosts/h9/configuration')))
  t.true(isRefused(await ask(url, 'DELETE', '/hosts/h9')))
  t.true(isRefused(await ask(url, 'PATCH', '/hosts/h9', other)), 'its machine is nobody’s then')
  t.is(table.assignments.get('h9'), 'local')
  t.is((await ask(url, 'DELETE', '/hosts/h9/configuration?confirm=1')).status, 204)
  await deploy(url, 'local', ['h9'])
  t.is((await ask(url, 'DELETE', '/hosts/h9?confirm=1')).status, 204)
})

test('undo gives no address that another host has by now', async (t) => {
  const { url, registry } = await serveApi(t)
  await ask(url, 'POST', '/hosts', { ...card, ip: '10.77.0.12' })
  await ask(url, 'DELETE', '/hosts/h9')
  const rules = { file: 'pxe-pilot.yml', takenBy: () => undefined }
  const h7 = { name: 'h7', macs: [], locked: false, vars: {}, options: [] }
  const ip = ipv4(0x0a4d000c)
  await registry.reload([{ ...h7, origin: 'settings', ip }], { policy: 'declared' }, rules)
  t.is((await ask(url, 'POST', '/undo')).body['code'], 'address_taken')
  await registry.reload([], { policy: 'declared' }, { ...rules, takenBy: () => 'is that of the router' })
  t.is((await ask(url, 'POST', '/undo')).body['code'], 'address_taken')
  await registry.reload([], { policy: 'declared' }, rules)
  t.is((await ask(url, 'POST', '/undo')).status, 200)
})

test('undo takes nothing back of a host that the settings have locked or changed since', async (t) => {
  const { url, table, registry } = await serveApi(t)
  const rules = { file: 'pxe-pilot.yml', takenBy: () => undefined }
  const declare = async (more: object) => {
    const h7 = { name: 'h7', macs: [mac('52:54:00:00:00:07')], locked: false, vars: {}, options: [] }
    await registry.reload([{ ...h7, origin: 'settings', ...more }], { policy: 'declared' }, rules)
  }
  await declare({})
  await deploy(url, 'sheep', ['h7'])
  await deploy(url, 'local', ['h7'])
  await declare({ locked: true })
  t.is((await ask(url, 'POST', '/undo', { confirm: 1 })).body['code'], 'host_locked')
  t.is(table.assignments.get('h7'), 'local')

  // What was deployed to is gone: its card is that of a host of the settings.
  const taken = [mac('52:54:00:00:00:07'), mac('52:54:00:00:00:09')]
  await ask(url, 'POST', '/hosts', card)
  await deploy(url, 'zebra', ['h9'])
  await declare({ macs: taken })
  t.false(table.hosts.has('h9'))
  t.is((await ask(url, 'POST', '/undo', { confirm: 1 })).body['code'], 'undo_conflict')
  t.deepEqual([...table.assignments], [['h7', 'local']])
})

test('a host that is locked while it boots an installer is warned of', async (t) => {
  const { url, events } = await serveApi(t, { policy: 'register' })
  const hosts = [{ macAddress: '52:54:00:00:00:09' }]
  await ask(url, 'PUT', '/configurations/sheep/deploy', { hosts })
  const adopted = await ask(url, 'POST', '/discovered/52:54:00:00:00:09/adopt', { name: 'h9', locked: true })
  t.is(adopted.status, 201)
  t.true(events.some(({ level, text }) => level === 'warn' && /h9 is locked.*boots sheep/.test(text)))
})

test('a deploy makes a thousand hosts and no more, and all of them ten thousand', async (t) => {
  const { url, table } = await serveApi(t, { policy: 'register' })
  const register = (from: number, count: number) =>
    ask(url, 'PUT', '/configurations/local/deploy', {
      hosts: Array.from({ length: count }, (_, index) => ({
        macAddress: `5254${(from + index).toString(16).padStart(8, '0')}`,
      })),
    })
  const refused = await register(0, 1001)
  t.is(refused.status, 409)
  t.is(refused.body['code'], 'too_many_hosts')
  for (let from = 0; from < 10_000; from += 1000) t.is((await register(from, 1000)).status, 200)
  t.is((await register(10_000, 1)).body['code'], 'too_many_hosts')
  t.is((await register(0, 1000)).status, 200, 'those it made are deployed to as ever')
  t.is([...table.hosts.values()].filter(({ origin }) => origin === 'registered').length, 10_000)
})
