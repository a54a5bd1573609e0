// The command line: reads argv and the environment, runs a command, and alone ends the process.

import { existsSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import type { Appliance } from './appliance.ts'
import { banner } from './banner.ts'
import { ClientError } from './cli/client.ts'
import { plainFlags } from './cli/flags.ts'
import { printableLine } from './events.ts'
import { logTo, type Log } from './log.ts'
import { BindError } from './net/ports.ts'
import { followSettings } from './reload.ts'
import { readSettings, type ReadResult, type Remark } from './settings/read.ts'
import type { Settings } from './settings/schema.ts'
import { exit } from './threads.ts'

const systemSettings = '/etc/pxe-pilot/pxe-pilot.yml'
const localSettings = './pxe-pilot.yml'

const configOption = [
  '-c, --config <file>',
  `settings file (default: ${localSettings} if there, else ${systemSettings})`,
] as const

type Options = { readonly config?: string }

const environment = { STATE_DIRECTORY: process.env['STATE_DIRECTORY'] }

/** How long the parts have to finish what they are doing when we are told to stop. */
const stopWithinMs = 5_000

let isServing = false

const program = new Command('pxe-pilot')
  .description('A PXE appliance: DHCP, TFTP, HTTP files, and an API that decides what each machine boots.')
  .option('-V, --version', 'say the version')
  .on('option:version', () => {
    process.stdout.write(`${version()}\n`)
    process.exit(0)
  })
  .enablePositionalOptions()
  .showHelpAfterError()
  // As in the original: help goes to stderr, and 2 is for a command line that is not understood.
  .configureOutput({
    writeOut: (text) => process.stderr.write(text),
    outputError: (text, write) => {
      const isMisplaced = /unknown option '(?:-s|--server|-d|--debug)/.test(text)
      write(isMisplaced ? `${text}It stands before the command: pxe-pilot -s URL COMMAND\n` : text)
    },
  })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))

program
  .command('server')
  .description('run the appliance until it is told to stop')
  .option(...configOption)
  .action(serve)

program
  .command('export')
  .description('write what is deployed as links of the original PXE Pilot again; the server need not run')
  .option(...configOption)
  .action((options: Options) =>
    offline(options, async (settings, say) => (await import('./export.ts')).exportLinks(settings, say)),
  )

program
  .command('store')
  .description('where is kept what outlives a restart')
  .command('copy')
  .description(
    "fill the settings' store, which is empty, with all that another holds; no server may run on either",
  )
  .argument('<from>', 'a file, or postgres://USER@HOST/DATABASE; its password from PGPASSWORD or ~/.pgpass')
  .option(...configOption)
  .action((from: string, options: Options) =>
    offline(options, async (settings, say) =>
      (await import('./store-copy.ts')).copyStore(from, settings, say),
    ),
  )

// A server needs none of it.
if (process.argv[2] !== 'server') {
  const { addCommands } = await import('./cli/commands.ts')
  addCommands(program, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    colours: process.stdout.isTTY && !process.env['NO_COLOR'],
    lively: process.stderr.isTTY,
  })
}

// A reader that has seen enough, as head has. A server goes on without one.
process.stdout.on('error', () => {
  if (!isServing) process.exit(1)
})
try {
  await program.parseAsync(plainFlags(process.argv))
} catch (error) {
  if (!(error instanceof ClientError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

/** Does what needs no server that runs. `say`: a line each. */
async function offline(
  options: Options,
  work: (settings: Settings, say: (line: string) => void) => Promise<void>,
): Promise<void> {
  const { settings } = settingsOf(fileOf(options))
  try {
    await work(settings, (line) => process.stdout.write(`${printableLine(line)}\n`))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : inspect(error)}\n`)
    process.exit(1)
  }
}

function fileOf(options: Options): string {
  // The original took -c=FILE, too.
  return options.config?.replace(/^=/, '') ?? (existsSync(localSettings) ? localSettings : systemSettings)
}

/** Ends the process where they have a fault. */
function settingsOf(file: string): Extract<ReadResult, { settings: Settings }> {
  const result = readSettings(file, environment)
  if ('faults' in result) {
    complain(file, result.faults)
    complain(file, result.warnings, 'warning: ')
    process.exit(1)
  }
  return result
}

async function serve(options: Options): Promise<void> {
  const file = fileOf(options)
  const { settings, warnings } = settingsOf(file)
  const log = logTo(settings.log)
  const { tell } = log
  isServing = true
  for (const { line, text } of warnings) {
    tell({ level: 'warn', step: 'settings', text: printableLine(`${file}:${line}: ${text}`) })
  }
  // Only here: a command that asks a running server needs none of it.
  const { Appliance } = await import('./appliance.ts')
  const appliance = new Appliance(settings, tell)
  const follow = (start: Promise<void>) => {
    const take = async (changed: Settings) => {
      await start
      await appliance.reload(changed)
    }
    followSettings({ file, environment, inForce: () => appliance.inForce, take, tell })
  }
  await run(settings, appliance, follow, log)
}

async function run(
  settings: Settings,
  appliance: Appliance,
  follow: (start: Promise<void>) => void,
  log: Log,
): Promise<void> {
  const stop = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  try {
    const start = appliance.start()
    // Already now: a SIGHUP that nobody takes ends the process.
    follow(start)
    await start
    if (settings.log.format === 'pretty') log.print(banner(settings, appliance.listeners()))
  } catch (error) {
    await appliance.stop()
    await log.flush()
    // A person reads this: what happened and what to do, not where in our code.
    const expected = error instanceof BindError || settings.log.level !== 'debug'
    process.stderr.write(`${expected && error instanceof Error ? error.message : inspect(error)}\n`)
    process.exit(1)
  }
  const code = await Promise.race([stop.then(() => 0), appliance.ended.then(() => 1)])
  setTimeout(() => void exit(1), stopWithinMs).unref()
  await appliance.stop()
  await log.flush()
  await exit(code)
}

function complain(file: string, remarks: readonly Remark[], prefix = ''): void {
  for (const { line, text } of remarks) {
    process.stderr.write(`${file}${line > 0 ? `:${line}` : ''}: ${prefix}${printableLine(text)}\n`)
  }
}

function inspect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : ''
}
