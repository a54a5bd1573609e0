// The API as scripts of the original know it: paths, methods, statuses, bodies.

import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import type { Listener } from '../../src/api/listener.ts'
import { exchange } from '../http/raw.ts'
import { serveApi } from './server.ts'

const json = 'application/json; charset=utf-8'
const put = (url: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'PUT', body: body as string, headers })
const deployTo = (url: string, configuration: string, hosts: unknown) =>
  put(`${url}/v1/configurations/${configuration}/deploy`, JSON.stringify({ hosts }))

for (const prefix of ['/v1', '']) {
  test(`GET ${prefix}/healthcheck is 204 with no body`, async (t) => {
    const { url } = await serveApi(t)
    const reply = await fetch(`${url}${prefix}/healthcheck`)
    t.is(reply.status, 204)
    t.is(await reply.text(), '')
  })

  test(`GET ${prefix}/configurations: by bootloader, then by the bytes of the name`, async (t) => {
    const { url } = await serveApi(t)
    const reply = await fetch(`${url}${prefix}/configurations`)
    t.is(reply.headers.get('content-type'), json)
    const pxelinux = '{"name":"pxelinux","file":"pxelinux.0","config_path":""}'
    const grub = '{"name":"grub","file":"grub/grubx64.efi","config_path":"grub.cfg"}'
    t.is(
      await reply.text(),
      `[{"name":"local","bootloader":${pxelinux}},{"name":"sheep","bootloader":${pxelinux}},` +
        `{"name":"zebra","bootloader":${pxelinux}},{"name":"Ubuntu","bootloader":${grub}},` +
        `{"name":"sheep","bootloader":${grub}}]`,
    )
  })

  test(`GET ${prefix}/configurations/:name shows the first bootloader's, escaped as Go does`, async (t) => {
    const { url } = await serveApi(t)
    const reply = await fetch(`${url}${prefix}/configurations/sheep`)
    t.is(reply.headers.get('content-type'), json)
    t.is(
      await reply.text(),
      '{"name":"sheep","content":"text of sheep for pxelinux \\u0026 \\u003cothers\\u003e"}',
    )
    const missing = await fetch(`${url}${prefix}/configurations/nope`)
    t.is(missing.status, 404)
    t.deepEqual(await missing.json(), {
      Message: "Configuration 'nope' does not exists",
      message: "Configuration 'nope' does not exists",
      code: 'configuration_not_found',
      hint: 'pxe-pilot config list and GET /v1/configurations show those there are',
    })
  })

  test(`GET ${prefix}/bootloaders`, async (t) => {
    const { url } = await serveApi(t)
    t.deepEqual(await (await fetch(`${url}${prefix}/bootloaders`)).json(), [
      { name: 'pxelinux', file: 'pxelinux.0', config_path: '' },
      { name: 'grub', file: 'grub/grubx64.efi', config_path: 'grub.cfg' },
    ])
  })

  test(`PUT ${prefix}/configurations/:name/deploy: all hosts at once, the reply says what is so`, async (t) => {
    const { url, table } = await serveApi(t)
    const body = JSON.stringify({ hosts: [{ name: 'h1' }, { macAddress: '00:00:00:00:00:02' }] })
    const reply = await put(`${url}${prefix}/configurations/sheep/deploy`, body)
    t.is(reply.status, 200)
    t.is(reply.headers.get('content-type'), json)
    t.is(
      await reply.text(),
      '{"hosts":[{"name":"h1","configuration":"sheep","rebooted":"NO"},{"name":"h2","configuration":"sheep","rebooted":"NO"}]}',
    )
    t.is(table.assignments.get('h1'), 'sheep')
    t.is(table.assignments.get('h2'), 'sheep')
  })
}

test('nothing configured: null where the original said null, [] where it said []', async (t) => {
  const { url } = await serveApi(t, {
    hosts: '{}',
    changes: [],
    site: { bootloaders: [], default: null, localMethod: 'auto', apiPort: 1 },
  })
  for (const [path, body] of [
    ['/v1/hosts', 'null'],
    ['/v1/bootloaders', 'null'],
    ['/v1/configurations', '[]'],
  ] as const) {
    t.is(await (await fetch(url + path)).text(), body, path)
  }
  const local = await (await fetch(`${url}/v1/configurations/local`)).json()
  t.regex(String((local as Record<string, unknown>)['content']), /LOCALBOOT 0/)
})

test('hosts: every key of the original, in the order of the file, and no password', async (t) => {
  const { url } = await serveApi(t)
  await deployTo(url, 'local', [{ name: 'h2' }])
  const reply = await fetch(`${url}/v1/hosts`)
  const text = await reply.text()
  t.notRegex(text, /hunter2/)
  t.deepEqual(JSON.parse(text), [
    {
      name: 'h1',
      macAddresses: ['00:00:00:00:00:01', '00:00:00:00:0b:01'],
      configuration: null,
      powerState: '',
      ipmi: null,
      management: null,
    },
    {
      name: 'h2',
      macAddresses: ['00:00:00:00:00:02'],
      configuration: {
        name: 'local',
        bootloader: { name: 'pxelinux', file: 'pxelinux.0', config_path: '' },
      },
      powerState: '',
      ipmi: {
        macAddress: '00:00:00:00:10:02',
        username: 'user',
        password: '',
        interface: 'lanplus',
        hostname: '1.2.3.4',
        subnet: '10.0.0.0/24',
      },
      management: null,
    },
    {
      name: '<b>h3</b>',
      macAddresses: ['00:00:00:00:00:03'],
      configuration: null,
      powerState: '',
      ipmi: null,
      management: {
        macAddress: '00:00:00:00:10:03',
        ipAddress: '',
        adapter: 'ipmitool',
        subnet: '',
        vars: [
          { name: 'username', value: 'joe' },
          { name: 'password', value: '' },
        ],
      },
    },
    { name: 'bare', macAddresses: null, configuration: null, powerState: '', ipmi: null, management: null },
  ])
})

test('hosts?status= takes what strconv.ParseBool takes', async (t) => {
  const { url } = await serveApi(t)
  for (const value of ['1', 't', 'T', 'TRUE', 'true', 'True', '0', 'f', 'F', 'FALSE', 'false', 'False', '']) {
    t.is((await fetch(`${url}/v1/hosts?status=${value}`)).status, 200, value)
  }
  for (const query of ['status=yes', 'status=tRUE', 'status=2', 'status=1&status=1']) {
    const reply = await fetch(`${url}/v1/hosts?${query}`)
    t.is(reply.status, 400, query)
    t.is(((await reply.json()) as Record<string, unknown>)['code'], 'query_invalid')
  }
})

test('a host whose configuration vanished says so', async (t) => {
  const { url, registry } = await serveApi(t)
  await deployTo(url, 'zebra', [{ name: 'h1' }])
  registry.setCatalog({ configurations: [], menus: [], loaders: [] })
  const [h1] = (await (await fetch(`${url}/v1/hosts`)).json()) as [Record<string, Record<string, unknown>>]
  t.is(h1['configuration']?.['name'], 'zebra')
  t.is(h1['configuration']?.['vanished'], true)
})

test('unknown paths, wrong methods and HEAD are all "404 page not found"', async (t) => {
  const { url } = await serveApi(t)
  for (const [method, path] of [
    ['GET', '/v1'],
    ['GET', '/v1/nope'],
    ['GET', '/v2/hosts'],
    ['GET', '/V1/Hosts'],
    ['GET', '/v1//hosts'],
    ['GET', '/v1/configurations/x/deploy'],
    ['POST', '/v1/configurations/local/deploy'],
    ['PUT', '/v1/hosts'],
    ['DELETE', '/v1/configurations/local'],
    ['OPTIONS', '/v1/hosts'],
    ['GET', '/v1/hosts/h1/nope'],
  ] as const) {
    const reply = await fetch(url + path, { method })
    t.is(reply.status, 404, `${method} ${path}`)
    t.is(reply.headers.get('content-type'), 'text/plain')
    t.is(await reply.text(), '404 page not found')
  }
  for (const path of ['/v1/hosts', '/v1/healthcheck']) {
    t.is((await fetch(url + path, { method: 'HEAD' })).status, 404)
  }
})

test('a slash too many leads to the path without it: 301 for GET, 307 else', async (t) => {
  const { url } = await serveApi(t)
  const get = await fetch(`${url}/v1/hosts/?status=true`, { redirect: 'manual' })
  t.is(get.status, 301)
  t.is(get.headers.get('location'), '/v1/hosts?status=true')
  const path = '/v1/configurations/local/deploy'
  const reply = await fetch(`${url}${path}/`, { method: 'PUT', body: '{}', redirect: 'manual' })
  t.is(reply.status, 307)
  t.is(reply.headers.get('location'), path)
  t.is((await fetch(`${url}/v1/nope/`, { redirect: 'manual' })).status, 404)
  const { text } = await exchange(
    Number(new URL(url).port),
    'GET //evil.example/v1/hosts/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  )
  t.regex(text, /^HTTP\/1\.1 404/)
})

test('a body on GET is tolerated, as the original’s own client sends one', async (t) => {
  const { port } = await serveApi(t)
  const asked =
    'GET /v1/healthcheck HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nnull\n'
  const { text } = await exchange(port, asked + asked.replace('Host: x', 'Host: x\r\nConnection: close'))
  t.is(text.match(/HTTP\/1\.1 204/g)?.length, 2)
})

test('status: 200 while everything serves, 503 when one part does not', async (t) => {
  let listeners: Listener[] = [{ name: 'TFTP', where: 'udp 0.0.0.0:69', serving: true }]
  const { url } = await serveApi(t, { listeners: () => listeners })
  const good = await fetch(`${url}/v1/status`)
  t.is(good.status, 200)
  t.deepEqual(await good.json(), { serving: true, listeners })
  listeners = [...listeners, { name: 'DHCP', where: 'eth1', serving: false, because: 'eth1 is down' }]
  const bad = await fetch(`${url}/v1/status`)
  t.is(bad.status, 503)
  t.deepEqual(await bad.json(), { serving: false, listeners })
})

test('a fault of ours is 500 with a body, and an error in the log', async (t) => {
  const { url, events } = await serveApi(t, {
    look: () => Promise.reject(new Error('the disk\nis on fire')),
  })
  const reply = await fetch(`${url}/v1/configurations`)
  t.is(reply.status, 500)
  t.is(((await reply.json()) as Record<string, unknown>)['code'], 'internal')
  const told = events.find((event) => event.level === 'error')
  t.regex(told?.text ?? '', /the disk\\x0ais on fire/)
})

test('a client that leaves while it sends is nothing to speak of', async (t) => {
  const { port, url, events } = await serveApi(t)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(
    'PUT /v1/configurations/local/deploy HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n{"hosts"',
  )
  // It says Continue when it has the request and waits for its body.
  await once(socket, 'data')
  socket.destroy()
  // Whoever asks later is answered later: by then it has noticed.
  for (let asked = 0; asked < 2; asked++) t.is((await fetch(`${url}/v1/healthcheck`)).status, 204)
  t.false(events.some((event) => event.level === 'error'))
})

test('the page: hosts and what they boot, everything escaped, nothing from elsewhere', async (t) => {
  const { url } = await serveApi(t, {
    listeners: () => [{ name: 'TFTP', where: 'udp :69', serving: false, because: '<i>' }],
  })
  await deployTo(url, 'sheep', [{ name: 'h1' }])
  const root = await fetch(url, { redirect: 'manual' })
  t.is(root.status, 302)
  t.is(root.headers.get('location'), '/ui/')
  const reply = await fetch(`${url}/ui/`)
  t.is(reply.status, 200)
  t.regex(reply.headers.get('content-type') ?? '', /^text\/html/)
  t.is(reply.headers.get('content-security-policy'), "default-src 'self'")
  t.is(reply.headers.get('x-content-type-options'), 'nosniff')
  const text = await reply.text()
  t.regex(text, /<td>sheep<\/td>\s*<td>deployed<\/td>/)
  t.regex(text, /&lt;b&gt;h3&lt;\/b&gt;/)
  t.notRegex(text, /<b>|<i>|<script|style="/)
  t.regex(text, /curl -i -X PUT/)
  t.regex((await fetch(`${url}/ui/style.css`)).headers.get('content-type') ?? '', /^text\/css/)
  t.is((await fetch(`${url}/ui/`, { method: 'HEAD' })).status, 200)
})
