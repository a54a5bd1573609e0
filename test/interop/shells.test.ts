// Tab in the shells that people have: zsh on a terminal of its own, fish as it asks itself. bash is in test/cli.

import { execFile } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { newFolder } from '../folder.ts'
import { serveApi } from '../api/server.ts'
import { run } from '../cli/run.ts'

/** What `program`, run with pxe-pilot on its path and `script` beside it, prints. */
async function inShell(url: string, shell: 'zsh' | 'fish', code: string): Promise<string> {
  const folder = newFolder('shell')
  const command = join(folder, 'pxe-pilot')
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${resolve('dist/main.js')}" "$@"\n`)
  chmodSync(command, 0o755)
  writeFileSync(join(folder, 'script'), (await run('completion', shell)).stdout)
  const path = `${folder}${delimiter}${process.env['PATH']}`
  const env = {
    ...process.env,
    PATH: path,
    HOME: folder,
    PXE_PILOT_SERVER: url,
    SCRIPT: join(folder, 'script'),
  }
  const { stdout } = await promisify(execFile)(shell, shell === 'fish' ? ['-c', code] : ['-fc', code], {
    env,
  })
  return stdout
}

test('fish completes commands, options, hosts and configurations', async (t) => {
  const { url } = await serveApi(t)
  const offered = async (line: string) => await inShell(url, 'fish', `source $SCRIPT; complete -C '${line}'`)
  t.is(await offered('pxe-pilot co'), 'completion\nconfig\n')
  t.is(await offered('pxe-pilot host list --no'), '--no-status\n')
  t.is(await offered('pxe-pilot config deploy z'), 'zebra\n')
  t.is(await offered('pxe-pilot host show h'), 'h1\nh2\n')
})

test('zsh completes a line that somebody types', async (t) => {
  const { url } = await serveApi(t)
  const code = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D; source $SCRIPT; echo READY'
zpty -r shell line '*READY*READY*'
zpty -w -n shell $'pxe-pilot config deploy z\\t'
zpty -r shell line '*zebra*'
print zebra
zpty -d shell`
  t.is(await inShell(url, 'zsh', code), 'zebra\n')
})
