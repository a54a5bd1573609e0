// The settings files people begin with: ours as it ships, which names every setting, and those of the original.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import { z } from 'zod'
import { bootloader, builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { formatIpv4, formatSubnet } from '../../src/net/ipv4.ts'
import { declaredHosts } from '../../src/settings/hosts.ts'
import { readSettings } from '../../src/settings/read.ts'
import { settingsSchema } from '../../src/settings/schema.ts'
import { faultsOf, settingsOf, sound, warningsOf } from './written.ts'

const file = 'pxe-pilot.yml'
const shipped = readFileSync(file, 'utf8')

test('it starts as it ships, without a word, and is safe', (t) => {
  const result = readSettings(file)
  const settings = sound(result)
  t.deepEqual(result.warnings, [])
  t.is(settings.dhcp?.mode, 'proxy')
  t.is(settings.tftp?.root, resolve('tftproot'))
  t.is(settings.http?.root, resolve('httproot'))
  t.is(settings.configuration.directory, resolve('tftproot/pxelinux.cfg/conf'))
  t.is(settings.configuration.default, null)
  t.is(settings.server.port, 3478)
})

/** The file with every commented-out setting in force: all lines with "#" but explanations, which are "# …". */
const uncommented = uncomment(shipped)

function uncomment(lines: string): string {
  return lines.replace(/^( *)#(?=\S| {2})/gm, '$1')
}

test('it works with every commented-out setting in force', (t) => {
  t.deepEqual(faultsOf(uncommented), [])
})

test('it names every setting there is', (t) => {
  const written: unknown = parse(uncommented)
  const missing = keysOf(settingsSchema).filter(
    (path) => !has(written, path) && !shipped.includes(`or ${path.at(-1)}:`),
  )
  t.deepEqual(missing, [])
})

test('docs/settings.md names every setting there is', (t) => {
  const told = readFileSync('docs/settings.md', 'utf8')
  const missing = keysOf(settingsSchema).filter((path) => {
    const names = path.map((_, index) => path.slice(index).join('.'))
    return !names.some((name) =>
      [`\`${name}\``, `\`${name}.`, `## ${name}\n`].some((word) => told.includes(word)),
    )
  })
  t.deepEqual(missing, [])
})

test('a commented-out setting with a default shows it', (t) => {
  const shown = settingsOf(uncommented)
  const { dhcp, tftp, http, server, log, configuration } = settingsOf('dhcp:\ntftp:\nhttp:\n')
  t.like(shown, {
    dhcp: { ...dhcp, subnets: shown.dhcp?.subnets },
    tftp,
    http,
    log,
    server: { bind: server.bind, port: server.port },
    configuration: { local_method: configuration.local_method, self_service: configuration.self_service },
  })
  // What the built-in list keeps to itself is whether it complains at the start.
  const builtIn = builtInBootloaders.map((entry) =>
    bootloader({ name: entry.name, file: entry.file, arch: entry.firmwares }),
  )
  t.deepEqual(shown.configuration.bootloaders?.map(bootloader), builtIn)
  const [subnet] = shown.dhcp?.subnets ?? []
  t.deepEqual([subnet?.min_lease_time, subnet?.lease_time, subnet?.max_lease_time], [60, 3600, 86_400])
})

test('the edit to full server mode that it tells works', (t) => {
  const [before = '', lines = '', after = ''] = shipped.split(
    /^(?= *# (?:FULL SERVER MODE|A subnet may also say))/m,
  )
  t.regex(lines, /write "server" above.*\n {2}#subnets:/)
  const edited = before.replace('mode: proxy', 'mode: server') + uncomment(lines) + after
  const { dhcp, clients } = settingsOf(edited)
  t.is(dhcp?.mode, 'server')
  const [subnet] = dhcp?.subnets ?? []
  t.is(subnet?.router === undefined ? '' : formatIpv4(subnet.router), '10.77.0.254')
  t.deepEqual(
    subnet?.ranges.map(({ first, last }) => [formatIpv4(first), formatIpv4(last)]),
    [['10.77.0.100', '10.77.0.199']],
  )
  t.deepEqual(clients.map(formatSubnet), ['10.77.0.0/24'])
})

test('a settings file of the original gets TFTP and the API, and its hosts', (t) => {
  const text = `---
hosts:
  - name: h1
    mac_addresses: ["00:00:00:00:00:01"]
    ipmi:
      mac_address: "00:00:00:00:10:01"
      username: "user"
      password: "pass"
      interface: "lanplus"
      subnet: "10.0.0.0/24"
  - name: h2
    mac_addresses: ["00:00:00:00:00:02", "00:00:00:00:0B:02"]
    management:
      mac_address: "00:00:00:00:10:02"
      ip_address: 1.2.3.4
      adapter: ipmitool
      subnet: "10.0.0.0/24"
      vars:
        - name: username
          value: user
        - name: password
          value: 0777
  - mac_addresses: ["00-00-00-00-00-03"]

tftp:
  root: "/var/tftp"

configuration:
  directory: "/var/tftp/pxelinux.cfg/conf"
  bootloaders:
    - name: syslinux
      file: pxelinux.0
      config_path:
    - name: grub2
      file: grubx64.efi
      config_path: grub.cfg

server:
  port: 3478

host_management_adapters:
  - name: ipmitool
    vars:
      - name: base
        value: ipmitool -I lanplus -H {{.ip_address}} -U {{.username}} -P {{.password}} chassis power
    power_status:
      cmd: "{{.base}} status"
      pattern_on: ^Chassis Power is on$
      pattern_off: ^Chassis Power is off$
    power_on: { cmd: "{{.base}} on" }
    power_off: { cmd: "{{.base}} off" }
    power_reset: { cmd: "{{.base}} reset" }
`
  t.deepEqual(faultsOf(text), [])
  const [warning = '', ...others] = warningsOf(text)
  t.regex(warning, /^47: host_management_adapters\[0\]\.power_status\.cmd hands a password to a program/)
  t.deepEqual(others, [])
  const settings = settingsOf(text)
  t.is(settings.tftp?.root, '/var/tftp')
  t.deepEqual([settings.dhcp, settings.http], [undefined, undefined])
  t.is(settings.hosts_policy, 'declared')
  t.deepEqual(settings.clients, [])
  t.deepEqual(
    declaredHosts(settings.hosts).map(({ name, macs }) => [name, ...macs]),
    [
      ['h1', '00:00:00:00:00:01'],
      ['h2', '00:00:00:00:00:02', '00:00:00:00:0b:02'],
      ['00-00-00-00-00-03', '00:00:00:00:00:03'],
    ],
  )
  t.is(settings.hosts[1]?.management?.vars?.[1]?.value, '0777')
  t.deepEqual(
    settings.configuration.bootloaders?.map((entry) => entry.config_path),
    ['', 'grub.cfg'],
  )
})

test('what the original made do with is no fault: it goes on working, or what cannot is told with its line', (t) => {
  const text = `hosts:
  - name: h1
    mac_addresses: ["", "00:00:00:00:00:01"]
    ipmi:
      mac_address: ""
      hostname: http://pdu.lab/1
  - name: h2
    ipmi: { hostname: 10.0.0.5, mac_address: 0:0:0:0:a:1 }
  - name: h3
    management:
      mac_address: soon
      ip_address: 10.0.0.5:6230
      adapter: pdu
      vars: [{ name: a }, { name: b, value: }]
configuration:
  bootloaders: [{ name: pxelinux }, { name: grub2 }]
host_management_adapters:
  - name: pdu
    vars: [{ name: c }]
    power_status: { cmd: pdu status, pattern_on: on }
    power_on: { cmd: pdu on }
    power_off: {}
    power_reset: { cmd: pdu reset }
`
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(warningsOf(text), [
    '3: hosts[0].mac_addresses[0] is empty and is skipped',
    '6: hosts[0].ipmi.hostname is no IP address or host name: it cannot be switched',
    '7: hosts[1] has no mac_addresses: nothing can be deployed to it',
    '9: hosts[2] has no mac_addresses: nothing can be deployed to it',
    '11: hosts[2].management.mac_address is no MAC address such as 22:34:a3:e9:09:cc and is ignored: "soon"',
    '18: host_management_adapters[0] has no power_off, so that its hosts cannot be switched off',
  ])
  const { hosts, configuration, host_management_adapters: adapters } = settingsOf(text)
  t.deepEqual(hosts[0]?.mac_addresses?.map(String), ['00:00:00:00:00:01'])
  t.deepEqual(
    hosts.slice(0, 2).map(({ ipmi }) => ipmi?.mac_address?.toString()),
    [undefined, '00:00:00:00:0a:01'],
  )
  t.like(hosts[2]?.management, {
    ip_address: '10.0.0.5:6230',
    vars: [
      { name: 'a', value: '' },
      { name: 'b', value: '' },
    ],
  })
  t.deepEqual(adapters?.[0]?.vars, [{ name: 'c', value: '' }])
  t.deepEqual(
    configuration.bootloaders?.map(bootloader).map((one) => [one.name, one.file, ...one.firmwares]),
    [
      ['pxelinux', 'pxelinux.0', 'bios'],
      ['grub2', ''],
    ],
  )
})

test('patterns and templates that only Go understands are told at the start, with their lines', (t) => {
  const text = `host_management_adapters:
  - name: pdu
    vars:
      - { name: who, value: "{{if .user}}-u {{.user}}{{end}}" }
    power_status:
      cmd: pdu status
      pattern_on: '(?i:outlet) is on'
      pattern_off: '(?i:a|b) is off'
    power_on: { cmd: pdu on }
    power_off:
      cmd: pdu off {{.plug | printf "%s"}}
    power_reset: { cmd: "pdu {{- .plug}}" }
`
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(warningsOf(text), [
    '4: host_management_adapters[0].vars[0].value cannot be run: only variables such as {{.ip_address}} may stand in braces',
    '8: host_management_adapters[0].power_status.pattern_off is no regular expression that is understood here, so that its hosts cannot be asked whether they are on',
    '11: host_management_adapters[0].power_off.cmd cannot be run: only variables such as {{.ip_address}} may stand in braces',
  ])
})

for (const [what, text] of [
  ['an address that is an option of a program', 'hosts: [{ management: { ip_address: -x, adapter: a } }]'],
  ['arch, which was none of its keys', 'hosts: [{ name: h1, arch: x86_64 }]'],
  ['vars of a host as a list', 'hosts: [{ name: h1, vars: [{ name: a, value: b }] }]'],
  ['a name of two hosts', 'hosts: [{ name: h1 }, { name: h1 }]'],
  ['a key twice', 'tftp: { root: a, root: b }'],
] as const) {
  test(`a fault in a file of the original, too: ${what}`, (t) => {
    t.is(faultsOf(text).length, 1)
  })
}

test('keys of the original that never did anything are accepted with a warning', (t) => {
  const text = `
discovery: { cmd: fping }
arp: { cmd: arp }
hosts:
  - name: h1
    configuration: local
    power_state: On
    ipmi:
      subnets: 10.0.0.0/24
`
  t.deepEqual(faultsOf(text), [])
  t.deepEqual(
    warningsOf(text).map((warning) => warning.split(' ', 2).join(' ')),
    [
      '2: discovery',
      '3: arp',
      '5: hosts[0]',
      '6: hosts[0].configuration',
      '7: hosts[0].power_state',
      '9: hosts[0].ipmi.subnets',
    ],
  )
})

test('a declared host without a name or a card names no machine', (t) => {
  t.deepEqual(
    declaredHosts(settingsOf('hosts: [{ locked: true }, { name: bare }]').hosts).map((host) => host.name),
    ['bare'],
  )
})

/** Every key of the schema, as `dhcp.limits.offer_hold`. */
function keysOf(schema: unknown, path: string[] = []): string[][] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return keysOf(schema.unwrap(), path)
  }
  if (schema instanceof z.ZodArray) return keysOf(schema.element, path)
  if (!(schema instanceof z.ZodObject)) return [path]
  return [
    ...(path.length === 0 ? [] : [path]),
    ...Object.entries(schema.shape).flatMap(([key, value]) => keysOf(value, [...path, key])),
  ]
}

/** Whether `path` stands there; a list's entries count together. */
function has(written: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path
  if (key === undefined) return true
  if (Array.isArray(written)) return written.some((entry) => has(entry, path))
  if (typeof written !== 'object' || written === null) return false
  return Object.entries(written).some(([name, value]) => name === key && has(value, rest))
}
