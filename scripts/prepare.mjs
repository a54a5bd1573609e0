// Installs what is missing and builds what is out of date, before `npm start` and `npm test`.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { giveBack } from './owner.mjs'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`PXE Pilot needs Node 20.19 or newer; this is ${process.versions.node}.`)
}

installMissing()
buildOutdated()
giveBack()

/** Runs `npm ci` when node_modules was not installed from this very lock file. */
function installMissing() {
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex')
  const stamp = 'node_modules/.installed-lock'
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  say('Installing the packages of package-lock.json ...')
  runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, lock)
}

/** Compiles when anything under src is newer than what was built. */
function buildOutdated() {
  const built = modified('dist/main.js')
  const inputs = ['tsconfig.json', 'package.json', ...filesUnder('src')]
  if (inputs.every((file) => modified(file) < built)) return
  say('Building ...')
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'])
  chmodSync('dist/main.js', 0o755)
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
}

function modified(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0
}

function runNpm(args) {
  const npm = process.env.npm_execpath
  if (npm === undefined) run('npm', args)
  else run(process.execPath, [npm, ...args])
}

function run(command, args) {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  } catch {
    fail(`This failed: ${command} ${args.join(' ')}`)
  }
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}
