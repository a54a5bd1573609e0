// Finds and opens a regular file under a root, and nowhere else.

import { constants } from 'node:fs'
import { open, realpath, stat, type FileHandle } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'

/** `inside`: a link may lead anywhere below the root; `anywhere`: also out of it (tftp.follow_links). */
export type Links = 'inside' | 'anywhere'

export type Found =
  | { readonly kind: 'found'; readonly path: string; readonly size: number; readonly mtimeMs: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly because: string }

/**
 * Where `path` (relative, without `..`) really lies. Refused: what climbs or links out of the root (CWE-22,
 * CWE-59), and everything that is no regular file, so that a FIFO or a device never blocks anyone.
 */
export async function findUnder(root: string, path: string, links: Links): Promise<Found> {
  if (path.includes('\0')) return { kind: 'refused', because: 'the name holds a NUL' }
  if (path.split('/').includes('..')) return { kind: 'refused', because: 'the name climbs out with ".."' }
  try {
    const [realRoot, real] = await Promise.all([realpath(root), realpath(join(root, path))])
    if (links === 'inside' && !isUnder(realRoot, real)) {
      return { kind: 'refused', because: 'a link leads out of the root' }
    }
    const status = await stat(real)
    if (!status.isFile()) return { kind: 'refused', because: 'it is no regular file' }
    return { kind: 'found', path: real, size: status.size, mtimeMs: status.mtimeMs }
  } catch (error) {
    return explain(error)
  }
}

/** Opens what findUnder() found. O_NOFOLLOW: a link put there in between is not followed. */
export async function openFound(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
}

function isUnder(root: string, path: string): boolean {
  const below = relative(root, path)
  return below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below)
}

function explain(error: unknown): Found {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return { kind: 'missing' }
  if (code === 'EACCES' || code === 'EPERM') return { kind: 'refused', because: 'we may not read it' }
  if (code === 'ELOOP') return { kind: 'refused', because: 'its links run in a circle' }
  return { kind: 'refused', because: code === '' ? 'it cannot be read' : `it cannot be read (${code})` }
}
