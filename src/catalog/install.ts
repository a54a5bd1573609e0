// Copies the loaders that come from packages into tftproot, for whoever wants to keep the version there is now.

import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { LoaderFile } from '../boot/table.ts'

export type InstallParts = {
  readonly tftproot: string
  readonly loaders: Iterable<readonly [name: string, file: LoaderFile]>
  readonly modules: Iterable<readonly [asked: string, folder: string]>
}

/**
 * Under the names that clients ask for; what is there already stays, as tftproot goes before the packages.
 * @throws what the file system says, its path in it
 */
export async function installLoaders({
  tftproot,
  loaders,
  modules,
}: InstallParts): Promise<readonly string[]> {
  const copied: string[] = []
  for (const [name, file] of loaders) {
    if (file.from !== 'system') continue
    await copy(file.path, join(tftproot, name))
    copied.push(name)
  }
  for (const [asked, folder] of modules) {
    // Each package's modules once: under the prefix of the builds that are signed.
    if (!asked.startsWith('grub/')) continue
    const names = (await readdir(folder)).filter((name) => /\.(?:mod|lst)$/.test(name))
    for (const name of names) await copy(join(folder, name), join(tftproot, asked, name))
    copied.push(`${asked}/ (${names.length} modules)`)
  }
  return copied
}

/** A machine that fetches it meanwhile gets the whole of the one or of the other. */
async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  const half = `${to}.part`
  try {
    await copyFile(from, half)
    await rename(half, to)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}
