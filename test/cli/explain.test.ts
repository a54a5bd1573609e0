// `pxe-pilot explain` and `loaders` as a person or a script runs them: a process, and an API of ours behind it.

import test from 'ava'
import { builtInBootloaders } from '../../src/boot/bootloaders.ts'
import type { Change } from '../../src/boot/table.ts'
import { explainedBy } from '../../src/site.ts'
import { serveApi } from '../api/server.ts'
import { settingsOf } from '../settings/written.ts'
import { run } from './run.ts'

const changes: Change[] = [
  {
    kind: 'catalog',
    catalog: {
      configurations: [],
      menus: [],
      loaders: [
        ['pxelinux.0', { from: 'tftproot' }],
        ['undionly.kpxe', { from: 'nowhere', remedy: 'undionly.kpxe is missing: apt-get install ipxe' }],
      ],
    },
  },
]

const world = {
  site: {
    bootloaders: builtInBootloaders.filter(({ name }) => name === 'pxelinux' || name === 'ipxe'),
    default: 'local',
    localMethod: 'auto',
    httpPort: 80,
    apiPort: 3478,
  },
  ...explainedBy(
    settingsOf('advertise: 10.77.0.1\ndhcp: { mode: server, subnets: [{ subnet: 10.77.0.0/24 }] }'),
  ),
  changes,
} as const

test('explain: the offer, the names asked, the text, and why', async (t) => {
  const { url } = await serveApi(t, { ...world, changes })
  const mac = '52:54:00:00:00:77'
  t.deepEqual(await run('-s', url, 'explain', '52-54-00-00-00-77', '--arch', 'bios'), {
    code: 0,
    stderr: '',
    stdout: `${mac}: local, no address yet, server mode

bios: its firmware asks
  offer  pxelinux.0 from 10.77.0.1
  why    ${mac} has no configuration; local is the default; bios [default-configuration]
  asks   pxelinux.cfg/<UUID> -> nothing [menu-file]
  asks   pxelinux.cfg/01-52-54-00-00-00-77 -> text [default-configuration]
  text   DEFAULT local
  text   PROMPT 0
  text   TIMEOUT 1
  text   LABEL local
  text     LOCALBOOT 0
`,
  })
  const { stdout } = await run('-s', url, 'explain', mac, '-o', 'json')
  t.deepEqual(JSON.parse(stdout), await (await fetch(`${url}/v1/explain?mac=${mac}`)).json())
})

test('explain: where no DHCP of ours is served, no mode of it is named', async (t) => {
  const { url } = await serveApi(t, { ...world, ...explainedBy(settingsOf('dhcp: { mode: off }')) })
  const { stdout } = await run('-s', url, 'explain', '52:54:00:00:00:77', '--arch', 'bios')
  t.regex(stdout, /: local, no address yet, no DHCP of ours\n/)
})

test('explain: a text is shown as it is sent, but for what a terminal would obey', async (t) => {
  const text = 'DEFAULT x\\y\n\tKERNEL \x1b[2J\n'
  const forms = [{ language: 'pxelinux', file: 'local', text, template: false }] as const
  const configurations = [{ name: 'local', forms }]
  const loaders = [['pxelinux.0', { from: 'tftproot' }]] as const
  const own: Change[] = [{ kind: 'catalog', catalog: { configurations, menus: [], loaders } }]
  const { url } = await serveApi(t, { ...world, changes: own })
  const { stdout } = await run('-s', url, 'explain', '52:54:00:00:00:77', '--arch', 'bios')
  t.deepEqual(
    stdout.split('\n').filter((line) => line.startsWith('  text')),
    ['  text   DEFAULT x\\y', '  text   \tKERNEL \\x1b[2J'],
  )
})

test('explain: what is wrong with the question is one line, and exit status 1', async (t) => {
  const { url } = await serveApi(t, { ...world, changes })
  t.like(await run('-s', url, 'explain', 'nobody'), {
    code: 1,
    stdout: '',
    stderr:
      'No host declared for name <nobody>; pxe-pilot host list and GET /v1/hosts show those there are; a deploy takes a MAC, too\n',
  })
  t.is((await run('-s', url, 'explain')).code, 2)
})

test('loaders list: a table, and behind it what brings those that are missing', async (t) => {
  const { url } = await serveApi(t, { ...world, changes })
  const { code, stdout } = await run('-s', url, 'loaders', 'list')
  t.is(code, 0)
  t.regex(stdout, /\| pxelinux \| pxelinux\.0 +\| bios +\| tftproot +\|/)
  t.regex(stdout, /\| ipxe +\| undionly\.kpxe +\| bios http-bios +\| missing +\|/)
  t.regex(stdout, /\nundionly\.kpxe is missing: apt-get install ipxe\n$/)
  const json = await run('-s', url, 'loaders', 'list', '-o', 'json')
  t.deepEqual(JSON.parse(json.stdout), await (await fetch(`${url}/v1/loaders`)).json())
})
