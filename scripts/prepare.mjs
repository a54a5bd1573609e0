// Installs what is missing and builds what is out of date, before `npm start` and `npm test`.

import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { giveBack } from './owner.mjs'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`PXE Pilot needs Node 20.19 or newer; this is ${process.versions.node}.`)
}

/** How long npm may take before it is said that it is still at it. */
const slowMs = 10_000
const list = 'node_modules/.package-lock.json'
process.on('exit', giveBack)
await installMissing()
await buildOutdated()

/** Runs `npm ci` when node_modules is not what this very lock file says. */
async function installMissing() {
  if (isInstalled()) return
  if (existsSync('node_modules') && lstatSync('node_modules').isSymbolicLink()) {
    const target = realpathSync('node_modules')
    fail(`node_modules is a link to ${target}, where not all packages of package-lock.json are, and npm ci would
empty that folder. Remove the link and run this again, or run npm ci --ignore-scripts where the folder belongs.`)
  }
  say('Installing the packages of package-lock.json ...')
  // Npm writes it last of all: without it, an attempt that was cut short is known as one.
  rmSync(list, { force: true })
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env.npm_execpath
  const [command, ...before] = npm === undefined ? ['npm'] : [process.execPath, npm]
  // Npm says nothing while it tries an address that does not answer, for minutes.
  const waiting = setTimeout(() => {
    say(
      'Still fetching packages. Where there is no network, this ends in some minutes: Ctrl-C ends it at once.',
    )
  }, slowMs)
  const isDone = await run(command, [...before, ...args])
  clearTimeout(waiting)
  if (isDone) return
  fail(`The packages could not be installed; npm says why above. Run this again: it fetches only what is missing yet.
Without a network, copy the folder node_modules here from a machine of the same kind that has it.`)
}

/** Npm lists what it installed, and a package's folder can be gone since. Optional ones are those of other machines. */
function isInstalled() {
  const wanted = packagesOf('package-lock.json')
  const installed = packagesOf(list)
  return (
    Object.entries(wanted).every(([folder, { version, integrity, optional }]) => {
      const found = installed[folder]
      if (folder === '' || (found === undefined && optional)) return true
      return found !== undefined && found.version === version && found.integrity === integrity
    }) && Object.keys(installed).every((folder) => existsSync(join(folder, 'package.json')))
  )
}

function packagesOf(lock) {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')).packages ?? {}
  } catch (error) {
    // Not there, or cut short: nothing that counts is installed.
    if (lock === list) return {}
    throw error
  }
}

/** Compiles when anything under src is newer than what was built. */
async function buildOutdated() {
  const built = modified('dist/main.js')
  const inputs = ['tsconfig.json', 'package.json', ...filesUnder('src')]
  if (inputs.every((file) => modified(file) < built)) return
  say('Building ...')
  const args = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']
  process.on('exit', forgetBuilt)
  if (!(await run(process.execPath, args))) fail(`This failed: ${process.execPath} ${args.join(' ')}`)
  process.off('exit', forgetBuilt)
  chmodSync('dist/main.js', 0o755)
}

/** The compiler writes files beside its errors, too: what was built in part is out of date. */
function forgetBuilt() {
  rmSync('dist/main.js', { force: true })
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
}

function modified(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0
}

/**
 * Whether it succeeded. A signal to us ends it first: an npm left behind would empty node_modules under the next try.
 * It is killed, as npm goes on for half a minute after any other signal.
 */
async function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  let stoppedBy
  const stop = (signal) => {
    stoppedBy = signal
    child.kill('SIGKILL')
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, stop)
  const code = await new Promise((resolve) => {
    child.on('error', ({ message }) => {
      say(message)
      resolve(null)
    })
    child.on('close', resolve)
  })
  for (const signal of signals) process.off(signal, stop)
  if (stoppedBy !== undefined) process.exit(128 + constants.signals[stoppedBy])
  return code === 0
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}
