// Machines that cannot boot what was deployed to them: it says so on their own screens, and goes no circle.

import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { disk, diskMarker } from './images.ts'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:31'
const fromDisk = new RegExp(diskMarker)
const forGrub = ['menuentry linux {', '  linux /vmlinuz', '}']
const forPxelinux = ['DEFAULT linux', 'LABEL linux', 'KERNEL /vmlinuz']

const bios = '{ name: pxelinux, file: pxelinux.0 }'
const efi = '{ name: grub, file: bootx64.efi }'
const ipxe = '{ name: ipxe, file: undionly.kpxe }'

/** What the log says then. */
const told = (firmware: string) =>
  new RegExp(`one-way, but nothing written for it runs on ${firmware}; its screen says so`)

/** An appliance with these loaders, and on `mac` a configuration that is written for `language` alone. */
async function deployed(t: ExecutionContext, loaders: readonly string[], language: 'grub' | 'pxelinux') {
  const lab = await Lab.make(t)
  const file = language === 'grub' ? 'grub/one-way' : 'one-way'
  await lab.placeConfiguration(file, language === 'grub' ? forGrub : forPxelinux)
  const appliance = await lab.appliance('server', `  bootloaders: [${loaders.join(', ')}]`)
  await appliance.deploy('one-way', mac)
  const shown = (loader: string) =>
    new RegExp(String.raw`is to boot one-way,\s+which is written for ${language}, and this is ${loader}`)
  return { lab, appliance, shown }
}

test('PXELINUX shows that the configuration is for GRUB, and goes on to the disk', async (t) => {
  const { lab, appliance, shown } = await deployed(t, [bios, efi], 'grub')
  const machine = await lab.bios({ mac, disk: await disk(join(lab.folder, 'disk'), 'bootable') })
  await machine.prints(shown('PXELINUX'), 60)
  t.regex(await appliance.logWith(told('bios')), told('bios'))
  await machine.prints(fromDisk, 60)
})

test('GRUB shows that the configuration is for PXELINUX', async (t) => {
  const { lab, appliance, shown } = await deployed(t, [bios, efi], 'pxelinux')
  const machine = await lab.uefi({ mac })
  await machine.prints(shown('GRUB'), 120)
  t.regex(await appliance.logWith(told('uefi-x64')), told('uefi-x64'))
})

test('iPXE shows that the configuration is for GRUB', async (t) => {
  const { lab, appliance, shown } = await deployed(t, [ipxe, efi], 'grub')
  const machine = await lab.bios({ mac })
  await machine.prints(shown('iPXE'), 60)
  t.regex(await appliance.logWith(told('bios')), told('bios'))
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
  const refusal = /first\.0.*3 times in a minute/
  t.regex(await appliance.logWith(refusal), refusal)
})
