// Finds and opens a regular file, and finds a folder, under a root and nowhere else.

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'

/** `inside`: a link may lead anywhere below the root; `anywhere`: also out of it (tftp.follow_links). */
export type Links = 'inside' | 'anywhere'

export type Found =
  | {
      readonly kind: 'found'
      readonly path: string
      readonly size: number
      readonly mtimeMs: number
      /** Device and inode: the file itself, whatever its path leads to by now. */
      readonly identity: string
    }
  | NotFound

type NotFound = { readonly kind: 'missing' } | { readonly kind: 'refused'; readonly because: string }

export type Opened =
  | {
      readonly kind: 'opened'
      readonly handle: FileHandle
      /** Where it really lies. */
      readonly path: string
      readonly size: number
      readonly mtimeMs: number
      readonly ctimeMs: number
      /** As findUnder() has it. */
      readonly identity: string
    }
  | NotFound

/**
 * Where `path` (relative, without `..`) really lies. Refused: what climbs or links out of the root (CWE-22,
 * CWE-59), and everything that is no regular file, so that a FIFO or a device never blocks anyone.
 */
export async function findUnder(root: string, path: string, links: Links): Promise<Found> {
  return await find(root, path, links, (status) => (status.isFile() ? undefined : 'it is no regular file'))
}

/** As findUnder(), a folder. */
export async function folderUnder(root: string, path: string, links: Links): Promise<Found> {
  return await find(root, path, links, (status) => (status.isDirectory() ? undefined : 'it is no folder'))
}

async function find(
  root: string,
  path: string,
  links: Links,
  fault: (status: Stats) => string | undefined,
): Promise<Found> {
  if (path.includes('\0')) return { kind: 'refused', because: 'the name holds a NUL' }
  if (path.split('/').includes('..')) return { kind: 'refused', because: 'the name climbs out with ".."' }
  try {
    // One after the other: what hangs takes one thread of the pool, and not two.
    const realRoot = await realpath(root)
    const real = await realpath(join(root, path))
    if (links === 'inside' && !isUnder(realRoot, real)) {
      return { kind: 'refused', because: 'a link leads out of the root' }
    }
    const status = await stat(real)
    const because = fault(status)
    if (because !== undefined) return { kind: 'refused', because }
    const { size, mtimeMs } = status
    return { kind: 'found', path: real, size, mtimeMs, identity: identityOf(status) }
  } catch (error) {
    return explain(error)
  }
}

/** Opens what findUnder() found. O_NOFOLLOW: a link put there in between is not followed. */
export async function openFound(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
}

/**
 * Finds and opens in one: what was opened is judged once more, because a folder on the way may have become a link in
 * between (CWE-367). The caller closes the handle.
 */
export async function openUnder(root: string, path: string, links: Links): Promise<Opened> {
  // Once more for a name that was a file and is a link or gone a moment later, as editors do it.
  for (let attempt = 0; attempt < 2; attempt++) {
    const found = await findUnder(root, path, links)
    if (found.kind !== 'found') return found
    try {
      const opened = await openJudged(found, root, links)
      if (opened !== undefined) return opened
    } catch (error) {
      const why = explain(error)
      if (why.kind === 'refused' && attempt > 0) return why
    }
  }
  return { kind: 'missing' }
}

async function openJudged(
  found: Extract<Found, { kind: 'found' }>,
  root: string,
  links: Links,
): Promise<Opened | undefined> {
  const handle = await openFound(found.path)
  try {
    const status = await handle.stat()
    const isInside =
      links === 'anywhere' || ((await liesUnder(handle, root)) ?? identityOf(status) === found.identity)
    if (status.isFile() && isInside) {
      const { size, mtimeMs, ctimeMs } = status
      return {
        kind: 'opened',
        handle,
        path: found.path,
        size,
        mtimeMs,
        ctimeMs,
        identity: identityOf(status),
      }
    }
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return undefined
}

/** Undefined where the system does not tell: without /proc, or to a program that has file capabilities. */
async function liesUnder(handle: FileHandle, root: string): Promise<boolean | undefined> {
  try {
    return isUnder(await realpath(root), await readlink(`/proc/self/fd/${handle.fd}`))
  } catch {
    return undefined
  }
}

/**
 * A file of the settings, at once: a FIFO would hold up the whole process until somebody writes to it, and a file that
 * is too big take its memory.
 * @throws Error of the file system, and where it is no regular file or has more than `most` bytes
 */
export function readOwn(path: string, most: number): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = fstatSync(file)
    if (!status.isFile()) throw new Error('it is no regular file')
    if (status.size > most) throw new Error(`it is larger than ${most / 1024 / 1024} MiB`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

/** Of a file of tokens or of a password, for readOwn(). */
export const mostOfSecrets = 1024 * 1024

/** Which file it is, whatever its name leads to by now. */
export function identityOf(status: Pick<Stats, 'dev' | 'ino'>): string {
  return `${status.dev}:${status.ino}`
}

/** Of real paths: `root` itself counts. */
export function isUnder(root: string, path: string): boolean {
  const below = relative(root, path)
  return below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below)
}

function explain(error: unknown): NotFound {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return { kind: 'missing' }
  if (code === 'EACCES' || code === 'EPERM') return { kind: 'refused', because: 'we may not read it' }
  if (code === 'ELOOP') return { kind: 'refused', because: 'its links run in a circle' }
  return { kind: 'refused', because: code === '' ? 'it cannot be read' : `it cannot be read (${code})` }
}
