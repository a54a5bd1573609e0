// Leases over the API: what is shown of them, and what ends one.

import test from 'ava'
import type { Lease } from '../../src/model.ts'
import { parseIpv4, parseSubnet, type Ipv4, type Subnet } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { serveApi } from './server.ts'

const ip = (text: string) => parseIpv4(text) as Ipv4
const since = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

const leases: readonly Lease[] = [
  {
    ip: ip('10.77.0.100'),
    mac: parseMac('00:00:00:00:0b:01') as Mac,
    clientId: '01000000000b01',
    hostname: '<b>\u0007me',
    state: 'bound',
    since,
    expires: since + 3_600_000,
  },
  {
    ip: ip('10.77.0.101'),
    mac: parseMac('00:00:00:00:00:99') as Mac,
    state: 'declined',
    since,
    expires: since + 60_000,
  },
]

/** As DHCP keeps them: what was released is gone. */
function held() {
  let all = leases
  return {
    leases: () => all,
    releaseLease: async (address: Ipv4) => {
      const lease = all.find((entry) => entry.ip === address)
      all = all.filter((entry) => entry !== lease)
      return lease
    },
  }
}

for (const prefix of ['/v1', '']) {
  test(`GET ${prefix}/leases: whose, since when and until when`, async (t) => {
    const { url } = await serveApi(t, held())
    const reply = await fetch(`${url}${prefix}/leases`)
    t.is(reply.status, 200)
    t.is(reply.headers.get('content-type'), 'application/json; charset=utf-8')
    t.is(
      await reply.text(),
      '[{"ip":"10.77.0.100","mac":"00:00:00:00:0b:01","host":"h1","hostname":"\\u003cb\\u003e\\u0007me",' +
        '"clientId":"01000000000b01","state":"bound","since":"2026-01-02T03:04:05.678Z","expires":"2026-01-02T04:04:05.678Z"},' +
        '{"ip":"10.77.0.101","mac":"00:00:00:00:00:99","host":"","hostname":"",' +
        '"clientId":"","state":"declined","since":"2026-01-02T03:04:05.678Z","expires":"2026-01-02T03:05:05.678Z"}]',
    )
  })

  test(`DELETE ${prefix}/leases/:ip: 204, gone, and in the log by whom`, async (t) => {
    const { url, events } = await serveApi(t, held())
    const reply = await fetch(`${url}${prefix}/leases/10.77.0.100`, { method: 'DELETE' })
    t.is(reply.status, 204)
    t.is(await reply.text(), '')
    const left = (await (await fetch(`${url}${prefix}/leases`)).json()) as readonly { ip: string }[]
    t.deepEqual(
      left.map((lease) => lease.ip),
      ['10.77.0.101'],
    )
    const told = events.find(({ step }) => step === 'dhcp.release')
    t.is(told?.level, 'info')
    t.is(told?.text, '10.77.0.100 of h1 was released by hand, from 127.0.0.1')
    // `caller` is a word of pino-pretty's own, which it puts into the line.
    t.deepEqual(told?.data, { from: '127.0.0.1' })
    t.deepEqual(told?.client, { mac: '00:00:00:00:0b:01' as Mac, ip: ip('10.77.0.100'), host: 'h1' })
    const audit = (await (await fetch(`${url}${prefix}/audit`)).json()) as readonly object[]
    t.like(audit, [
      {
        action: 'release-lease',
        by: '',
        from: '127.0.0.1',
        hosts: [],
        lease: { ip: '10.77.0.100', mac: '00:00:00:00:0b:01', host: 'h1' },
      },
    ])
    t.is((await fetch(`${url}${prefix}/undo`, { method: 'POST' })).status, 409, 'it stays ended')
  })
}

test('nobody is given addresses: [] and 404', async (t) => {
  const { url } = await serveApi(t)
  t.is(await (await fetch(`${url}/v1/leases`)).text(), '[]')
  t.is((await fetch(`${url}/v1/leases/10.77.0.100`, { method: 'DELETE' })).status, 404)
})

test('204 comes when the release is done, not before', async (t) => {
  const asked = deferred()
  const synced = deferred()
  const { url } = await serveApi(t, {
    releaseLease: async () => {
      asked.resolve()
      await synced.promise
      return leases[0]
    },
  })
  let answered = false
  const reply = fetch(`${url}/v1/leases/10.77.0.100`, { method: 'DELETE' }).finally(() => (answered = true))
  await asked.promise
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.false(answered)
  synced.resolve()
  t.is((await reply).status, 204)
})

function deferred() {
  const settle = { resolve: () => undefined as void }
  const promise = new Promise<void>((done) => (settle.resolve = done))
  return { promise, resolve: () => settle.resolve() }
}

test('a release that cannot be written is 500, and an error in the log', async (t) => {
  const { url, events } = await serveApi(t, { releaseLease: () => Promise.reject(new Error('full')) })
  t.is((await fetch(`${url}/v1/leases/10.77.0.100`, { method: 'DELETE' })).status, 500)
  t.true(events.some(({ level }) => level === 'error'))
  t.false(events.some(({ step }) => step === 'dhcp.release'))
})

test('an address without a lease is 404 and says what to do', async (t) => {
  const { url, events } = await serveApi(t, held())
  const reply = await fetch(`${url}/v1/leases/10.77.0.9`, { method: 'DELETE' })
  t.is(reply.status, 404)
  const body = (await reply.json()) as Record<string, unknown>
  t.is(body['code'], 'lease_not_found')
  t.regex(String(body['message']), /10\.77\.0\.9.*lease list/)
  t.is(body['Message'], body['message'])
  t.is(events.find(({ step }) => step === 'api.refused')?.level, 'warn')
})

for (const address of ['h1', '10.77.0', '10.77.0.256', '010.77.0.1', '::1', '10.77.0.100%0a', '%zz', '%00']) {
  test(`${address} is no address: 400, and nothing ends`, async (t) => {
    const { url } = await serveApi(t, {
      ...held(),
      releaseLease: () => Promise.reject(new Error('not to be called')),
    })
    const reply = await fetch(`${url}/v1/leases/${address}`, { method: 'DELETE' })
    t.is(reply.status, 400)
    const body = (await reply.json()) as Record<string, unknown>
    t.is(body['code'], 'address_invalid')
    t.regex(String(body['message']), /such as 10\.77\.0\.100/)
  })
}

test('who may not write may not end a lease, and still sees them', async (t) => {
  const { url } = await serveApi(t, {
    ...held(),
    writers: () => ({ subnets: [parseSubnet('10.77.0.0/24') as Subnet], isSet: true }),
  })
  const reply = await fetch(`${url}/v1/leases/10.77.0.100`, { method: 'DELETE' })
  t.is(reply.status, 403)
  t.is(((await reply.json()) as Record<string, unknown>)['code'], 'write_not_allowed')
  const page = await fetch(`${url}/v1/leases/10.77.0.100`, {
    method: 'DELETE',
    headers: { Origin: 'http://evil.example' },
  })
  t.is(((await page.json()) as Record<string, unknown>)['code'], 'origin_not_allowed')
  t.is(((await (await fetch(`${url}/v1/leases`)).json()) as unknown[]).length, 2)
})

test('other methods and paths of leases are 404 page not found', async (t) => {
  const { url } = await serveApi(t, held())
  for (const [method, path] of [
    ['DELETE', '/v1/leases'],
    ['GET', '/v1/leases/10.77.0.100'],
    ['PUT', '/v1/leases/10.77.0.100'],
    ['DELETE', '/v1/leases/10.77.0.100/x'],
  ] as const) {
    const reply = await fetch(url + path, { method })
    t.is(reply.status, 404, `${method} ${path}`)
    t.is(await reply.text(), '404 page not found')
  }
})

test('the page shows the address a host has', async (t) => {
  const { url } = await serveApi(t, held())
  const text = await (await fetch(`${url}/ui/`)).text()
  t.regex(text, /00:00:00:00:0b:01<\/code><\/td>\s*<td><code>10\.77\.0\.100<\/code>/)
  t.notRegex(text, /10\.77\.0\.101/)
})
