// The programs that the benchmarks compare us with, and our own loads in C. Debian's packages are unpacked and never
// installed: some conflict with others, and no daemon of theirs may start.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'pxe-pilot-bench')

/** Where `packages` are unpacked together, as under `/`; fetched once for all runs. @throws without Debian's apt */
export async function unpacked(...packages: readonly string[]): Promise<string> {
  const root = join(cache, packages.join('-'))
  if (existsSync(root)) return root
  const fresh = `${root}.${process.pid}`
  const cwd = join(fresh, 'packages')
  await mkdir(cwd, { recursive: true })
  await exec('apt-get', ['download', ...packages], { cwd })
  for (const file of await readdir(cwd)) await exec('dpkg', ['-x', join(cwd, file), fresh])
  // Two runs may begin at once.
  await rename(fresh, root).catch(() => rm(fresh, { recursive: true }))
  return root
}

/** A C program beside the benchmarks: `tftp/load`. @throws without gcc */
export async function compiled(name: string): Promise<string> {
  const path = join(cache, basename(name))
  await mkdir(cache, { recursive: true })
  await exec('gcc', ['-O2', '-o', path, fileURLToPath(new URL(`${name}.c`, import.meta.url))])
  return path
}
