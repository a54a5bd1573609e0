// What a start warns of: names that nothing has, addresses that are our own, and MACs that no card has.

import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { applyDelta, emptyTable, type Change } from '../src/boot/table.ts'
import { declaredHosts } from '../src/settings/hosts.ts'
import { parseSettings } from '../src/settings/read.ts'
import { worries, worriesOfRoots } from '../src/worries.ts'
import { tree } from './folder.ts'

const reserved = (ip: string) => `hosts:\n  - { name: h1, mac_addresses: [52-54-00-00-00-01], ip: ${ip} }`

function said(text: string): readonly string[] {
  const read = parseSettings(text, '/srv/pxe-pilot.yml')
  if (!('settings' in read)) throw new Error(JSON.stringify(read))
  const table = emptyTable()
  const catalog = { configurations: [{ name: 'ubuntu', forms: [] }], menus: [], loaders: [] }
  const hosts = declaredHosts(read.settings.hosts).map((host): Change => ({ kind: 'host', host }))
  applyDelta(table, { revision: 1, changes: [{ kind: 'catalog', catalog }, ...hosts] })
  return [...worries(read.settings, table)].filter((worry) => !worry.includes('without a token'))
}

test('a destructive or self-service configuration that is not there is told, with the nearest that is', (t) => {
  t.deepEqual(said('configuration: { destructive: [ubuntu], self_service: [local] }'), [])
  t.deepEqual(said('configuration: { destructive: [ubunto], self_service: [nothing-like-it] }'), [
    'configuration.destructive: there is no configuration ubunto; did you mean ubuntu?',
    'configuration.self_service: there is no configuration nothing-like-it',
  ])
})

test('an address of ours that is reserved for a host is told', (t) => {
  t.deepEqual(said(reserved('198.51.100.7')), [])
  t.deepEqual(said(reserved('127.0.0.1')), [
    "127.0.0.1 is reserved for h1, and is this machine's own: h1 is given another",
  ])
})

test('an address to fetch from that is none of this machine is told, with those there are', (t) => {
  t.deepEqual(said('advertise: 127.0.0.1'), [])
  const [worry = '', ...more] = said('advertise: 198.51.100.7')
  t.regex(worry, /^advertise: 198\.51\.100\.7 is no address of this machine.*\(NAT\); there are ./)
  t.deepEqual(more, [])
})

const declared = (mac: string) => `hosts:\n  - { name: h1, mac_addresses: [${mac}] }`

test('a MAC that no card can have is told, whatever the bit of local administration', (t) => {
  for (const mac of ['52:54:00:00:00:01', '22:34:a3:e9:09:cc', '00:11:22:33:44:55'])
    t.deepEqual(said(declared(mac)), [])
  for (const mac of ['23:34:a3:e9:09:cc', '01:00:5e:00:00:01', 'ab:00:00:00:00:01']) {
    const [worry = '', ...more] = said(declared(mac))
    t.true(worry.startsWith(`${mac} of h1 is a multicast address`), worry)
    t.deepEqual(more, [])
  }
})

const told = (what: string) => [`tftp.root holds ${what}, which any machine can then fetch`]

test('secrets that lie in a root by way of a link are told, and those whose names say so are not told twice', async (t) => {
  const folder = tree({ 'real/tokens': '', 'real/h1.password': '', 'elsewhere/tokens': '' })
  symlinkSync('real', join(folder, 'tftproot'))
  const exposed = async (root: string, tokens: string, password: string) => {
    const host = `{ name: h1, ipmi: { hostname: 10.0.0.1, password_file: ${password} } }`
    const text = `tftp: { root: ${root} }\nserver: { tokens_file: ${tokens} }\nstore: elsewhere/p.db\nhosts: [${host}]`
    const read = parseSettings(text, join(folder, 'pxe-pilot.yml'))
    if (!('settings' in read)) throw new Error(JSON.stringify(read))
    return await worriesOfRoots(read.settings)
  }
  t.deepEqual(await exposed('tftproot', 'real/tokens', 'none'), told('server.tokens_file'))
  t.deepEqual(await exposed('real', 'elsewhere/tokens', 'tftproot/h1.password'), told('password_file of h1'))
  t.deepEqual(
    await exposed('tftproot', 'real/tokens', 'tftproot/h1.password'),
    told('server.tokens_file and password_file of h1'),
  )
  t.deepEqual(await exposed('real', 'real/tokens', 'real/h1.password'), [])
  t.deepEqual(await exposed('tftproot', 'elsewhere/tokens', 'elsewhere/none'), [])
})

test('a root that is no folder is told', async (t) => {
  const folder = tree({ 'tftproot/pxelinux.0': '', httproot: 'a file' })
  const read = parseSettings(
    'tftp: { root: tftproot }\nhttp: { root: httproot }',
    join(folder, 'pxe-pilot.yml'),
  )
  if (!('settings' in read)) throw new Error(JSON.stringify(read))
  t.deepEqual(await worriesOfRoots(read.settings), [
    `http.root: there is no folder ${join(folder, 'httproot')}`,
  ])
})
