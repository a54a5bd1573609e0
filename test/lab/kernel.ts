// Debian's cloud kernel for the guests, fetched once into a cache outside the repository, and its modules.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const exec = promisify(execFile)

const cache = join(process.env['XDG_CACHE_HOME'] ?? '/var/cache', 'pxe-pilot-lab')

/** Depends on the newest kernel with drivers for virtual machines only: a third of the ordinary one's size. */
const metaPackage = 'linux-image-cloud-amd64'

export type Kernel = {
  readonly version: string
  /** The bootable image. */
  readonly image: string
  /** Debian's list of what was built in, which mkinitramfs consults. */
  readonly config: string
  /** The folder lib/modules/VERSION of the package. */
  readonly modules: string
}

/** The cached kernel; downloads and unpacks it first when there is none, which takes some 10 s. */
export async function kernel(): Promise<Kernel> {
  const folder = join(cache, 'kernel')
  if (!existsSync(folder)) {
    progress('fetching a kernel')
    await mkdir(cache, { recursive: true })
    const fresh = await mkdtemp(join(cache, 'fetching-'))
    await unpackKernel(fresh)
    // In one step: a killed download never looks like a kernel.
    await rename(fresh, folder).catch(() => rm(fresh, { recursive: true }))
  }
  const [version] = readdirSync(join(folder, 'lib/modules'))
  if (version === undefined) throw new Error(`${folder} holds no kernel: remove it`)
  return {
    version,
    image: join(folder, 'boot', `vmlinuz-${version}`),
    config: join(folder, 'boot', `config-${version}`),
    modules: join(folder, 'lib/modules', version),
  }
}

async function unpackKernel(folder: string): Promise<void> {
  const { stdout } = await exec('apt-cache', ['depends', '--important', metaPackage])
  const name = /linux-image-\d\S*/.exec(stdout)?.[0]
  if (name === undefined) throw new Error(`apt knows no ${metaPackage}: run apt-get update`)
  // As root: apt's own user may not write here.
  await exec('apt-get', ['download', '-o', 'APT::Sandbox::User=root', name], { cwd: folder })
  for (const file of readdirSync(folder)) {
    await exec('dpkg', ['-x', join(folder, file), folder])
    await rm(join(folder, file))
  }
  const [version = ''] = readdirSync(join(folder, 'lib/modules'))
  await exec('depmod', ['-b', folder, version])
}

/** The files of the modules named and of all they need, in the order they load in; below `kernel.modules`. */
export function moduleFiles(of: Kernel, names: readonly string[]): readonly string[] {
  const needs = new Map<string, readonly string[]>()
  for (const line of readFileSync(join(of.modules, 'modules.dep'), 'utf8').split('\n')) {
    const [file = '', needed = ''] = line.split(':')
    needs.set(file, needed.trim().split(' ').filter(Boolean))
  }
  const files = names.flatMap((name) => {
    const file = [...needs.keys()].find((path) => path.endsWith(`/${name}.ko`))
    if (file === undefined) throw new Error(`kernel ${of.version} has no module ${name}`)
    // modules.dep names the nearest need first.
    return [...(needs.get(file) ?? []).toReversed(), file]
  })
  return [...new Set(files)]
}

/** Says on a terminal what takes long; logs stay free of it. */
export function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`  ${what} ...\n`)
}
