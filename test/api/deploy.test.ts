// The deploy's body: whatever clients were seen to send, whatever they must not, and nothing changed by what is refused.

import type { Socket } from 'node:net'
import * as fc from 'fast-check'
import test from 'ava'
import { exchange } from '../http/raw.ts'
import { serveApi } from './server.ts'

type Api = Awaited<ReturnType<typeof serveApi>>

async function deploy({ url }: Api, body: string | Uint8Array, configuration = 'sheep') {
  const reply = await fetch(`${url}/v1/configurations/${configuration}/deploy`, {
    method: 'PUT',
    body: body as string,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> }
}

const stateOf = ({ table }: Api) => JSON.stringify([[...table.hosts], [...table.assignments]])

for (const [what, body] of [
  [
    'the use case',
    '\n{\n    "hosts": [\n        {\n            "macAddress": "00:00:00:00:00:01"\n        }\n    ]\n}',
  ],
  ['the README’s key', '{"hosts":[{"mac_address":"00:00:00:00:00:01"}]}'],
  ['keys in other cases', '{"HOSTS":[{"MacAddress":"00:00:00:00:00:01"}]}'],
  ['dashes', '{"hosts":[{"macAddress":"00-00-00-00-00-01"}]}'],
  ['dots', '{"hosts":[{"macAddress":"0000.0000.0001"}]}'],
  ['a second MAC in upper case', '{"hosts":[{"macAddress":"00:00:00:00:0B:01"}]}'],
  ['the name', '{"hosts":[{"name":"h1"}]}'],
  ['both', '{"hosts":[{"name":"h1","macAddress":"00:00:00:00:0b:01"}]}'],
  ['unknown keys', '{"force":true,"hosts":[{"name":"h1","x":{"y":[1]}}]}'],
  ['nulls', '{"hosts":[{"name":"h1","macAddress":null,"reboot":null,"configuration":null}]}'],
  ['an empty configuration', '{"hosts":[{"name":"h1","configuration":""}]}'],
  ['a byte order mark', '\ufeff{"hosts":[{"name":"h1"}]}'],
  ['something behind the first value', '{"hosts":[{"name":"h1","x":"}\\"{"}]} {"hosts":[{"name":"h2"}]} x'],
  ['the last of two keys', '{"hosts":[{"name":"h2","Name":"h1"}]}'],
] as const) {
  test(`${what}: deployed to h1`, async (t) => {
    const api = await serveApi(t)
    const reply = await deploy(api, body)
    t.is(reply.status, 200, JSON.stringify(reply.body))
    t.deepEqual(reply.body, { hosts: [{ name: 'h1', configuration: 'sheep', rebooted: 'NO' }] })
    t.deepEqual([...api.table.assignments], [['h1', 'sheep']])
  })
}

test('a MAC that is none is named by its place in the body', async (t) => {
  const api = await serveApi(t, { policy: 'register' })
  for (const [host, path] of [
    [{ macAddress: 'zz' }, 'hosts[1].macAddress'],
    [{ macAddress: 'ff:ff:ff:ff:ff:ff' }, 'hosts[1].macAddress'],
  ] as const) {
    const reply = await deploy(api, JSON.stringify({ hosts: [{ name: 'h1' }, host] }))
    t.like(reply, { status: 400, body: { path } })
  }
  const adopted = await fetch(`${api.url}/v1/discovered/zz/adopt`, { method: 'POST', body: '{"name":"x"}' })
  t.like(await adopted.json(), { code: 'body_invalid', path: 'mac' })
})

test('a MAC in the place of a name, and another key than ours, are hinted at', async (t) => {
  const api = await serveApi(t, { policy: 'register' })
  for (const [host, hint] of [
    [{ name: '22:34:a3:e9:09:cc' }, 'a MAC goes by the key macAddress'],
    [{ mac: '22:34:a3:e9:09:cc' }, 'a host goes by the keys name and macAddress'],
  ] as const) {
    t.like(await deploy(api, JSON.stringify({ hosts: [host] })), { body: { hint } })
  }
})

for (const body of ['{}', '{"hosts":[]}', 'null', 'null\n', '{"hosts":null}']) {
  test(`${JSON.stringify(body)} names nobody: 200, and an unknown configuration is still 404`, async (t) => {
    const api = await serveApi(t)
    t.deepEqual(await deploy(api, body), { status: 200, body: { hosts: [] } })
    t.is((await deploy(api, body, 'nope')).status, 404)
  })
}

const refused: readonly (readonly [string, string | Uint8Array, number, string, RegExp])[] = [
  ['nothing', '', 400, 'body_not_json', /JSON/],
  [
    'a name of a megabyte, nearly',
    `{"hosts":[{"name":"${'h'.repeat(1_000_000)}"}]}`,
    400,
    'body_invalid',
    /hosts\[0\]\.name must not be longer than 256/,
  ],
  [
    'a MAC as long',
    `{"hosts":[{"name":"h1"},{"macAddress":"${'0'.repeat(1_000_000)}"}]}`,
    400,
    'body_invalid',
    /hosts\[1\]\.macAddress must not be longer than 256/,
  ],
  ['no JSON', 'hosts=h1', 400, 'body_not_json', /JSON/],
  ['half of it', '{"hosts":[{"name":"h1"}', 400, 'body_not_json', /JSON/],
  ['a thousand quotes', `{${'"\\"'.repeat(1_000)}`, 400, 'body_not_json', /JSON/],
  ['a list', '[]', 400, 'body_invalid', /object/],
  ['a text', '"x"', 400, 'body_invalid', /object/],
  ['hosts that are no list', '{"hosts":{}}', 400, 'body_invalid', /hosts must be a list/],
  ['a host that is none', '{"hosts":["h1"]}', 400, 'body_invalid', /hosts\[0\]/],
  ['a name that is a number', '{"hosts":[{"name":1}]}', 400, 'body_invalid', /hosts\[0\]\.name/],
  ['a MAC that is a list', '{"hosts":[{"macAddress":[]}]}', 400, 'body_invalid', /macAddress/],
  ['reboot as a text', '{"hosts":[{"name":"h1","reboot":"true"}]}', 400, 'body_invalid', /reboot/],
  [
    'nobody',
    '{"hosts":[null]}',
    400,
    'host_unnamed',
    /^Either Name or MACAddress must be provided for each Host$/,
  ],
  [
    'an unknown name',
    '{"hosts":[{"name":"h1"},{"name":"H1"}]}',
    404,
    'host_not_found',
    /^No host declared for name <H1>$/,
  ],
  [
    'an unknown MAC',
    '{"hosts":[{"macAddress":"00:00:00:00:00:AA"}]}',
    404,
    'host_not_found',
    /^No host declared with MAC address <00:00:00:00:00:aa>$/,
  ],
  ['a MAC that is none', '{"hosts":[{"macAddress":"xyz"}]}', 404, 'host_not_found', /<xyz>/],
  [
    'another host’s MAC',
    '{"hosts":[{"name":"h1","macAddress":"00:00:00:00:00:02"}]}',
    409,
    'host_mismatch',
    /^Host <h1> does not match MAC address <00:00:00:00:00:02>$/,
  ],
  [
    'a host twice',
    '{"hosts":[{"name":"h2"},{"name":"h1"},{"macAddress":"00:00:00:00:0b:01"}]}',
    409,
    'host_twice',
    /^Host <h1> appears several times in query$/,
  ],
  [
    'a configuration per host',
    '{"hosts":[{"name":"h1","configuration":"x"}]}',
    500,
    'configuration_not_allowed',
    /^Configuration attribute for a host in this context is not allowed$/,
  ],
  [
    'a configuration that is an object',
    '{"hosts":[{"name":"h1","configuration":{}}]}',
    400,
    'body_invalid',
    /configuration must be a text/,
  ],
  [
    'a configuration that is a number',
    '{"hosts":[{"name":"h1","configuration":5}]}',
    400,
    'body_invalid',
    /configuration must be a text/,
  ],
  ['more than a mebibyte', `{"x":"${'a'.repeat(1024 * 1024)}"}`, 413, 'body_too_big', /1048576/],
  ['ten mebibytes', new Uint8Array(10 * 1024 * 1024), 413, 'body_too_big', /10485760/],
  [
    'half a million hosts, each of them wrong',
    `{"hosts":[${'1,'.repeat(500_000)}1]}`,
    400,
    'body_invalid',
    /^hosts must not be longer than 10000$/,
  ],
  ['a deep hole', '['.repeat(500_000), 400, 'body_not_json', /JSON/],
]

for (const [what, body, status, code, message] of refused) {
  test(`${what}: ${status} ${code}, nothing changed, and the log says why`, async (t) => {
    const api = await serveApi(t)
    const before = stateOf(api)
    const reply = await deploy(api, body)
    t.is(reply.status, status)
    t.is(reply.body['code'], code)
    t.regex(String(reply.body['Message']), message)
    t.is(reply.body['Message'], reply.body['message'])
    t.is(stateOf(api), before)
    const told = api.events.at(-2)?.step === 'api.refused' ? api.events.at(-2) : api.events.at(-1)
    t.is(told?.level, 'warn')
  })
}

test('a body that is not UTF-8 is refused or read, never a fault', async (t) => {
  const api = await serveApi(t)
  t.is((await deploy(api, new Uint8Array([0xff, 0xfe, 0x00]))).status, 400)
  t.is((await deploy(api, new Uint8Array(Buffer.from('{"hosts":[{"name":"\xe9"}]}', 'latin1')))).status, 404)
})

test('the first bad thing decides: body, configuration, then the hosts in their order', async (t) => {
  const api = await serveApi(t)
  t.is((await deploy(api, 'x', 'nope')).status, 400)
  t.is((await deploy(api, '{"hosts":[{"name":"nobody"}]}', 'nope')).body['code'], 'configuration_not_found')
  const both = await deploy(
    api,
    '{"hosts":[{"name":"h1","macAddress":"00:00:00:00:00:02"},{"name":"nobody"}]}',
  )
  t.is(both.status, 409)
})

test('reboot: nothing is said to have been switched', async (t) => {
  const api = await serveApi(t)
  const { status, body } = await deploy(
    api,
    '{"hosts":[{"name":"h1","reboot":true},{"name":"h2","reboot":false}]}',
  )
  t.is(status, 200)
  const [first, second] = body['hosts'] as readonly Record<string, unknown>[]
  t.is(first?.['rebooted'], 'ERROR')
  t.regex(String(first?.['message']), /^h1 was not rebooted, .*by hand\. Host <h1> has no power control: /)
  t.deepEqual(second, { name: 'h2', configuration: 'sheep', rebooted: 'NO' })
})

test('an unknown MAC becomes a host where the policy is register', async (t) => {
  const api = await serveApi(t, { policy: 'register' })
  const { body } = await deploy(api, '{"hosts":[{"macAddress":"23:34:A3:E9:09:CC"}]}', 'local')
  t.deepEqual(body, {
    hosts: [{ name: '23-34-a3-e9-09-cc', configuration: 'local', rebooted: 'NO', registered: true }],
  })
  const hosts = (await (await fetch(`${api.url}/v1/hosts`)).json()) as readonly Record<string, unknown>[]
  t.is(hosts.at(-1)?.['name'], '23-34-a3-e9-09-cc')
  t.is(hosts.at(-1)?.['registered'], true)
  const again = await deploy(api, '{"hosts":[{"macAddress":"2334.a3e9.09cc"}]}', 'sheep')
  t.deepEqual(again.body, { hosts: [{ name: '23-34-a3-e9-09-cc', configuration: 'sheep', rebooted: 'NO' }] })
  t.is((await deploy(api, '{"hosts":[{"macAddress":"xyz"}]}')).status, 400)
  const told = api.events.filter(({ text }) => text.includes('multicast'))
  t.is(told.length, 2, 'no card has it, at each deploy')
  t.like(told[0], { level: 'warn', step: 'deploy' })
  t.regex(told[0]?.text ?? '', /^23:34:a3:e9:09:cc of 23-34-a3-e9-09-cc is a multicast address/)
})

test('a file written just now can be deployed at once: the directory is looked at first', async (t) => {
  const api: Api = await serveApi(t, {
    look: async () => {
      const form = { language: 'pxelinux', file: 'new', text: 'x', template: false } as const
      api.registry.setCatalog({
        configurations: [{ name: 'new', forms: [form] }],
        menus: [],
        loaders: [],
      })
    },
  })
  t.is((await deploy(api, '{"hosts":[{"name":"h1"}]}', 'new')).status, 200)
})

test('odd names of configurations: escaped, and never a path', async (t) => {
  const api = await serveApi(t)
  for (const name of ['a%20b', '%E2%82%AC', '..%2f..%2fetc', '%00', "it's", '__proto__']) {
    const { status } = await deploy(api, '{}', name)
    t.is(status, 404, name)
  }
})

test('a bare PUT over a plain socket, as an initrd without curl sends it', async (t) => {
  const { port, table } = await serveApi(t)
  const body = '{"hosts":[{"macAddress":"00:00:00:00:00:01"}]}'
  const { text, closed } = await exchange(
    port,
    `PUT /configurations/local/deploy HTTP/1.1\r\nHost: pxe-server:3478\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  t.true(closed)
  t.regex(text, /^HTTP\/1\.1 200 OK\r\n/)
  t.is(table.assignments.get('h1'), 'local')
})

for (const [what, finish] of [
  ['keeps its side open', (socket: Socket, put: string) => void socket.write(put)],
  ['closes its side behind it', (socket: Socket, put: string) => void socket.end(put)],
] as const) {
  test(`lines that end by LF alone, as printf and nc send them, deploy: a client that ${what}`, async (t) => {
    const { port, table } = await serveApi(t)
    const body = '{"hosts":[\n{"macAddress":"00:00:00:00:00:01"}\n\n]}'
    const put = `PUT /v1/configurations/local/deploy HTTP/1.0\nContent-Length: ${body.length}\n\n${body}`
    const { text, closed } = await exchange(port, (socket) => finish(socket, put))
    t.true(closed)
    t.regex(text, /^HTTP\/1\.[01] 200 OK\r\n/)
    t.is(table.assignments.get('h1'), 'local')
  })
}

for (const [what, head] of [
  ['lines of both kinds', 'PUT /v1/configurations/local/deploy HTTP/1.0\r\nX: y\nContent-Length: 46\n\n'],
  ['no Host line', 'PUT /v1/configurations/local/deploy HTTP/1.1\r\nContent-Length: 46\r\n\r\n'],
] as const) {
  test(`a request with ${what} is refused, and a warning says whose`, async (t) => {
    const { port, table, events } = await serveApi(t)
    const { text } = await exchange(port, `${head}{"hosts":[{"macAddress":"00:00:00:00:00:01"}]}`)
    t.regex(text, /^HTTP\/1\.1 400 /)
    t.is(table.assignments.get('h1'), undefined)
    const [told] = events.filter(({ step }) => step === 'http.malformed')
    t.is(told?.level, 'warn')
    t.regex(told?.text ?? '', /^127\.0\.0\.1 sent the API no request: ./)
  })
}

for (const end of ['\r\n', '\n']) {
  test(`a body shorter than a shell counted is refused, and a warning says whose: lines end by ${JSON.stringify(end)}`, async (t) => {
    const { port, table, events } = await serveApi(t)
    const put = ['PUT /v1/configurations/local/deploy HTTP/1.0', 'Content-Length: 47', '', ''].join(end)
    const { text } = await exchange(
      port,
      (socket) => void socket.end(`${put}{"hosts":[{"macAddress":"00:00:00:00:00:01"}]}`),
    )
    t.regex(text, /^HTTP\/1\.1 400 /)
    t.is(table.assignments.get('h1'), undefined)
    const [told] = events.filter(({ step }) => step === 'http.malformed')
    t.is(told?.level, 'warn')
    t.regex(told?.text ?? '', /^127\.0\.0\.1 sent the API a request whose body does not end where/)
  })
}

test('any body: a 2xx or a 4xx, a reply that is JSON, and nothing changed by a 4xx', async (t) => {
  const api = await serveApi(t)
  const name = fc.oneof(fc.constantFrom('h1', 'h2', 'bare', '', '<b>h3</b>'), fc.string())
  const mac = fc.oneof(fc.constantFrom('00:00:00:00:00:01', '00-00-00-00-00-02', ''), fc.string())
  const host = fc.record(
    {
      name: fc.oneof(name, fc.jsonValue()),
      macAddress: fc.oneof(mac, fc.jsonValue()),
      reboot: fc.oneof(fc.boolean(), fc.jsonValue()),
      mac_address: mac,
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record({
        hosts: fc.array(fc.oneof({ weight: 5, arbitrary: host }, { weight: 1, arbitrary: fc.jsonValue() }), {
          maxLength: 3,
        }),
      })
      .map((value) => JSON.stringify(value)),
  )
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom('sheep', 'local', 'nope'), async (text, configuration) => {
      const before = stateOf(api)
      const reply = await deploy(api, text, configuration)
      if (reply.status === 200) return Array.isArray(reply.body['hosts'])
      return (
        reply.status >= 400 &&
        reply.status < 500 &&
        reply.body['code'] !== undefined &&
        stateOf(api) === before
      )
    }),
    { numRuns: 400 },
  )
  t.pass()
})
