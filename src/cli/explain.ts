// `explain`: what a machine would boot and why, told step by step.

import { Option, type Command } from 'commander'
import { z } from 'zod'
import { parseMac } from '../net/mac.ts'
import { ask, read, type ClientFor } from './client.ts'
import { json, lineOfText, oneLine, textOption, type Terminal, type TextFormat } from './output.ts'

const stage = z.object({
  agent: z.string(),
  rule: z.string(),
  because: z.string(),
  offer: z
    .object({
      server: z.string(),
      file: z.string(),
      url: z.string().nullable(),
      prefix: z.string().nullish(),
    })
    .nullable(),
  asks: z.array(z.object({ path: z.string(), gives: z.string(), rule: z.string(), because: z.string() })),
  text: z.string().nullable(),
})

const explanation = z.object({
  host: z.string().nullable(),
  mac: z.string(),
  ip: z.string().nullable(),
  configuration: z.string().nullable(),
  via: z.string(),
  mode: z.string().optional(),
  boots: z.array(z.object({ arch: z.string(), stages: z.array(stage), notes: z.array(z.string()) })),
})

type Stage = z.infer<typeof stage>

type Options = TextFormat & {
  readonly arch?: string
  readonly agent?: string
  readonly via?: string
}

export function addExplain(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  program
    .command('explain')
    .description('what a machine would be offered, ask for and get, and why; nothing is changed')
    .argument('<machine>', 'a host by its name, or any MAC')
    .option(
      '--arch <firmware>',
      'its firmware (uefi-x64), or a number of option 93; default: bios and uefi-x64',
    )
    .addOption(new Option('--agent <program>', 'the program that asks').choices(['rom', 'httpboot', 'ipxe']))
    .addOption(
      new Option('--via <mode>', 'how DHCP answers it; default: as the settings say').choices([
        'dhcp',
        'proxy',
      ]),
    )
    .addOption(textOption('text'))
    .action(async (machine: string, { arch, agent, via, output }: Options) => {
      const which = parseMac(machine) === undefined ? { host: machine } : { mac: machine }
      const query = new URLSearchParams()
      for (const [key, value] of Object.entries({ ...which, arch, agent, via })) {
        if (value !== undefined) query.append(key, value)
      }
      const client = clientFor(output === 'json' ? 'json' : 'table')
      const found = read(client, await ask(client, 'GET', `/v1/explain?${query.toString()}`), explanation)
      terminal.out(output === 'json' ? json(found) : told(found))
    })
}

function told({ host, mac, ip, configuration, via, mode, boots }: z.infer<typeof explanation>): string {
  const who = host === null ? mac : `${host} (${mac})`
  const where = ip === null ? 'no address yet' : `address ${ip}`
  const how = mode === 'off' ? 'no DHCP of ours' : via === 'proxy' ? 'proxy mode' : 'server mode'
  const head = `${who}: ${configuration ?? 'nothing deployed'}, ${where}, ${how}`
  const lines = boots.flatMap(({ arch, stages, notes }) => [
    '',
    ...stages.flatMap((one) => stageLines(arch, one)),
    ...notes.map((note) => `  note   ${oneLine(note)}`),
  ])
  return [oneLine(head), ...lines, ''].join('\n')
}

const agents: ReadonlyMap<string, string> = new Map(
  Object.entries({
    rom: 'its firmware asks',
    httpboot: 'its firmware asks, for HTTP boot',
    ipxe: 'iPXE asks',
  }),
)

function stageLines(arch: string, { agent, rule, because, offer, asks, text }: Stage): readonly string[] {
  return [
    oneLine(`${arch}: ${agents.get(agent) ?? agent}`),
    oneLine(`  offer  ${offered(offer)}`),
    oneLine(`  why    ${because} [${rule}]`),
    ...asks.map((one) => oneLine(`  asks   ${one.path} -> ${one.gives} [${one.rule}]`)),
    ...(text === null
      ? []
      : text
          .trimEnd()
          .split('\n')
          .map((line) => `  text   ${lineOfText(line)}`.trimEnd())),
  ]
}

function offered(offer: Stage['offer']): string {
  if (offer === null) return 'nothing'
  const { server, file, url, prefix } = offer
  return (url ?? `${file} from ${server}`) + (prefix == null ? '' : `, and all else from ${prefix}`)
}
