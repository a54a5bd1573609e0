// Runs every benchmark of package.json, one after the other: `npm run bench`.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { giveBack } from './owner.mjs'

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const failed = Object.keys(scripts)
  .filter((name) => name.startsWith('bench:'))
  .filter((name) => spawnSync('npm', ['run', name], { stdio: 'inherit' }).status !== 0)
giveBack()
if (failed.length > 0) process.stderr.write(`did not end well: ${failed.join(', ')}\n`)
process.exitCode = failed.length > 0 ? 1 : 0
