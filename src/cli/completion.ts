// `completion`: what a shell offers when somebody presses Tab; hosts and configurations are those of the server.

import { Argument, type Command, type Option } from 'commander'
import { z } from 'zod'
import { ask, read, type Client } from './client.ts'
import { listHosts, type ClientFor } from './host.ts'
import type { Terminal } from './output.ts'

const shells = ['bash', 'zsh', 'fish'] as const

type Shell = (typeof shells)[number]

/** Each hands the words before the cursor to `pxe-pilot complete`, and gets a candidate a line. */
const scripts: Readonly<Record<Shell, string>> = {
  bash: `_pxe_pilot() {
  local IFS=$'\\n'
  COMPREPLY=($(pxe-pilot complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _pxe_pilot pxe-pilot
`,
  zsh: `#compdef pxe-pilot
_pxe_pilot() {
  local -a candidates
  candidates=("\${(@f)$(pxe-pilot complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a candidates
}
compdef _pxe_pilot pxe-pilot
`,
  fish: `function __pxe_pilot
  set -l words (commandline -opc) (commandline -ct)
  pxe-pilot complete -- $words[2..-1] 2>/dev/null
end
complete -c pxe-pilot -f -a '(__pxe_pilot)'
`,
}

/** Somebody waits with a finger on the key. */
const patienceMs = 2_000

export function addCompletion(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  program
    .command('completion')
    .description('a script that makes a shell complete commands, hosts and configurations')
    .addArgument(new Argument('<shell>', 'which').choices(shells))
    .addHelpText(
      'after',
      '\nExamples:\n  bash: eval "$(pxe-pilot completion bash)" in ~/.bashrc\n  zsh:  eval "$(pxe-pilot completion zsh)" in ~/.zshrc, behind compinit\n  fish: pxe-pilot completion fish > ~/.config/fish/completions/pxe-pilot.fish',
    )
    .action((shell: Shell) => terminal.out(scripts[shell]))
  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'the words behind pxe-pilot, the last one unfinished')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const client = { ...clientFor(), totalMs: patienceMs }
      for (const candidate of await candidatesOf(program, words, client)) terminal.out(`${candidate}\n`)
    })
}

async function candidatesOf(
  program: Command,
  words: readonly string[],
  client: Client,
): Promise<readonly string[]> {
  const before = words.slice(0, -1)
  const last = words.at(-1) ?? ''
  let command = program
  let place = 0
  for (let at = 0; at < before.length; at++) {
    const word = before[at] ?? ''
    const option = optionOf(command, word)
    if (option !== undefined) {
      if (option.required && !word.includes('=')) at++
      continue
    }
    const next = command.commands.find((child) => child.name() === word)
    if (next === undefined) place++
    else command = next
  }
  const open = optionOf(command, before.at(-1) ?? '')
  const all =
    open?.required === true
      ? (open.argChoices ?? [])
      : last.startsWith('-')
        ? visible(command).flatMap(({ long }) => long ?? [])
        : [...namesOf(command), ...(await valuesOf(command, place, client))]
  return [...new Set(all)].filter((candidate) => candidate.startsWith(last))
}

function optionOf(command: Command, word: string): Option | undefined {
  if (!word.startsWith('-')) return undefined
  const [name] = word.split('=')
  return command.options.find(({ long, short }) => long === name || short === name)
}

function visible(command: Command): readonly Option[] {
  return [...command.createHelp().visibleOptions(command)]
}

function namesOf(command: Command): readonly string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((child) => child.name())
}

/** What the argument at `place` may be, as its name says; nothing where the server does not answer. */
async function valuesOf(command: Command, place: number, client: Client): Promise<readonly string[]> {
  const all = command.registeredArguments
  const argument = all[place] ?? (all.at(-1)?.variadic === true ? all.at(-1) : undefined)
  if (argument === undefined) return []
  if (argument.argChoices !== undefined) return argument.argChoices
  const isMade = command.name() === 'add'
  try {
    if (/^hostnames?$/.test(argument.name()) && !isMade) {
      return (await listHosts(client, false)).map(({ name }) => name)
    }
    if (argument.name() === 'config' || command.parent?.name() === 'config') {
      const named = z.array(z.object({ name: z.string() }))
      return read(client, await ask(client, 'GET', '/v1/configurations'), named).map(({ name }) => name)
    }
  } catch {
    return []
  }
  return []
}
