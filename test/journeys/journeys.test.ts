// The four journeys of ARCHITECTURE.md, each through all its rooms, on a network in memory.

import test from 'ava'
import { ACK, DISCOVER, ip, OFFER, REQUEST } from '../dhcp/wire.ts'
import { open, rom, server } from './house.ts'

const mac = '52:54:00:00:00:0a'
const menu = 'pxelinux.cfg/01-52-54-00-00-00-0a'
const targets = [{ mac }]

test('DISCOVER, OFFER, REQUEST, ACK: the decision in both, and the lease on disk before the ACK', async (t) => {
  const house = await open(t)
  await house.registry.deploy('ubuntu', targets)
  const offer = await house.dhcpAsk({ type: DISCOVER, mac, options: rom })
  t.is(offer?.type, OFFER)
  t.is(offer?.file, 'pxelinux.0')
  t.is(offer?.siaddr, server)
  const address = offer?.yiaddr ?? ''
  t.is([...house.table.addresses].length, 0, 'an OFFER commits nothing')
  const options = [...rom, [50, ip(address)], [54, ip(server)]] as const
  const ack = await house.dhcpAsk({ type: REQUEST, mac, options })
  t.is(ack?.type, ACK)
  t.is(ack?.yiaddr, address)
  t.is(ack?.file, 'pxelinux.0')
  t.is([...house.replica.addresses].length, 1, 'the other thread knows who has the address')
  await house.close()
  const again = await open(t, house.folder)
  t.is([...again.leases.all()].map((lease) => lease.mac).join(), mac)
})

test('RRQ: the MAC’s name, the address’s name and the leased client’s own are one decision', async (t) => {
  const house = await open(t)
  await house.registry.deploy('ubuntu', targets)
  const offer = await house.dhcpAsk({ type: DISCOVER, mac, options: rom })
  const address = offer?.yiaddr ?? ''
  await house.dhcpAsk({
    type: REQUEST,
    mac,
    options: [
      [50, ip(address)],
      [54, ip(server)],
    ],
  })
  const hex = Buffer.from(ip(address)).toString('hex').toUpperCase()
  for (const path of [menu, `/${menu}`, `pxelinux.cfg/${hex}`]) {
    t.is(await house.fetch(path, address), 'DEFAULT ubuntu\n', path)
  }
  t.is(await house.fetch('pxelinux.cfg/default', address), 'DEFAULT ubuntu\n')
  t.is(await house.fetch('pxelinux.cfg/default', '10.77.0.9'), undefined)
})

test('deploy: in force for the first RRQ behind it, also with 100 deploys and 100 RRQs at once', async (t) => {
  const house = await open(t)
  const names = ['ubuntu', 'rescue', 'local']
  const machines = Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(2, '0'))
  await Promise.all(
    machines.map(async (octet, index) => {
      const name = names[index % 3] ?? ''
      const result = await house.registry.deploy(name, [{ mac: `52:54:00:00:01:${octet}` }])
      t.true('hosts' in result)
      const text = await house.fetch(`pxelinux.cfg/01-52-54-00-00-01-${octet}`, `10.77.1.${index}`)
      t.regex(text ?? '', new RegExp(`DEFAULT ${name}\n`))
    }),
  )
  const refused = await house.registry.deploy('ubuntu', [
    { mac: '52:54:00:00:01:01' },
    { mac: '52:54:00:00:01:01' },
  ])
  t.true('fault' in refused, 'a host twice')
  t.is(await house.fetch('pxelinux.cfg/01-52-54-00-00-01-01', '10.77.0.200'), 'DEFAULT rescue\n')
})

test('start: what was acknowledged before is in force from the first packet on', async (t) => {
  const before = await open(t)
  await before.registry.deploy('rescue', targets)
  const offer = await before.dhcpAsk({ type: DISCOVER, mac, options: rom })
  const address = offer?.yiaddr ?? ''
  await before.dhcpAsk({
    type: REQUEST,
    mac,
    options: [
      [50, ip(address)],
      [54, ip(server)],
    ],
  })
  await before.close()

  const after = await open(t, before.folder)
  t.is(await after.fetch(menu, address), 'DEFAULT rescue\n')
  // The machine comes back with its address, which nobody else is given.
  const reboot = await after.dhcpAsk({ type: REQUEST, mac, options: [...rom, [50, ip(address)]] })
  t.is(reboot?.type, ACK)
  t.is(reboot?.yiaddr, address)
  const other = await after.dhcpAsk({ type: DISCOVER, mac: '52:54:00:00:00:0b', options: rom })
  t.not(other?.yiaddr, address)
  t.is(other?.file, '', 'nothing is deployed to it')
})
