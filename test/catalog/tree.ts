// A tftproot of a test's own, and a catalog that looks at it.

import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { builtInBootloaders } from '../../src/boot/bootloaders.ts'
import type { Catalog as Contents } from '../../src/boot/table.ts'
import { Catalog, type CatalogParts } from '../../src/catalog/catalog.ts'
import type { Event } from '../../src/events.ts'

export type Tree = {
  readonly root: string
  readonly conf: string
  /** Writes below the root; `old` files count as still at first sight. */
  readonly put: (path: string, content: string | Uint8Array, age?: 'old' | 'new') => Promise<void>
}

/** An empty tftproot with its conf folder, gone when the test ends. */
export async function tree(t: ExecutionContext): Promise<Tree> {
  const root = await mkdtemp(join(tmpdir(), 'pxe-pilot-catalog-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const conf = join(root, 'pxelinux.cfg/conf')
  await mkdir(conf, { recursive: true })
  return {
    root,
    conf,
    async put(path, content, age = 'new') {
      const file = join(root, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
      if (age === 'old') await utimes(file, 1_000_000, 1_000_000)
    },
  }
}

export type Watched = {
  readonly catalog: Catalog
  readonly emitted: Contents[]
  readonly events: Event[]
  /** The texts told at `level`. */
  readonly told: (level: Event['level']) => string[]
}

/** A catalog that is stopped when the test ends; nothing of this machine's packages is in it. */
export function watched(t: ExecutionContext, at: Tree, more: Partial<CatalogParts> = {}): Watched {
  const emitted: Contents[] = []
  const events: Event[] = []
  const catalog = new Catalog({
    directory: at.conf,
    tftproot: at.root,
    bootloaders: builtInBootloaders,
    links: 'inside',
    changed: (contents) => void emitted.push(contents),
    tell: (event) => void events.push(event),
    now: Date.now,
    system: join(at.root, 'no-system'),
    longestLookMs: 30_000,
    ...more,
  })
  t.teardown(() => catalog.stop())
  return {
    catalog,
    emitted,
    events,
    told: (level) => events.filter((event) => event.level === level).map((event) => event.text),
  }
}

/** Waits until `holds`, at most `ms`; says whether it came to hold. */
export async function within(ms: number, holds: () => boolean): Promise<boolean> {
  const end = Date.now() + ms
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10))
  return holds()
}
