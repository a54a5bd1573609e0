// DHCP options as an admin writes them, and the bytes a client gets; or what is wrong with them.

import test from 'ava'
import { optionTable } from '../../src/settings/option-table.ts'
import { faultsOf, settingsOf } from './written.ts'
import { declaredHosts } from '../../src/settings/hosts.ts'

const inFile = (options: string) => `dhcp:\n  options:\n${options.replace(/^/gm, '    ')}`

function written(options: string): readonly (readonly [code: number, hex: string])[] {
  const read = settingsOf(inFile(options)).dhcp?.options ?? []
  return read.map(({ code, bytes }) => [code, Buffer.from(bytes).toString('hex')])
}

const text = (value: string) => Buffer.from(value).toString('hex')

const good: readonly (readonly [options: string, code: number, hex: string])[] = [
  // An address, or several as a list or with commas.
  ['28: 10.77.0.255', 28, '0a4d00ff'],
  ['routers: 10.77.0.254', 3, '0a4d00fe'],
  ['ntp-servers: [10.77.0.1, 10.77.0.2]', 42, '0a4d00010a4d0002'],
  ['dns-server: 10.77.0.1,10.77.0.2', 6, '0a4d00010a4d0002'],
  ['150: 10.77.0.1, 10.77.0.2', 150, '0a4d00010a4d0002'],
  ['policy-filter: [10.1.0.0 255.255.0.0]', 21, '0a010000ffff0000'],
  ['33: [10.1.2.3 via 10.77.0.1]', 33, '0a0102030a4d0001'],
  // Texts, whatever YAML makes of them.
  ['host-name: h1', 12, text('h1')],
  ['12: 0123', 12, text('0123')],
  ['12: yes', 12, text('yes')],
  ['15: lab.example', 15, text('lab.example')],
  ['66: pxe-server', 66, text('pxe-server')],
  ['bootfile_name: efi64/syslinux.efi', 67, text('efi64/syslinux.efi')],
  ['209: pxelinux.cfg/lab', 209, text('pxelinux.cfg/lab')],
  ['210: /lab/', 210, text('/lab/')],
  ['tzdb-timezone: Europe/Zürich', 101, text('Europe/Zürich')],
  ['114: https://portal.lab.example/', 114, text('https://portal.lab.example/')],
  // Numbers in network byte order.
  ['23: 64', 23, '40'],
  ['MTU: 1400', 26, '0578'],
  ['mtu: 0x0578', 26, '0578'],
  ['211: 4294967295', 211, 'ffffffff'],
  ['time-offset: -3600', 2, 'fffff1f0'],
  ['25: [68, 1500]', 25, '004405dc'],
  ['19: true', 19, '01'],
  ['ip_forwarding: off', 19, '00'],
  // RFC 3397: labels and a zero after each name.
  ['119: [lab.example, example.]', 119, '036c6162076578616d706c6500076578616d706c6500'],
  ['domain-search: a.b,c', 119, '0161016200016300'],
  // RFC 3442: only the octets that the prefix covers.
  ['121: 10.0.0.0/8 via 10.77.0.1', 121, '080a0a4d0001'],
  ['121: [10.17.0.0/16 via 10.77.0.1, default via 10.77.0.2]', 121, '100a110a4d0001000a4d0002'],
  [
    '121: 10.229.0.128/25 via 10.77.0.1, 10.1.2.3/32 via 10.77.0.1',
    121,
    '190ae500800a4d0001200a0102030a4d0001',
  ],
  ['249: 10.27.129.77/24 via 10.77.0.1', 249, '180a1b810a4d0001'],
  // Bytes in every common notation; YAML takes some of them for numbers.
  ['43: 0x0102', 43, '0102'],
  ['43: 06:01:0B', 43, '06010b'],
  ['43: 01020304', 43, '01020304'],
  ['43: 01 02-03', 43, '010203'],
  ['208: f1:00:74:7e', 208, 'f100747e'],
  ["12: 'hex:00:ff'", 12, '00ff'],
  ['67: hex:0x6100', 67, '6100'],
  // Options nobody told us about.
  ['224: 0x0a', 224, '0a'],
  ['224: 0a:0b', 224, '0a0b'],
  ['224: 10.77.0.1', 224, '0a4d0001'],
  ['224: [10.77.0.1, 10.77.0.2]', 224, '0a4d00010a4d0002'],
  ['224: 12:30, or later', 224, text('12:30, or later')],
  ['254: 0042', 254, text('0042')],
]

for (const [options, code, hex] of good) {
  test(options, (t) => {
    t.deepEqual(written(options), [[code, hex]])
  })
}

test('an option may be longer than the 255 octets of one piece', (t) => {
  t.deepEqual(written(`17: ${'x'.repeat(300)}`), [[17, text('x'.repeat(300))]])
})

const bad: readonly (readonly [options: string, fault: string])[] = [
  ['3: router', '3 must be IPv4 addresses such as [10.77.0.1, 10.77.0.2], not "router"'],
  ['3: []', '3 must be IPv4 addresses such as [10.77.0.1, 10.77.0.2], not a list'],
  ['28: 10.77.0.1,10.77.0.2', '28 must be an IPv4 address such as 10.77.0.1, not "10.77.0.1,10.77.0.2"'],
  ['21: 10.1.0.0', '21 must be pairs of IPv4 addresses such as [10.1.0.0 10.77.0.1], not "10.1.0.0"'],
  ["12: ''", '12 must be a text, not ""'],
  ['12: "a\\0b"', '12 must be a text, not "a\\u0000b"'],
  ['12: [a, b]', '12 must be a text, not a list'],
  ['12: { a: b }', '12 must be a text, not a group of settings'],
  ['3: [10.77.0.1, [10.77.0.2]]', '3[1] must be a text, not a list'],
  ['23: 256', '23 must be a whole number from 0 to 255, not "256"'],
  ['26: -1', '26 must be a whole number from 0 to 65535, not "-1"'],
  ['26: 1400.5', '26 must be a whole number from 0 to 65535, not "1400.5"'],
  ['211: 4294967296', '211 must be a whole number from 0 to 4294967295, not "4294967296"'],
  ['19: maybe', '19 must be true or false, not "maybe"'],
  ['114: portal', '114 must be a URL such as https://portal.lab.example/, not "portal"'],
  ['119: [a..b]', '119 must be domain names such as [lab.example, example], not a list'],
  ['119: zürich.example', '119 must be domain names such as [lab.example, example], not "zürich.example"'],
  ['121: 10.0.0.0/8', '121 must be routes such as [10.0.0.0/8 via 10.77.0.1], not "10.0.0.0/8"'],
  [
    '121: 10.0.0.0/33 via 10.77.0.1',
    '121 must be routes such as [10.0.0.0/8 via 10.77.0.1], not "10.0.0.0/33 via 10.77.0.1"',
  ],
  ['43: 0x010', '43 must be bytes in hexadecimal such as 01:02:0a or 0x01020a, not "0x010"'],
  ['12: hex:0g', '12 must be bytes in hexadecimal such as 01:02:0a or 0x01020a, not "hex:0g"'],
  [
    '224: 0xyz',
    '224 must be a text, an IPv4 address or several, or bytes in hexadecimal such as 0x01020a, not "0xyz"',
  ],
  [`17: ${'x'.repeat(1025)}`, '17 has 1025 bytes; at most 1024 fit'],
  // Names and numbers.
  ['ntp-server5: 10.77.0.1', 'ntp-server5 is no DHCP option known by that name; did you mean ntp-servers?'],
  ['colour: red', 'colour is no DHCP option known by that name; write its number, 1 to 254'],
  ['0: 1', '0 is no DHCP option: their numbers are 1 to 254'],
  ['255: 1', '255 is no DHCP option: their numbers are 1 to 254'],
  ['1: 255.255.255.0', '1 is the subnet mask, which follows from the subnet'],
  ['51: 3600', '51 is the lease time: write lease_time instead'],
  ['lease_time: 3600', 'lease_time is the lease time: write lease_time instead'],
  ['58: 60', '58 is the renewal time, which follows from lease_time'],
  ['59: 60', '59 is the rebinding time, which follows from lease_time'],
  ['54: 10.77.0.1', '54 is the server that answers, which is always us: advertise says by which address'],
  ['ntp-servers: 10.77.0.1\nntp_server: 10.77.0.2', 'ntp_server is option 42, as ntp-servers is'],
]

for (const [options, fault] of bad) {
  test(`refused: ${options.slice(0, 60)}`, (t) => {
    const line = 2 + options.split('\n').length
    t.deepEqual(faultsOf(inFile(options)), [`${line}: dhcp.options.${fault}`])
  })
}

test('the options that are the protocol’s own are refused', (t) => {
  for (const code of [50, 51, 52, 53, 54, 55, 57, 61, 82, 93, 94, 97, 118]) {
    t.is(faultsOf(inFile(`${code}: 1`)).length, 1, `option ${code}`)
  }
})

test('every mistake is told at once, each with its line', (t) => {
  const lines = faultsOf(inFile('3: a\nmtu: b\n12: c\n42: d\n23: [1, 2]')).map((fault) =>
    fault.split(' ', 2).join(' '),
  )
  t.deepEqual(lines, ['3: dhcp.options.3', '4: dhcp.options.mtu', '6: dhcp.options.42', '7: dhcp.options.23'])
})

test('42 and "42" are one option', (t) => {
  t.deepEqual(faultsOf(inFile('42: 10.77.0.1\n"42": 10.77.0.2')), ['4: "42" stands there twice'])
})

test('a subnet and a host have options of their own', (t) => {
  const settings = settingsOf(`
dhcp:
  subnets:
    - { subnet: 10.77.0.0/24, options: { mtu: 1400 } }
hosts:
  - { name: h1, options: { 12: machine-1, 26: 9000 } }
  - { name: h2, options: }
`)
  t.deepEqual(settings.dhcp?.subnets[0]?.options, [{ code: 26, bytes: Uint8Array.of(5, 120) }])
  t.deepEqual(
    declaredHosts(settings.hosts).map((host) => host.options),
    [
      [
        { code: 12, bytes: new TextEncoder().encode('machine-1') },
        { code: 26, bytes: Uint8Array.of(0x23, 0x28) },
      ],
      [],
    ],
  )
})

test('a value may come by an alias, and is the text that stands there', (t) => {
  t.deepEqual(written('66: &name 0123\n67: *name'), [
    [66, text('0123')],
    [67, text('0123')],
  ])
})

test('no name and no number means two options', (t) => {
  const codes = optionTable.map(([code]) => code)
  t.is(new Set(codes).size, codes.length)
  const names = optionTable.flatMap(([, , ...rest]) => rest)
  t.is(new Set(names).size, names.length)
  for (const name of names) t.is(name, name.toLowerCase().replaceAll('_', '-'))
})
