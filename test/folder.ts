// Folders for tests, gone when the process that made them ends.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const made: string[] = []

process.once('exit', () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** A new one, empty. `what`: for whoever finds it of a test that was killed. */
export function newFolder(what: string): string {
  const folder = mkdtempSync(join(tmpdir(), `pxe-pilot-${what}-`))
  made.push(folder)
  return folder
}

/** Files by name under a new folder. */
export function tree(files: Readonly<Record<string, string | Buffer>> = {}): string {
  const root = newFolder('tree')
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}
