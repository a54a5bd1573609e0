// The command line's verbs that ask a running server, and what holds for all of them.

import { InvalidArgumentError, Option, type Command } from 'commander'
import { printable } from '../events.ts'
import { addChanges } from './changes.ts'
import type { Client } from './client.ts'
import { addCompletion } from './completion.ts'
import { addBootloader, addConfig } from './config.ts'
import { addExplain } from './explain.ts'
import { addHost } from './host.ts'
import { addHostRecords } from './host-records.ts'
import { addLease } from './lease.ts'
import { addLint } from './lint.ts'
import { addLoaders } from './loaders.ts'
import { addManual } from './manual.ts'
import { oneLine, type Output, type Terminal } from './output.ts'

const defaultServer = 'http://localhost:3478'

/** A command rejects with a ClientError. `environment`: PXE_PILOT_SERVER and PXE_PILOT_TOKEN. */
export function addCommands(
  program: Command,
  terminal: Terminal,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): void {
  // As in the original, what holds for every command stands before it.
  program
    .enablePositionalOptions()
    .addOption(
      new Option('-s, --server <url>', 'the server that commands ask')
        .default(defaultServer, `$PXE_PILOT_SERVER, else ${defaultServer}`)
        .argParser((text) => serverUrl(text, program)),
    )
    .option('-d, --debug', 'say each request to the server')
  const clientFor = (output: Output = 'table'): Client => {
    const { server, debug = false } = program.opts<{ server: string; debug?: boolean }>()
    const named =
      program.getOptionValueSource('server') === 'cli' ? undefined : environment['PXE_PILOT_SERVER']
    // On stdout, as the original's; but JSON there is for programs.
    const say = output === 'json' ? terminal.err : terminal.out
    return {
      server: named ? serverOf(named, program) : server,
      // Read from a file that somebody wrote with an editor, it ends as a line does.
      token: environment['PXE_PILOT_TOKEN']?.trim() || undefined,
      debug: (text) => debug && say(`${oneLine(text)}\n`),
    }
  }

  addLint(addConfig(program, terminal, clientFor), terminal, clientFor)
  const host = addHost(program, terminal, clientFor)
  addHostRecords(host, terminal, clientFor)
  addBootloader(program, terminal, clientFor)
  addLoaders(program, terminal, clientFor)
  addExplain(program, terminal, clientFor)
  addLease(program, terminal, clientFor)
  addChanges(program, terminal, clientFor)
  addCompletion(program, terminal, clientFor)
  addManual(program, terminal)
  addHelp(program)
  program.addHelpText('after', teaching)
}

/** commander's own takes one word: of `help config deploy` it would tell of config. */
function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('what a command does, and its options')
    .argument('[command...]', 'the command, such as config deploy')
    .action((words: readonly string[]) => {
      const found = words.reduce((command, word) => {
        const next = command.commands.find((child) => child.name() === word)
        return next ?? command.error(`error: there is no command ${printable(words.join(' '))}`)
      }, program)
      found.help()
    })
}

const teaching = `
Examples:
  $ pxe-pilot config list                          what can be deployed
  $ pxe-pilot config deploy ubuntu-16.04 h1        h1 installs itself at its next boot
  $ pxe-pilot config deploy --now ubuntu-16.04 h1  and it is rebooted for that
  $ pxe-pilot config deploy local h1               from then on it boots its disk
  $ pxe-pilot host list                            hosts, what they boot, and whether they are on

pxe-pilot help COMMAND tells more of each. PXE_PILOT_SERVER names the server, PXE_PILOT_TOKEN the token.`

/** Only a command that asks a server looks at what the environment names. */
function serverOf(named: string, program: Command): string {
  try {
    return serverUrl(named, program)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    return program.error(`error: PXE_PILOT_SERVER is '${printable(named)}'. ${error.message}`)
  }
}

/** One line where it is none: the help would push it off the screen. */
function serverUrl(text: string, program: Command): string {
  // The original took -s=URL, too.
  const url = text.replace(/^=/, '')
  const { protocol, username, search, hash } = URL.canParse(url) ? new URL(url) : new URL('none:')
  if ((protocol !== 'http:' && protocol !== 'https:') || `${username}${search}${hash}` !== '') {
    const meant = /^[\w.-]+(:\d+)?$/.test(url) ? `http://${url}` : defaultServer
    program.showHelpAfterError(false)
    throw new InvalidArgumentError(`It is no URL such as ${meant}.`)
  }
  return url.replace(/\/+$/, '')
}
