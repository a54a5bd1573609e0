// `config lint`: what is wrong with the configurations, a line each as compilers print it.

import type { Command } from 'commander'
import { z } from 'zod'
import { ask, ClientError, read, type Client, type ClientFor } from './client.ts'
import { json, oneLine, textOption, type Terminal, type TextFormat } from './output.ts'
import { configurationPath } from './paths.ts'

const finding = z.object({
  level: z.enum(['fault', 'warning']),
  configuration: z.string(),
  file: z.string(),
  line: z.number(),
  text: z.string(),
})

const answer = z.object({ findings: z.array(finding) })

type Finding = z.infer<typeof finding>

function lineOf({ file, line, text }: Finding, level: string): string {
  return oneLine(`${file}:${line}: ${level}${text}`)
}

/**
 * What would stop a machine that boots `configuration`, a line each: it is deployed all the same. A server that is older,
 * or does not answer, says nothing of it.
 */
export async function faultsOf(configuration: string, client: Client): Promise<readonly string[]> {
  const path = `${configurationPath(configuration)}/lint?remote=false`
  try {
    const { findings } = read(client, await ask(client, 'GET', path), answer)
    return findings.filter(({ level }) => level === 'fault').map((fault) => lineOf(fault, ''))
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    return []
  }
}

/** Adds the command to `config`. It rejects with a ClientError when there is a fault. */
export function addLint(config: Command, terminal: Terminal, clientFor: ClientFor): void {
  config
    .command('lint')
    .description(
      'what is wrong with a configuration, or with all of them: exit status 1 when a machine would stop',
    )
    .argument('[name]', 'the configuration')
    .addOption(textOption('lines FILE:LINE'))
    .action(async (name: string | undefined, { output }: TextFormat) => {
      const path = name === undefined ? '/v1/lint' : `${configurationPath(name)}/lint`
      const client = clientFor(output === 'json' ? 'json' : 'table')
      const { findings } = read(client, await ask(client, 'GET', path), answer)
      for (const one of output === 'json' ? [] : findings) {
        terminal.out(`${lineOf(one, `${one.level}: `)}\n`)
      }
      if (output === 'json') terminal.out(json({ findings }))
      const faults = findings.filter(({ level }) => level === 'fault').length
      if (faults > 0) throw new ClientError(faults === 1 ? '1 fault' : `${faults} faults`)
    })
}
