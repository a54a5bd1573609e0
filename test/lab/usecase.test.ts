// The use case, with the configurations that ship: an installation that ends on the disk, and a live system.

import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { curlArchive, disk, diskMarker, linuxInitrd, liveInitrd, liveSquashfs } from './images.ts'
import { kernel } from './kernel.ts'
import { Lab, repository } from './lab.ts'

const mac = '52:54:00:77:00:02'
const fromDisk = new RegExp(diskMarker)

/** The roots as they ship, and the lab's Linux in the place of an installer. */
async function shipped(lab: Lab, installer: string): Promise<void> {
  for (const root of ['tftproot', 'httproot']) {
    await cp(join(repository, root), join(lab.folder, root), { recursive: true })
  }
  await lab.place((await kernel()).image, `tftproot/${installer}/linux`)
  await lab.place(await linuxInitrd(lab.folder), `tftproot/${installer}/initrd.gz`)
}

/** Switches the machine on with an empty disk, and follows it until its disk boots. */
async function installs(lab: Lab): Promise<void> {
  const machine = await lab.bios({ mac, disk: await disk(join(lab.folder, 'disk'), 'empty') })
  await machine.prints(/LAB-LINUX .*\n/, 90)
  await machine.prints(/LAB-SEED .*\n/, 60)
  await machine.prints(/LAB-DISK-WRITTEN/, 60)
  await machine.prints(/LAB-INSTALLED/, 90)
  // The firmware again: it has to come this far without a hand.
  await machine.prints(/SeaBIOS/, 30)
  await machine.prints(fromDisk, 60)
  await machine.isOff(10)
}

test('install, PUT by curl, reboot, disk', async (t) => {
  const lab = await Lab.make(t)
  await shipped(lab, 'ubuntu/1604')
  await lab.place(await curlArchive(lab.folder), 'httproot/lab-curl.cpio.gz')
  const appliance = await lab.appliance('server')
  await appliance.deploy('ubuntu-16.04', mac)
  await installs(lab)
  t.is(await appliance.assigned(mac), 'local')
})

test('install in proxy mode, PUT by nc as an installer without curl sends it, reboot, disk', async (t) => {
  const lab = await Lab.make(t)
  await lab.router()
  await shipped(lab, 'debian/12')
  const appliance = await lab.appliance('proxy')
  await appliance.deploy('debian-12', mac)
  await installs(lab)
  t.is(await appliance.assigned(mac), 'local')
})

test('a live-boot system runs from the squashfs it fetched over HTTP', async (t) => {
  const lab = await Lab.make(t)
  await lab.place((await kernel()).image, 'tftproot/live/vmlinuz')
  await lab.place(await liveInitrd(lab.folder), 'tftproot/live/initrd.img')
  await lab.place(await liveSquashfs(lab.folder), 'httproot/live/filesystem.squashfs')
  const lines = ['DEFAULT live', 'LABEL live', 'KERNEL live/vmlinuz', 'INITRD live/initrd.img']
  const append = 'APPEND boot=live fetch=${http}/live/filesystem.squashfs console=ttyS0'
  const configuration = join(lab.folder, 'tftproot/pxelinux.cfg/conf/live.tmpl')
  await writeFile(configuration, [...lines, append, ''].join('\n'))
  const appliance = await lab.appliance('server')
  await appliance.deploy('live', mac)
  const machine = await lab.bios({ mac })
  const [line] = await machine.prints(/LAB-LIVE .*\n/, 150)
  t.regex(line, /root=overlay .*fetch=http:\/\/10\.77\.0\.1\/live\/filesystem\.squashfs/)
  await machine.isOff(20)
})
