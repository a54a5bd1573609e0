// `pxe-pilot lease` as a person or a script runs it: a process, and an API of ours behind it.

import test from 'ava'
import type { Lease } from '../../src/model.ts'
import { parseIpv4, parseSubnet, type Ipv4, type Subnet } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { serveApi } from '../api/server.ts'
import { run } from './run.ts'

const lease: Lease = {
  ip: parseIpv4('10.77.0.100') as Ipv4,
  mac: parseMac('00:00:00:00:0b:01') as Mac,
  clientId: '01000000000b01',
  hostname: 'me\u001b[31m\u009b\u202e',
  state: 'bound',
  since: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  expires: Date.UTC(2026, 0, 2, 4, 4, 5, 678),
}

function held(all: Lease[]) {
  return {
    leases: () => all,
    releaseLease: async (ip: Ipv4) => {
      const at = all.findIndex((entry) => entry.ip === ip)
      return at === -1 ? undefined : all.splice(at, 1)[0]
    },
  }
}

test('list: a table in which no client’s words are obeyed', async (t) => {
  const { url } = await serveApi(t, held([lease, { ...lease, ip: (lease.ip + 1) as Ipv4, hostname: '42' }]))
  t.deepEqual(await run('-s', url, 'lease', 'list'), {
    code: 0,
    stderr: '',
    stdout: String.raw`+-------------+-------------------+------+----------------------+-------+----------------------+
|     IP      |        MAC        | HOST |       HOSTNAME       | STATE |       EXPIRES        |
+-------------+-------------------+------+----------------------+-------+----------------------+
| 10.77.0.100 | 00:00:00:00:0b:01 | h1   | me\x1b[31m\x9b\u202e | bound | 2026-01-02T04:04:05Z |
| 10.77.0.101 | 00:00:00:00:0b:01 | h1   |                   42 | bound | 2026-01-02T04:04:05Z |
+-------------+-------------------+------+----------------------+-------+----------------------+
`,
  })
})

test('list -o json: all there is, as the API gives it', async (t) => {
  const { url } = await serveApi(t, held([lease]))
  const { code, stdout, stderr } = await run('--debug', '--server', `${url}/`, 'lease', 'list', '-o', 'json')
  t.is(code, 0)
  t.deepEqual(JSON.parse(stdout), await (await fetch(`${url}/v1/leases`)).json())
  t.notRegex(stdout, /[^\n\x20-\x7e]/)
  t.regex(stderr, /^GET http:\S+\/v1\/leases: 200 /)
})

test('list where nobody is given addresses: an empty table', async (t) => {
  const { url } = await serveApi(t)
  const { code, stdout } = await run('-s', url, 'lease', 'list')
  t.is(code, 0)
  t.is(stdout.split('\n').length, 5)
})

test('release: OK once, and then what to do, with exit 1', async (t) => {
  const { url } = await serveApi(t, held([lease]))
  t.deepEqual(await run('-d', '-s', url, 'lease', 'release', '10.77.0.100'), {
    code: 0,
    stderr: '',
    stdout: `DELETE ${url}/v1/leases/10.77.0.100: 204 
+-------------+---------+
|     IP      | RELEASE |
+-------------+---------+
| 10.77.0.100 | OK      |
+-------------+---------+
`,
  })
  const again = await run('-s', url, 'lease', 'release', '10.77.0.100')
  t.is(again.code, 1)
  t.is(again.stdout, '')
  t.regex(again.stderr, /^No lease of address <10\.77\.0\.100>; .*pxe-pilot lease list.*\n$/)
  t.regex(
    (await run('-s', url, 'audit')).stdout,
    /\| release-lease \|.*\| 127\.0\.0\.1 \| 10\.77\.0\.100 of h1 \|/,
  )
})

test('release by who may not: the setting that allows it, exit 1', async (t) => {
  const { url } = await serveApi(t, {
    ...held([lease]),
    writers: () => ({ subnets: [parseSubnet('10.77.0.0/24') as Subnet], isSet: true }),
  })
  const { code, stderr } = await run('-s', url, 'lease', 'release', '10.77.0.100')
  t.is(code, 1)
  t.regex(stderr, /^127\.0\.0\.1 .*server\.allow.*\n$/)
})

for (const argv of [
  [],
  ['nope'],
  ['lease'],
  ['lease', 'release'],
  ['lease', 'release', 'h1'],
  ['lease', 'list', '-o', 'xml'],
  ['lease', 'list', '-s', 'http://localhost:3478'],
]) {
  test(`${['pxe-pilot', ...argv].join(' ')}: help on stderr, exit 2`, async (t) => {
    const { code, stdout, stderr } = await run(...argv)
    t.is(code, 2, stderr)
    t.is(stdout, '')
    t.regex(stderr, /^Usage: pxe-pilot/m)
  })
}

for (const argv of [['--help'], ['lease', '--help'], ['lease', 'list', '--help']]) {
  test(`${['pxe-pilot', ...argv].join(' ')}: help on stderr, exit 0`, async (t) => {
    const { code, stdout, stderr } = await run(...argv)
    t.is(code, 0, stderr)
    t.is(stdout, '')
    t.regex(stderr, /^Usage: pxe-pilot/)
  })
}

test('--version is on stdout', async (t) => {
  t.regex((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
})
