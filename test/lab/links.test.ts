// Machines of both firmwares on two links: served directly and through a relay, by us and beside a dnsmasq that owns the addresses.

import test from 'ava'
import { Lab } from './lab.ts'

const bios = '52:54:00:77:00:0a'
const uefi = '52:54:00:77:00:0b'

const bothLinks = `dhcp:
  mode: server
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.149'], router: 10.77.0.2 }
    - { subnet: 10.78.0.0/24, ranges: ['10.78.0.100-10.78.0.149'], router: 10.78.0.1 }`

test('server mode on two links, one of them behind a relay: UEFI here, BIOS there', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=two-links')
  const remote = await lab.behindRelay(['10.77.0.1'])
  const appliance = await lab.appliance({ dhcp: bothLinks })
  await appliance.deploy('marker', bios)
  await appliance.deploy('marker', uefi)

  const near = await lab.uefi({ mac: uefi })
  const [nearLine] = await near.prints(/LAB-LINUX .*\n/, 120)
  t.regex(nearLine, new RegExp(`mac=${uefi} .* word=two-links`))
  await near.isOff(20)
  t.regex(appliance.log, /dhcp\.ack: .* on br0 has 10\.77\.0\.1\d\d .*efi64\/syslinux\.efi/)

  const far = await lab.bios({ mac: bios }, remote)
  await far.prints(/net0: 10\.78\.0\.1\d\d\//, 60)
  const [farLine] = await far.prints(/LAB-LINUX .*\n/, 90)
  t.regex(farLine, new RegExp(`mac=${bios} .* word=two-links`))
  await far.isOff(20)
  t.regex(appliance.log, /behind 10\.78\.0\.1 has 10\.78\.0\.1\d\d/)
})

test('proxy mode on two links beside a dnsmasq that owns the addresses: BIOS here, UEFI behind a relay', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=beside-dnsmasq')
  const owner = await lab.network.client()
  await owner.must(['ip', 'address', 'add', '10.77.0.254/24', 'dev', 'eth0'])
  await owner.must(['ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
  await lab.dnsmasq(owner, [
    '--no-ping',
    '--dhcp-range=10.77.0.50,10.77.0.59,1h',
    '--dhcp-range=set:far,10.78.0.50,10.78.0.59,255.255.255.0,1h',
    '--dhcp-option=tag:far,option:router,10.78.0.1',
  ])
  const remote = await lab.behindRelay(['10.77.0.254', '10.77.0.1'])
  const appliance = await lab.appliance('proxy')
  await appliance.deploy('marker', bios)
  await appliance.deploy('marker', uefi)

  const near = await lab.bios({ mac: bios })
  await near.prints(/net0: 10\.77\.0\.5\d\//, 60)
  t.regex((await near.prints(/LAB-LINUX .*\n/, 90))[0], new RegExp(`mac=${bios} .* word=beside-dnsmasq`))
  await near.isOff(20)

  const far = await lab.uefi({ mac: uefi }, remote)
  t.regex((await far.prints(/LAB-LINUX .*\n/, 120))[0], new RegExp(`mac=${uefi} .* word=beside-dnsmasq`))
  await far.isOff(20)
  t.regex(appliance.log, /proxy\.offer: .* behind 10\.78\.0\.1 is offered efi64\/syslinux\.efi/)
})
