// `manual`: the man page, made of the commands themselves, so that it never tells of another program.

import type { Command } from 'commander'
import type { Terminal } from './output.ts'

export function addManual(program: Command, terminal: Terminal): void {
  program
    .command('manual', { hidden: true })
    .description('the man page: pxe-pilot manual | man -l -')
    .action(() => terminal.out(manual(program)))
}

/** In the man macros of roff. */
export function manual(program: Command): string {
  return [
    '.TH PXE\\-PILOT 1 "" "PXE Pilot" "User Commands"',
    '.SH NAME',
    `pxe\\-pilot \\- ${escaped(program.description())}`,
    '.SH SYNOPSIS',
    '.B pxe\\-pilot',
    '[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]',
    '.SH OPTIONS',
    'They stand before the command.',
    ...optionsOf(program),
    '.SH COMMANDS',
    ...commandsOf(program, ''),
    '.SH ENVIRONMENT',
    ...entry('\\fBPXE_PILOT_SERVER\\fR', 'The server to ask, as \\-\\-server.'),
    ...entry('\\fBPXE_PILOT_TOKEN\\fR', "A token of the server's tokens_file, for changes."),
    ...entry('\\fBNO_COLOR\\fR', 'No colours on a terminal.'),
    '.SH EXIT STATUS',
    ...entry('0', 'It is done.'),
    ...entry('1', 'It is not: one line on standard error says why and what to do.'),
    ...entry('2', 'The command line is not understood.'),
    '.SH EXAMPLES',
    ...entry('pxe\\-pilot config deploy \\-\\-now ubuntu\\-16.04 h1', 'Install h1, now.'),
    ...entry('pxe\\-pilot config deploy local h1', 'From now on it boots its disk.'),
    ...entry('pxe\\-pilot host status', 'Which hosts are on.'),
    ...entry(
      'pxe\\-pilot hold',
      'Every host boots its disk, whatever was deployed, until hold \\-\\-release.',
    ),
    '',
  ].join('\n')
}

function commandsOf(command: Command, before: string): readonly string[] {
  const help = command.createHelp()
  return help
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help')
    .flatMap((child) => {
      const name = `${before}${child.name()}`
      if (child.commands.length > 0) return commandsOf(child, `${name} `)
      const names = child.registeredArguments.map((argument) => {
        const shown = `\\fI${escaped(argument.name())}\\fR${argument.variadic ? '...' : ''}`
        return argument.required ? shown : `[${shown}]`
      })
      const title = [`\\fB${escaped(name)}\\fR`, ...names].join(' ')
      return [...entry(title, escaped(child.description())), '.RS', ...optionsOf(child), '.RE']
    })
}

function optionsOf(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .flatMap(({ flags, description }) => entry(`\\fB${escaped(flags)}\\fR`, escaped(description)))
}

function entry(title: string, text: string): readonly string[] {
  return ['.TP', title, text]
}

/** A hyphen that may be copied, no escape of a backslash, and no line that begins with a command of roff. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&')
}
