// `host show`, `add`, `set`, `remove`, `discovered`, `adopt` and `undeploy`: the hosts that the server keeps.

import type { Command } from 'commander'
import { z } from 'zod'
import { ask, read, type Client, type ClientFor } from './client.ts'
import {
  addressed,
  controllerOfHost,
  isLoose,
  looseOf,
  recordOf,
  recordOptions,
  several,
  type RecordOptions,
  type SetOptions,
} from './host-options.ts'
import { namesOf } from './host.ts'
import { json, outputOption, shortTime, tableOf, type Format, type Terminal } from './output.ts'
import { discoveredPath, hostPath } from './paths.ts'

const hostInFull = z.looseObject({
  name: z.string(),
  ipmi: z.looseObject({}).nullish(),
  redfish: z.looseObject({}).nullish(),
})

const discovered = z.array(
  z.looseObject({
    mac: z.string(),
    vendor: z.string(),
    arch: z.string(),
    uuid: z.string(),
    firstSeen: z.string(),
    lastSeen: z.string(),
    requests: z.number(),
  }),
)

const yes = ['-y, --yes', 'confirm that its machine may install something'] as const

type Confirmed = { readonly yes?: true }

function confirmed(options: Confirmed): string {
  return options.yes === true ? '?confirm=1' : ''
}

export function addHostRecords(command: Command, terminal: Terminal, clientFor: ClientFor): void {
  const say = (output: Format['output'], one: HostInFull) =>
    terminal.out(output === 'json' ? json(one) : tableOf(terminal, ['key', 'value'], [...entriesOf(one)]))

  command
    .command('show')
    .description('all there is of a host; passwords are never shown')
    .argument('<hostname>', 'the host, by its name or by a MAC')
    .addOption(outputOption())
    .action(async (name: string, { output }: Format) => {
      const client = clientFor(output)
      say(output, await hostOf(client, await nameOf(name, client)))
    })
  recordOptions(
    command
      .command('add')
      .description('add a host; those of the settings file are changed there')
      .argument('<hostname>', 'its name')
      .argument('<macs...>', 'its cards, the primary one first')
      .option(...yes),
  )
    .addHelpText(
      'after',
      '\nExample:\n  $ pxe-pilot host add h7 22:34:a3:e9:09:cc --ipmi 10.77.0.12 --user admin --password-file ./h7.password',
    )
    .action(
      async (name: string, macs: readonly string[], options: RecordOptions & Confirmed, self: Command) => {
        const client = clientFor(options.output)
        if (isLoose(options))
          self.error(
            `error: ${looseOf(options)}: name its controller, too, with ${addressed} or --adapter NAME`,
          )
        const body = { name, macAddresses: macs, ...recordOf(options) }
        const added = await ask(client, 'POST', `/v1/hosts${confirmed(options)}`, body)
        say(options.output, read(client, added, hostInFull))
      },
    )
  recordOptions(
    command
      .command('set')
      .description('change a host that was added; what is not named stays, and none takes it away')
      .argument('<hostname>', 'the host, by its name or by a MAC')
      .option('--name <name>', 'another name')
      .option('--mac <mac>', 'a card instead of those it has; may be said several times', several)
      .option(...yes),
  ).action(async (text: string, options: SetOptions & Confirmed, self: Command) => {
    const client = clientFor(options.output)
    const name = await nameOf(text, client)
    const { name: next, mac } = options
    const body = {
      ...(next !== undefined && { name: next }),
      ...(mac && { macAddresses: mac }),
      ...recordOf(options),
      ...(isLoose(options) && controllerOfHost(await hostOf(client, name), options, self)),
    }
    if (Object.keys(body).length === 0) self.error('error: nothing is named that should change')
    const changed = await ask(client, 'PATCH', `${hostPath(name)}${confirmed(options)}`, body)
    say(options.output, read(client, changed, hostInFull))
  })
  addEach(command, terminal, clientFor, 'remove', 'forget hosts that were added, and what they boot', '')
  addEach(command, terminal, clientFor, 'undeploy', 'forget what hosts boot', '/configuration')
  addDiscovered(command, terminal, clientFor)
}

function addDiscovered(command: Command, terminal: Terminal, clientFor: ClientFor): void {
  command
    .command('discovered')
    .description('machines that asked for a boot, and that nobody knows')
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      const client = clientFor(output)
      const all = read(client, await ask(client, 'GET', '/v1/discovered'), discovered)
      if (output === 'json') return terminal.out(json(all))
      const isWide = output === 'wide'
      const titles = [
        'mac',
        'vendor',
        'arch',
        'last seen',
        ...(isWide ? ['first seen', 'requests', 'uuid'] : []),
      ]
      const rows = all.map((one) => [
        one.mac,
        one.vendor,
        one.arch,
        shortTime(one.lastSeen),
        ...(isWide ? [shortTime(one.firstSeen), one.requests, one.uuid] : []),
      ])
      terminal.out(tableOf(terminal, titles, rows))
    })
  command
    .command('adopt')
    .description('make a host of a discovered machine, or name one that a deploy made')
    .argument('<mac>', 'its card')
    .argument('<hostname>', 'the name it gets')
    .option('--lock', 'let nothing but local be deployed to it')
    .addOption(outputOption())
    .action(async (mac: string, name: string, { lock = false, output }: Format & { lock?: boolean }) => {
      const client = clientFor(output)
      const path = `${discoveredPath(mac)}/adopt`
      const made = read(client, await ask(client, 'POST', path, { name, locked: lock }), hostInFull)
      terminal.out(output === 'json' ? json(made) : tableOf(terminal, ['mac', 'adopt'], [[mac, 'OK']]))
    })
}

/** DELETE for each host in turn; the first that is refused ends it. */
function addEach(
  command: Command,
  terminal: Terminal,
  clientFor: ClientFor,
  verb: string,
  what: string,
  under: string,
): void {
  command
    .command(verb)
    .description(what)
    .argument('<hostnames...>', 'the hosts, by name or by a MAC')
    .option(...yes)
    .addOption(outputOption())
    .action(async (names: readonly string[], options: Confirmed & Format) => {
      const client = clientFor(options.output)
      const done: { readonly name: string; readonly outcome: 'OK' }[] = []
      try {
        for (const name of await namesOf(names, client)) {
          await ask(client, 'DELETE', `${hostPath(name)}${under}${confirmed(options)}`)
          done.push({ name, outcome: 'OK' })
        }
      } finally {
        const rows = done.map(({ name, outcome }) => [name, outcome])
        if (options.output === 'json') terminal.out(json(done))
        else if (done.length > 0) terminal.out(tableOf(terminal, ['name', verb], rows))
      }
    })
}

type HostInFull = z.infer<typeof hostInFull>

async function nameOf(text: string, client: Client): Promise<string> {
  const [name = text] = await namesOf([text], client)
  return name
}

async function hostOf(client: Client, name: string): Promise<HostInFull> {
  return read(client, await ask(client, 'GET', hostPath(name)), hostInFull)
}

/** `ipmi.hostname`: what stands inside of something has its name in front. */
function* entriesOf(value: object, before = ''): Generator<readonly [string, string]> {
  for (const [key, entry] of Object.entries(value)) {
    const isGroup = typeof entry === 'object' && entry !== null && !Array.isArray(entry)
    if (isGroup) yield* entriesOf(entry, `${before}${key}.`)
    else yield [`${before}${key}`, Array.isArray(entry) ? entry.map(shown).join(' | ') : shown(entry)]
  }
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
