// Hosts over the API: added, changed, removed, adopted; those of the settings are changed there.

import test from 'ava'
import * as fc from 'fast-check'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { Unknowns } from '../../src/registry/discovered.ts'
import { hostInFull } from '../../src/api/answers.ts'
import { serveApi } from './server.ts'

type Body = Readonly<Record<string, unknown>>

const ask = async (url: string, method: string, path: string, body?: unknown) => {
  const text = typeof body === 'string' ? body : body === undefined ? null : JSON.stringify(body)
  const reply = await fetch(`${url}/v1${path}`, { method, body: text })
  const said = await reply.text()
  return { status: reply.status, body: (said === '' ? {} : JSON.parse(said)) as Body }
}

const h9 = { name: 'h9', macAddresses: ['52-54-00-00-00-09'], locked: true, vars: { rack: '7' } }

test('a body that is mistyped takes no password into the answer or the log', async (t) => {
  const { url, events } = await serveApi(t)
  const bodies = [
    '{"name":"h9","wol":{"password":hunter2}}',
    '{"name":"h9","wol":{"password":"x"hunter2}}',
    "{'password':'hunter2'}",
    'hunter2',
    JSON.stringify({ ...h9, wol: { password: 'hunter2' } }),
    JSON.stringify({ ...h9, ipmi: { password: ['hunter2'] } }),
  ]
  for (const body of bodies) {
    const reply = await ask(url, 'POST', '/hosts', body)
    t.is(reply.status, 400)
    t.regex(String(reply.body['message']), /^The body is not JSON: \w|password must be /)
    t.notRegex(JSON.stringify(reply.body), /hunter/)
  }
  t.is(events.filter(({ step }) => step === 'api.refused').length, bodies.length)
  t.notRegex(JSON.stringify(events), /hunter/)
})

test('a host is added, shown, changed, renamed and removed; what it boots goes with it', async (t) => {
  const { url, table } = await serveApi(t)
  const added = await ask(url, 'POST', '/hosts', { ...h9, locked: false })
  t.is(added.status, 201)
  t.notThrows(() => hostInFull.parse(added.body))
  t.like(added.body, {
    name: 'h9',
    macAddresses: ['52:54:00:00:00:09'],
    origin: 'added',
    vars: { rack: '7' },
  })
  await ask(url, 'PUT', '/configurations/sheep/deploy', { hosts: [{ name: 'h9' }] })
  const renamed = await ask(url, 'PATCH', '/hosts/h9', { name: 'h10', locked: true })
  t.is(renamed.status, 200)
  t.like(renamed.body, { name: 'h10', locked: true, vars: { rack: '7' }, configuration: { name: 'sheep' } })
  t.is((await ask(url, 'GET', '/hosts/h9')).status, 404)
  t.is((await ask(url, 'PUT', '/configurations/zebra/deploy', { hosts: [{ name: 'h10' }] })).status, 409)
  t.is((await ask(url, 'DELETE', '/hosts/h10')).status, 204)
  t.false(table.assignments.has('h10'))
  t.is((await ask(url, 'POST', '/hosts', h9)).status, 201)
  t.is((await ask(url, 'GET', '/hosts/h9')).body['configuration'], null)
})

test('PUT makes what the body says, whether it was there or not', async (t) => {
  const { url } = await serveApi(t)
  const { name: _, ...rest } = h9
  t.is((await ask(url, 'PUT', '/hosts/h9', rest)).status, 201)
  const again = await ask(url, 'PUT', '/hosts/h9', { macAddresses: ['525400000010'] })
  t.is(again.status, 200)
  t.like(again.body, { macAddresses: ['52:54:00:00:00:10'], locked: false, vars: {} })
  t.is((await ask(url, 'PUT', '/hosts/no%2Fname', rest)).body['path'], 'name')
})

test('passwords are never shown, and an empty one leaves what is set', async (t) => {
  const { url, table } = await serveApi(t)
  const ipmi = { hostname: '10.0.0.1', username: 'u', password: 'hunter2' }
  await ask(url, 'POST', '/hosts', { ...h9, ipmi })
  const { body } = await ask(url, 'PATCH', '/hosts/h9', { ipmi: { ...ipmi, password: '', username: 'v' } })
  t.like(body['ipmi'], { username: 'v', password: '' })
  t.is(table.hosts.get('h9')?.power?.ipmi?.password, 'hunter2')
  t.notRegex(JSON.stringify([await ask(url, 'GET', '/hosts'), await ask(url, 'GET', '/audit')]), /hunter2/)
  await ask(url, 'PATCH', '/hosts/h9', { ipmi: null })
  t.is((await ask(url, 'GET', '/hosts/h9')).body['ipmi'], null)
  t.is(
    (await ask(url, 'POST', '/hosts', { ...h9, name: 'x', ipmi: { password_file: '/etc/shadow' } })).status,
    400,
  )
})

const bmc = { hostname: '10.0.0.1', username: 'u', password: 'hunter2' }
const pdu = {
  ip_address: '10.0.0.1',
  adapter: 'a',
  vars: [
    { name: 'plug', value: '3' },
    { name: 'password', value: 'hunter2' },
  ],
}
const shownVars = [
  { name: 'plug', value: '3' },
  { name: 'password', value: '' },
]
const moves: readonly (readonly [string, Body, Body, string])[] = [
  ['hostname', { ipmi: bmc }, { ipmi: { hostname: '10.0.0.2' } }, 'ipmi.password'],
  ['hostname', { ipmi: bmc }, { ipmi: { hostname: '10.0.0.2', password: '' } }, 'ipmi.password'],
  ['port', { ipmi: bmc }, { ipmi: { port: 624 } }, 'ipmi.password'],
  ['interface', { ipmi: bmc }, { ipmi: { interface: 'lan' } }, 'ipmi.password'],
  ['mac_address', { ipmi: bmc }, { ipmi: { mac_address: '525400000033' } }, 'ipmi.password'],
  ['hostname', { redfish: bmc }, { redfish: { ...bmc, hostname: 'a.b', password: '' } }, 'redfish.password'],
  ['scheme', { redfish: bmc }, { redfish: { scheme: 'http' } }, 'redfish.password'],
  ['verify', { redfish: bmc }, { redfish: { verify: false } }, 'redfish.password'],
  ['system', { redfish: bmc }, { redfish: { system: '/redfish/v1/Systems/2' } }, 'redfish.password'],
  ['address', { wol: { password: '00:00:00:00:00:07' } }, { wol: { address: '10.0.0.9' } }, 'wol.password'],
  [
    'ip_address',
    { management: pdu },
    { management: { ip_address: '10.0.0.2', vars: shownVars } },
    'management.vars[1].value',
  ],
  [
    'plug',
    { management: pdu },
    { management: { vars: [{ name: 'plug', value: 'x' }, shownVars[1]] } },
    'management.vars[1].value',
  ],
  [
    'adapter',
    { management: pdu },
    { management: { adapter: 'b', vars: shownVars } },
    'management.vars[1].value',
  ],
]
for (const [moved, made, patch, path] of moves) {
  test(`a stored secret follows no change of ${Object.keys(patch)[0]}.${moved}: ${JSON.stringify(patch)}`, async (t) => {
    const { url, table } = await serveApi(t)
    t.is((await ask(url, 'POST', '/hosts', { ...h9, ...made })).status, 201)
    const before = table.hosts.get('h9')
    const reply = await ask(url, 'PATCH', '/hosts/h9', patch)
    t.like(reply, { status: 400, body: { code: 'body_invalid', path } })
    t.true(
      String(reply.body['message']).includes(`said again`) && String(reply.body['message']).includes(moved),
    )
    t.is(table.hosts.get('h9'), before)
  })
}

test('a stored secret follows no PUT to another address, and one that is said again does', async (t) => {
  const { url, table } = await serveApi(t)
  await ask(url, 'POST', '/hosts', { ...h9, ipmi: bmc })
  const put = (ipmi: Body) => ask(url, 'PUT', '/hosts/h9', { ...h9, ipmi })
  t.like(await put({ ...bmc, hostname: '10.0.0.2', password: '' }), {
    status: 400,
    body: { path: 'ipmi.password' },
  })
  t.is((await put({ ...bmc, username: 'v', password: '' })).status, 200)
  t.like(table.hosts.get('h9')?.power?.ipmi, { username: 'v', password: 'hunter2' })
  t.is((await put({ ...bmc, hostname: '10.0.0.2', password: 'other' })).status, 200)
  t.like(table.hosts.get('h9')?.power?.ipmi, { hostname: '10.0.0.2', password: 'other' })
})

test('PATCH of a part: what the body leaves out stays, null takes away, and one way switches a host', async (t) => {
  const { url, table } = await serveApi(t)
  const patch = (body: Body) => ask(url, 'PATCH', '/hosts/h9', body)
  const power = () => table.hosts.get('h9')?.power
  await ask(url, 'POST', '/hosts', { ...h9, ipmi: { ...bmc, cipher: 3, port: 624 } })
  t.like((await patch({ ipmi: { username: 'v' } })).body['ipmi'], { cipher: 3, port: 624, username: 'v' })
  t.deepEqual(power(), { ipmi: { ...bmc, cipher: 3, port: 624, username: 'v' } })
  t.is((await patch({ ipmi: { cipher: null } })).status, 200)
  t.deepEqual(power(), { ipmi: { ...bmc, port: 624, username: 'v' } })
  const both = await patch({ redfish: { hostname: 'r.example' } })
  t.like(both, { status: 400, body: { path: 'redfish' } })
  t.regex(String(both.body['message']), /ipmi.*null/)
  t.is(
    (await patch({ ipmi: null, redfish: { hostname: 'r.example', port: 8443, verify: false } })).status,
    200,
  )
  t.deepEqual(power(), {
    redfish: { hostname: 'r.example', port: 8443, verify: false, scheme: 'https', auth: 'basic' },
  })
  t.is((await patch({ redfish: { auth: 'session', verify: null } })).status, 200)
  t.like(power()?.redfish, { hostname: 'r.example', port: 8443, verify: true, auth: 'session' })
  const two = { ...h9, name: 'x', macAddresses: ['525400000020'], ipmi: bmc, redfish: bmc }
  t.like(await ask(url, 'POST', '/hosts', two), { status: 400, body: { path: 'redfish' } })
  t.is((await patch({ redfish: null, wol: { address: '10.0.0.255' } })).status, 200)
  t.like((await ask(url, 'GET', '/hosts/h9')).body, {
    redfish: null,
    wol: { address: '10.0.0.255', port: 9 },
  })
})

test('PATCH of vars: those left out stay, a secret shown empty stays, null takes one away', async (t) => {
  const { url, table } = await serveApi(t)
  await ask(url, 'POST', '/hosts', { ...h9, vars: { rack: '7', root_password: 'hunter2', row: 'b' } })
  const patch = (vars: Body | null) => ask(url, 'PATCH', '/hosts/h9', { vars })
  t.like((await patch({ rack: '8', root_password: '' })).body['vars'], { rack: '8', root_password: '' })
  t.deepEqual(table.hosts.get('h9')?.vars, { rack: '8', root_password: 'hunter2', row: 'b' })
  await patch({ row: null, rack: '' })
  t.deepEqual(table.hosts.get('h9')?.vars, { rack: '', root_password: 'hunter2' })
  await patch(null)
  t.deepEqual(table.hosts.get('h9')?.vars, {})
})

for (const [path, power] of [
  ['ipmi.hostname', { ipmi: { hostname: '-oProxyCommand=x' } }],
  ['redfish.hostname', { redfish: { hostname: 'a b' } }],
  ['management.ip_address', { management: { ip_address: '-oProxyCommand=x' } }],
  [
    'management.vars[1].value',
    {
      management: {
        vars: [
          { name: 'a', value: 'b' },
          { name: 'c', value: '-x' },
        ],
      },
    },
  ],
] as const) {
  test(`${path} that a program would take for an option is refused`, async (t) => {
    const { url } = await serveApi(t)
    t.like(await ask(url, 'POST', '/hosts', { ...h9, ...power }), { status: 400, body: { path } })
    await ask(url, 'POST', '/hosts', h9)
    t.like(await ask(url, 'PATCH', '/hosts/h9', power), { status: 400, body: { path } })
  })
}

const refused: readonly (readonly [string, string, string, unknown, number, string])[] = [
  ['a declared host', 'PATCH', '/hosts/h1', { locked: true }, 409, 'host_declared'],
  ['a declared host', 'PUT', '/hosts/h1', { macAddresses: ['52:54:00:00:00:09'] }, 409, 'host_declared'],
  ['a declared host', 'DELETE', '/hosts/h1', undefined, 409, 'host_declared'],
  ['a host that is not there', 'PATCH', '/hosts/nix', {}, 404, 'host_not_found'],
  ['a host that is not there', 'DELETE', '/hosts/nix', undefined, 404, 'host_not_found'],
  [
    'undeploy of a host that is not there',
    'DELETE',
    '/hosts/nix/configuration',
    undefined,
    404,
    'host_not_found',
  ],
  ['a name that is taken', 'POST', '/hosts', { ...h9, name: 'h1' }, 409, 'host_exists'],
  ['a MAC that is taken', 'POST', '/hosts', { ...h9, macAddresses: ['00:00:00:00:0b:01'] }, 409, 'mac_taken'],
  ['an unknown key', 'POST', '/hosts', { ...h9, colour: 'red' }, 400, 'body_invalid'],
  ['our own BMC', 'POST', '/hosts', { ...h9, ipmi: { interface: 'open' } }, 400, 'body_invalid'],
  ['our own BMC, later', 'PATCH', '/hosts/h9', { ipmi: { interface: 'open' } }, 400, 'body_invalid'],
  ['no body', 'POST', '/hosts', undefined, 400, 'body_not_json'],
  [
    'an unknown machine that never asked',
    'POST',
    '/discovered/525400000011/adopt',
    { name: 'x' },
    404,
    'discovered_not_found',
  ],
  ['no MAC', 'POST', '/discovered/x/adopt', { name: 'x' }, 400, 'body_invalid'],
  ['a host’s MAC', 'POST', '/discovered/000000000001/adopt', { name: 'x' }, 409, 'mac_taken'],
]

for (const [what, method, path, body, status, code] of refused) {
  test(`${method} ${path}: ${what} is ${status} ${code}, and nothing changed`, async (t) => {
    const api = await serveApi(t)
    const before = [...api.table.hosts.values()]
    const reply = await ask(api.url, method, path, body)
    t.is(reply.status, status)
    t.is(reply.body['code'], code)
    t.is(reply.body['Message'], reply.body['message'])
    t.deepEqual([...api.table.hosts.values()], before)
  })
}

test('undeploy clears what a host boots, and nothing else', async (t) => {
  const { url, table } = await serveApi(t)
  await ask(url, 'PUT', '/configurations/sheep/deploy', { hosts: [{ name: 'h1' }, { name: 'h2' }] })
  t.is((await ask(url, 'DELETE', '/hosts/h1/configuration')).status, 204)
  t.is((await ask(url, 'DELETE', '/hosts/h1/configuration')).status, 204)
  t.deepEqual([...table.assignments], [['h2', 'sheep']])
})

test('what a locked host boots is not taken away: a default would be next', async (t) => {
  const { url, table } = await serveApi(t)
  await ask(url, 'POST', '/hosts', h9)
  await ask(url, 'PUT', '/configurations/local/deploy', { hosts: [{ name: 'h9' }] })
  for (const path of ['/hosts/h9/configuration', '/hosts/h9/configuration?confirm=1']) {
    t.like(await ask(url, 'DELETE', path), { status: 409, body: { code: 'host_locked' } })
  }
  t.is(table.assignments.get('h9'), 'local')
})

test('an unknown machine that asked for a boot is listed, adopted with one request, and listed no more', async (t) => {
  const unknowns: { it?: Unknowns } = {}
  const api = await serveApi(t, {
    unknowns: { list: () => unknowns.it?.list() ?? [], find: (mac) => unknowns.it?.find(mac) },
  })
  unknowns.it = new Unknowns(api.table, () => 1_700_000_000_000)
  const mac = parseMac('52:54:00:00:00:0a') as Mac
  const facts = {
    via: 'dhcp',
    server: 0 as never,
    mac,
    archs: [7],
    agent: 'rom',
    uuid: 'u',
    asks: { kind: 'loader' },
  } as const
  unknowns.it.note(facts)
  unknowns.it.note({ ...facts, archs: [], uuid: undefined })
  unknowns.it.note({ ...facts, mac: parseMac('00:00:00:00:00:01') })
  const listed = await (await fetch(`${api.url}/v1/discovered`)).json()
  const time = '2023-11-14T22:13:20.000Z'
  t.deepEqual(listed, [
    { mac, vendor: 'QEMU', arch: 'uefi-x64', uuid: 'u', firstSeen: time, lastSeen: time, requests: 2 },
  ])
  const adopted = await ask(api.url, 'POST', '/discovered/5254.0000.000A/adopt', { name: 'h7' })
  t.is(adopted.status, 201)
  t.like(adopted.body, { name: 'h7', macAddresses: [mac] })
  t.deepEqual(await (await fetch(`${api.url}/v1/discovered`)).json(), [])
})

test('a flood of unknown machines takes no more room than a thousand', async (t) => {
  const { table } = await serveApi(t)
  const unknowns = new Unknowns(table, Date.now)
  for (let number = 0; number < 3000; number++) {
    const mac = parseMac(`5254${number.toString(16).padStart(8, '0')}`) as Mac
    unknowns.note({ via: 'dhcp', server: 0 as never, mac, archs: [], agent: 'rom', asks: { kind: 'loader' } })
  }
  t.is(unknowns.list().length, 1000)
  t.is(unknowns.list()[0]?.mac, '52:54:00:00:0b:b7' as Mac)
})

test('an unknown machine that asks again and again is not pushed out by a flood of others, and is counted on', async (t) => {
  const { table } = await serveApi(t)
  const unknowns = new Unknowns(table, Date.now)
  const mac = parseMac('525400ffffff') as Mac
  const facts = {
    via: 'dhcp',
    server: 0 as never,
    archs: [],
    agent: 'rom',
    asks: { kind: 'loader' },
  } as const
  for (let number = 0; number < 3000; number++) {
    unknowns.note({ ...facts, mac: parseMac(`5254${number.toString(16).padStart(8, '0')}`) })
    if (number % 100 === 0) unknowns.note({ ...facts, mac })
  }
  t.is(unknowns.find(mac)?.requests, 30)
  t.true(unknowns.list().some((machine) => machine.mac === mac))
})

test('a machine that a deploy made a host of is adopted with what it boots', async (t) => {
  const { url, table } = await serveApi(t, { policy: 'register' })
  await ask(url, 'PUT', '/configurations/sheep/deploy', { hosts: [{ macAddress: '52:54:00:00:00:0b' }] })
  t.is((await ask(url, 'POST', '/discovered/52-54-00-00-00-0b/adopt', { name: 'h8' })).status, 201)
  t.deepEqual([...table.assignments], [['h8', 'sheep']])
  t.false(table.hosts.has('52-54-00-00-00-0b'))
})

test('a host that becomes known to the settings by its address is refused with the reason', async (t) => {
  const { url } = await serveApi(t)
  await ask(url, 'POST', '/hosts', { ...h9, ip: '10.77.0.9' })
  const twice = await ask(url, 'POST', '/hosts', {
    name: 'x',
    macAddresses: ['525400000020'],
    ip: '10.77.0.9',
  })
  t.is(twice.body['code'], 'address_taken')
  t.regex(String(twice.body['message']), /10\.77\.0\.9 .*<h9>/)
})

test('any body for any of these routes: an answer that is JSON, below 500, and no change by a 4xx', async (t) => {
  const api = await serveApi(t)
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('52:54:00:00:00', '', null, -1, 1e308),
  )
  const key = fc.constantFrom(
    'name',
    'macAddresses',
    'mac_addresses',
    'ip',
    'locked',
    'arch',
    'vars',
    'ipmi',
    'management',
    '__proto__',
    'confirm',
    'dry_run',
    'id',
    'reason',
    'hosts',
  )
  const body = fc.oneof(
    fc.dictionary(key, odd).map((value) => JSON.stringify(value)),
    fc.dictionary(key, odd).map((value) => JSON.stringify({ ...h9, ...value })),
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('['.repeat(100_000), `{"vars":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`),
  )
  const route = fc.constantFrom(
    ['POST', '/hosts'],
    ['PUT', '/hosts/h9'],
    ['PATCH', '/hosts/h9'],
    ['POST', '/discovered/525400000009/adopt'],
    ['POST', '/undo'],
    ['PUT', '/hold'],
  )
  const state = () => JSON.stringify([[...api.table.hosts], [...api.table.assignments], api.table.held])
  await fc.assert(
    fc.asyncProperty(route, body, async ([method = '', path = ''], text) => {
      const before = state()
      const reply = await ask(api.url, method, path, text)
      t.true(reply.status < 500, `${method} ${path} ${text}: ${reply.status}`)
      if (reply.status >= 400) t.is(state(), before)
      if (reply.body['code'] === 'body_invalid' && !text.startsWith('"'))
        t.is(typeof (reply.body['more'] ?? ''), 'string')
    }),
    { numRuns: 300 },
  )
})

const wrong: readonly (readonly [Body, string, RegExp])[] = [
  [{ ipmi: { subnet: '10.0.0.0' } }, 'ipmi.subnet', /^ipmi\.subnet must be a subnet such as/],
  [{ redfish: { subnet: 'x' } }, 'redfish.subnet', /^redfish\.subnet must be a subnet such as/],
  [{ management: { subnet: 'x' } }, 'management.subnet', /^management\.subnet must be a subnet such as/],
  [
    { management: { vars: [{ name: 'plug', value: '-x' }] } },
    'management.vars[0].value',
    /^management\.vars\[0\]\.value must not begin with "-"/,
  ],
  [{ vars: { 'a b': 'x' } }, 'vars.a b', /^vars\.a b must be a name of letters, digits and _/],
]
for (const [body, path, message] of wrong) {
  test(`a wrong ${path} is told in the words of its rule`, async (t) => {
    const { url } = await serveApi(t)
    t.is((await ask(url, 'POST', '/hosts', h9)).status, 201)
    const whole = { ...h9, name: 'h10', macAddresses: ['525400000010'], ...body }
    for (const answer of [
      await ask(url, 'PATCH', '/hosts/h9', body),
      await ask(url, 'POST', '/hosts', whole),
    ]) {
      t.like(answer, { status: 400, body: { code: 'body_invalid', path } })
      t.regex(String(answer.body['message']), message)
    }
  })
}

test('an empty subnet, as it is shown, is none', async (t) => {
  const { url } = await serveApi(t)
  t.is((await ask(url, 'POST', '/hosts', { ...h9, ipmi: { subnet: '' } })).status, 201)
})

const vars = (count: number, value: string, from = 0) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`v${from + index}`, value]))

test('whoever may write fills neither memory nor disk by one host: its vars and texts have bounds, also bit by bit', async (t) => {
  const { url, table } = await serveApi(t)
  t.is((await ask(url, 'POST', '/hosts', { ...h9, locked: false, ipmi: {} })).status, 201)
  const management = { ipmi: null, management: { vars: [{ name: 'x', value: 'v'.repeat(4097) }] } }
  const tooMuch: readonly (readonly [Body, string])[] = [
    [{ vars: { x: 'v'.repeat(900_000) } }, 'vars.x'],
    [{ vars: { x: 'ü'.repeat(2049) } }, 'vars.x'],
    [{ vars: vars(257, 'v') }, 'vars'],
    [{ vars: vars(5, 'v'.repeat(4096)) }, ''],
    [{ vars: { ['x'.repeat(20_000)]: 'v' } }, ''],
    [{ ipmi: { username: 'u'.repeat(1025) } }, 'ipmi.username'],
    [management, 'management.vars[0].value'],
    [
      { ipmi: null, management: { vars: Array.from({ length: 257 }, () => ({ name: 'x', value: '' })) } },
      'management.vars',
    ],
  ]
  for (const [body, path] of tooMuch) {
    const answer = await ask(url, 'PATCH', '/hosts/h9', body)
    t.like(answer, { status: 400, body: { code: 'body_invalid', path } })
    const whole = { ...h9, name: 'h10', macAddresses: ['525400000010'], ...body, ipmi: body['ipmi'] }
    t.like(await ask(url, 'POST', '/hosts', whole), { status: 400, body: { code: 'body_invalid', path } })
  }
  const fits = { vars: { x: 'v'.repeat(4096), ...vars(200, 'v') }, ipmi: { username: 'u'.repeat(1024) } }
  t.is((await ask(url, 'PATCH', '/hosts/h9', fits)).status, 200)
  t.is((await ask(url, 'PATCH', '/hosts/h9', { vars: vars(100, 'v', 300) })).body['path'], 'vars')
  t.is(Object.keys(table.hosts.get('h9')?.vars ?? {}).length, 202, 'with the one that it had')
})

test('twenty thousand hosts are added and no more; those of the settings do not count', async (t) => {
  const { url, table } = await serveApi(t)
  const fill = (origin: 'added' | 'settings', count: number) => {
    for (let index = 0; index < count; index++) {
      const name = `${origin}${index}`
      table.hosts.set(name, { name, macs: [], origin, locked: false, vars: {}, options: [] })
    }
  }
  fill('settings', 20_000)
  fill('added', 19_999)
  t.is((await ask(url, 'POST', '/hosts', h9)).status, 201)
  const more = { name: 'more', macAddresses: ['525400000010'] }
  t.like(await ask(url, 'POST', '/hosts', more), { status: 409, body: { code: 'too_many_hosts' } })
  t.is((await ask(url, 'PUT', '/hosts/more', more)).status, 409)
  t.is(
    (await ask(url, 'PATCH', '/hosts/h9', { locked: false })).status,
    200,
    'those there are change as ever',
  )
  t.is((await ask(url, 'DELETE', '/hosts/h9')).status, 204)
  t.is((await ask(url, 'POST', '/hosts', more)).status, 201)
})

test('no host: an empty list where the settings have one, else null, as in the original', async (t) => {
  for (const [hosts, answer] of [
    ['hosts: []', '[]'],
    ['hosts:', 'null'],
    ['', 'null'],
  ] as const) {
    const { url } = await serveApi(t, { hosts })
    t.is(await (await fetch(`${url}/v1/hosts`)).text(), answer, hosts)
  }
})
