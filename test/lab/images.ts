// Builds what the guests load: a small Linux initrd that can install, a live-boot system, and the disk they end on.

import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bootSector } from './boot-sector.ts'
import { exec, kernel, moduleFiles, progress, type Kernel } from './kernel.ts'

const guests = fileURLToPath(new URL('./guests', import.meta.url))

/** What a machine prints that was started from its disk. */
export const diskMarker = 'LAB-DISK-BOOTED'

/** What a network card, a disk and their bus need. */
const drivers = ['virtio_pci', 'virtio_net', 'virtio_blk']
/** What live-boot needs on top of that. */
const liveDrivers = [...drivers, 'loop', 'squashfs', 'overlay', 'isofs']

/**
 * The lab's Linux as one initrd, `guests/init`. The disk it installs prints `diskMarker`.
 * @param folder a scratch folder, which the initrd stays in
 */
export async function linuxInitrd(folder: string, firmware: 'bios' | 'uefi' = 'bios'): Promise<string> {
  const of = await kernel()
  const root = join(folder, 'initrd')
  await mkdir(join(root, 'bin'), { recursive: true })
  await mkdir(join(root, 'modules'))
  await cp('/bin/busybox', join(root, 'bin/busybox'))
  for (const script of ['init', 'udhcpc']) await cp(join(guests, script), join(root, script))
  const names: string[] = []
  for (const file of moduleFiles(of, drivers)) {
    const name = file.slice(file.lastIndexOf('/') + 1)
    await cp(join(of.modules, file), join(root, 'modules', name))
    names.push(name)
  }
  await writeFile(join(root, 'modules/order'), `${names.join('\n')}\n`)
  if (firmware === 'bios') await writeFile(join(root, 'disk.img'), bootSector(diskMarker))
  else await efiDisk(join(root, 'disk.img'))
  return archive(root, join(folder, 'initrd.gz'))
}

/** What the lab's Linux loads over HTTP before it installs, if it is there: this machine's curl, with its libraries. */
export async function curlArchive(folder: string): Promise<string> {
  const root = join(folder, 'curl')
  const { stdout: libraries } = await exec('ldd', ['/usr/bin/curl'])
  for (const file of ['/usr/bin/curl', ...(libraries.match(/\/\S+/g) ?? [])]) {
    await mkdir(join(root, dirname(file)), { recursive: true })
    await cp(file, join(root, file), { dereference: true })
  }
  return archive(root, join(folder, 'lab-curl.cpio.gz'))
}

/** An initrd with Debian's own live-boot in it, made by Debian's mkinitramfs; takes some 7 s. */
export async function liveInitrd(folder: string): Promise<string> {
  progress('building the live-boot initrd')
  const of = await kernel()
  const work = join(folder, 'live-initrd')
  await mkdir(join(work, 'conf/scripts'), { recursive: true })
  await mkdir(join(work, 'boot'))
  const settings = ['MODULES=list', 'BUSYBOX=y', 'COMPRESS=gzip', 'RUNSIZE=10%', 'FSTYPE=auto']
  await writeFile(
    join(work, 'conf/initramfs.conf'),
    `${settings.join('\n')}\nKEYMAP=n\nDEVICE=\nNFSROOT=auto\n`,
  )
  await writeFile(join(work, 'conf/modules'), `${liveDrivers.join('\n')}\n`)
  await cp(of.config, join(work, 'boot', `config-${of.version}`))
  // live-boot's hook takes every network driver it finds: it finds ours alone.
  const modules = join(work, 'modules', of.version)
  const lists = ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']
  for (const file of [...lists, ...moduleFiles(of, liveDrivers)]) {
    await cp(join(of.modules, file), join(modules, file))
  }
  await inItsPlace(work, of)
  return join(work, 'initrd.img')
}

/** Runs mkinitramfs, which reads /boot and /lib/modules and nothing else, with our folders mounted there. */
async function inItsPlace(work: string, of: Kernel): Promise<void> {
  const script = [
    'mkdir -p /lib/modules',
    'mount --bind "$1/modules" /lib/modules',
    'mount --bind "$1/boot" /boot',
    'depmod "$2"',
    'mkinitramfs -d "$1/conf" -o "$1/initrd.img" "$2"',
  ]
  await exec('unshare', ['--mount', 'sh', '-ec', script.join('\n'), 'sh', work, of.version])
}

/** The live system's filesystem: busybox and an init that prints LAB-LIVE. */
export async function liveSquashfs(folder: string): Promise<string> {
  const root = join(folder, 'live')
  // live-boot moves its own mounts into proc, sys and dev: they have to be there.
  for (const name of ['bin', 'sbin', 'etc', 'proc', 'sys', 'dev', 'run', 'tmp', 'root', 'lib', 'mnt']) {
    await mkdir(join(root, name), { recursive: true })
  }
  await cp('/bin/busybox', join(root, 'bin/busybox'))
  await symlink('busybox', join(root, 'bin/sh'))
  await cp(join(guests, 'live-init'), join(root, 'sbin/init'))
  const file = join(folder, 'filesystem.squashfs')
  await exec('mksquashfs', [root, file, '-quiet', '-no-progress', '-all-root'])
  return file
}

/** A raw disk of 8 MiB: empty, or starting with a sector that prints `diskMarker`. */
export async function disk(file: string, content: 'empty' | 'bootable'): Promise<string> {
  const image = Buffer.alloc(8 << 20)
  if (content === 'bootable') image.set(bootSector(diskMarker))
  await writeFile(file, image)
  return file
}

/** A small FAT file system with an EFI program that prints `diskMarker` on the serial port and powers off. */
export async function efiDisk(file: string): Promise<string> {
  const program = `${file}.efi`
  const script = `${file}.cfg`
  // To the port itself: the firmware's console puts escape codes between the letters.
  const lines = ['serial --unit=0 --speed=115200', 'terminal_output serial', `echo ${diskMarker}`, 'halt']
  await writeFile(script, `${lines.join('\n')}\n`)
  const modules = ['normal', 'echo', 'serial', 'terminal', 'halt']
  await exec('grub-mkimage', ['-O', 'x86_64-efi', '-p', '/', '-c', script, '-o', program, ...modules])
  // 8 MiB in sectors.
  await exec('mformat', ['-C', '-i', file, '-T', '16384', '::'])
  await exec('mmd', ['-i', file, '::/EFI', '::/EFI/BOOT'])
  await exec('mcopy', ['-i', file, program, '::/EFI/BOOT/BOOTX64.EFI'])
  for (const made of [program, script]) await rm(made)
  return file
}

async function archive(root: string, file: string): Promise<string> {
  const script = 'cd "$1" && find . | cpio --quiet -o -H newc | gzip -1 >"$2"'
  await exec('sh', ['-ec', script, 'sh', root, file])
  await rm(root, { recursive: true })
  return file
}
