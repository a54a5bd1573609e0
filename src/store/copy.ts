// A second file of the database as it last was, and what becomes of the first where it is found damaged.

import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'

/** Beside the database; it has the same mode. */
export const copyOf = (path: string): string => `${path}.copy`

/** Puts what `write` writes to an empty file in place of the copy there is. Throws where it cannot: that one stays. */
export function replaceCopy(path: string, write: (fresh: string) => void): void {
  const fresh = `${copyOf(path)}.new`
  try {
    closeSync(openSync(fresh, 'w', 0o600))
    write(fresh)
    const fd = openSync(fresh, 'r')
    fsyncSync(fd)
    closeSync(fd)
    renameSync(fresh, copyOf(path))
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
}

/** What became of a damaged database. */
export type Replaced = {
  /** What it is called now. */
  readonly aside: string
  /** When the copy was made that is in its place; undefined: there was none. */
  readonly copied: Date | undefined
}

/** Moves the database and its journal out of the way, and its copy into its place, if there is one. */
export function replaceByCopy(path: string, now: Date): Replaced {
  let aside = `${path}.damaged-${now.toISOString().slice(0, 19).replaceAll(':', '')}`
  while (existsSync(aside)) aside += '-too'
  for (const end of ['', '-wal', '-shm', '.log']) {
    if (existsSync(path + end)) renameSync(path + end, aside + end)
  }
  const copied = statSync(copyOf(path), { throwIfNoEntry: false })?.mtime
  if (copied !== undefined) renameSync(copyOf(path), path)
  return { aside, copied }
}
