// `host show`, `add`, `set`, `remove`, `discovered`, `adopt` and `undeploy`: the hosts that the server keeps.

import { readFileSync } from 'node:fs'
import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { ask, ClientError, read, type Client } from './client.ts'
import { printable } from '../events.ts'
import type { ClientFor } from './host.ts'
import { json, outputOption, shortTime, tableOf, type Format, type Terminal } from './output.ts'

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

export function addHostRecords(command: Command, terminal: Terminal, clientFor: ClientFor): void {
  const say = (output: Format['output'], one: HostInFull) =>
    terminal.out(output === 'json' ? json(one) : tableOf(terminal, ['key', 'value'], [...entriesOf(one)]))

  command
    .command('show')
    .description('all there is of a host; passwords are never shown')
    .argument('<hostname>', 'the host')
    .addOption(outputOption('table', 'json'))
    .action(async (name: string, { output }: Format) => {
      say(output, await hostOf(clientFor(output), name))
    })
  recordOptions(
    command
      .command('add')
      .description('add a host; those of the settings file are changed there')
      .argument('<hostname>', 'its name')
      .argument('<macs...>', 'its cards, the primary one first'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  $ pxe-pilot host add h7 23:34:a3:e9:09:cc --ipmi 10.77.0.12 --user admin --password-file ./h7.password',
    )
    .action(async (name: string, macs: readonly string[], options: RecordOptions, self: Command) => {
      const client = clientFor(options.output)
      if (isLoose(options))
        self.error(`error: ${looseOf(options)}: name its controller, too, with ${addressed}`)
      const body = { name, macAddresses: macs, ...recordOf(options) }
      say(options.output, read(client, await ask(client, 'POST', '/v1/hosts', body), hostInFull))
    })
  recordOptions(
    command
      .command('set')
      .description('change a host that was added; what is not named stays, and none takes it away')
      .argument('<hostname>', 'the host')
      .option('--name <name>', 'another name')
      .option('--mac <mac>', 'a card instead of those it has; may be said several times', several),
  ).action(async (name: string, options: SetOptions, self: Command) => {
    const client = clientFor(options.output)
    const { name: next, mac } = options
    const body = {
      ...(next !== undefined && { name: next }),
      ...(mac && { macAddresses: mac }),
      ...recordOf(options),
      ...(isLoose(options) && controllerOfHost(await hostOf(client, name), options, self)),
    }
    if (Object.keys(body).length === 0) self.error('error: nothing is named that should change')
    const changed = await ask(client, 'PATCH', pathOf(name), body)
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
    .addOption(outputOption('table', 'json'))
    .action(async (mac: string, name: string, { lock = false, output }: Format & { lock?: boolean }) => {
      const client = clientFor(output)
      const path = `/v1/discovered/${encodeURIComponent(mac)}/adopt`
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
    .argument('<hostnames...>', 'the hosts')
    .action(async (names: readonly string[]) => {
      const done: string[] = []
      try {
        for (const name of names) {
          await ask(clientFor(), 'DELETE', `${pathOf(name)}${under}`)
          done.push(name)
        }
      } finally {
        if (done.length > 0)
          terminal.out(
            tableOf(
              terminal,
              ['name', verb],
              done.map((name) => [name, 'OK']),
            ),
          )
      }
    })
}

type HostInFull = z.infer<typeof hostInFull>

async function hostOf(client: Client, name: string): Promise<HostInFull> {
  return read(client, await ask(client, 'GET', pathOf(name)), hostInFull)
}

function pathOf(name: string): string {
  return `/v1/hosts/${encodeURIComponent(name)}`
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

type RecordOptions = Format & {
  readonly ip?: string
  readonly arch?: string
  readonly localMethod?: string
  readonly lock?: boolean
  readonly unlock?: boolean
  readonly var?: Readonly<Record<string, string>>
  readonly ipmi?: string
  readonly redfish?: string
  readonly wol?: boolean
  readonly user?: string
  readonly passwordFile?: string
  readonly controllerMac?: string
  readonly cipher?: number
}

type SetOptions = RecordOptions & { readonly name?: string; readonly mac?: readonly string[] }

function recordOptions(command: Command): Command {
  return command
    .option('--ip <address>', 'its reserved address')
    .option('--arch <firmware>', 'its firmware, where it does not tell: bios, uefi-x64, ...')
    .option('--local-method <method>', 'auto, or withhold: how it leaves for its disk')
    .option('--lock', 'let nothing but local be deployed to it, and nothing switch it')
    .option('--unlock', 'the opposite')
    .option('--var <name=value>', 'a variable of templates; may be said several times', variable)
    .option('--ipmi <address>', 'its BMC; with auto the address is looked up by --controller-mac')
    .option('--redfish <address>', 'its Redfish service; with auto as of --ipmi')
    .option('--wol', 'it is woken by Wake-on-LAN')
    .option('--no-wol', 'the opposite')
    .option('--user <name>', 'of the controller')
    .option('--password-file <file>', 'the password of the controller, alone in a file here')
    .option('--controller-mac <mac>', 'of the controller')
    .option('--cipher <suite>', 'of IPMI, such as 3', cipherSuite)
    .addOption(outputOption('table', 'json'))
}

/** As the API takes it; what was not said is left out. */
function recordOf(options: RecordOptions): Record<string, unknown> {
  const { ip, arch, localMethod, lock, unlock, var: vars, ipmi, redfish, wol } = options
  return {
    ...(ip !== undefined && { ip: orNull(ip) }),
    ...(arch !== undefined && { arch: orNull(arch) }),
    ...(localMethod !== undefined && { localMethod: orNull(localMethod) }),
    ...(lock && { locked: true }),
    ...(unlock && { locked: false }),
    ...(vars && { vars }),
    ...(ipmi !== undefined && { ipmi: ipmi === 'none' ? null : controllerOf(ipmi, options) }),
    ...(redfish !== undefined && { redfish: redfish === 'none' ? null : controllerOf(redfish, options) }),
    ...(wol !== undefined && { wol: wol ? {} : null }),
  }
}

function orNull(text: string): string | null {
  return text === 'none' ? null : text
}

function controllerOf(address: string, options: RecordOptions): Record<string, unknown> {
  return {
    hostname: address === 'auto' ? null : address,
    ...accessOf(options),
  }
}

/** What of a controller may change while its address stays. */
function accessOf({ user, passwordFile, controllerMac, cipher }: RecordOptions): Record<string, unknown> {
  return {
    ...(user !== undefined && { username: user }),
    ...(passwordFile !== undefined && { password: passwordIn(passwordFile) }),
    ...(controllerMac !== undefined && { mac_address: controllerMac }),
    ...(cipher !== undefined && { cipher }),
  }
}

const addressed = '--ipmi ADDRESS or --redfish ADDRESS'

/** Something is said of a controller, but not which one it is. */
function isLoose(options: RecordOptions): boolean {
  return looseOf(options) !== undefined
}

function looseOf({
  user,
  passwordFile,
  controllerMac,
  cipher,
  ipmi,
  redfish,
}: RecordOptions): string | undefined {
  if ([ipmi, redfish].some((address) => address !== undefined && address !== 'none')) return undefined
  const said = {
    '--user': user,
    '--password-file': passwordFile,
    '--controller-mac': controllerMac,
    '--cipher': cipher,
  }
  return Object.entries(said).find(([, value]) => value !== undefined)?.[0]
}

/** Ends the process where the host has no controller that the options could be of. */
function controllerOfHost(
  { name, ipmi, redfish }: HostInFull,
  options: RecordOptions,
  self: Command,
): Record<string, unknown> {
  if (ipmi != null && options.ipmi === undefined) return { ipmi: accessOf(options) }
  if (redfish != null && options.redfish === undefined) {
    if (options.cipher === undefined) return { redfish: accessOf(options) }
    self.error(`error: --cipher is of IPMI, and ${printable(name)} is switched by Redfish`)
  }
  self.error(
    `error: ${printable(name)} has neither IPMI nor Redfish that ${looseOf(options)} could be of: name its controller, too, with ${addressed}`,
  )
}

function cipherSuite(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('It is no number such as 3 or 17.')
  return Number(text)
}

/** Never as an argument, which everybody could read. */
function passwordIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ClientError(`--password-file cannot be read: ${why}`)
  }
}

function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function variable(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It is no name=value.')
  return { ...before, [name]: value }
}
