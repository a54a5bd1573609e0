// Where a configuration file really lies: links are followed below the configuration directory and tftproot only.

import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { findUnder, type Links } from '../files.ts'

export type Roots = {
  /** The configuration directory. */
  readonly directory: string
  readonly tftproot: string | undefined
  readonly links: Links
}

export type Located =
  | { readonly kind: 'file'; readonly path: string; readonly status: Stats }
  /** A folder, or gone since it was listed. */
  | { readonly kind: 'none' }
  /** `passing`: the disk failed, and may recover; what was read before is still good. */
  | { readonly kind: 'fault'; readonly fault: string; readonly passing: boolean }

/** `file` is relative to the directory; `linked`: the folder it lies in is a link itself. Never rejects. */
export async function locate(file: string, linked: boolean, roots: Roots): Promise<Located> {
  const path = join(roots.directory, file)
  try {
    const status = await lstat(path)
    if (status.isDirectory()) return { kind: 'none' }
    if (status.isFile() && !linked) return { kind: 'file', path, status }
    const target = status.isSymbolicLink() ? await targetOf(path) : status
    if (target === undefined) return refused('is a link that leads nowhere')
    if (target.isDirectory()) return { kind: 'none' }
    if (!target.isFile()) return refused('is no regular file')
    const found = await findInside(file, path, roots)
    if (found.kind === 'missing') return { kind: 'none' }
    if (found.kind === 'refused') return refused(`is not taken (${found.because})`)
    return { kind: 'file', path: found.path, status: await lstat(found.path) }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return { kind: 'none' }
    return { kind: 'fault', fault: `cannot be read (${code})`, passing: true }
  }
}

async function findInside(file: string, path: string, roots: Roots) {
  const found = await findUnder(roots.directory, file, roots.links)
  if (found.kind !== 'refused' || roots.tftproot === undefined) return found
  const below = relative(roots.tftproot, path)
  return isAbsolute(below) || below.startsWith('..')
    ? found
    : await findUnder(roots.tftproot, below, roots.links)
}

async function targetOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))) return undefined
    throw error
  }
}

function refused(fault: string): Located {
  return { kind: 'fault', fault, passing: false }
}

/** `ENOENT` and the like, for a person. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
