// Where the files lie that are given over HTTP, each root behind its own way to the disk.

import type { Answer } from '../boot/decide.ts'
import { Disk, readsPerRoot } from '../disk.ts'
import { openUnder, type Links } from '../files.ts'
import { diskAnswersMs, type OpenFile } from './static.ts'

export type Roots = {
  /** http.root. */
  readonly httproot: string
  /** tftp.root; undefined where the settings have no tftp section. */
  readonly tftproot: string | undefined
  /** tftp.follow_links; links in httproot stay inside. */
  readonly tftpLinks: Links
}

export type Place = {
  readonly root: string
  readonly path: string
  readonly links: Links
  readonly disk: Disk
}

export class Places {
  private readonly roots: Roots
  private readonly disks: { readonly http: Disk; readonly tftp: Disk; readonly system: Disk }

  constructor(roots: Roots, now: () => number) {
    const disk = () => new Disk(readsPerRoot, diskAnswersMs, now)
    this.roots = roots
    this.disks = { http: disk(), tftp: disk(), system: disk() }
  }

  /** The root that people see. */
  get httproot(): Place {
    return { root: this.roots.httproot, path: '', links: 'inside', disk: this.disks.http }
  }

  /** Undefined: it is no file, or its root is not set. */
  of(answer: Answer): Place | undefined {
    if (answer.kind === 'boot' || answer.kind === 'text') return undefined
    const { path } = answer
    if (answer.kind === 'loader') return { root: '/', path, links: 'anywhere', disk: this.disks.system }
    if (answer.root === 'http') return { ...this.httproot, path }
    const { tftproot, tftpLinks } = this.roots
    if (tftproot === undefined) return undefined
    return { root: tftproot, path, links: tftpLinks, disk: this.disks.tftp }
  }
}

/**
 * Hands the file to `use` while it is open, or says why it is not.
 * @throws DiskStuck; an Error where nobody wants it any more
 */
export async function withFile<T>(
  { root, path, links, disk }: Place,
  isWanted: () => boolean,
  use: (file: OpenFile) => Promise<T>,
): Promise<T | { readonly kind: 'missing' } | { readonly kind: 'refused'; readonly because: string }> {
  const opened = await disk.runWithin(
    diskAnswersMs,
    isWanted,
    () => openUnder(root, path, links),
    (late) => (late.kind === 'opened' ? late.handle.close() : undefined),
  )
  if (opened.kind !== 'opened') return opened
  const { handle } = opened
  const calls = new Set<Promise<unknown>>()
  try {
    return await use({ ...opened, disk, calls })
  } finally {
    disk.afterwards(async () => {
      await Promise.allSettled(calls)
      await handle.close()
    })
  }
}
