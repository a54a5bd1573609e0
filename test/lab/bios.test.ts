// BIOS machines: what was deployed boots, what was not is left alone, beside a router and after a crash too.

import { join } from 'node:path'
import test from 'ava'
import { disk, diskMarker } from './images.ts'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:01'
const fromDisk = new RegExp(diskMarker)

test('a deployed configuration boots through a pxelinux.0 nobody installed, to a running kernel', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=deployed')
  const appliance = await lab.appliance('server')
  await appliance.deploy('marker', mac)
  const { offer, asks } = await appliance.explained(mac, 'arch=bios&agent=ipxe')
  const machine = await lab.bios({ mac })
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 90)
  t.regex(line, new RegExp(`mac=${mac} .* word=deployed`))
  t.true(appliance.log.includes(`${offer?.file} from ${offer?.server} (52-54-00-77-00-01 boots marker`))
  t.true(asks.some(({ path }) => appliance.log.includes(`asks for ${path}: 52-54-00-77-00-01 boots marker`)))
  await machine.isOff(20)
})

test('local boots the disk, with no file of that name', async (t) => {
  const lab = await Lab.make(t)
  const appliance = await lab.appliance('server')
  await appliance.deploy('local', mac)
  const machine = await lab.bios({ mac, disk: await disk(join(lab.folder, 'disk'), 'bootable') })
  await machine.prints(/PXELINUX/, 60)
  await machine.prints(fromDisk, 60)
  await machine.isOff(10)
  t.regex(appliance.log, /asks for pxelinux\.cfg\/01-52-54-00-77-00-01/)
})

test('a machine with nothing deployed gets an address, no boot file, and goes on to its disk', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=not-for-you')
  const appliance = await lab.appliance('server')
  await appliance.deploy('marker', '52:54:00:77:00:99')
  const machine = await lab.bios({ mac, disk: await disk(join(lab.folder, 'disk'), 'bootable') })
  await machine.prints(/net0: 10\.77\.0\.1\d\d\//, 60)
  await machine.prints(fromDisk, 60)
  t.notRegex(machine.log, /Filename:/)
})

test('proxy mode boots a deployed machine beside a router that gives the addresses', async (t) => {
  const lab = await Lab.make(t)
  await lab.router()
  await lab.placeLinux('marker', 'word=by-proxy')
  const appliance = await lab.appliance('proxy')
  await appliance.deploy('marker', mac)
  const machine = await lab.bios({ mac })
  await machine.prints(/net0: 10\.77\.0\.5\d\//, 60)
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 90)
  t.regex(line, /word=by-proxy/)
})

test('proxy mode leaves a machine with nothing deployed alone', async (t) => {
  const lab = await Lab.make(t)
  await lab.router()
  await lab.placeLinux('marker', 'word=not-for-you')
  const appliance = await lab.appliance('proxy')
  await appliance.deploy('marker', '52:54:00:77:00:99')
  const machine = await lab.bios({ mac, disk: await disk(join(lab.folder, 'disk'), 'bootable') })
  await machine.prints(/net0: 10\.77\.0\.5\d\//, 60)
  await machine.prints(fromDisk, 60)
  t.notRegex(machine.log, /Filename:/)
})

test('after kill -9 a machine has its address again and boots what was deployed', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=after-the-crash')
  const first = await lab.appliance('server')
  const drive = await disk(join(lab.folder, 'disk'), 'bootable')
  const before = await lab.bios({ mac, disk: drive })
  const [, address] = await before.prints(/net0: (10\.77\.0\.1\d\d)\//, 60)
  await before.prints(fromDisk, 60)
  await before.isOff(10)

  await first.deploy('marker', mac)
  await first.kill()
  const second = await lab.appliance('server')
  t.is(await second.assigned(mac), 'marker')
  const after = await lab.bios({ mac, disk: drive })
  t.is((await after.prints(/net0: (10\.77\.0\.1\d\d)\//, 60))[1], address)
  const [line] = await after.prints(/LAB-LINUX .*\n/, 90)
  t.regex(line, /word=after-the-crash/)
})
