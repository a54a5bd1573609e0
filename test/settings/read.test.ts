// What a settings file may say, what it means where it says nothing, and every mistake at once with its line.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { formatSubnet } from '../../src/net/ipv4.ts'
import { parseSettings, readSettings } from '../../src/settings/read.ts'
import { newFolder } from '../folder.ts'
import { faultsOf, file, settingsOf, sound, warningsOf } from './written.ts'

const clientsOf = (text: string) => settingsOf(text).clients.map(formatSubnet)
const policyOf = (text: string) => settingsOf(text).hosts_policy
const storeOf = (path: string, environment = {}, text = '') =>
  sound(parseSettings(text, path, environment)).store

test('every kind of mistake is told at once, each with its line and what to write', (t) => {
  const text = `
dhpc: { mode: proxy }
dhcp:
  mode: prxy
  identity: serial
  limits: { unknown_share: 2, offer_hold: 1 minute }
  subnets:
    - subnet: 10.77.0.0/33
      ranges: 10.77.0.1
      router: 10.77.0
      lease_time: 1y
    - ranges: [10.77.0.9-10.77.0.1]
  authoritative: ja
  port: 0
tftp:
  rot: ./files
  root: ''
  max_transfers: 1.5
http: on
server:
  port: '80'
  allow: [everyone]
configuration:
  bootloaders:
    - { name: a/b, file: pxelinux.0, arch: [uefi-x46] }
hosts:
  - name: [h1]
    mac_addresses: [22:34:a3:e9:09]
    lokced: true
log: { level: warning }
clients: 10.77.0.0/24
`
  t.deepEqual(faultsOf(text), [
    '2: dhpc is unknown; did you mean dhcp?',
    '4: dhcp.mode must be one of server, proxy, off, not "prxy"; did you mean proxy?',
    '5: dhcp.identity must be one of mac, client-id, not "serial"',
    '6: dhcp.limits.unknown_share must be at most 1, not 2',
    '6: dhcp.limits.offer_hold must be a time such as 90s, 10m, 1h or 7d, not "1 minute"',
    '8: dhcp.subnets[0].subnet must be a subnet such as 10.77.0.0/24, not "10.77.0.0/33"',
    '9: dhcp.subnets[0].ranges must be a list such as [a, b], not "10.77.0.1"',
    '10: dhcp.subnets[0].router must be an IPv4 address such as 10.77.0.1, not "10.77.0"',
    '11: dhcp.subnets[0].lease_time must be a time such as 90s, 10m, 1h or 7d, not "1y"',
    '12: dhcp.subnets[1].subnet is missing: it must be a subnet such as 10.77.0.0/24',
    '12: dhcp.subnets[1].ranges[0] must be a range such as 10.77.0.100-10.77.0.199, the lower address first, not "10.77.0.9-10.77.0.1"',
    '13: dhcp.authoritative must be true or false, not "ja"',
    '14: dhcp.port must be at least 1, not 0',
    '16: tftp.rot is unknown; did you mean root?',
    '17: tftp.root must be a path, not ""',
    '18: tftp.max_transfers must be a whole number, not 1.5',
    '19: http must be a group of settings, each as `name: value`, not "on"',
    '21: server.port must be a port, a number from 1 to 65535, not "80"',
    '22: server.allow[0] must be a subnet such as 10.77.0.0/24, not "everyone"',
    '25: configuration.bootloaders[0].name must be a name without "/" or a dot at its start, not "a/b"',
    '25: configuration.bootloaders[0].arch[0] must be one of bios, uefi-ia32, uefi-x64, uefi-arm32, uefi-arm64, uefi-riscv64, uefi-loongarch64, http-bios, http-ia32, http-x64, http-arm32, http-arm64, http-riscv64, http-loongarch64, uboot-arm32, uboot-arm64, ppc, opal, rpi, not "uefi-x46"; did you mean uefi-x64?',
    '27: hosts[0].name must be a text, not a list',
    '28: hosts[0].mac_addresses[0] must be a MAC address such as 22:34:a3:e9:09:cc, not "22:34:a3:e9:09"',
    '29: hosts[0].lokced is unknown; did you mean locked?',
    '30: log.level must be one of debug, info, warn, error, not "warning"',
    '31: clients must be a list such as [a, b], not "10.77.0.0/24"',
  ])
})

for (const value of [
  '*hunter2',
  '|hunter2',
  '"\\hunter2"',
  '"x" hunter2',
  '&hunter2 x: y',
  '!hunter2 x',
  '@hunter2',
  'hunter2',
  '{ hunter2: [ }',
  '\n        *hunter2',
]) {
  test(`a fault of a password never quotes it: ${JSON.stringify(value)}`, (t) => {
    const text = `hosts:\n  - name: h1\n    wol:\n      password: ${value}\n`
    const faults = faultsOf(text)
    t.true(faults.length > 0)
    t.notRegex(faults.join(), /hunter|\\h/)
  })
}

const asterisk =
  'a text that begins with * is put in quotes (without them it repeats what & names before it, and nothing has that name)'
const sign = 'a text that begins with a sign such as @ % | > , or ` is put in quotes'
const comma = 'a comma is missing: within brackets one stands between two entries'

const broken: readonly (readonly [what: string, text: string, ...faults: string[]])[] = [
  [
    'no settings at all',
    'hello',
    '1: the file must be a group of settings, each as `name: value`, not "hello"',
  ],
  ['a list', '- a\n- b', '1: the file must be a group of settings, each as `name: value`, not a list'],
  ['hosts as a map', 'hosts:\n  h1: {}', '1: hosts must be a list: each of its entries begins with "- "'],
  ['a tab', 'dhcp:\n\tmode: proxy', '2: tabs are not allowed as indentation: write spaces'],
  ['a quote left open', 'store: "x\n', '1: a " opens here, and no " closes it'],
  ['a bracket left open in the last line', 'http:\ndhcp: {\n\n', '2: a { opens here, and no } closes it'],
  ['a name without an anchor', 'store: *x', `1: ${asterisk}`],
  ['an address with a password that begins with *', 'store: *postgres://pxe:hush@db/pxe', `1: ${asterisk}`],
  [
    'a quote left open far above',
    'store: "x\nhttp:\ntftp:\n  root: y',
    '1: a " opens here, and no " closes it',
  ],
  [
    'a quote left open within brackets',
    "hosts:\n  - { mac_addresses: ['52:54:00:00:00:01] }\nhttp:",
    "2: a ' opens here, and no ' closes it",
  ],
  ['a bracket left open', 'interfaces: [a, b\nhttp:', '1: a [ opens here, and no ] closes it'],
  [
    'a bracket left open, and others in it that are not',
    'dhcp:\n  subnets: [\n    { subnet: 10.0.0.0/24,\n      ranges: [10.0.0.5-10.0.0.9] }\nhttp:',
    '2: a [ opens here, and no ] closes it',
  ],
  ['the same at the end', 'interfaces: [\n  [a],\n  [b]', '1: a [ opens here, and no ] closes it'],
  [
    'a bracket left open within another',
    'interfaces: [\n  [a],\n  [b\n  ]\nhttp:',
    '1: a [ opens here, and no ] closes it',
  ],
  [
    'a quote left open behind one that is written twice',
    "http:\n  root: 'it\n    isn''t\n",
    "2: a ' opens here, and no ' closes it",
  ],
  [
    'a bracket that is closed too far left',
    'dhcp:\n  subnets: [\n    { subnet: 10.0.0.0/24 }\n]\n',
    '4: this ] stands too far left: the indentation is wrong: settings of one group begin in the same column, and so do entries of one list',
  ],
  ['a bracket too many', 'interfaces: [a]]', '1: a bracket is closed here that none opened'],
  ['a comma forgotten', 'tftp: { root: a port: 69 }', `1: ${comma}`],
  ['a comma forgotten behind quotes', "interfaces: ['a' 'b']", `1: ${comma}`],
  ['a @', 'http:\n  root: @x', `2: ${sign}`],
  ['a %', 'http:\n  root: %x', `2: ${sign}`],
  ['a * alone', 'interfaces: [*]', `1: ${asterisk}`],
  [
    'an apostrophe within quotes',
    "store: 'joe's'",
    '1: more stands behind the end of a value: one pair of quotes is to hold all of it',
  ],
  ['a backslash', 'store: "C:\\x"', '1: a \\ within "..." is written \\\\; within \'...\' it is one'],
  [
    'no space behind a colon',
    'tftp: { port:69 }',
    '1: tftp.port: is unknown; a space belongs behind its colon',
  ],
  [
    'no space behind the colon of a variable',
    "hosts:\n  - { mac_addresses: ['52:54:00:00:00:01'], vars: { rack: 7, rootpw:hush } }",
    '2: hosts[0].vars.rootpw: has no value; a space belongs behind its colon',
  ],
  ['no space before a bracket', 'tftp:{ port: 69 }', '1: tftp: is unknown; a space belongs behind its colon'],
  ['a key twice', 'tftp:\n  root: a\nhttp:\n\n# again\ntftp:\n  root: b', '6: tftp stands there twice'],
  ['two documents', 'tftp:\n---\nhttp:', '2: a second document begins here ("---"); this file may have one'],
  [
    'Windows line ends',
    'tftp:\r\n  port: x\r\n',
    '2: tftp.port must be a port, a number from 1 to 65535, not "x"',
  ],
  [
    'a byte order mark',
    '\ufefftftp:\n  port: x',
    '2: tftp.port must be a port, a number from 1 to 65535, not "x"',
  ],
  [
    'a BMC that is no address but an option',
    'hosts:\n  - name: h1\n    ipmi:\n      hostname: -oProxyCommand=x',
    '4: hosts[0].ipmi.hostname must be an IP address or a host name, not "-oProxyCommand=x"',
  ],
  ['a NUL in a path', 'store: "a\\0b"', '1: store must be a path, not "a\\u0000b"'],
  [
    'brackets without end',
    `store: ${'['.repeat(10_000)}`,
    '1: the file has too many brackets within brackets',
  ],
  [
    'a map that holds itself',
    'tftp: &a\n  <<: *a',
    '1: the file has too many aliases (*name) within aliases',
  ],
]

for (const [what, text, ...faults] of broken) {
  test(`refused: ${what}`, (t) => {
    t.deepEqual(faultsOf(text).slice(0, 1), faults)
  })
}

const indentation =
  'the indentation is wrong: settings of one group begin in the same column, and so do entries of one list'

const slips: readonly (readonly [what: string, text: string, ...faults: string[]])[] = [
  [
    'a MAC under another name, where the host has no other',
    'hosts:\n  - mac: 52:54:00:00:00:01\n  - name: h2\n    macs: [52:54:00:00:00:02]',
    '2: hosts[0].mac is unknown; did you mean mac_addresses?',
    '4: hosts[1].macs is unknown; did you mean mac_addresses?',
  ],
  [
    "other servers' words",
    `dhcp:
  mode: server
  subnets:
    - subnet: 10.77.0.0/24
      range: [10.77.0.100-10.77.0.199]
      gateway: 10.77.0.254
      dns-servers: [10.77.0.1]
      lease: 1h`,
    '5: dhcp.subnets[0].range is unknown; did you mean ranges?',
    '6: dhcp.subnets[0].gateway is unknown; did you mean router?',
    '7: dhcp.subnets[0].dns-servers is unknown; did you mean dns?',
    '8: dhcp.subnets[0].lease is unknown; did you mean lease_time?',
  ],
  [
    'subnets that stand too far left: that alone, and not that there are none',
    'dhcp:\n  mode: server\nsubnets:\n  - subnet: 10.77.0.0/24',
    '3: subnets is unknown; it belongs under dhcp:',
  ],
  [
    'a group without any indentation',
    'dhcp:\nmode: server\nsubnets: []',
    '2: mode is unknown; it belongs under dhcp:',
    '3: subnets is unknown; it belongs under dhcp:',
  ],
  [
    'what is of a subnet beside the subnets',
    'dhcp:\n  router: 10.77.0.254\n  range: 10.77.0.100-10.77.0.199',
    '2: dhcp.router is unknown; it belongs under subnets:',
    '3: dhcp.range is unknown; it belongs under subnets: as ranges',
  ],
  [
    'settings of an entry that stand where its dash does: the first of them',
    'dhcp:\n  subnets:\n    - subnet: 10.77.0.0/24\n    ranges: []\n    router: 10.77.0.254\ntftp:',
    `4: ${indentation}`,
  ],
  [
    'what stands too far right, each time it begins',
    'tftp:\n  root: a\n    port: 69\n    bind: 1.2.3.4\nhttp:\n  root: b\n   port: 80',
    `3: ${indentation}`,
    `7: ${indentation}`,
  ],
  ['an entry without its dash', 'hosts:\n  - name: h1\n   locked: true\n  - name: h2', `3: ${indentation}`],
  [
    'a colon without its space',
    'tftp:\n  port:69\n  root: a',
    '2: a name is followed by a colon and a space, as in `name: value`',
  ],
  [
    'a colon forgotten, in the last line',
    'tftp:\n  root: a\n  port 69',
    '3: a name is followed by a colon and a space, as in `name: value`',
  ],
  [
    'two names in a line',
    'dhcp: mode: proxy',
    '1: a second `name: ` in one line: put a text with a colon in quotes, and a group into lines of its own',
  ],
  ['tabs', 'dhcp:\n\tmode: proxy\n\tport: 67\ntftp:', '2: tabs are not allowed as indentation: write spaces'],
]

for (const [what, text, ...faults] of slips) {
  test(`told once, at the line to mend: ${what}`, (t) => {
    t.deepEqual(faultsOf(text), faults)
  })
}

test('a fault of one host hides no contradiction of the others, nor of what else it has', (t) => {
  const text = `host_management_adapters: 7
hosts:
  - { name: a, mac_addresses: ['52:54:00:00:00:01'], ip: nonsense }
  - just a text
  - { name: b, mac_addresses: ['52:54:00:00:00:02', '52:54:00'], ip: 10.77.0.1 }
  - { name: a, mac_addresses: ['52:54:00:00:00:01'], wol: on }
  - { name: c, mac: '52:54:00:00:00:03', ip: 10.77.0.1 }
  - { name: d, mac_addresses: ['52:54:00:00:00:04'], management: { adapter: x } }
  - { name: d }
`
  t.deepEqual(faultsOf(text), [
    '1: host_management_adapters must be a list such as [a, b], not 7',
    '3: hosts[0].ip must be an IPv4 address such as 10.77.0.1, not "nonsense"',
    '4: hosts[1] must be a group of settings, each as `name: value`, not "just a text"',
    '5: hosts[2].mac_addresses[1] must be a MAC address such as 22:34:a3:e9:09:cc, not "52:54:00"',
    '6: hosts[3].wol must be a group of settings, each as `name: value`, not "on"',
    '6: hosts[3].name is already that of hosts[0]',
    '6: hosts[3].mac_addresses[0] is already that of hosts[0]',
    '7: hosts[4].mac is unknown; did you mean mac_addresses?',
    '7: hosts[4].ip is already that of hosts[2]',
    '9: hosts[6].name is already that of hosts[5]',
  ])
  t.deepEqual(warningsOf(text), ['9: hosts[6] has no mac_addresses: nothing can be deployed to it'])
})

test('what one alias brings to many hosts is mended in one of them alone', (t) => {
  const text = `x: &way { hostname: 10.0.0.1, mac_address: '' }
hosts:
  - { name: a, mac_addresses: ['52:54:00:00:00:01'], ipmi: *way }
  - { name: b, mac_addresses: ['52:54:00:00:00:02'], wol: *way }
`
  t.deepEqual(
    faultsOf(text).filter((fault) => fault.includes('mac_address ')),
    ['1: hosts[1].wol.mac_address must be a MAC address such as 22:34:a3:e9:09:cc, not ""'],
  )
})

for (const text of [
  'hosts:\n  - name: h1\n    wol: { password:hunter2 }\n',
  'hosts:\n  - name: h1\n    wol: { pasword:hunter2 }\n',
  'hosts:\n  - name: h1\n    wol:\n      password:hunter2\n',
  'hosts:\n  - name: h1\n    wol:\n      pasword:hunter2\n',
  'hosts:\n  - name: h1\n    vars: { rootpw:hunter2: x }\n',
  'store:postgres://pxe:hunter2@db/pxe\n',
]) {
  test(`a password without the space before it is shown nowhere: ${JSON.stringify(text)}`, (t) => {
    const told = [...faultsOf(text), ...warningsOf(text)]
    t.true(told.length > 0)
    t.notRegex(told.join(), /hunter/)
  })
}

test("what is only of another group, or of no machine, stops no file of the original's", (t) => {
  const text = `mac_addresses: []
locked: true
hosts:
  - { name: h1, mac: x, mac_addresses: ['52:54:00:00:00:01'], adapter: x, auth: basic, ipmi: { host: x } }
  - name: h2`
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(warningsOf(text), [
    '1: mac_addresses is unknown and is ignored; it belongs under hosts:',
    '2: locked is unknown and is ignored; it belongs under hosts:',
    '4: hosts[0].ipmi.host is unknown and is ignored; did you mean hostname?',
    '4: hosts[0].mac is unknown and is ignored; did you mean mac_addresses?',
    '4: hosts[0].adapter is unknown and is ignored; it belongs under management:',
    '4: hosts[0].auth is unknown and is ignored; it belongs under redfish:',
    '5: hosts[1] has no mac_addresses: nothing can be deployed to it',
  ])
})

test('controllers by address, by name, by a name of a site’s own, and not at all', (t) => {
  const names = ['10.77.0.12', 'fe80::1', 'bmc-1.rack_7.example.', '3com', "''"]
  const hosts = names.map((name, index) => `  - { name: h${index}, ipmi: { hostname: ${name} } }`)
  const others = [
    '  - { name: x, management: { ip_address: 1.2.3.4, adapter: a } }',
    '  - { name: y, redfish: { hostname: bmc.example } }',
  ]
  t.deepEqual(faultsOf(['hosts:', ...hosts, ...others].join('\n')), [])
})

test('a bomb of aliases is refused at once', (t) => {
  const tens = ['b', 'c', 'd', 'e', 'f', 'g', 'h'].map(
    (name, index) => `${name}: &${name} [${Array<string>(10).fill(`*${'abcdefg'[index]}`).join(',')}]`,
  )
  const before = performance.now()
  t.deepEqual(faultsOf(['a: &a [x]', ...tens].join('\n')), [
    '1: the file has too many aliases (*name) within aliases',
  ])
  // Unfolded, it has 10 million entries.
  t.true(performance.now() - before < 10_000)
})

test('hundreds of hosts may share their power control by an alias, its password as it is written', (t) => {
  const hosts = Array.from(
    { length: 300 },
    (_, index) => `  - { name: h${index}, ipmi: { <<: *bmc, hostname: 10.0.0.${index} } }`,
  )
  const text = ['defaults: &bmc { username: admin, password: 0123 }', 'hosts:', ...hosts].join('\n')
  const settings = settingsOf(text)
  t.is(settings.hosts.length, 300)
  t.deepEqual(settings.hosts[299]?.ipmi, { username: 'admin', password: '0123', hostname: '10.0.0.299' })
})

test('a file that cannot be read is a fault, and names why', (t) => {
  t.like(readSettings('/nowhere/pxe-pilot.yml'), { faults: [{ text: 'there is no such file' }] })
  const folder = readSettings('/')
  t.regex('faults' in folder ? (folder.faults[0]?.text ?? '') : '', /^cannot be read: ./)
})

test('an unknown key far from any of ours is ignored with a warning', (t) => {
  const text = 'tftp:\n  colour: red\nconstructor: 1\n__proto__: { polluted: true }'
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(warningsOf(text), [
    '2: tftp.colour is no setting of ours and is ignored',
    '3: constructor is no setting of ours and is ignored',
    '4: __proto__ is no setting of ours and is ignored',
  ])
  t.false('polluted' in {})
})

test('a file of the original works with keys that it ignored, and with any one separator in its MACs', (t) => {
  const text = `hosts:
  - name: h1
    mac_addresses: ["00.00.00.00.00.01", 00_00_00_00_00_02, "00 00 00 00 00 03", 00/00/00/00/00/04]
    configuraton: sheep
    ipmi: { user_name: joe, subnets: [10.0.0.0/24], hostname: 10.0.0.1 }
host_management_adapters:
  - { name: x, power_on: { cmd: "on {{.ip_address}}", cnd: x } }
tftp: { root: /srv/tftp }
`
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(warningsOf(text).slice(0, 4), [
    '4: hosts[0].configuraton is no setting of ours and is ignored',
    '5: hosts[0].ipmi.user_name is unknown and is ignored; did you mean username?',
    '5: hosts[0].ipmi.subnets is no setting of ours and is ignored',
    '7: host_management_adapters[0].power_on.cnd is unknown and is ignored; did you mean cmd?',
  ])
  t.deepEqual(settingsOf(text).hosts[0]?.mac_addresses?.map(String), [
    '00:00:00:00:00:01',
    '00:00:00:00:00:02',
    '00:00:00:00:00:03',
    '00:00:00:00:00:04',
  ])
})

test('texts are what stands there, also where YAML sees a number', (t) => {
  const settings = settingsOf(`
hosts:
  - name: 0042
    mac_addresses: [001122334455]
    vars: { rack: 07, ratio: 1.50, on: true }
    ipmi: { username: true, password: 0123 }
configuration: { default: 12.04 }
`)
  const [host] = settings.hosts
  t.is(host?.name, '0042')
  t.deepEqual(host?.mac_addresses?.map(String), ['00:11:22:33:44:55'])
  t.deepEqual(host?.vars, { rack: '07', ratio: '1.50', on: 'true' })
  t.deepEqual(host?.ipmi, { username: 'true', password: '0123' })
  t.is(settings.configuration.default, '12.04')
})

test('an empty file serves the API alone, on its port, to everyone', (t) => {
  for (const text of ['', '# nothing yet\n', '{}']) {
    const settings = settingsOf(text)
    t.deepEqual([settings.dhcp, settings.tftp, settings.http], [undefined, undefined, undefined])
    t.is(settings.server.port, 3478)
    t.is(settings.configuration.directory, '/srv/lab/tftproot/pxelinux.cfg/conf')
    t.is(settings.configuration.default, null)
    t.deepEqual(settings.configuration.self_service, ['local'])
    t.is(settings.store, '/srv/lab/var/pxe-pilot.db')
    t.is(settings.hosts_policy, 'register')
    t.deepEqual(settings.clients, [])
    t.deepEqual(settings.hosts, [])
  }
})

test('a section whose keys are all commented out is there, with its defaults', (t) => {
  const settings = settingsOf(
    'dhcp:\ntftp:\nhttp:\nserver:\nconfiguration:\nhosts:\nlog:\nclients:\nstore:\n',
  )
  t.like(settings, {
    dhcp: {
      mode: 'proxy',
      identity: 'mac',
      authoritative: false,
      port: 67,
      limits: { unknown_share: 0.8, declined_share: 0.1, offer_hold: 60 },
    },
    tftp: {
      root: '/srv/lab/tftproot',
      port: 69,
      follow_links: 'inside',
      max_transfers: 1000,
      max_per_client: 64,
    },
    http: { root: '/srv/lab/httproot', port: 80, listing: false },
    log: { level: 'info', format: 'pretty' },
    store: '/srv/lab/var/pxe-pilot.db',
  })
})

test('a subnet has the lease times that are not written', (t) => {
  const text = 'dhcp:\n  subnets:\n    - { subnet: 10.77.0.9/24, max_lease_time: 7d, min_lease_time: 90 }'
  const subnet = settingsOf(text).dhcp?.subnets[0]
  t.is(subnet === undefined ? '' : formatSubnet(subnet.subnet), '10.77.0.0/24')
  t.deepEqual([subnet?.min_lease_time, subnet?.lease_time, subnet?.max_lease_time], [90, 3600, 7 * 86_400])
})

test('clients are the subnets of dhcp unless they are named', (t) => {
  const dhcp = 'dhcp: { subnets: [{ subnet: 10.77.0.0/24 }, { subnet: 10.78.0.0/24 }] }\n'
  t.deepEqual(clientsOf(dhcp), ['10.77.0.0/24', '10.78.0.0/24'])
  t.deepEqual(clientsOf(`${dhcp}clients: [10.0.0.0/8]`), ['10.0.0.0/8'])
  t.deepEqual(clientsOf(`${dhcp}clients: []`), [])
})

test('a deploy may name any MAC until hosts are declared, or as the settings say', (t) => {
  t.is(policyOf('hosts: []'), 'register')
  t.is(policyOf('hosts: [{ name: h1 }]'), 'declared')
  t.is(policyOf('hosts: [{ name: h1 }]\nhosts_policy: register'), 'register')
  t.is(policyOf('hosts_policy: declared'), 'declared')
})

test('relative paths start at the settings file, wherever the process runs', (t) => {
  const settings = settingsOf(`
tftp: { root: files/tftp }
http: { root: ../www }
server: { tokens_file: tokens }
configuration: { directory: /var/conf/../conf }
store: ./data/p.db
`)
  t.is(settings.tftp?.root, '/srv/lab/files/tftp')
  t.is(settings.http?.root, '/srv/www')
  t.is(settings.server.tokens_file, '/srv/lab/tokens')
  t.is(settings.configuration.directory, '/var/conf')
  t.is(settings.store, '/srv/lab/data/p.db')
})

test('a file named relatively is found from here', (t) => {
  const folder = newFolder('settings')
  writeFileSync(join(folder, 'p.yml'), 'tftp:\n')
  t.is(sound(readSettings(join(folder, 'p.yml'))).tftp?.root, join(folder, 'tftproot'))
})

test('the store lies where the service may write', (t) => {
  const systemd = { STATE_DIRECTORY: '/var/lib/private/pxe-pilot:/var/lib/other' }
  t.is(storeOf(file), '/srv/lab/var/pxe-pilot.db')
  t.is(storeOf(file, { STATE_DIRECTORY: '' }), '/srv/lab/var/pxe-pilot.db')
  t.is(storeOf('/etc/pxe-pilot/pxe-pilot.yml'), '/var/lib/pxe-pilot/pxe-pilot.db')
  t.is(storeOf('/etc/pxe-pilot/pxe-pilot.yml', systemd), '/var/lib/private/pxe-pilot/pxe-pilot.db')
  t.is(storeOf(file, systemd, 'store: /data/p.db'), '/data/p.db')
})

test('a root that would give our own files away is warned about', (t) => {
  const text = 'tftp: { root: . }\nhttp: { root: ./www }\nserver: { tokens_file: ./www/tokens }'
  t.deepEqual(warningsOf(text).slice(0, 2), [
    '1: tftp.root holds the settings file and the store and server.tokens_file, which any machine can then fetch',
    '2: http.root holds server.tokens_file, which any machine can then fetch',
  ])
  t.deepEqual(warningsOf('tftp: { root: ./pxe-pilot }'), [])
})

test('a guard that guards nothing is warned about', (t) => {
  const text = 'configuration:\n  self_service: [local, wipe]\n  destructive: [wipe, local]'
  t.deepEqual(warningsOf(text), [
    '2: configuration.self_service lets any machine deploy wipe to itself, which configuration.destructive guards',
    '3: configuration.destructive names local, which is never held up',
  ])
})

test('nothing can change the settings once they are read', (t) => {
  const settings = settingsOf(
    'dhcp: { options: { 26: 1400 }, subnets: [{ subnet: 10.77.0.0/24 }] }\nhosts: [{ name: h1 }]',
  )
  const deep = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    ArrayBuffer.isView(value) ||
    (Object.isFrozen(value) && Object.values(value).every(deep))
  t.true(deep(settings))
})

test('a settings file that is a FIFO is a fault, and holds nobody up', (t) => {
  const fifo = join(newFolder('settings'), 'p.yml')
  execFileSync('mkfifo', [fifo])
  t.like(readSettings(fifo), { faults: [{ line: 0, text: 'cannot be read: it is no regular file' }] })
})
