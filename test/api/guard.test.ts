// Who may ask and who may change: other sites' pages, rebound names, writers from elsewhere.

import { request } from 'node:http'
import { hostname } from 'node:os'
import test from 'ava'
import { writersOf } from '../../src/site.ts'
import { settingsOf } from '../settings/written.ts'
import { parseSubnet, type Subnet } from '../../src/net/ipv4.ts'
import { exchange } from '../http/raw.ts'
import { serveApi } from './server.ts'

const subnet = (text: string) => parseSubnet(text) as Subnet
const mozilla = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64)' }

/** fetch() sets Host itself. */
async function ask(
  port: number,
  method: string,
  headers: Readonly<Record<string, string>>,
  path = method === 'GET' ? '/v1/hosts' : '/v1/configurations/local/deploy',
): Promise<{ status: number; code: unknown; message: string }> {
  return await new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => {
        const body = response.statusCode === 403 ? (JSON.parse(text) as Record<string, unknown>) : {}
        resolve({
          status: response.statusCode ?? 0,
          code: body['code'],
          message: String(body['message']),
        })
      })
    })
    asked.on('error', reject)
    asked.end(method === 'GET' ? undefined : '{"hosts":[{"name":"h1"}]}')
  })
}

test('a script may call us by any name', async (t) => {
  const { port } = await serveApi(t)
  for (const agent of ['curl/7.88.1', 'Wget/1.21', 'Go-http-client/1.1', 'Python-urllib/3.11']) {
    t.is((await ask(port, 'PUT', { Host: 'pxe-server:3478', 'User-Agent': agent })).status, 200)
  }
  const node = { 'User-Agent': 'node', 'Sec-Fetch-Mode': 'cors', Accept: '*/*' }
  t.is((await ask(port, 'PUT', { Host: 'pxe-server:3478', ...node })).status, 200, 'Node’s fetch')
})

test('a browser only by names that are ours: DNS rebinding', async (t) => {
  const { port } = await serveApi(t, { names: () => ['PXE.lab.example'] })
  for (const host of [
    `127.0.0.1:${port}`,
    'localhost',
    'localhost.',
    `${hostname()}:3478`,
    'pxe.LAB.example',
    '[::1]:3478',
  ]) {
    t.is((await ask(port, 'GET', { ...mozilla, Host: host })).status, 200, host)
  }
  for (const headers of [
    { ...mozilla, Host: 'evil.example' },
    { Host: 'evil.example', Origin: 'http://evil.example' },
    { Host: 'evil.example', 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' },
    { ...mozilla, Host: 'localhost.evil.example' },
  ]) {
    const reply = await ask(port, 'GET', headers)
    t.is(reply.status, 403)
    t.is(reply.code, 'origin_not_allowed')
    t.regex(reply.message, /server\.names/)
  }
})

test('two Host lines: 400, whichever of them is ours', async (t) => {
  const { port, table } = await serveApi(t)
  const body = '{"hosts":[{"name":"h1"}]}'
  for (const hosts of [
    ['localhost', 'evil.example'],
    ['evil.example', 'localhost'],
  ]) {
    const lines = ['PUT /v1/configurations/local/deploy HTTP/1.1', ...hosts.map((host) => `Host: ${host}`)]
    const { text, closed } = await exchange(
      port,
      [...lines, `Content-Length: ${body.length}`, '', body].join('\r\n'),
    )
    t.regex(text, /^HTTP\/1\.1 400 [^]*Connection: close/)
    t.true(closed)
  }
  t.is(table.assignments.size, 0)
})

test('a write from another site’s page is 403, from our own page it is not', async (t) => {
  const { port, table, events } = await serveApi(t)
  const host = `localhost:${port}`
  for (const headers of [
    { Host: host, Origin: 'http://evil.example' },
    { Host: host, Origin: 'null' },
    { Host: host, Origin: `http://localhost:${port + 1}` },
    { Host: host, Origin: 'nonsense' },
    { Host: host, 'Sec-Fetch-Site': 'cross-site' },
    { ...mozilla, Host: host, Origin: 'http://evil.example', 'Content-Type': 'text/plain' },
  ]) {
    const reply = await ask(port, 'PUT', headers)
    t.is(reply.status, 403, JSON.stringify(headers))
    t.is(reply.code, 'origin_not_allowed')
    t.is(events.at(-1)?.level, 'warn')
  }
  t.is(table.assignments.size, 0)
  t.is(
    (
      await ask(port, 'PUT', {
        ...mozilla,
        Host: host,
        Origin: `http://${host}`,
        'Sec-Fetch-Site': 'same-origin',
      })
    ).status,
    200,
  )
})

test('writers: only from server.allow, and the refusal names the setting; reading stays open', async (t) => {
  const { port, table, events } = await serveApi(t, {
    writers: () => ({ subnets: [subnet('10.77.0.0/24')], isSet: true }),
  })
  const reply = await ask(port, 'PUT', { 'X-Forwarded-For': '10.77.0.5' })
  t.is(reply.status, 403)
  t.is(reply.code, 'write_not_allowed')
  t.regex(reply.message, /127\.0\.0\.1 .*server\.allow/)
  t.is(events.at(-1)?.level, 'warn')
  t.is(table.assignments.size, 0)
  t.is((await ask(port, 'GET', {})).status, 200)
})

test('who may write by default: the configured subnets and ourselves; anyone where none is configured', (t) => {
  const lan = subnet('10.77.0.0/24')
  const dhcp = 'dhcp: { subnets: [{ subnet: 10.77.0.0/24 }] }\n'
  t.deepEqual(writersOf(settingsOf('')), { subnets: undefined, isSet: false })
  t.deepEqual(writersOf(settingsOf(dhcp)), { subnets: [lan, subnet('127.0.0.0/8')], isSet: false })
  t.deepEqual(writersOf(settingsOf('server: { allow: [10.77.0.0/24] }')), { subnets: [lan], isSet: true })
  t.deepEqual(writersOf(settingsOf(`${dhcp}server: { allow: [] }`)), { subnets: [], isSet: true })
})
