// Real files with a per-host name under tftproot, and the links that the original PXE Pilot left among them.

import type { Dirent } from 'node:fs'
import { readdir, readlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readPath } from '../boot/paths.ts'
import { findUnder, type Links } from '../files.ts'
import type { Bootloader } from '../model.ts'
import { parseMac, type Mac } from '../net/mac.ts'
import { configurationName } from './folder.ts'
import { codeOf } from './locate.ts'

/** A link `pxelinux.cfg/01-<mac>` of the original: what it made this machine boot. */
export type Imported = {
  readonly mac: Mac
  readonly configuration: string
  /** Of the link, relative to tftproot. */
  readonly path: string
}

export type MenusFound = { readonly menus: readonly string[]; readonly imported: readonly Imported[] }

export type MenuSearch = {
  readonly tftproot: string
  readonly bootloaders: readonly Bootloader[]
  readonly links: Links
  /** The configuration directory, whose name the original's links carry. */
  readonly directory: string
}

/** The folders, relative to tftproot, in which loaders look for a name of their own. */
export function menuFolders(bootloaders: readonly Bootloader[]): readonly string[] {
  const beside = bootloaders
    .filter(({ language }) => language === 'pxelinux')
    .map(({ file }) => file.slice(0, file.lastIndexOf('/') + 1))
  return [
    ...new Set(['', ...beside].map((folder) => `${folder}pxelinux.cfg`)),
    'ipxe.cfg',
    'grub',
    'boot/grub',
  ]
}

/** The menus of one folder; one that is not there has none. Rejects when it cannot be read. */
export async function findMenus(folder: string, search: MenuSearch): Promise<MenusFound> {
  const menus: string[] = []
  const links = new Map<string, string>()
  for (const entry of await list(join(search.tftproot, folder))) {
    const path = `${folder}/${entry.name}`
    if (readPath(path).kind !== 'menu') continue
    if (entry.isFile()) menus.push(path)
    if (!entry.isSymbolicLink()) continue
    const target = await readlink(join(search.tftproot, path))
    if (entry.name.startsWith('01-') && isOriginal(target, search.directory)) links.set(entry.name, target)
    else if ((await findUnder(search.tftproot, path, search.links)).kind === 'found') menus.push(path)
  }
  return { menus: menus.toSorted(), imported: importedFrom(folder, links, search.directory) }
}

async function list(path: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return []
    throw error
  }
}

/**
 * The original linked the first MAC to `<directory>/<bootloader>/<name>`, the others to the first MAC's link; the
 * use case's own `ln -s pxelinux.cfg/conf/<name>` dangles. So a link is known by the tail of its text.
 */
export function isOriginal(target: string, directory: string): boolean {
  const [name = '', folder = '', above = ''] = target.split('/').toReversed()
  const conf = (text: string) => isConf(text, directory)
  return /^01-[0-9a-f-]{17}$/i.test(name) || conf(folder) || conf(above)
}

function isConf(folder: string, directory: string): boolean {
  return folder === 'conf' || folder === basename(directory)
}

/** Our own export links to files whose names carry an ending that the configuration's does not. */
function importedFrom(
  folder: string,
  links: ReadonlyMap<string, string>,
  directory: string,
): readonly Imported[] {
  return [...links].flatMap(([name, target]) => {
    const first = links.get(basename(target)) ?? target
    const mac = parseMac(name.slice(3))
    const configuration = configurationName(basename(first), isConf(basename(dirname(first)), directory))
    return mac === undefined ? [] : [{ mac, configuration, path: `${folder}/${name}` }]
  })
}
