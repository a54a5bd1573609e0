// The programs that a benchmark compares us with: Debian's packages, unpacked into a folder and never installed, so that
// no daemon of theirs starts.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/** Where `packages` are unpacked, as under `/`; fetched once for all runs. */
export async function peers(packages: readonly string[]): Promise<string> {
  const root = join(tmpdir(), `pxe-pilot-peers-${packages.join('-')}`)
  if (existsSync(root)) return root
  const fresh = `${root}.${process.pid}`
  await mkdir(join(fresh, 'packages'), { recursive: true })
  const cwd = join(fresh, 'packages')
  await exec('apt-get', ['download', ...packages], { cwd })
  for (const file of await readdir(cwd)) await exec('dpkg', ['-x', file, fresh], { cwd })
  // Two runs may begin at once.
  await rename(fresh, root).catch(() => rm(fresh, { recursive: true }))
  return root
}
