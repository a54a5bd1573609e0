// `config` and `bootloader`: what machines can boot, and which of them boot it.

import type { Command } from 'commander'
import { z } from 'zod'
import { printable } from '../events.ts'
import { parseMac } from '../net/mac.ts'
import { complainOfHold } from './changes.ts'
import { ask, ClientError, read, Refusal, type Client, type ClientFor } from './client.ts'
import { listHosts } from './host.ts'
import { faultsOf } from './lint.ts'
import {
  json,
  oneLine,
  outputOption,
  tableOf,
  textOption,
  wholeNumber,
  type Format,
  type Terminal,
  type TextFormat,
} from './output.ts'
import { configurationPath } from './paths.ts'
import { addWait, waitFor, type Wait } from './wait.ts'

/** The original's limit for these two tables, and for no other. */
const wrapAt = 30

const bootloader = z.object({ name: z.string(), file: z.string(), config_path: z.string() })

const configurations = z.array(z.object({ name: z.string(), bootloader }))

const deployed = z.object({
  hosts: z.array(
    z.looseObject({
      name: z.string(),
      configuration: z.string(),
      rebooted: z.string(),
      registered: z.boolean().optional(),
      before: z.string().nullish(),
      message: z.string().optional(),
    }),
  ),
  confirm: z.number().optional(),
  held: z.boolean().optional(),
})

export function addBootloader(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  program
    .command('bootloader')
    .description('the loaders as the original PXE Pilot lists them: name, file and config path')
    .command('list')
    .description('the bootloaders, in order of preference')
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      const client = clientFor(output)
      const all = read(client, await ask(client, 'GET', '/v1/bootloaders'), z.array(bootloader).nullable())
      const rows = (all ?? []).map(({ name, file, config_path: path }) => [name, file, path])
      const titles = ['name', 'file', 'config path']
      terminal.out(output === 'json' ? json(all ?? []) : tableOf(terminal, titles, rows, wrapAt))
    })
}

/** The command itself, for what others add to it. */
export function addConfig(program: Command, terminal: Terminal, clientFor: ClientFor): Command {
  const config = program.command('config').description('what machines boot: list it, show it, deploy it')
  config
    .command('list')
    .description('the configurations that can be deployed')
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      const client = clientFor(output)
      const all = read(client, await ask(client, 'GET', '/v1/configurations'), configurations)
      const rows = all.map((one) => [one.name, one.bootloader.name])
      terminal.out(output === 'json' ? json(all) : tableOf(terminal, ['name', 'bootloader'], rows, wrapAt))
    })
  config
    .command('show')
    .description('the text of a configuration, as it stands on the server')
    .argument('<name>', 'the configuration')
    .addOption(textOption('the text'))
    .action(async (name: string, { output }: TextFormat) => {
      const client = clientFor(output === 'json' ? 'json' : 'table')
      const answer = z.object({ name: z.string(), content: z.string(), fault: z.string().optional() })
      try {
        const found = read(client, await ask(client, 'GET', configurationPath(name)), answer)
        terminal.out(output === 'json' ? json(found) : `${found.content}\n`)
        if (found.fault !== undefined) complain(terminal, found.fault)
      } catch (error) {
        // In the words that scripts of the original look for.
        if (!(error instanceof Refusal) || error.code !== 'configuration_not_found') throw error
        const [why = ''] = /; its file has a fault: .*/.exec(error.message) ?? []
        throw new ClientError(`Error : configuration does not exist${why}`, { cause: error })
      }
    })
  addDeploy(config, terminal, clientFor)
  return config
}

type DeployOptions = Format &
  Wait & {
    readonly now?: true
    readonly dryRun?: true
    readonly yes?: true
    readonly confirm?: number
    readonly strict?: true
  }

function addDeploy(config: Command, terminal: Terminal, clientFor: ClientFor): void {
  const deploy = config
    .command('deploy')
    .description('make hosts boot a configuration from now on: all of them, or none')
    .argument('<config>', 'the configuration; local boots the disk')
    .argument('<hostnames...>', 'the hosts, by name or by a MAC such as 22:34:a3:e9:09:cc')
    .option('-n, --now', 'and reboot them, their next boot from the network')
    .option('--dry-run', 'only show what would change')
    .option('-y, --yes', 'confirm what has to be confirmed, for as many hosts as are named')
    .option('--confirm <hosts>', 'the same, for so many hosts', wholeNumber)
    .option('--strict', 'exit status 1 when a reboot failed; -o json implies it')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ pxe-pilot config deploy ubuntu-16.04 h1\n  $ pxe-pilot config deploy --now --wait ubuntu-16.04 h1 h2\n  $ pxe-pilot config deploy local 22:34:a3:e9:09:cc',
    )
    .action(
      async (configuration: string, names: readonly string[], options: DeployOptions, self: Command) => {
        const { now = false, dryRun, yes, confirm = yes && new Set(names).size, output, strict } = options
        if (options.wait && !now)
          self.error('error: --wait is for hosts that --now reboots: write both, or neither')
        const client = clientFor(output)
        const body = {
          hosts: (await targetsOf(names, client)).map((target) => ({ ...target, reboot: now })),
          ...(dryRun && { dry_run: true }),
          ...(confirm !== undefined && { confirm }),
        }
        const path = `${configurationPath(configuration)}/deploy`
        const answer = read(client, await ask(client, 'PUT', path, body), deployed)
        // What the original never wrote, only where somebody reads it: the server's log says it in any case.
        const isShown = terminal.lively === true || output === 'wide'
        const faults = isShown ? await faultsOf(configuration, client) : []
        terminal.out(output === 'json' ? json(answer) : deployTable(terminal, configuration, answer, options))
        for (const { message } of answer.hosts) if (message !== undefined) complain(terminal, message)
        for (const fault of faults) terminal.err(`${fault}\n`)
        complainOfHold(terminal, answer.held)
        if (dryRun && answer.confirm !== undefined)
          complain(terminal, `it has to be confirmed: --confirm ${answer.confirm}`)
        const failed = answer.hosts.filter(({ rebooted }) => rebooted === 'ERROR').length
        if (failed > 0 && (strict || output === 'json')) {
          throw new ClientError(`${failed} of ${answer.hosts.length} hosts were not rebooted`)
        }
        const switched = answer.hosts.flatMap(({ name, rebooted }) => (rebooted === 'YES' ? [name] : []))
        await waitFor('On', switched, options, client, terminal)
      },
    )
  addWait(deploy, 'on, after --now')
}

/** CONFIGURATION is what was typed, as in the original. */
function deployTable(
  terminal: Terminal,
  configuration: string,
  { hosts }: z.infer<typeof deployed>,
  { output, dryRun }: DeployOptions,
): string {
  const titles = ['name', 'configuration', 'rebooted']
  const rows = hosts.map(({ name, rebooted }) => [name, configuration, rebooted])
  if (output !== 'wide' && dryRun === undefined) return tableOf(terminal, titles, rows)
  const more = hosts.map((host) => [host.before, host.registered ? 'yes' : '', host.message])
  return tableOf(
    terminal,
    [...titles, 'before', 'registered', 'message'],
    rows.map((row, index) => [...row, ...(more[index] ?? [])]),
  )
}

/** Octets as a MAC has them, of which some were lost or are too many. */
const miscounted = /^[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){2,}$/i

/** A name never has colons or dots between groups of digits as a MAC does; what has none may be either. */
function kindOf(text: string): 'name' | 'mac' | 'either' {
  if (parseMac(text) === undefined) return miscounted.test(text) ? 'either' : 'name'
  return /[:.]/.test(text) ? 'mac' : 'either'
}

async function targetsOf(
  texts: readonly string[],
  client: Client,
): Promise<readonly ({ readonly name: string } | { readonly macAddress: string })[]> {
  const isAsked = texts.some((text) => kindOf(text) === 'either')
  const names = new Set(isAsked ? (await listHosts(client, false)).map(({ name }) => name) : [])
  return texts.map((text) => {
    const kind = kindOf(text)
    if (kind === 'name' || (kind === 'either' && names.has(text))) return { name: text }
    if (parseMac(text) !== undefined) return { macAddress: text }
    // A server whose settings declare hosts says of any text that none has it.
    const none = `<${text}> is no MAC address; write six octets such as 22:34:a3:e9:09:cc`
    throw new Refusal(printable(none), 400, 'body_invalid')
  })
}

function complain(terminal: Terminal, text: string): void {
  terminal.err(`${oneLine(text)}\n`)
}
