// Machines that cannot boot what was deployed to them: it says so on their own screens, and goes no circle.

import { join } from 'node:path'
import test from 'ava'
import { disk, diskMarker } from './images.ts'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:31'
const fromDisk = new RegExp(diskMarker)
const forGrub = ['menuentry linux {', '  linux /vmlinuz', '}']
const forPxelinux = ['DEFAULT linux', 'LABEL linux', 'KERNEL /vmlinuz']

test('PXELINUX shows that the configuration is for GRUB, and goes on to the disk', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeConfiguration('grub/efi-only', forGrub)
  const bootloaders =
    '  bootloaders: [{ name: pxelinux, file: pxelinux.0 }, { name: grub, file: bootx64.efi }]'
  const appliance = await lab.appliance('server', bootloaders)
  await appliance.deploy('efi-only', mac)
  const machine = await lab.bios({ mac, disk: await disk(join(lab.folder, 'disk'), 'bootable') })
  await machine.prints(/is to boot efi-only,\s+which is written for grub, and this is PXELINUX/, 60)
  t.regex(appliance.log, /efi-only, but nothing written for it runs on bios; its screen says so/)
  await machine.prints(fromDisk, 60)
})

test('GRUB shows that the configuration is for PXELINUX', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeConfiguration('bios-only', forPxelinux)
  const bootloaders =
    '  bootloaders: [{ name: pxelinux, file: pxelinux.0 }, { name: grub, file: bootx64.efi }]'
  const appliance = await lab.appliance('server', bootloaders)
  await appliance.deploy('bios-only', mac)
  const machine = await lab.uefi({ mac })
  await machine.prints(/is to boot bios-only,\s+which is written for pxelinux, and this is GRUB/, 120)
  t.regex(appliance.log, /bios-only, but nothing written for it runs on uefi-x64; its screen says so/)
})

test('iPXE shows that the configuration is for GRUB', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeConfiguration('grub/efi-only', forGrub)
  const bootloaders =
    '  bootloaders: [{ name: ipxe, file: undionly.kpxe }, { name: grub, file: bootx64.efi }]'
  const appliance = await lab.appliance('server', bootloaders)
  await appliance.deploy('efi-only', mac)
  const machine = await lab.bios({ mac })
  await machine.prints(/is to boot efi-only,\s+which is written for grub, and this is iPXE/, 60)
  t.regex(appliance.log, /efi-only, but nothing written for it runs on bios; its screen says so/)
})

test('a loader that asks for itself again is sent three times', async (t) => {
  const lab = await Lab.make(t)
  // An iPXE that nobody can know for one by its name: each asks for a boot file as the one before it did.
  await lab.place('/usr/lib/ipxe/undionly.kpxe', 'tftproot/first.0')
  await lab.placeConfiguration('circle', forPxelinux)
  const appliance = await lab.appliance('server', '  bootloaders: [{ name: pxelinux, file: first.0 }]')
  await appliance.deploy('circle', mac)
  const machine = await lab.bios({ mac })
  await machine.prints(/first\.0\.\.\. No such file or directory/, 90)
  t.is([...machine.log.matchAll(/first\.0\.\.\. ok/g)].length, 3)
  t.regex(appliance.log, /first\.0.*3 times in a minute/)
})
