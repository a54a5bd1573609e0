// Loaders and their modules: in tftproot, else where a distribution's packages put them, else which package to install.

import { readdir, readFile } from 'node:fs/promises'
import { arch } from 'node:process'
import { basename, dirname, join } from 'node:path'
import type { LoaderFile } from '../boot/table.ts'
import { printable } from '../events.ts'
import { findUnder, type Links } from '../files.ts'
import type { Bootloader, Firmware } from '../model.ts'
import { companionIn } from './companions.ts'
import { families, installs, itself, moduleFolders } from './packages.ts'
import type { Distribution, Family, Kit, Packages } from './packages.ts'

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
  /** Folders of modules by the name clients ask for them under. */
  readonly modules: readonly (readonly [asked: string, folder: string])[]
  /** A sentence for each bootloader that cannot be offered, and for each that may not work. */
  readonly warnings: readonly string[]
}

/** Every bootloader by the name DHCP offers, and every module its clients may ask for beside it. */
export async function findLoaders(search: LoaderSearch): Promise<LoadersFound> {
  const found = new Map<string, LoaderFile>()
  const done = new Set<string>()
  const warnings: string[] = []
  const distribution = await distributionOf(search.system)
  const system = new Folders(search.system, ['usr/lib', 'usr/share', 'boot'])
  const own = search.tftproot === undefined ? undefined : new Folders(search.tftproot)
  for (const { name: called, file, firmwares, quiet, resident } of search.bootloaders) {
    if (file === '') {
      const text = `the bootloader ${printable(called)} has no file, so that no machine is sent it: add one to it in configuration.bootloaders, such as file: pxelinux.0`
      warnings.push(text)
      continue
    }
    if (done.has(file) || resident === true) continue
    done.add(file)
    const slash = file.lastIndexOf('/') + 1
    const folder = file.slice(0, slash)
    const name = file.slice(slash)
    const family = familyOf(file, firmwares)
    const installed = family === undefined ? new Map<string, string>() : await filesOf(family, name, system)
    for (const [module, path] of installed) {
      if (!found.has(folder + module)) found.set(folder + module, { from: 'system', path })
    }
    const loader = await find(file, installed.get(name), own, search)
    const needed = loader && family && (await companionOf(file, loader, family, search))
    if (loader === undefined || family === undefined || needed === undefined) {
      found.set(
        file,
        loader === undefined
          ? nowhere(
              `${file} is missing`,
              family && remedyOf(file, family, distribution, search),
              folder,
              search,
              family?.origin,
            )
          : withRefusal(file, loader, family, system, distribution),
      )
    } else {
      const beside = folder + needed
      const companion = await find(beside, installed.get(needed), own, search)
      if (companion !== undefined) found.set(beside, companion)
      // A loader without its companion stops at a message on its own screen: it counts as missing.
      const packages = needed === family.companion ? (family.companionPackages ?? {}) : {}
      const install = command(packages, family.debianArchitecture, distribution)
      const what = `${beside}, which ${file} needs, is missing`
      found.set(file, companion === undefined ? nowhere(what, install, folder, search) : loader)
      const isMixed = companion !== undefined && companion.from !== loader.from
      if (isMixed && family.kits === undefined) warnings.push(mixed(loader, file, beside))
    }
    const outcome = found.get(file)
    // What an admin has put there is meant to be used, whatever few need.
    if (outcome?.from === 'nowhere' && (quiet !== true || loader?.from === 'tftproot')) {
      warnings.push(outcome.remedy)
    }
  }
  return { loaders: [...found], modules: await findModules(system), warnings }
}

/** What is below a root, each folder listed once in a search: most of those asked for are not there. */
class Folders {
  private readonly root: string
  private readonly trunk: ReadonlySet<string>
  private readonly listed = new Map<string, Promise<readonly string[]>>()

  /** `trunk`: folders so long, and so surely there, that they are not listed to look for one below them. */
  constructor(root: string, trunk: readonly string[] = []) {
    this.root = root
    this.trunk = new Set(trunk)
  }

  path(name: string): string {
    return join(this.root, name)
  }

  async has(path: string): Promise<boolean> {
    return (await this.list(dirname(path))).includes(basename(path))
  }

  /** Empty where it is not there. */
  list(folder: string): Promise<readonly string[]> {
    const names = this.listed.get(folder) ?? this.read(folder)
    this.listed.set(folder, names)
    return names
  }

  private async read(folder: string): Promise<readonly string[]> {
    const isKnown = folder === '.' || this.trunk.has(folder) || this.trunk.has(dirname(folder))
    if (!isKnown && !(await this.has(folder))) return []
    return await readdir(join(this.root, folder)).catch(() => [])
  }
}

async function findModules(system: Folders): Promise<LoadersFound['modules']> {
  const found: (readonly [string, string])[] = []
  for (const { folder, asked } of moduleFolders) {
    if (await system.has(folder)) found.push(...asked.map((name) => [name, system.path(folder)] as const))
  }
  return found
}

function mixed(loader: LoaderFile, file: string, beside: string): string {
  const [own, packaged] = loader.from === 'tftproot' ? [file, beside] : [beside, file]
  return `${own} is in tftproot, but ${packaged} comes from the distribution: they work only if both are of one version`
}

async function find(
  name: string,
  installed: string | undefined,
  own: Folders | undefined,
  search: LoaderSearch,
): Promise<LoaderFile | undefined> {
  if (search.tftproot !== undefined && (await own?.has(name)) === true) {
    const found = await findUnder(search.tftproot, name, search.links)
    if (found.kind === 'found') return { from: 'tftproot' }
  }
  return installed === undefined ? undefined : { from: 'system', path: installed }
}

/** What packages bring of a family, by the names its clients ask for beside a loader called `loader`. */
async function filesOf(
  family: Family,
  loader: string,
  system: Folders,
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for (const folder of family.folders ?? []) {
    for (const name of (await system.list(folder)).toSorted()) {
      if (family.files?.test(name) === true && !files.has(name))
        files.set(name, system.path(`${folder}/${name}`))
    }
  }
  for (const kit of [...(family.kits ?? []), ...(family.shimless ?? [])]) {
    if (!(await isWhole(kit, system))) continue
    for (const [name, path] of Object.entries(kit))
      files.set(name === itself ? loader : name, system.path(path))
    break
  }
  return files
}

async function isWhole(kit: Kit, system: Folders): Promise<boolean> {
  for (const path of Object.values(kit)) if (!(await system.has(path))) return false
  return true
}

/** What it asks for beside itself; undefined: nothing, or what lies beside it in its package. */
async function companionOf(
  name: string,
  { from }: LoaderFile,
  family: Family,
  { tftproot, links }: LoaderSearch,
): Promise<string | undefined> {
  if (from === 'tftproot' && tftproot !== undefined) return await companionIn(tftproot, name, family, links)
  return family.kits === undefined ? family.companion : undefined
}

/** `origin`: where its makers have it, under a name of theirs. */
function nowhere(
  what: string,
  install: string | undefined,
  folder: string,
  { tftproot }: LoaderSearch,
  origin?: string,
): LoaderFile {
  const into = tftproot === undefined ? undefined : join(tftproot, folder, '.')
  if (install !== undefined) {
    return {
      from: 'nowhere',
      remedy: `${what}: ${install}${into === undefined ? '' : ` (or put it into ${into})`}`,
    }
  }
  const copy = origin === undefined ? `put it into ${into}` : `put ${origin} into ${into}, under this name`
  const remedy = into === undefined ? 'a tftp section in the settings file must say where it lies' : copy
  return { from: 'nowhere', remedy: `${what}: ${remedy}` }
}

function remedyOf(
  file: string,
  family: Family,
  distribution: Distribution | undefined,
  { tftproot = 'tftproot' }: LoaderSearch,
): string | undefined {
  const install = command(family.loaderPackages, family.debianArchitecture, distribution)
  if (install === undefined || family.madeBy === undefined) return install
  return `${install}; ${family.madeBy(file, tftproot)} makes it there`
}

/** It is served all the same: nothing tells whether a machine has Secure Boot on. */
function withRefusal(
  file: string,
  loader: LoaderFile,
  family: Family | undefined,
  system: Folders,
  distribution: Distribution | undefined,
): LoaderFile {
  if (loader.from !== 'system' || family?.shimless === undefined) return loader
  const own = family.shimless.flatMap((kit) => Object.values(kit)).map((path) => system.path(path))
  const install = command(family.loaderPackages, family.debianArchitecture, distribution)
  if (!own.includes(loader.path) || install === undefined) return loader
  return { ...loader, refused: `${file} is GRUB without shim: Secure Boot refuses it; ${install}` }
}

/** The packages that bring a bootloader on the distribution of `system`, by name; none where nobody has packed it. */
export async function packagesOf(system: string): Promise<(loader: Bootloader) => string | undefined> {
  const distribution = (await distributionOf(system)) ?? 'debian'
  return ({ file, firmwares }) => familyOf(file, firmwares)?.loaderPackages[distribution]
}

function familyOf(file: string, firmwares: readonly Firmware[]): Family | undefined {
  const name = basename(file)
  return families.find((entry) => entry.loader.test(name) && firmwares.includes(entry.firmware))
}

/** Node's names of the processors that Debian calls otherwise. */
const debianNames: Readonly<Record<string, string>> = { x64: 'amd64', ppc64: 'ppc64el' }

/** Has programs that run here, whatever their files are for. */
const maker = 'grub-common'

function command(
  packages: Packages,
  debianArchitecture: string | undefined,
  distribution: Distribution | undefined,
): string | undefined {
  if (distribution === undefined) {
    return packages.debian && `install the package that brings it (${packages.debian} on Debian and Ubuntu)`
  }
  const names = packages[distribution]
  if (names === undefined) return undefined
  const isForeign = debianArchitecture !== undefined && debianArchitecture !== (debianNames[arch] ?? arch)
  if (distribution !== 'debian' || !isForeign) return `${installs[distribution]} ${names}`
  // What they depend on is for programs of their own processor, and keeps ours (shim-signed's mokutil) from being installed.
  const foreign = names.split(' ').filter((name) => name !== maker)
  const first = foreign.length < names.split(' ').length ? `${installs.debian} ${maker}, ` : ''
  const files = foreign.map((name) => `${name}:${debianArchitecture}`).join(' ')
  return `${first}dpkg --add-architecture ${debianArchitecture}, apt-get update, apt-get download ${files}, and dpkg -x FILE / for each`
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
