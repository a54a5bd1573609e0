// The command line: reads argv, and loads and runs the command that it names.

import { existsSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import { ClientError } from './cli/client.ts'
import { plainFlags } from './cli/flags.ts'

const systemSettings = '/etc/pxe-pilot/pxe-pilot.yml'
const localSettings = './pxe-pilot.yml'

const configOption = [
  '-c, --config <file>',
  `settings file (default: ${localSettings} if there, else ${systemSettings})`,
] as const

type Options = { readonly config?: string }

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
      const [, misplaced] = /unknown option '(-s|--server|-d|--debug)/.exec(text) ?? []
      const usage = misplaced?.includes('s') === true ? '-s URL' : '-d'
      write(
        misplaced === undefined ? text : `${text}It stands before the command: pxe-pilot ${usage} COMMAND\n`,
      )
    },
  })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))

program
  .command('server')
  .description('run the appliance until it is told to stop')
  .option(...configOption)
  .action(async (options: Options) => {
    isServing = true
    const { serve } = await import('./run.ts')
    await serve(fileOf(options))
  })

program
  .command('export')
  .description('write what is deployed as links of the original PXE Pilot again; the server need not run')
  .option(...configOption)
  .action(async (options: Options) => {
    const { offline } = await import('./run.ts')
    const { exportLinks } = await import('./export.ts')
    await offline(fileOf(options), exportLinks)
  })

program
  .command('store')
  .description('where is kept what outlives a restart')
  .command('copy')
  .description(
    "fill the settings' store, which is empty, with all that another holds; no server may run on either",
  )
  .argument('<from>', 'a file, or postgres://USER@HOST/DATABASE; its password from PGPASSWORD or ~/.pgpass')
  .option(...configOption)
  .action(async (from: string, options: Options) => {
    const { offline } = await import('./run.ts')
    const { copyStore } = await import('./store-copy.ts')
    await offline(fileOf(options), (settings, say) => copyStore(from, settings, say))
  })

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

function fileOf(options: Options): string {
  // The original took -c=FILE, too.
  const found =
    options.config?.replace(/^=/, '') ?? [localSettings, systemSettings].find((path) => existsSync(path))
  if (found !== undefined) return found
  process.stderr.write(
    `There is neither ${localSettings} nor ${systemSettings}: -c FILE names the settings\n`,
  )
  process.exit(1)
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : ''
}
