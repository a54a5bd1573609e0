// Loaders and their modules: in tftproot, else where a distribution's packages put them, else which package to install.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoaderFile } from '../boot/table.ts'
import { findUnder, openFound, type Links } from '../files.ts'
import type { Bootloader, Firmware } from '../model.ts'

type Distribution = 'debian' | 'fedora' | 'arch' | 'alpine' | 'suse'

/** The package that brings a file, on each distribution that has one. */
type Packages = Readonly<Partial<Record<Distribution, string>>>

/** Loaders that share a folder of modules, and where packages put both. */
type Family = {
  readonly firmware: Firmware
  /** The names a bootloader of this family goes by, whatever folder the settings put it in. */
  readonly loader: RegExp
  /** Every file that a client of this family may ask for beside its loader. */
  readonly files: RegExp
  /** Without it the loader stops; SYSLINUX and PXELINUX before 5.00 had no such file. */
  readonly companion: string
  /** Relative to the root of the system; the first that has a file wins. */
  readonly folders: readonly string[]
  readonly loaderPackages: Packages
  readonly companionPackages: Packages
}

const everywhereElse = { arch: 'syslinux', alpine: 'syslinux', suse: 'syslinux' }

// Read from the packages' file lists: Debian 12 (pxelinux, syslinux-efi and syslinux-common 6.04), Fedora, Arch, Alpine.
const families: readonly Family[] = [
  {
    firmware: 'bios',
    loader: /^l?pxelinux\.0$/,
    files: /^(?:l?pxelinux\.0|memdisk|[^/]+\.c32)$/,
    companion: 'ldlinux.c32',
    folders: [
      'usr/lib/PXELINUX',
      'usr/lib/syslinux/modules/bios',
      'usr/lib/syslinux/bios',
      'usr/lib/syslinux',
      'usr/share/syslinux',
    ],
    loaderPackages: { debian: 'pxelinux', fedora: 'syslinux-nonlinux', ...everywhereElse },
    companionPackages: { debian: 'syslinux-common', fedora: 'syslinux-nonlinux', ...everywhereElse },
  },
  {
    firmware: 'uefi-x64',
    loader: /^syslinux\.efi$/,
    files: /^(?:syslinux\.efi|ldlinux\.e64|[^/]+\.c32)$/,
    companion: 'ldlinux.e64',
    folders: [
      'usr/lib/SYSLINUX.EFI/efi64',
      'usr/lib/syslinux/modules/efi64',
      'usr/lib/syslinux/efi64',
      'usr/share/syslinux/efi64',
    ],
    loaderPackages: { debian: 'syslinux-efi', fedora: 'syslinux-efi64', ...everywhereElse },
    companionPackages: { debian: 'syslinux-common', fedora: 'syslinux-efi64', ...everywhereElse },
  },
  {
    firmware: 'uefi-ia32',
    loader: /^syslinux\.efi$/,
    files: /^(?:syslinux\.efi|ldlinux\.e32|[^/]+\.c32)$/,
    companion: 'ldlinux.e32',
    folders: [
      'usr/lib/SYSLINUX.EFI/efi32',
      'usr/lib/syslinux/modules/efi32',
      'usr/lib/syslinux/efi32',
      'usr/share/syslinux/efi32',
    ],
    loaderPackages: { debian: 'syslinux-efi', ...everywhereElse },
    companionPackages: { debian: 'syslinux-common', ...everywhereElse },
  },
]

const installs: Readonly<Record<Distribution, string>> = {
  debian: 'apt-get install',
  fedora: 'dnf install',
  arch: 'pacman -S',
  alpine: 'apk add',
  suse: 'zypper install',
}

export type LoaderSearch = {
  readonly bootloaders: readonly Bootloader[]
  /** Undefined where the settings have no tftp section. */
  readonly tftproot: string | undefined
  readonly links: Links
  /** The root of the system that packages are installed in. */
  readonly system: string
}

export type LoadersFound = {
  readonly loaders: readonly (readonly [name: string, file: LoaderFile])[]
  /** A sentence for each bootloader that cannot be offered, and for each that may not work. */
  readonly warnings: readonly string[]
}

/** Every bootloader by the name DHCP offers, and every module its clients may ask for beside it. */
export async function findLoaders(search: LoaderSearch): Promise<LoadersFound> {
  const found = new Map<string, LoaderFile>()
  const done = new Set<string>()
  const warnings: string[] = []
  const distribution = await distributionOf(search.system)
  for (const { file, firmwares } of search.bootloaders) {
    if (done.has(file)) continue
    done.add(file)
    const slash = file.lastIndexOf('/') + 1
    const folder = file.slice(0, slash)
    const name = file.slice(slash)
    const family = families.find((entry) => entry.loader.test(name) && firmwares.includes(entry.firmware))
    const installed = family === undefined ? new Map<string, string>() : await filesOf(family, search.system)
    for (const [module, path] of installed) {
      if (!found.has(folder + module)) found.set(folder + module, { from: 'system', path })
    }
    const loader = await find(file, installed.get(name), search)
    if (loader === undefined || family === undefined) {
      const install = family && command(family.loaderPackages, distribution)
      found.set(file, loader ?? nowhere(`${file} is missing`, install, folder, search))
    } else {
      const beside = folder + family.companion
      const companion = await find(beside, installed.get(family.companion), search)
      if (companion !== undefined) found.set(beside, companion)
      // A loader without its companion stops at a message on its own screen: it counts as missing.
      const lacks = companion?.from !== loader.from && (await needsCompanion(file, loader, search))
      const install = command(family.companionPackages, distribution)
      const what = `${beside}, which ${file} needs, is missing`
      found.set(file, lacks && companion === undefined ? nowhere(what, install, folder, search) : loader)
      if (lacks && companion !== undefined) warnings.push(mixed(loader, file, beside))
    }
    const outcome = found.get(file)
    if (outcome?.from === 'nowhere') warnings.push(outcome.remedy)
  }
  return { loaders: [...found], warnings }
}

function mixed(loader: LoaderFile, file: string, beside: string): string {
  const [own, packaged] = loader.from === 'tftproot' ? [file, beside] : [beside, file]
  return `${own} is in tftproot, but ${packaged} comes from the distribution: they work only if both are of one version`
}

async function find(
  name: string,
  installed: string | undefined,
  search: LoaderSearch,
): Promise<LoaderFile | undefined> {
  if (search.tftproot !== undefined) {
    const own = await findUnder(search.tftproot, name, search.links)
    if (own.kind === 'found') return { from: 'tftproot' }
  }
  return installed === undefined ? undefined : { from: 'system', path: installed }
}

async function filesOf(family: Family, system: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for (const folder of family.folders) {
    const path = join(system, folder)
    // A folder of another distribution is not there.
    const names = await readdir(path).catch((): string[] => [])
    for (const name of names.toSorted()) {
      if (family.files.test(name) && !files.has(name)) files.set(name, join(path, name))
    }
  }
  return files
}

/** PXELINUX's banner stands in the part of it that is not compressed, within these first bytes. */
const bannerWithin = 16 * 1024

/** PXELINUX 4 and older hold everything in one file; `PXELINUX 6.04` stands in their first bytes. */
async function needsCompanion(name: string, loader: LoaderFile, search: LoaderSearch): Promise<boolean> {
  if (loader.from !== 'tftproot' || search.tftproot === undefined) return true
  const own = await findUnder(search.tftproot, name, search.links)
  if (own.kind !== 'found') return true
  const handle = await openFound(own.path).catch(() => undefined)
  try {
    const read = await handle?.read(Buffer.alloc(bannerWithin), 0, bannerWithin, 0)
    const major = /PXELINUX (\d+)\.\d/.exec(read?.buffer.toString('latin1') ?? '')?.[1]
    return major === undefined || Number(major) >= 5
  } catch {
    return true
  } finally {
    await handle?.close()
  }
}

function nowhere(
  what: string,
  install: string | undefined,
  folder: string,
  search: LoaderSearch,
): LoaderFile {
  const copy = search.tftproot === undefined ? undefined : `put it into ${join(search.tftproot, folder, '.')}`
  const remedy =
    install === undefined
      ? `${what}: ${copy ?? 'a tftp section in the settings file must say where it lies'}`
      : `${what}: ${install}${copy === undefined ? '' : ` (or ${copy})`}`
  return { from: 'nowhere', remedy }
}

function command(packages: Packages, distribution: Distribution | undefined): string | undefined {
  if (distribution === undefined) {
    return packages.debian && `install the package that brings it (${packages.debian} on Debian and Ubuntu)`
  }
  const name = packages[distribution]
  return name && `${installs[distribution]} ${name}`
}

// os-release(5): ID is the distribution, ID_LIKE what it descends from, nearest first.
async function distributionOf(system: string): Promise<Distribution | undefined> {
  const text = await readFile(join(system, 'etc/os-release'), 'utf8').catch(() => '')
  const ids = ['ID', 'ID_LIKE'].flatMap((key) => {
    const value = new RegExp(`^${key}=["']?([^"'\n]*)`, 'm').exec(text)?.[1] ?? ''
    return value.split(' ')
  })
  return ids
    .map((id) => (id === 'opensuse' ? 'suse' : id))
    .find((id): id is Distribution => Object.hasOwn(installs, id))
}
