// What every route that only tells answers, held against the schemas that OpenAPI shows.

import test, { type ExecutionContext } from 'ava'
import * as answers from '../../src/api/answers.ts'
import { descriptions } from '../../src/api/descriptions.ts'
import { listHosts } from '../../src/api/hosts.ts'
import { builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { emptyTable } from '../../src/boot/table.ts'
import type { Lease } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { Unknowns } from '../../src/registry/discovered.ts'
import { serveApi, site } from './server.ts'

const ip = (text: string) => parseIpv4(text) as Ipv4
const mac = (text: string) => parseMac(text) as Mac
const bound: Lease = {
  ip: ip('10.77.0.100'),
  mac: mac('000000000001'),
  clientId: '01000000000001',
  hostname: 'me',
  state: 'bound',
  since: 1_700_000_000_000,
  expires: 1_700_000_060_000,
}
const finding = {
  level: 'fault',
  configuration: 'sheep',
  file: '/conf/sheep',
  line: 1,
  text: 'is odd',
} as const

/** Everything an answer may have something of. */
async function serveAll(t: ExecutionContext) {
  const late: { unknowns?: Unknowns } = {}
  const api = await serveApi(t, {
    site: { ...site, bootloaders: [...site.bootloaders, ...builtInBootloaders] },
    serviceAt: () => ({ mode: 'server', bootServer: ip('10.77.0.1'), subnet: undefined }),
    leases: () => [bound, { ...bound, clientId: undefined, hostname: undefined, state: 'declined' }],
    lint: { all: async () => [finding], one: async () => [finding], faultOf: () => 'conf/sheep:1: is odd' },
    listeners: () => [{ name: 'TFTP', where: 'udp :69', serving: true, because: undefined }],
    unknowns: {
      list: () => late.unknowns?.list() ?? [],
      find: (asked) => late.unknowns?.find(asked),
    },
  })
  late.unknowns = new Unknowns(api.table, Date.now)
  late.unknowns.note({
    via: 'dhcp',
    server: ip('10.77.0.1'),
    mac: mac('525400000077'),
    archs: [7],
    agent: 'rom',
    asks: { kind: 'loader' },
  })
  const send = async (method: string, path: string, body: unknown) => {
    const reply = await fetch(`${api.url}/v1${path}`, { method, body: JSON.stringify(body) })
    t.true(reply.ok, `${method} ${path}: ${reply.status}`)
  }
  const ipmi = { hostname: '10.77.0.9', cipher: 3, port: 623, password: 'x' }
  await send('POST', '/hosts', { name: 'h8', macAddresses: ['525400000008'], ipmi, vars: { rack: '7' } })
  await send('POST', '/hosts', {
    name: 'h9',
    macAddresses: ['525400000009'],
    wol: { address: '10.77.0.255', password: '0102030405aa' },
  })
  const redfish = {
    hostname: '10.77.0.11',
    username: 'admin',
    password: 'x',
    system: '/redfish/v1/Systems/1',
  }
  await send('POST', '/hosts', { name: 'h10', macAddresses: ['52540000000a'], redfish })
  const management = { adapter: 'apc', ip_address: '10.77.0.12', vars: [{ name: 'outlet', value: '3' }] }
  await send('POST', '/hosts', { name: 'h11', macAddresses: ['52540000000b'], management })
  await send('PUT', '/configurations/sheep/deploy', { hosts: [{ name: 'h1' }, { name: 'h9' }] })
  await send('PUT', '/hold', { reason: 'a move' })
  return api
}

const told = Object.keys(descriptions).filter((key) => key.startsWith('get '))
const instances: Readonly<Record<string, readonly string[]>> = {
  '/configurations/:name': ['/configurations/sheep', '/configurations/nix'],
  '/configurations/:name/lint': ['/configurations/sheep/lint'],
  '/hosts': ['/hosts', '/hosts?status=false', '/hosts?status=perhaps'],
  '/hosts/:name': [
    '/hosts/h1',
    '/hosts/h2',
    '/hosts/h8',
    '/hosts/h9',
    '/hosts/h10',
    '/hosts/h11',
    '/hosts/nix',
  ],
  '/hosts/:name/power': ['/hosts/h1/power', '/hosts/nix/power'],
  '/explain': ['/explain?host=h1', '/explain?mac=525400000077', '/explain?host=h1&arch=uefi-x64', '/explain'],
}

test('every answer of a route that only tells is as OpenAPI has it', async (t) => {
  const { url } = await serveAll(t)
  for (const key of told) {
    const path = key.slice('get '.length)
    const description = descriptions[key]
    for (const asked of instances[path] ?? [path]) {
      t.false(asked.includes(':'), `${asked}: name one in this test`)
      const reply = await fetch(`${url}/v1${asked}`)
      const text = await reply.text()
      if (reply.status === 204) continue
      const schema = reply.ok ? description?.answers[reply.status] : answers.fault
      t.not(schema, undefined, `${asked}: ${reply.status}`)
      const body: unknown = JSON.parse(text)
      const read = schema?.safeParse(body)
      t.true(read?.success, `${asked}: ${read?.error?.message} ${text}`)
      if (Array.isArray(body)) t.true(body.length > 0, `${asked} told nothing`)
    }
  }
})

test('the address that was found of a controller is shown where the settings leave it out, also by an empty text', async (t) => {
  for (const empty of [{}, { hostname: '', ip_address: '' }]) {
    const table = emptyTable()
    const power = { ipmi: empty, management: { ...empty, adapter: 'apc' } }
    const host = { name: 'h1', macs: [], vars: {}, origin: 'settings', locked: false, options: [] } as const
    table.hosts.set('h1', { ...host, power })
    const [shown] = listHosts(['h1'], () => ({ state: '', address: '10.0.0.7' }), { table, site })
    t.like(shown, { ipmi: { hostname: '10.0.0.7' }, management: { ipAddress: '10.0.0.7' } })
  }
})
