// Which file a loader in tftproot asks for beside itself, and stops without: as the loader's own bytes say.

import { findUnder, openFound, type Links } from '../files.ts'
import type { Family, Telling } from './packages.ts'

type Teller = {
  /** Bytes, from the file's first. */
  readonly within: number
  /** `usual`: what loaders of its make ask for. Undefined: it needs nothing. */
  readonly read: (content: string, usual: string) => string | undefined
}

const tellers: Readonly<Record<Telling, Teller>> = {
  // PXELINUX 4 and older hold everything in one file; `PXELINUX 6.04` stands in the part that is not compressed.
  pxelinux: {
    within: 16 * 1024,
    read: (content, usual) => {
      const major = /PXELINUX (\d+)\.\d/.exec(content)?.[1]
      return major === undefined || Number(major) >= 5 ? usual : undefined
    },
  },
  // `UEFI SHIM` and its version stand in every shim (version.c), what it starts in UTF-16 (DEFAULT_LOADER): SUSE's
  // `grub.efi`, and `ipxe.efi` in that of iPXE. A GRUB of the same name needs nothing.
  shim: {
    within: 2 * 1024 * 1024,
    read: (content, usual) => {
      if (!content.includes('UEFI SHIM')) return undefined
      const [, name] = /\\\0((?:g\0r\0u\0b\0|i\0p\0x\0e\0)(?:[\w-]\0)*\.\0e\0f\0i\0)/.exec(content) ?? []
      return name?.replaceAll('\0', '') ?? usual
    },
  },
}

type Known = { readonly stamp: string; readonly companion: string | undefined }

/** A file is read once, as long as it stays the same. By its path. */
const known = new Map<string, Known>()

/** The companion of the loader `name` in `tftproot`. Undefined: it needs none. */
export async function companionIn(
  tftproot: string,
  name: string,
  { companion: usual, told }: Family,
  links: Links,
): Promise<string | undefined> {
  if (usual === undefined || told === undefined) return usual
  const own = await findUnder(tftproot, name, links)
  if (own.kind !== 'found') return undefined
  const stamp = `${own.identity} ${own.size} ${own.mtimeMs}`
  const before = known.get(own.path)
  if (before?.stamp === stamp) return before.companion
  const { within, read } = tellers[told]
  const content = await startOf(own.path, Math.min(within, own.size))
  const companion = read(content ?? '', usual)
  if (content !== undefined) known.set(own.path, { stamp, companion })
  return companion
}

/** Undefined: it cannot be read now. */
async function startOf(path: string, bytes: number): Promise<string | undefined> {
  const handle = await openFound(path).catch(() => undefined)
  try {
    const read = await handle?.read(Buffer.alloc(bytes), 0, bytes, 0)
    return read?.buffer.toString('latin1')
  } catch {
    return undefined
  } finally {
    await handle?.close()
  }
}
