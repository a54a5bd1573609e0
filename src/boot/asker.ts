// Which loaders a client that asks for a per-host name may be, by where it asks, what it was sent and what its host says.

import type { Bootloader, Host, Processor } from '../model.ts'
import { processorsOf } from './arch.ts'
import type { Facts } from './facts.ts'
import { pxeOf, speaksHttp } from './fitting.ts'
import type { Menu } from './paths.ts'

export type Asker = {
  /** All that it may be, in the order of the settings. */
  readonly loaders: readonly Bootloader[]
  /** What kernels it can start, the better ones first; undefined: nothing tells. */
  readonly processors: readonly Processor[] | undefined
}

/** `recent`: of the machine that the name means, which need not be who asks. */
export function askerOf(
  ask: Menu,
  { via, recent }: Pick<Facts, 'via' | 'recent'>,
  host: Host | undefined,
  bootloaders: readonly Bootloader[],
): Asker {
  const all = bootloaders.filter(({ language }) => language === ask.language)
  const sent = recent?.findLast((fetch) => all.some(({ file }) => file === fetch.file))
  const firmware = host?.firmware
  const signs: readonly ((loader: Bootloader) => boolean)[] = [
    (loader) => asksThere(loader, ask.path),
    ({ file }) => file === sent?.file,
    ({ firmwares }) =>
      firmware !== undefined && firmwares.some((one) => one === firmware || one === pxeOf(firmware)),
    // Of PXELINUX's builds the one that was given a prefix (`bootFile`).
    ({ file }) => via === 'http' && speaksHttp.test(file),
  ]
  // A sign that fits none of those left says nothing.
  const loaders = signs.reduce<readonly Bootloader[]>((left, fits) => {
    const fitting = left.filter(fits)
    return fitting.length === 0 ? left : fitting
  }, all)
  if (firmware !== undefined) return { loaders, processors: processorsOf[firmware] }
  const ofLoaders = loaders.flatMap(({ firmwares }) => firmwares.flatMap((one) => processorsOf[one]))
  return { loaders, processors: loaders.length < all.length ? [...new Set(ofLoaders)] : undefined }
}

/** PXELINUX and SYSLINUX look beside themselves; a GRUB's name for its folder is the settings' to say. */
function asksThere({ file, configPath }: Bootloader, path: string): boolean {
  const said = configPath.replace(/^\/+|\/+$/g, '')
  if (path === file || (said !== '' && (path === said || path === `${said}/grub.cfg`))) return true
  const found = /^(.*\/)?pxelinux\.cfg\/[^/]+$/.exec(path)
  return found !== null && file.slice(0, file.lastIndexOf('/') + 1) === (found[1] ?? '')
}
