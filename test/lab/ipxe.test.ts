// BIOS machines whose ROM is iPXE, and the loaders it loads: a script, lpxelinux over HTTP, and the way to the disk.

import { join } from 'node:path'
import test from 'ava'
import { disk, diskMarker } from './images.ts'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:21'

test('the ROM runs an iPXE configuration, fetched over HTTP', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinuxFiles()
  const script = ['#!ipxe', 'kernel /vmlinuz word=by-rom', 'initrd /initrd.gz', 'boot']
  await lab.placeConfiguration('ipxe/marker', script)
  const appliance = await lab.appliance('server')
  await appliance.deploy('marker', mac)
  const machine = await lab.bios({ mac })
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 90)
  t.regex(line, new RegExp(`mac=${mac} .*word=by-rom`))
  t.notRegex(appliance.log, /tftp\.request/)
})

test('local: iPXE goes on to the disk', async (t) => {
  const lab = await Lab.make(t)
  const appliance = await lab.appliance('server', '  bootloaders: [{ name: ipxe, file: undionly.kpxe }]')
  await appliance.deploy('local', mac)
  const machine = await lab.bios({ mac, disk: await disk(join(lab.folder, 'disk'), 'bootable') })
  await machine.prints(/ipxe\.cfg/, 60)
  await machine.prints(new RegExp(diskMarker), 60)
  await machine.isOff(10)
  t.regex(appliance.log, /GET \/ipxe\.cfg\/01-52-54-00-77-00-21: 200/)
})

test('lpxelinux.0 fetches its kernel over HTTP', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinuxFiles()
  const lines = ['DEFAULT linux', 'LABEL linux', 'KERNEL ${http}/vmlinuz', 'INITRD ${http}/initrd.gz']
  await lab.placeConfiguration('marker.tmpl', [...lines, 'APPEND word=by-lpxelinux'])
  const appliance = await lab.appliance('server', '  bootloaders: [{ name: lpxelinux, file: lpxelinux.0 }]')
  await appliance.deploy('marker', mac)
  // Over virtio-net it stalls in the middle of a file.
  const machine = await lab.bios({ mac, card: 'e1000' })
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 90)
  t.regex(line, /word=by-lpxelinux/)
  t.regex(appliance.log, /GET \/initrd\.gz: 200/)
})
