// The use case, with the configurations that ship: an installation that ends on the disk, and a live system.

import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { curlArchive, disk, diskMarker, linuxInitrd, liveInitrd, liveSquashfs } from './images.ts'
import { isoImage } from './iso.ts'
import { kernel } from './kernel.ts'
import { Lab, repository } from './lab.ts'

const mac = '52:54:00:77:00:02'
const fromDisk = new RegExp(diskMarker)

async function shippedRoots(lab: Lab): Promise<void> {
  for (const root of ['tftproot', 'httproot']) {
    await cp(join(repository, root), join(lab.folder, root), { recursive: true, verbatimSymlinks: true })
  }
}

/** The lab's Linux in the place of an installer. */
async function placeInstaller(lab: Lab, folder: string): Promise<void> {
  await lab.place((await kernel()).image, `tftproot/${folder}/linux`)
  await lab.place(await linuxInitrd(lab.folder), `tftproot/${folder}/initrd.gz`)
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
  await shippedRoots(lab)
  await placeInstaller(lab, 'ubuntu/1604')
  await lab.place(await curlArchive(lab.folder), 'httproot/lab-curl.cpio.gz')
  const appliance = await lab.appliance('server')
  await appliance.deploy('ubuntu-16.04', mac)
  await installs(lab)
  t.is(await appliance.assigned(mac), 'local')
})

test('install in proxy mode, PUT by nc as an installer without curl sends it, reboot, disk', async (t) => {
  const lab = await Lab.make(t)
  await lab.router()
  await shippedRoots(lab)
  await placeInstaller(lab, 'debian/12')
  const appliance = await lab.appliance('proxy')
  await appliance.deploy('debian-12', mac)
  await installs(lab)
  t.is(await appliance.assigned(mac), 'local')
})

test('a live-boot system runs from the squashfs it fetched over HTTP', async (t) => {
  const lab = await Lab.make(t)
  await placeLive(lab, 'tftproot/live')
  await lab.place(await liveSquashfs(lab.folder), 'httproot/live/filesystem.squashfs')
  const lines = ['DEFAULT live', 'LABEL live', 'KERNEL live/vmlinuz', 'INITRD live/initrd.img']
  const append = 'APPEND boot=live fetch=${http}/live/filesystem.squashfs console=ttyS0'
  const configuration = join(lab.folder, 'tftproot/pxelinux.cfg/conf/live.tmpl')
  await writeFile(configuration, [...lines, append, ''].join('\n'))
  t.regex(
    await runsLive(lab, 'live'),
    /root=overlay .*fetch=http:\/\/10\.77\.0\.1\/live\/filesystem\.squashfs/,
  )
})

test('the live configuration that ships boots from the image it names', async (t) => {
  const lab = await Lab.make(t)
  await shippedRoots(lab)
  await placeLive(lab, 'tftproot/grml/2017.05')
  const squashfs = await readFile(await liveSquashfs(lab.folder))
  const image = isoImage(['live', 'grml64-full'], 'grml64-full.squashfs', squashfs)
  await writeFile(join(lab.folder, 'httproot/grml64-full_2017.05.iso'), image)
  t.regex(await runsLive(lab, 'grml-2017.05'), /root=overlay .*BOOTIF=01-52-54-00-77-00-02/)
})

async function placeLive(lab: Lab, folder: string): Promise<void> {
  await lab.place((await kernel()).image, `${folder}/vmlinuz`)
  await lab.place(await liveInitrd(lab.folder), `${folder}/initrd.img`)
}

/** Deploys the live configuration and gives the line its system prints. */
async function runsLive(lab: Lab, configuration: string): Promise<string> {
  const appliance = await lab.appliance('server')
  await appliance.deploy(configuration, mac)
  const machine = await lab.bios({ mac })
  const [line] = await machine.prints(/LAB-LIVE .*\n/, 150)
  await machine.isOff(20)
  return line
}
