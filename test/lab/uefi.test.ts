// UEFI machines: every loader that their firmware can run, each from power-on to a kernel that says so.

import { join } from 'node:path'
import test from 'ava'
import { efiDisk, diskMarker } from './images.ts'
import { exec } from './kernel.ts'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:11'
const fromDisk = new RegExp(diskMarker)

const grub = (word: string) => [
  'set timeout=0',
  'menuentry linux {',
  `  linux /vmlinuz ${word}`,
  '  initrd /initrd.gz',
  '}',
]

const ipxe = (word: string) => [
  '#!ipxe',
  `kernel /vmlinuz initrd=initrd.gz ${word}`,
  'initrd /initrd.gz',
  'boot',
]

test('shim, then the signed GRUB', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinuxFiles()
  await lab.placeConfiguration('grub/marker', grub('word=by-shim'))
  const appliance = await lab.appliance('server')
  await appliance.deploy('marker', mac)
  const { offer, asks } = await appliance.explained(mac, 'arch=uefi-x64')
  const machine = await lab.uefi({ mac })
  await machine.prints(/Fetching Netboot Image grubx64\.efi/, 60)
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 120)
  t.true(appliance.log.includes(`${offer?.file} from ${offer?.server} (52-54-00-77-00-11 boots marker`))
  t.true(asks.some(({ path }) => appliance.log.includes(`asks for /${path}: 52-54-00-77-00-11 boots marker`)))
  t.regex(line, new RegExp(`mac=${mac} .*word=by-shim`))
})

test('a GRUB that grub-mknetdir made', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinuxFiles()
  const root = join(lab.folder, 'tftproot')
  await exec('grub-mknetdir', [`--net-directory=${root}`, '--subdir=grub', '-d', '/usr/lib/grub/x86_64-efi'])
  await lab.placeConfiguration('grub/marker', grub('word=by-mknetdir'))
  const bootloaders = '  bootloaders: [{ name: grub, file: grub/x86_64-efi/core.efi }]'
  const appliance = await lab.appliance('server', bootloaders)
  await appliance.deploy('marker', mac)
  const machine = await lab.uefi({ mac })
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 120)
  t.regex(line, new RegExp(`mac=${mac} .*word=by-mknetdir`))
  t.regex(appliance.log, /asks for \/grub\/grub\.cfg-\S+: 52-54-00-77-00-11 boots marker/)
})

test('snponly.efi, then an iPXE script over HTTP', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinuxFiles()
  await lab.placeConfiguration('ipxe/marker', ipxe('word=by-snponly'))
  const appliance = await lab.appliance('server')
  await appliance.deploy('marker', mac)
  const machine = await lab.uefi({ mac })
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 120)
  t.regex(line, new RegExp(`mac=${mac} .*word=by-snponly`))
  t.regex(appliance.log, /tftp\.done: .* has snponly\.efi/)
  t.regex(appliance.log, /GET \/vmlinuz: 200/)
})

test('HTTP boot: ipxe.efi over HTTP, then the script', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinuxFiles()
  await lab.placeConfiguration('marker.yml', [
    'kernel: vmlinuz',
    'initrd: initrd.gz',
    'arguments: word=by-http-boot',
  ])
  const appliance = await lab.appliance('server')
  await appliance.deploy('marker', mac)
  const machine = await lab.uefi({ mac, boot: 'http' })
  await machine.prints(/Start HTTP Boot over IPv4/, 30)
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 120)
  t.regex(line, new RegExp(`mac=${mac} .*word=by-http-boot`))
  t.regex(appliance.log, /GET \/ipxe\.efi: 200/)
  t.notRegex(appliance.log, /tftp\.request/)
})

test('proxy mode beside a router: a loader that works there', async (t) => {
  const lab = await Lab.make(t)
  await lab.router()
  await lab.placeLinuxFiles()
  await lab.placeConfiguration('marker.yml', [
    'kernel: vmlinuz',
    'initrd: initrd.gz',
    'arguments: word=by-proxy',
  ])
  const appliance = await lab.appliance('proxy')
  await appliance.deploy('marker', mac)
  const machine = await lab.uefi({ mac })
  await machine.prints(/Station IP address is 10\.77\.0\.5\d/, 60)
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 120)
  t.regex(line, new RegExp(`mac=${mac} .*word=by-proxy`))
})

test('local: GRUB finds the loader on the disk', async (t) => {
  const lab = await Lab.make(t)
  const appliance = await lab.appliance('server')
  await appliance.deploy('local', mac)
  const machine = await lab.uefi({ mac, disk: await efiDisk(join(lab.folder, 'disk')) })
  await machine.prints(/GRUB/, 60)
  await machine.prints(fromDisk, 60)
  await machine.isOff(10)
  t.regex(appliance.log, /grub\.cfg: 52-54-00-77-00-11 boots local/)
})

test('local: iPXE leaves, and the firmware goes on to the disk', async (t) => {
  const lab = await Lab.make(t)
  const appliance = await lab.appliance('server', '  bootloaders: [{ name: ipxe, file: snponly.efi }]')
  await appliance.deploy('local', mac)
  const machine = await lab.uefi({ mac, disk: await efiDisk(join(lab.folder, 'disk')) })
  await machine.prints(/iPXE/, 60)
  // Before the disk it tries HTTP boot of the same card, which nobody answers, for a minute.
  await machine.prints(fromDisk, 280)
  await machine.isOff(10)
  t.regex(appliance.log, /GET \/ipxe\.cfg\/01-52-54-00-77-00-11: 200/)
})

test('install, PUT, reboot, disk', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinuxFiles('uefi')
  await lab.place('httproot/debian-12.seed.tmpl', 'httproot/debian-12.seed.tmpl')
  await lab.place('httproot/debian-12.sh.tmpl', 'httproot/debian-12.sh.tmpl')
  await lab.placeConfiguration('debian-12.yml', [
    'kernel: vmlinuz',
    'initrd: initrd.gz',
    'arguments: auto=true url=${http}/debian-12.seed',
  ])
  const appliance = await lab.appliance('server')
  await appliance.deploy('debian-12', mac)
  const empty = join(lab.folder, 'disk')
  await exec('truncate', ['-s', '8M', empty])
  const machine = await lab.uefi({ mac, disk: empty })
  await machine.prints(/LAB-LINUX .*\n/, 120)
  await machine.prints(/LAB-DISK-WRITTEN/, 60)
  await machine.prints(/LAB-INSTALLED/, 90)
  await machine.prints(fromDisk, 120)
  await machine.isOff(10)
  t.is(await appliance.assigned(mac), 'local')
})
