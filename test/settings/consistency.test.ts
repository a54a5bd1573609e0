// Settings that contradict each other: told at the start, with the line that has to change.

import test from 'ava'
import { faultsOf } from './written.ts'

const subnet = (more: string) => `
dhcp:
  mode: server
  subnets:
    - subnet: 10.77.0.0/24
${more.replace(/^/gm, '      ')}
`

const noStore =
  '1: store must be a file, or postgres://USER@HOST/DATABASE, where a password writes /, ?, # and @ as %2F, %3F, %23 and %40'

const rows: readonly (readonly [what: string, text: string, ...faults: string[]])[] = [
  [
    'server mode without a subnet',
    'dhcp:\n  mode: server',
    '2: dhcp.mode is server, so dhcp.subnets must say which addresses to give, such as - { subnet: 10.77.0.0/24, ranges: ["10.77.0.100-10.77.0.199"] }',
  ],
  [
    'a range outside its subnet',
    subnet("ranges: ['10.77.0.100-10.77.0.199', '10.77.1.1-10.77.1.9']"),
    '6: dhcp.subnets[0].ranges[1] lies outside 10.77.0.0/24',
  ],
  [
    'ranges that overlap',
    subnet('ranges:\n  - 10.77.0.100-10.77.0.199\n  - 10.77.0.10-10.77.0.20\n  - 10.77.0.199-10.77.0.210'),
    '9: dhcp.subnets[0].ranges[2] overlaps ranges[0]',
  ],
  ['ranges that touch', subnet("ranges: ['10.77.0.100-10.77.0.199', '10.77.0.200-10.77.0.210']")],
  ['a range with the network’s own two addresses', subnet("ranges: ['10.77.0.0-10.77.0.255']")],
  [
    'a router nobody there can reach',
    subnet('router: 10.78.0.254'),
    '6: dhcp.subnets[0].router lies outside 10.77.0.0/24, so its machines cannot reach it',
  ],
  ['a next_server anywhere', subnet('next_server: 192.0.2.1')],
  [
    'a lease time beyond its limits',
    subnet('lease_time: 2d'),
    '6: dhcp.subnets[0].lease_time must lie between min_lease_time and max_lease_time',
  ],
  [
    'subnets within each other',
    subnet('') + '    - subnet: 10.77.0.128/25',
    '7: dhcp.subnets[1].subnet overlaps dhcp.subnets[0]',
  ],
  [
    'HTTP files on the port of the API',
    'http: { port: 3478 }',
    '1: http.port 3478 is that of the API, too (server.port)',
  ],
  ['the same port on other addresses', 'http: { port: 3478, bind: 10.0.0.1 }\nserver: { bind: 10.0.0.2 }'],
  [
    'TFTP on the port of DHCP',
    'dhcp: {}\ntftp: { port: 67 }',
    '2: tftp.port 67 is that of DHCP, too (dhcp.port)',
  ],
  ['TFTP on its port where DHCP is off', 'dhcp: { mode: off }\ntftp: { port: 67 }'],
  ['a store that is neither a file nor PostgreSQL', 'store: mysql://pxe@db/pxe', noStore],
  [
    'an address of PostgreSQL that is none, of which a password is not repeated',
    'store: "postgres://pxe:hush@db:port/pxe"',
    noStore,
  ],
  ['a store in PostgreSQL', 'store: postgres://pxe@db/pxe'],
  [
    'one with a password and parameters',
    'store: "postgresql://pxe:a%2Fb@[::1]:5433/pxe?sslmode=verify-full"',
  ],
  ['one whose password has a bare slash', 'store: postgres://pxe:12/hush@db:5433/pxe', noStore],
  ['one with a slash too few', 'store: postgres:/pxe:hush@db/pxe', noStore],
  ['one of another scheme', 'store: postgres+tls://pxe:hush@db/pxe', noStore],
  ['one that names no database', 'store: postgres://pxe@db', noStore],
  [
    'two bootloaders of one name',
    'configuration:\n  bootloaders:\n    - { name: a, file: pxelinux.0 }\n    - { name: a, file: lpxelinux.0 }',
    '4: configuration.bootloaders[1].name is already that of configuration.bootloaders[0]',
  ],
]

for (const [what, text, ...faults] of rows) {
  test(what, (t) => {
    t.deepEqual(faultsOf(text), faults)
  })
}

const lab = `
advertise: 10.77.0.1
dhcp:
  subnets:
    - { subnet: 10.77.0.0/24, router: 10.77.0.254 }
    - { subnet: 10.78.0.0/31 }
hosts:
  - { name: ok, mac_addresses: ['00:00:00:00:00:01'], ip: 10.77.0.11 }
`

const reservations: readonly (readonly [what: string, ip: string, fault?: string])[] = [
  ['ourselves', '10.77.0.1', '10.77.0.1 is our own address (advertise)'],
  ['the router', '10.77.0.254', '10.77.0.254 is that of the router (dhcp.subnets[0].router)'],
  ['the network', '10.77.0.0', '10.77.0.0 is that of 10.77.0.0/24 itself'],
  ['the broadcast', '10.77.0.255', '10.77.0.255 is the broadcast address of 10.77.0.0/24'],
  ['another host', '10.77.0.11', 'is already that of hosts[0]'],
  ['no subnet', '10.79.0.1', '10.79.0.1 lies in no subnet of dhcp.subnets'],
  ['one end of a /31, which has neither network nor broadcast', '10.78.0.0'],
  ['one of its own', '10.77.0.12'],
]

for (const [what, ip, fault] of reservations) {
  test(`an address reserved that is of ${what}`, (t) => {
    const text = `${lab}  - { name: h, mac_addresses: ['00:00:00:00:00:02'], ip: ${ip} }`
    t.deepEqual(faultsOf(text), fault === undefined ? [] : [`9: hosts[1].ip ${fault}`])
  })
}

test('an address reserved for a host without a card', (t) => {
  t.deepEqual(faultsOf('hosts:\n  - name: h1\n    ip: 10.77.0.9'), [
    '3: hosts[0].ip needs mac_addresses: an address is reserved for a card',
  ])
})

test('two hosts with one name or one card', (t) => {
  const text = `
hosts:
  - { name: h1, mac_addresses: ['00:00:00:00:00:01', '00:00:00:00:00:02'] }
  - name: h1
    mac_addresses:
      - 00-00-00-00-00-03
      - 0000.0000.0002
`
  t.deepEqual(faultsOf(text), [
    '4: hosts[1].name is already that of hosts[0]',
    '7: hosts[1].mac_addresses[1] is already that of hosts[0]',
  ])
})

test('contradictions are told together with mistakes elsewhere', (t) => {
  const text = 'tftp: { port: none }\nhttp: { port: 3478 }\nlog: { level: loud }'
  t.deepEqual(
    faultsOf(text).map((fault) => fault.split(' ', 2).join(' ')),
    ['1: tftp.port', '2: http.port', '3: log.level'],
  )
})
