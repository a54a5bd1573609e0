// Copies the loaders that come from packages into tftproot, for whoever wants to keep the version there is now.

import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, mkdir, readdir, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { LoaderFile } from '../boot/table.ts'
import { isUnder } from '../files.ts'

export type InstallParts = {
  readonly tftproot: string
  readonly loaders: Iterable<readonly [name: string, file: LoaderFile]>
  readonly modules: Iterable<readonly [asked: string, folder: string]>
}

/**
 * Under the names that clients ask for; what is there already stays, as tftproot goes before the packages.
 * @throws what the file system says, its path in it, and where a link leads out of tftproot
 */
export async function installLoaders({
  tftproot,
  loaders,
  modules,
}: InstallParts): Promise<readonly string[]> {
  const copied: string[] = []
  for (const [name, file] of loaders) {
    if (file.from !== 'system') continue
    await copy(file.path, tftproot, name)
    copied.push(name)
  }
  for (const [asked, folder] of modules) {
    // Each package's modules once: under the prefix of the builds that are signed.
    if (!asked.startsWith('grub/')) continue
    const names = (await readdir(folder)).filter((name) => /\.(?:mod|lst)$/.test(name))
    for (const name of names) await copy(join(folder, name), tftproot, join(asked, name))
    copied.push(`${asked}/ (${names.length} modules)`)
  }
  return copied
}

/** Under the name `to`. A machine that fetches it meanwhile gets the whole of the one or of the other. */
async function copy(from: string, tftproot: string, to: string): Promise<void> {
  const folder = await folderFor(tftproot, dirname(to))
  const half = join(folder, `.${randomUUID()}.part`)
  try {
    await copyFile(from, half, constants.COPYFILE_EXCL)
    await rename(half, join(folder, basename(to)))
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}

/** Where the folder `path` really lies. A link on the way may lead elsewhere in tftproot, and not out of it (CWE-59). */
async function folderFor(tftproot: string, path: string): Promise<string> {
  await mkdir(tftproot, { recursive: true })
  const root = await realpath(tftproot)
  let real = root
  for (const part of path.split('/').filter((name) => name !== '' && name !== '.')) {
    const next = join(real, part)
    await mkdir(next).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    real = await realpath(next)
    if (!isUnder(root, real)) {
      throw new Error(`${next} leads out of tftproot to ${real}, where nothing is copied: make it a folder`)
    }
  }
  return real
}
