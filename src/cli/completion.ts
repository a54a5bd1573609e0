// `completion`: what a shell offers when somebody presses Tab; hosts and configurations are those of the server.

import { Argument, type Command, type Option } from 'commander'
import { z } from 'zod'
import { ask, read, type Client, type ClientFor } from './client.ts'
import { listHosts } from './host.ts'
import type { Terminal } from './output.ts'

const shells = ['bash', 'zsh', 'fish'] as const

type Shell = (typeof shells)[number]

/** Each hands the words before the cursor to `pxe-pilot complete`, and gets a candidate a line. */
const scripts: Readonly<Record<Shell, string>> = {
  bash: `_pxe_pilot() {
  # COMP_WORDS is cut at every ":" and "=", and what is offered stands in for what is behind the last of them.
  local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} last before
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  last=\${words[\${#words[@]}-1]}
  before=\${last%"\${last##*["$COMP_WORDBREAKS"]}"}
  IFS=$'\\n'
  COMPREPLY=($(pxe-pilot complete -- "\${words[@]:1}" 2>/dev/null))
  COMPREPLY=("\${COMPREPLY[@]#"$before"}")
}
complete -o default -F _pxe_pilot pxe-pilot
`,
  zsh: `#compdef pxe-pilot
_pxe_pilot() {
  local -a candidates
  candidates=(\${(f)"$(pxe-pilot complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
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
      const asked = clientFor()
      const client = {
        ...asked,
        server: serverIn(program, words.slice(0, -1)) ?? asked.server,
        totalMs: patienceMs,
      }
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
    // -sURL, or one that we do not know: no argument in any case.
    if (word.startsWith('-')) continue
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

/** The server that the unfinished line names, as the program would read it. */
function serverIn(program: Command, words: readonly string[]): string | undefined {
  const [option] = program.options.filter(({ long }) => long === '--server')
  if (option === undefined) return undefined
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (!word.startsWith('-')) return undefined
    const [, attached] = /^(?:--server=|-s)(.+)$/.exec(word) ?? []
    const value = word === '--server' || word === '-s' ? words[++at] : attached
    if (value === undefined) continue
    try {
      return option.parseArg?.(value, undefined) ?? value
    } catch {
      return undefined
    }
  }
  return undefined
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
  const isMade = ['add', 'adopt'].includes(command.name())
  try {
    if (/^(?:hostnames?|machine)$/.test(argument.name()) && !isMade) {
      return (await listHosts(client, false)).map(({ name }) => name)
    }
    if (argument.name() === 'config' || command.parent?.name() === 'config') {
      const named = z.array(z.object({ name: z.string() }))
      const listed = read(client, await ask(client, 'GET', '/v1/configurations'), named)
      const names = listed.map(({ name }) => name)
      // It has no file to be listed for, or to be linted.
      return command.name() === 'lint' ? names : [...names, 'local']
    }
  } catch {
    return []
  }
  return []
}
