// GET /v1/explain and the loaders over the API: what is told is what is served.

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bootloader, builtInBootloaders } from '../../src/boot/bootloaders.ts'
import type { Change, LoaderFile } from '../../src/boot/table.ts'
import type { ApiParts } from '../../src/api/router.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import type { Mac } from '../../src/net/mac.ts'
import { explainedBy } from '../../src/site.ts'
import { newFolder } from '../folder.ts'
import { settingsOf } from '../settings/written.ts'
import { serveApi } from './server.ts'

const form = { language: 'grub', file: 'grub/deb', text: 'menuentry x {}', template: false } as const
const catalog: Change = {
  kind: 'catalog',
  catalog: {
    configurations: [{ name: 'deb', forms: [form] }],
    menus: [],
    loaders: [
      ['pxelinux.0', { from: 'tftproot' }],
      ['bootx64.efi', { from: 'tftproot' }],
      [
        'efi64/syslinux.efi',
        { from: 'nowhere', remedy: 'efi64/syslinux.efi is missing: apt-get install syslinux-efi' },
      ],
    ],
  },
}

const mac = '52:54:00:00:00:77'
const served = settingsOf('advertise: 10.77.0.1\ndhcp: { mode: server, subnets: [{ subnet: 10.77.0.0/24 }] }')
const proxied = explainedBy(settingsOf('advertise: 10.77.0.1\ndhcp: { mode: proxy }'))

async function serve(
  t: ExecutionContext,
  more: Partial<ApiParts> & { changes?: Change[]; hosts?: string } = {},
) {
  const site = {
    bootloaders: builtInBootloaders,
    default: null,
    localMethod: 'auto',
    httpPort: 80,
    apiPort: 3478,
  } as const
  const { url, registry } = await serveApi(t, {
    site,
    policy: 'register',
    changes: [catalog],
    ...explainedBy(served),
    ...more,
  })
  const deploy = async (name: string) =>
    await fetch(`${url}/v1/configurations/${name}/deploy`, {
      method: 'PUT',
      body: JSON.stringify({ hosts: [{ macAddress: mac }] }),
    })
  const ask = async (query: string) => {
    const response = await fetch(`${url}/v1/explain?${query}`)
    return { status: response.status, body: await response.json() }
  }
  return { url, deploy, ask, registry }
}

test('offer, names asked, text and reasons of a deployed machine', async (t) => {
  const { deploy, ask } = await serve(t)
  await deploy('deb')
  const { status, body } = await ask('mac=52-54-00-00-00-77&arch=uefi-x64')
  t.is(status, 200)
  t.deepEqual(body, {
    host: '52-54-00-00-00-77',
    mac,
    ip: null,
    configuration: 'deb',
    via: 'dhcp',
    mode: 'server',
    boots: [
      {
        arch: 'uefi-x64',
        stages: [
          {
            agent: 'rom',
            rule: 'assigned',
            because: '52-54-00-00-00-77 boots deb; uefi-x64',
            offer: { server: '10.77.0.1', file: 'bootx64.efi', url: null, prefix: null },
            asks: [
              {
                path: 'grub/grub.cfg',
                gives: 'text',
                rule: 'assigned',
                because: '52-54-00-00-00-77 boots deb',
              },
            ],
            text: 'menuentry x {}',
          },
        ],
        notes: [],
      },
    ],
  })
})

const said = (text: string) => ({ text, line: 2 })
const oneText = {
  kernel: { every: said('linux') },
  initrds: {},
  arguments: { every: [said('quiet ${rack} rootpw=${rootpw}')] },
}

test('the value of a secret variable is shown to nobody, also where it is what is wrong', async (t) => {
  const changes: Change[] = [
    {
      kind: 'catalog',
      catalog: {
        configurations: [
          { name: 'deb', forms: [{ ...form, file: 'deb.yml', text: '', template: true, oneText }] },
        ],
        menus: [],
        loaders: [['bootx64.efi', { from: 'tftproot' }]],
      },
    },
  ]
  for (const [value, expected] of [
    ["var'secret", /'quiet' 'r7' 'rootpw=\*\*\*'/],
    ['var"secret', /line 2: .*rootpw=\*\*\*.* must close its double quotes/],
  ] as const) {
    const vars = JSON.stringify({ rootpw: value, rack: 'r7' })
    const hosts = `hosts: [{ name: h1, mac_addresses: [${mac}], vars: ${vars} }]`
    const { deploy, ask } = await serve(t, { hosts, changes })
    await deploy('deb')
    const text = JSON.stringify((await ask('host=h1&arch=uefi-x64')).body)
    t.regex(text, expected)
    t.notRegex(text, /secret/)
  }
})

test('what would stop the machine in its configuration is a note, and no mere warning is', async (t) => {
  const finding = { configuration: 'deb', file: '/srv/conf/grub/deb', line: 2 }
  const fault = {
    ...finding,
    level: 'fault',
    text: 'the kernel debian/linus is not there in tftproot',
  } as const
  const findings = [
    { ...finding, level: 'warning', text: 'has 50 MB' } as const,
    fault,
    { ...fault, line: 3 },
  ]
  const one = async (_: string, remote?: boolean) => (remote === false ? findings : [])
  const { deploy, ask } = await serve(t, { lint: { all: async () => [], one, faultOf: () => undefined } })
  await deploy('deb')
  const { boots } = (await ask(`mac=${mac}&arch=uefi-x64`)).body as { boots: { notes: string[] }[] }
  const [note, ...more] = boots[0]?.notes ?? []
  t.is(
    note,
    'deb has a fault: /srv/conf/grub/deb:2: the kernel debian/linus is not there in tftproot; pxe-pilot config lint deb tells 1 more',
  )
  t.notRegex(more.join(), /fault|50 MB/)
})

test('without arch, BIOS and x64 UEFI; by number, what the registry calls it', async (t) => {
  const { deploy, ask } = await serve(t)
  await deploy('deb')
  const both = (await ask(`mac=${mac}`)).body as { boots: { arch: string; stages: { rule: string }[] }[] }
  t.deepEqual(
    both.boots.map(({ arch, stages }) => [arch, stages[0]?.rule]),
    [
      ['bios', 'loader-missing'],
      ['uefi-x64', 'assigned'],
    ],
  )
  const known = (await ask(`mac=${mac}&arch=31`)).body as typeof both & {
    boots: { stages: { because: string }[] }[]
  }
  t.regex(known.boots[0]?.stages[0]?.because ?? '', /31 \(s390 Basic\)/)
})

test('a stranger is left alone, and that is told as well', async (t) => {
  const { ask } = await serve(t)
  const { body } = await ask('mac=52:54:00:00:00:99&arch=bios')
  t.like(body, { host: null, configuration: null })
  const { boots } = body as { boots: { stages: { rule: string; offer: unknown }[] }[] }
  t.deepEqual([boots[0]?.stages[0]?.rule, boots[0]?.stages[0]?.offer], ['no-configuration', null])
})

test('a host’s own arch goes before the one asked about, and that is told', async (t) => {
  const { ask } = await serve(t, {
    hosts: `hosts:\n  - { name: own, mac_addresses: [${mac}], arch: bios }\n`,
  })
  const notesOf = async (arch: string) => {
    const { boots } = (await ask(`mac=${mac}&arch=${arch}`)).body as { boots: { notes: string[] }[] }
    return boots[0]?.notes.filter((note) => /an arch of its own, bios/.test(note)).length
  }
  t.is(await notesOf('uefi-x64'), 1)
  t.is(await notesOf('bios'), 0)
})

test('in proxy mode it says what Secure Boot would need of the router', async (t) => {
  const snponly = ['snponly.efi', { from: 'tftproot' }] as const
  const changes: Change[] = [
    { kind: 'catalog', catalog: { configurations: [], menus: [], loaders: [snponly] } },
  ]
  const { deploy, ask } = await serve(t, { ...proxied, changes })
  await deploy('local')
  const { body } = await ask(`mac=${mac}&arch=uefi-x64`)
  t.like(body, { via: 'proxy' })
  const { boots } = body as {
    boots: { stages: { offer: unknown; text: string | null }[]; notes: string[] }[]
  }
  t.like(boots[0]?.stages[0]?.offer, { file: 'snponly.efi' })
  t.like(boots[0]?.stages[1]?.offer, { url: 'http://10.77.0.1/ipxe.cfg/01-52-54-00-00-00-77' })
  t.regex(boots[0]?.stages[1]?.text ?? '', /^#!ipxe\n.*exit 1/)
  t.regex(boots[0]?.notes[0] ?? '', /option 66\) 10\.77\.0\.1, boot file \(option 67\) bootx64\.efi/)
})

const refused = 'bootx64.efi is GRUB without shim: Secure Boot refuses it; apt-get install shim-signed'
const grubAlone = { from: 'system', path: '/usr/lib/grubnetx64.efi.signed', refused } as const
const packaged = { from: 'system', path: '/usr/lib/loader' } as const
const deb = { name: 'deb', forms: [form] }
const sys = { name: 'sys', forms: [{ ...form, language: 'pxelinux', file: 'pxelinux/sys' }] } as const
const unsigned = 'With Secure Boot this loader is refused: it is not signed'
const rewrite = `${unsigned}; write it for GRUB (conf/grub/sys or conf/sys.yml) to boot through shim`

for (const [what, name, arch, loaders, notes] of [
  ['GRUB without shim', 'deb', 'uefi-x64', [['bootx64.efi', grubAlone]], [refused]],
  ['shim', 'deb', 'uefi-x64', [['bootx64.efi', packaged]], []],
  ['SYSLINUX', 'sys', 'uefi-x64', [['efi64/syslinux.efi', packaged]], [rewrite]],
  [
    'SYSLINUX, and no shim at hand',
    'sys',
    'uefi-x64',
    [
      ['efi64/syslinux.efi', packaged],
      ['bootx64.efi', grubAlone],
    ],
    [`${rewrite}; ${refused}`],
  ],
  [
    'iPXE, as GRUB is missing',
    'local',
    'uefi-x64',
    [
      ['snponly.efi', packaged],
      ['bootx64.efi', { from: 'nowhere', remedy: 'bootx64.efi is missing: apt-get install x' }],
    ],
    [`${unsigned}; bootx64.efi is missing: apt-get install x`],
  ],
  [
    'an iPXE of one’s own',
    'local',
    'uefi-arm64',
    [
      ['ipxe-arm64.efi', { from: 'tftproot' }],
      ['bootaa64.efi', { from: 'nowhere', remedy: 'bootaa64.efi is missing' }],
    ],
    ['With Secure Boot this loader is refused, unless it is signed; bootaa64.efi is missing'],
  ],
  ['PXELINUX', 'sys', 'bios', [['pxelinux.0', packaged]], []],
  ['SYSLINUX, 32 bits', 'sys', 'uefi-ia32', [['efi32/syslinux.efi', packaged]], []],
] as const) {
  test(`server mode, what Secure Boot would refuse: ${what}, ${arch}`, async (t) => {
    const changes: Change[] = [
      { kind: 'catalog', catalog: { configurations: [deb, sys], menus: [], loaders } },
    ]
    const { deploy, ask } = await serve(t, { changes })
    await deploy(name)
    const { boots } = (await ask(`mac=${mac}&arch=${arch}`)).body as { boots: { notes: string[] }[] }
    t.deepEqual(boots[0]?.notes, notes)
  })
}

test('proxy mode, what Secure Boot would refuse: what is not written for GRUB either', async (t) => {
  const loaders = [['efi64/syslinux.efi', packaged] as const]
  const changes: Change[] = [{ kind: 'catalog', catalog: { configurations: [sys], menus: [], loaders } }]
  const { deploy, ask } = await serve(t, { ...proxied, changes })
  await deploy('sys')
  const { boots } = (await ask(`mac=${mac}&arch=uefi-x64`)).body as { boots: { notes: string[] }[] }
  t.deepEqual(boots[0]?.notes, [`${rewrite}. Then this note says what the router is to send`])
})

test('GET /v1/loaders: one that Secure Boot refuses is ready, and has a remedy all the same', async (t) => {
  const loaders = [['bootx64.efi', grubAlone]] as const
  const { url } = await serve(t, {
    changes: [{ kind: 'catalog', catalog: { configurations: [], menus: [], loaders } }],
  })
  const all = (await (await fetch(`${url}/v1/loaders`)).json()) as { name: string }[]
  t.like(
    all.find(({ name }) => name === 'grub'),
    { ready: true, from: 'package', remedy: refused },
  )
})

for (const [arch, name, file] of [
  ['uefi-x64', 'deb', 'bootx64.efi'],
  ['uefi-arm64', 'deb', 'bootaa64.efi'],
  ['uefi-arm64', 'local', 'bootaa64.efi'],
  ['uefi-ia32', 'local'],
  ['uboot-arm64', 'local'],
  ['opal', 'local'],
  ['rpi', 'local'],
  ['bios', 'local'],
] as const) {
  const what = file === undefined ? 'no boot file of GRUB' : file
  test(`proxy mode, ${arch} and ${name}, nothing to offer: ${what} for the router`, async (t) => {
    const { deploy, ask } = await serve(t, proxied)
    await deploy(name)
    const { boots } = (await ask(`mac=${mac}&arch=${arch}`)).body as { boots: { notes: string[] }[] }
    const named = boots[0]?.notes.flatMap((note) => /boot file \(option 67\) (\S+)/.exec(note)?.[1] ?? [])
    t.deepEqual(named, file === undefined ? [] : [file])
  })
}

test('without DHCP of ours that is said: another server has to send the machine here', async (t) => {
  for (const settings of ['', 'dhcp: { mode: off }']) {
    const { ask } = await serve(t, explainedBy(settingsOf(settings)))
    const { body } = await ask(`mac=${mac}&arch=bios`)
    t.like(body, { mode: 'off' })
    const { boots } = body as { boots: { notes: string[] }[] }
    t.regex(
      boots[0]?.notes[0] ?? '',
      /^We serve no DHCP here \(no dhcp section in the settings, or mode: off\)/,
    )
  }
})

test('in proxy mode the router’s boot file is said to need shim, too', async (t) => {
  const loaders = [['bootx64.efi', grubAlone]] as const
  const changes: Change[] = [{ kind: 'catalog', catalog: { configurations: [deb], menus: [], loaders } }]
  const { deploy, ask } = await serve(t, { ...proxied, changes })
  await deploy('deb')
  const { boots } = (await ask(`mac=${mac}&arch=uefi-x64`)).body as { boots: { notes: string[] }[] }
  t.regex(boots[0]?.notes.join() ?? '', /option 67\) bootx64\.efi; bootx64\.efi is GRUB without shim/)
})

test('a host’s own arch counts for the router, too', async (t) => {
  const hosts = `hosts:\n  - { name: own, mac_addresses: [${mac}], arch: uefi-arm64 }\n`
  const { deploy, ask } = await serve(t, { ...proxied, hosts })
  await deploy('deb')
  const { boots } = (await ask(`mac=${mac}&arch=bios`)).body as { boots: { notes: string[] }[] }
  t.regex(boots[0]?.notes.join() ?? '', /option 67\) bootaa64\.efi/)
})

const branch = `
advertise: 10.77.0.1
dhcp:
  mode: server
  subnets:
    - { subnet: 10.77.0.0/24, ranges: [10.77.0.100-10.77.0.199] }
    - { subnet: 10.78.0.0/24, mode: proxy, next_server: 10.78.0.9 }
`
const located = `hosts:
  - { name: near, mac_addresses: ['52:54:00:00:00:71'], ip: 10.77.0.71 }
  - { name: far, mac_addresses: ['52:54:00:00:00:78'], ip: 10.78.0.78 }
  - { name: nowhere, mac_addresses: ['52:54:00:00:00:79'] }
`

test('mode and boot server are those of the machine’s own subnet', async (t) => {
  const { url, ask } = await serve(t, { ...explainedBy(settingsOf(branch)), hosts: located })
  const hosts = ['near', 'far', 'nowhere'].map((name) => ({ name }))
  await fetch(`${url}/v1/configurations/local/deploy`, { method: 'PUT', body: JSON.stringify({ hosts }) })
  const offerOf = async (query: string) => {
    const { body } = await ask(`${query}&arch=bios`)
    const { via, boots } = body as { via: string; boots: { stages: { offer: { server: string } }[] }[] }
    return [via, boots[0]?.stages[0]?.offer.server]
  }
  t.deepEqual(await offerOf('host=near'), ['dhcp', '10.77.0.1'])
  t.deepEqual(await offerOf('host=far'), ['proxy', '10.78.0.9'])
  t.deepEqual(await offerOf('host=far&via=dhcp'), ['dhcp', '10.78.0.9'])
  t.deepEqual(await offerOf('host=nowhere'), ['dhcp', '10.77.0.1'])
})

test('a reserved address that another machine has is not said to be the host’s', async (t) => {
  const { ask, registry } = await serve(t, { ...explainedBy(settingsOf(branch)), hosts: located })
  const address = async () => ((await ask('host=near&arch=bios')).body as { ip: string | null }).ip
  const [reserved, own] = ['10.77.0.71', '10.77.0.102']
  t.is(await address(), reserved)
  registry.learnAddress(parseIpv4(reserved) as Ipv4, '52:54:00:00:00:79' as Mac)
  t.is(await address(), null)
  registry.learnAddress(parseIpv4(own) as Ipv4, '52:54:00:00:00:71' as Mac)
  t.is(await address(), own)
})

test('a number of option 93 means HTTP boot where its name does', async (t) => {
  const { deploy, ask } = await serve(t, {
    changes: [
      {
        kind: 'catalog',
        catalog: {
          configurations: [{ name: 'deb', forms: [form] }],
          menus: [],
          loaders: ['bootx64.efi', 'ipxe.efi'].map((name) => [name, { from: 'tftproot' }]),
        },
      },
    ],
  })
  await deploy('deb')
  type Boots = { boots: { stages: { agent: string; offer: unknown }[] }[] }
  const stagesOf = async (arch: string) =>
    ((await ask(`mac=${mac}&arch=${arch}`)).body as Boots).boots[0]?.stages
  const named = await stagesOf('http-x64')
  t.deepEqual(
    named?.map(({ agent }) => agent),
    ['httpboot', 'ipxe'],
  )
  for (const code of ['16', '0x10', '17']) t.deepEqual(await stagesOf(code), named)
})

test('a real file is given where it is: a Raspberry Pi’s config.txt', async (t) => {
  const tftproot = newFolder('rpi')
  const parts = explainedBy(settingsOf(`advertise: 10.77.0.1\ntftp: { root: ${tftproot} }\n`))
  const { deploy, ask } = await serve(t, parts)
  await deploy('deb')
  const stageOf = async () => {
    const { boots } = (await ask(`mac=${mac}&arch=rpi`)).body as { boots: { stages: object[] }[] }
    return boots[0]?.stages[0] as { asks: { gives: string }[]; text: string | null }
  }
  t.like((await stageOf()).asks[0], { path: 'config.txt', gives: 'nothing' })
  writeFileSync(join(tftproot, 'config.txt'), 'kernel=k\n')
  t.like((await stageOf()).asks[0], { path: 'config.txt', gives: 'file' })
})

const dashed = mac.replaceAll(':', '-')

test('a link that export wrote is told, whether it is given or stands behind what is deployed', async (t) => {
  const tftproot = newFolder('exported')
  const parts = explainedBy(settingsOf(`advertise: 10.77.0.1\ntftp: { root: ${tftproot} }\n`))
  const { url, deploy, ask } = await serve(t, parts)
  const notes = async () => {
    const { boots } = (await ask(`mac=${mac}&arch=bios`)).body as { boots: { notes: string[] }[] }
    return boots[0]?.notes.filter((note) => note.includes('01-')) ?? []
  }
  mkdirSync(join(tftproot, 'pxelinux.cfg/conf'), { recursive: true })
  writeFileSync(join(tftproot, 'pxelinux.cfg/conf/deb'), 'LOCALBOOT 0\n')
  t.deepEqual(await notes(), [])
  symlinkSync(join(tftproot, 'pxelinux.cfg/conf/deb'), join(tftproot, `pxelinux.cfg/01-${dashed}`))
  t.regex((await notes()).join(), /01-52-54-00-00-00-77 is in tftproot.*who asks for that name is given it/)
  await deploy('deb')
  t.regex((await notes()).join(), /given only once nothing is deployed/)
  await fetch(`${url}/v1/hosts/${dashed}/configuration`, { method: 'DELETE' })
  t.regex((await notes()).join(), /who asks for that name is given it/)
  t.is((await fetch(`${url}/v1/hold`, { method: 'PUT', body: '{"reason":"a look"}' })).status, 200)
  t.regex((await notes()).join(), /not given as long as everything boots local/)
})

for (const [what, loader, expected] of [
  [
    'PXELINUX: its UUID, its MAC',
    { file: 'pxelinux.0' },
    ['pxelinux.cfg/<UUID>', `pxelinux.cfg/01-${dashed}`],
  ],
  ['PXELINUX with a name built in', { file: 'pxelinux.0', config_path: '/my.cfg' }, ['my.cfg']],
  ['GRUB of a folder', { file: 'g.0', config_path: '/my/grub' }, ['my/grub/grub.cfg']],
  ['GRUB of a name', { file: 'g.0', config_path: 'my/boot.cfg' }, ['my/boot.cfg']],
  [
    'GRUB of grub-mknetdir',
    { file: 'boot/grub/i386-pc/core.0' },
    ['boot/grub/grub.cfg-<UUID>', `boot/grub/grub.cfg-01-${dashed}`],
  ],
] as const) {
  test(`names asked for: ${what}`, async (t) => {
    const file = loader.file === 'g.0' ? 'grub/g.0' : loader.file
    const bootloaders = [bootloader({ name: 'x', ...loader, file })]
    const site = { bootloaders, default: null, localMethod: 'auto', httpPort: 80, apiPort: 3478 } as const
    const loaders = [[file, { from: 'tftproot' }]] as const
    const changes: Change[] = [{ kind: 'catalog', catalog: { configurations: [], menus: [], loaders } }]
    const { deploy, ask } = await serve(t, { site, changes })
    await deploy('local')
    const { boots } = (await ask(`mac=${mac}&arch=bios`)).body as {
      boots: { stages: { asks: { path: string; gives: string }[] }[] }[]
    }
    t.deepEqual(
      boots[0]?.stages[0]?.asks.map(({ path, gives }) => `${path} ${gives}`),
      expected.map((path) => `${path} text`),
    )
  })
}

test('LPXELINUX is told to ask for everything over HTTP', async (t) => {
  const lpxelinux = {
    folder: 'lpxelinux',
    language: 'pxelinux',
    file: 'lpxelinux/l',
    text: 'DEFAULT x',
  } as const
  const { deploy, ask } = await serve(t, {
    changes: [
      {
        kind: 'catalog',
        catalog: {
          configurations: [{ name: 'l', forms: [{ ...lpxelinux, template: false }] }],
          menus: [],
          loaders: [['lpxelinux.0', { from: 'tftproot' }]],
        },
      },
    ],
  })
  await deploy('l')
  const { boots } = (await ask(`mac=${mac}&arch=bios`)).body as { boots: { stages: object[] }[] }
  t.like(boots[0]?.stages[0], {
    offer: { server: '10.77.0.1', file: 'lpxelinux.0', url: null, prefix: 'http://10.77.0.1/' },
    text: 'DEFAULT x',
  })
})

for (const [query, status, pattern] of [
  ['', 400, /host or mac/],
  ['host=nobody', 404, /No host declared for name <nobody>/],
  ['mac=x', 400, /MAC address/],
  ['host=h1&mac=020000000099', 400, /mac must be a card of h1/],
  [`mac=${mac}&arch=x`, 400, /arch must be/],
  [`mac=${mac}&arch=70000`, 400, /arch must be/],
  [`mac=${mac}&agent=x`, 400, /agent must be one of rom/],
  [`mac=${mac}&color=red`, 400, /color is unknown/],
  [`mac=${mac}&mac=${mac}`, 400, /may be there once/],
] as const) {
  test(`explain?${query}: ${status}`, async (t) => {
    const { ask } = await serve(t)
    const answer = await ask(query)
    t.is(answer.status, status)
    t.regex((answer.body as { message: string }).message, pattern)
  })
}

test('GET /v1/loaders: which are there, from where, and what brings the others', async (t) => {
  const { url } = await serve(t)
  const all = (await (await fetch(`${url}/v1/loaders`)).json()) as { name: string }[]
  t.is(all.length, builtInBootloaders.length)
  t.like(
    all.find(({ name }) => name === 'pxelinux'),
    { file: 'pxelinux.0', ready: true, from: 'tftproot', remedy: null },
  )
  t.like(
    all.find(({ name }) => name === 'syslinux-efi64'),
    {
      ready: false,
      from: null,
      arch: ['uefi-x64'],
      remedy: 'efi64/syslinux.efi is missing: apt-get install syslinux-efi',
    },
  )
  t.like(
    all.find(({ name }) => name === 'u-boot'),
    { ready: true, from: 'firmware' },
  )
})

test('PUT /v1/loaders/install copies what packages bring, under the names that clients ask', async (t) => {
  const folder = newFolder('install')
  writeFileSync(join(folder, 'shimx64.efi.signed'), 'shim')
  const loaders = [
    ['bootx64.efi', { from: 'system', path: join(folder, 'shimx64.efi.signed') }],
    ['efi64/syslinux.efi', { from: 'system', path: join(folder, 'shimx64.efi.signed') }],
    ['pxelinux.0', { from: 'tftproot' }],
  ] as const
  const tftproot = join(folder, 'tftproot')
  const changes: Change[] = [{ kind: 'catalog', catalog: { configurations: [], menus: [], loaders } }]
  const { url, registry } = await serveApi(t, { policy: 'register', changes, tftproot })
  const response = await fetch(`${url}/v1/loaders/install`, { method: 'PUT' })
  t.deepEqual(await response.json(), { tftproot, copied: ['bootx64.efi', 'efi64/syslinux.efi'] })
  t.is(readFileSync(join(tftproot, 'bootx64.efi'), 'utf8'), 'shim')
  t.true(existsSync(join(tftproot, 'efi64/syslinux.efi')))
  t.false(existsSync(join(tftproot, 'pxelinux.0')))
  t.like(registry.audit, [{ action: 'install-loaders', from: '127.0.0.1', changes: [] }])
})

test('PUT /v1/loaders/install follows no link out of tftproot', async (t) => {
  const folder = newFolder('install')
  const other = newFolder('elsewhere')
  const path = join(folder, 'packaged.efi')
  writeFileSync(path, 'loader')
  writeFileSync(join(other, 'victim'), 'mine')
  const tftproot = join(folder, 'tftproot')
  mkdirSync(tftproot)
  symlinkSync(join(other, 'victim'), join(tftproot, 'ipxe.efi.part'))
  symlinkSync(other, join(tftproot, 'grub'))
  const install = async (name: string) => {
    const loaders: [string, LoaderFile][] = [[name, { from: 'system', path }]]
    const changes: Change[] = [{ kind: 'catalog', catalog: { configurations: [], menus: [], loaders } }]
    const { url } = await serveApi(t, { tftproot, changes })
    const response = await fetch(`${url}/v1/loaders/install`, { method: 'PUT' })
    return { status: response.status, body: (await response.json()) as { message?: string } }
  }
  t.is((await install('ipxe.efi')).status, 200)
  t.is(readFileSync(join(tftproot, 'ipxe.efi'), 'utf8'), 'loader')
  for (const name of ['grub/grubx64.efi', 'grub/x86_64-efi/grub.efi']) {
    const { status, body } = await install(name)
    t.is(status, 409)
    t.regex(body.message ?? '', /tftproot\/grub leads out of tftproot to .*elsewhere.*make it a folder/)
  }
  t.deepEqual(readdirSync(other), ['victim'])
  t.is(readFileSync(join(other, 'victim'), 'utf8'), 'mine')
})

test('PUT /v1/loaders/install without a tftproot, or one that cannot be written, says why', async (t) => {
  const { url } = await serveApi(t)
  const response = await fetch(`${url}/v1/loaders/install`, { method: 'PUT' })
  t.is(response.status, 409)
  t.like(await response.json(), { code: 'loaders_not_installed' })
})
