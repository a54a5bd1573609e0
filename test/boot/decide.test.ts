// The decision, row by row: this table is also its documentation.

import test from 'ava'
import { bootloader, builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { decide, type Answer, type Decision, type Rule, type Site } from '../../src/boot/decide.ts'
import type { Facts } from '../../src/boot/facts.ts'
import { localBoot } from '../../src/boot/render.ts'
import { applyDelta, emptyTable, type Catalog, type Change, type LoaderFile } from '../../src/boot/table.ts'
import type { Configuration, Host, Language } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'

const mac = (text: string): Mac => parseMac(text) ?? ('' as Mac)
const ip = (text: string): Ipv4 => parseIpv4(text) ?? (0 as Ipv4)

const server = ip('10.77.0.1')
const h1 = mac('52:54:00:00:00:01')
const h1second = mac('52:54:00:00:00:11')
const stranger = mac('52:54:00:00:00:99')
const leased = ip('10.77.0.129')

const host = (name: string, macs: Mac[], more: Partial<Host> = {}): Host => ({
  name,
  macs,
  origin: 'settings',
  locked: false,
  vars: {},
  options: [],
  ...more,
})

const configuration = (
  name: string,
  text: string,
  language: Language = 'pxelinux',
  template = false,
): Configuration => ({
  name,
  forms: [{ language, file: `conf/${name}`, text, template }],
})

const installed: LoaderFile = { from: 'system', path: '/usr/lib/PXELINUX/pxelinux.0' }

const catalog: Catalog = {
  configurations: [
    configuration('ubuntu', 'DEFAULT ubuntu'),
    configuration(
      'seed',
      'APPEND url=${http}/seed mac=${mac} ip=${ip} host=${hostname} rack=${rack}',
      'pxelinux',
      true,
    ),
    configuration('only-grub', 'menuentry "x" {}', 'grub'),
    configuration('script', '#!ipxe', 'ipxe'),
  ],
  menus: [],
  loaders: [
    ['pxelinux.0', installed],
    [
      'efi64/syslinux.efi',
      { from: 'nowhere', remedy: 'efi64/syslinux.efi is missing: apt-get install syslinux-efi' },
    ],
    ['efi32/syslinux.efi', { from: 'tftproot' }],
  ],
}

const site: Site = {
  bootloaders: builtInBootloaders,
  default: null,
  localMethod: 'auto',
  httpPort: 80,
  apiPort: 3478,
}

type Row = {
  readonly given: string
  readonly facts: Partial<Facts>
  readonly table?: readonly Change[]
  readonly catalog?: Partial<Catalog>
  readonly site?: Partial<Site>
  readonly expect: Rule
  readonly answers: readonly Answer[]
  readonly because?: RegExp
}

const loader = { kind: 'loader' } as const
const path = (text: string) => ({ kind: 'path', path: text }) as const
const deployed = (name: string, to = 'h1'): Change => ({ kind: 'assignment', host: to, configuration: name })
const boot = (file: string, url?: string): Answer => ({ kind: 'boot', server, file, url })
const text = (body: string): Answer => ({ kind: 'text', body })
const file = (name: string): Answer => ({ kind: 'file', root: 'tftp', path: name })

const rows: readonly Row[] = [
  // What a DHCP client is offered.
  {
    given: 'a BIOS machine with a configuration',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'its second card',
    facts: { mac: h1second, archs: [0], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'a client without option 93 is a BIOS',
    facts: { mac: h1, archs: [], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'several architectures: the first known one counts',
    facts: { mac: h1, archs: [999, 6, 0], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('efi32/syslinux.efi')],
  },
  {
    given: 'an architecture nobody knows',
    facts: { mac: h1, archs: [31], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'unknown-firmware',
    answers: [],
    because: /architecture 31/,
  },
  {
    given: 'the host says its firmware, whatever option 93 says',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [{ kind: 'host', host: host('h1', [h1], { firmware: 'uefi-ia32' }) }, deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('efi32/syslinux.efi')],
  },
  {
    given: 'a loader that is nowhere is never offered, and the package is named',
    facts: { mac: h1, archs: [7], asks: loader },
    table: [deployed('ubuntu')],
    expect: 'loader-missing',
    answers: [],
    because: /apt-get install syslinux-efi/,
  },
  {
    given: 'a configuration that nothing of this firmware can run',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('only-grub')],
    site: { bootloaders: [bootloader({ name: 'pxelinux', file: 'pxelinux.0' })] },
    expect: 'no-form',
    answers: [],
  },
  {
    given: 'nothing deployed: left alone',
    facts: { mac: stranger, archs: [0], asks: loader },
    expect: 'no-configuration',
    answers: [],
    because: /52:54:00:00:00:99/,
  },
  {
    given: 'nothing deployed, but an admin made pxelinux.cfg/default',
    facts: { mac: stranger, archs: [0], asks: loader },
    catalog: { menus: ['pxelinux.cfg/default'] },
    expect: 'menu-file',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'nothing deployed, and a file of its own MAC',
    facts: { mac: stranger, archs: [0], asks: loader },
    catalog: { menus: ['pxelinux.cfg/01-52-54-00-00-00-99'] },
    expect: 'menu-file',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'nothing deployed, and a default configuration',
    facts: { mac: stranger, archs: [0], asks: loader },
    site: { default: 'ubuntu' },
    expect: 'default-configuration',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'the configuration vanished: local, never the default',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('gone')],
    site: { default: 'ubuntu' },
    expect: 'vanished',
    answers: [boot('pxelinux.0')],
    because: /gone/,
  },
  {
    given: 'local needs no file',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('local')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'local by withholding the offer',
    facts: { mac: h1, archs: [0], asks: loader },
    table: [deployed('local')],
    site: { localMethod: 'withhold' },
    expect: 'local-withheld',
    answers: [],
  },
  {
    given: 'local and HTTP boot: no offer, or the firmware would never reach the disk',
    facts: { mac: h1, archs: [16], agent: 'httpboot', asks: loader },
    table: [deployed('local')],
    expect: 'local-withheld',
    answers: [],
  },
  {
    given: 'iPXE and a configuration without a script: the loader of its architecture',
    facts: { mac: h1, archs: [0], agent: 'ipxe', asks: loader },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [boot('pxelinux.0')],
  },
  {
    given: 'iPXE and a configuration with a script: the script, never a binary',
    facts: { mac: h1, archs: [0], agent: 'ipxe', asks: loader },
    table: [deployed('script')],
    expect: 'assigned',
    answers: [boot('ipxe.cfg/01-52-54-00-00-00-01', 'http://10.77.0.1/ipxe.cfg/01-52-54-00-00-00-01')],
  },
  {
    given:
      'iPXE on local, where iPXE itself is the only loader: the built-in script, never the binary again (P09)',
    facts: { mac: h1, archs: [0], agent: 'ipxe', asks: loader },
    table: [deployed('local')],
    site: { bootloaders: [bootloader({ name: 'ipxe', file: 'undionly.kpxe' })] },
    expect: 'assigned',
    answers: [boot('ipxe.cfg/01-52-54-00-00-00-01', 'http://10.77.0.1/ipxe.cfg/01-52-54-00-00-00-01')],
  },
  // What a per-host name gets.
  {
    given: 'pxelinux.cfg/01-mac of a host with a configuration',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the same as Windows and PXE ROMs spell it',
    facts: { asks: path('\\pxelinux.cfg//01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the same below a loader’s own folder',
    facts: { asks: path('efi64/pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the MAC in the path counts, whoever asks',
    facts: { mac: stranger, asks: path('pxelinux.cfg/01-52-54-00-00-00-11') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'the address in hexadecimal: the host that has the lease',
    facts: { asks: path('pxelinux.cfg/0A4D0081') },
    table: [{ kind: 'address', ip: leased, mac: h1 }, deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'a shortened address names no single machine: only a real file',
    facts: { mac: h1, asks: path('pxelinux.cfg/0A4D00') },
    table: [deployed('ubuntu')],
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/0A4D00')],
  },
  {
    given: 'default, asked by a host with a configuration',
    facts: { mac: h1, asks: path('pxelinux.cfg/default') },
    table: [deployed('ubuntu')],
    expect: 'assigned',
    answers: [text('DEFAULT ubuntu')],
  },
  {
    given: 'default, asked by a machine with nothing: a real file, or nothing',
    facts: { mac: stranger, asks: path('pxelinux.cfg/default') },
    expect: 'menu-file',
    answers: [file('pxelinux.cfg/default')],
  },
  {
    given: 'a default configuration comes behind a real file of the name asked',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-99') },
    site: { default: 'ubuntu' },
    expect: 'default-configuration',
    answers: [file('pxelinux.cfg/01-52-54-00-00-00-99'), text('DEFAULT ubuntu')],
  },
  {
    given: 'a vanished configuration: the built-in local',
    facts: { asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('gone')],
    expect: 'vanished',
    answers: [text(localBoot('pxelinux'))],
  },
  {
    given: 'a template: variables of the client, the host and its settings',
    facts: { ip: leased, asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [{ kind: 'host', host: host('h1', [h1], { vars: { rack: 'r7' } }) }, deployed('seed')],
    expect: 'assigned',
    answers: [text('APPEND url=http://10.77.0.1/seed mac=52:54:00:00:00:01 ip=10.77.0.129 host=h1 rack=r7')],
  },
  {
    given: 'a template whose variable has no value',
    facts: { ip: leased, asks: path('pxelinux.cfg/01-52-54-00-00-00-01') },
    table: [deployed('seed')],
    expect: 'broken-template',
    answers: [],
    because: /conf\/seed line 1: \$\{rack\}/,
  },
  {
    given: 'GRUB asks for its own language and there is none',
    facts: { asks: path('grub/grub.cfg-01-52-54-00-00-00-01') },
    table: [deployed('ubuntu')],
    expect: 'no-form',
    answers: [],
  },
  {
    given: 'GRUB with colons, and local',
    facts: { asks: path('grub/grub.cfg-01-52:54:00:00:00:01') },
    table: [deployed('local')],
    expect: 'assigned',
    answers: [text(localBoot('grub'))],
  },
  // Plain files.
  {
    given: 'a file by TFTP',
    facts: { asks: path('/ubuntu/1604/linux') },
    expect: 'file',
    answers: [file('ubuntu/1604/linux')],
  },
  {
    given: 'a loader that tftproot may lack: the root first, then the distribution',
    facts: { asks: path('pxelinux.0') },
    expect: 'file',
    answers: [file('pxelinux.0'), { kind: 'loader', path: '/usr/lib/PXELINUX/pxelinux.0' }],
  },
  {
    given: 'a kernel asked for below a loader’s folder',
    facts: { asks: path('efi64//ubuntu/1604/linux') },
    expect: 'file',
    answers: [file('efi64/ubuntu/1604/linux'), file('ubuntu/1604/linux')],
  },
  {
    given: 'climbing out of the root',
    facts: { asks: path('pxelinux.cfg/../../etc/passwd') },
    expect: 'refused',
    answers: [],
  },
  {
    given: 'climbing out with backslashes',
    facts: { asks: path('..\\..\\etc\\passwd') },
    expect: 'refused',
    answers: [],
  },
  { given: 'a NUL in the name', facts: { asks: path('linux\0.png') }, expect: 'refused', answers: [] },
]

for (const row of rows) {
  test(`${row.given} -> ${row.expect}`, (t) => {
    const decision = decideRow(row)
    t.is(decision.reason.rule, row.expect, decision.reason.because)
    t.deepEqual(decision.answers, row.answers)
    t.regex(decision.reason.because, row.because ?? /./)
  })
}

test('by HTTP httproot comes first, then its template, then the boot files', (t) => {
  const decision = decideRow({
    given: '',
    facts: { via: 'http', mac: h1, ip: leased, asks: path('/ubuntu.seed') },
    expect: 'file',
    answers: [],
  })
  t.deepEqual(
    decision.answers.map((answer) => [answer.kind, 'path' in answer ? answer.path : '']),
    [
      ['file', 'ubuntu.seed'],
      ['template', 'ubuntu.seed.tmpl'],
      ['file', 'ubuntu.seed'],
    ],
  )
  const template = decision.answers[1]
  t.true(template?.kind === 'template')
  t.like(template?.kind === 'template' ? template.variables : {}, {
    server: '10.77.0.1',
    http: 'http://10.77.0.1',
    api: 'http://10.77.0.1:3478',
    mac: h1,
    ip: '10.77.0.129',
    hostname: 'h1',
  })
})

function decideRow(row: Row): Decision {
  const table = emptyTable()
  const changes: readonly Change[] = [
    { kind: 'catalog', catalog: { ...catalog, ...row.catalog } },
    { kind: 'host', host: host('h1', [h1, h1second]) },
    ...(row.table ?? []),
  ]
  applyDelta(table, { revision: 1, changes })
  const facts: Facts = { via: 'tftp', server, archs: [], agent: 'unknown', asks: loader, ...row.facts }
  return decide(facts, table, { ...site, ...row.site })
}
