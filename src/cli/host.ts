// `host`: the machines, what they boot, and their power.

import type { Command } from 'commander'
import { z } from 'zod'
import { parseMac } from '../net/mac.ts'
import { complainOfHold, isHeld } from './changes.ts'
import { ask, ClientError, read, type Client, type ClientFor } from './client.ts'
import { json, outputOption, shortTime, tableOf, type Cell, type Format, type Terminal } from './output.ts'
import { hostPath } from './paths.ts'
import { addWait, powerOrWhyNot, waitFor, type ApiPower, type Wait } from './wait.ts'

const controller = z.looseObject({
  macAddress: z.string().optional(),
  hostname: z.string().optional(),
  ipAddress: z.string().optional(),
})

export const host = z.looseObject({
  name: z.string(),
  macAddresses: z.array(z.string()).nullable(),
  configuration: z.looseObject({ name: z.string() }).nullable(),
  powerState: z.string(),
  powerAskedAt: z.string().optional(),
  powerReason: z.string().optional(),
  ipmi: controller.nullable(),
  management: controller.nullable(),
  redfish: controller.nullish(),
  locked: z.boolean().optional(),
  registered: z.boolean().optional(),
  added: z.boolean().optional(),
})

export type ApiHost = z.infer<typeof host>

/** The command itself, for what others add to it. */
export function addHost(program: Command, terminal: Terminal, clientFor: ClientFor): Command {
  const command = program
    .command('host')
    .description('the machines: list them, add them, switch them on and off')
  addList(command, terminal, clientFor)
  addStatus(command, terminal, clientFor)
  addSwitch(command, terminal, clientFor, 'reboot', 'reset what is on, and switch on what is off', 'On')
  addSwitch(command, terminal, clientFor, 'on', 'switch on', 'On')
  addSwitch(command, terminal, clientFor, 'off', 'switch off, at once', 'Off')
  addSwitch(command, terminal, clientFor, 'cycle', 'take the current away for a moment', 'On')
  addSwitch(command, terminal, clientFor, 'reset', 'reset, what is on', 'On')
  command
    .command('refresh')
    .description('look for the controllers of the machines anew')
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      await ask(clientFor(output), 'PATCH', '/v1/refresh')
      terminal.out(output === 'json' ? json({ refresh: 'OK' }) : tableOf(terminal, ['refresh'], [['OK']]))
    })
  return command
}

export async function listHosts(client: Client, isAsked: boolean): Promise<readonly ApiHost[]> {
  const path = `/v1/hosts${isAsked ? '' : '?status=false'}`
  return read(client, await ask(client, 'GET', path), z.array(host).nullable()) ?? []
}

/** Of hosts that are named, or meant by a MAC of theirs, each once; what is neither is the server's to refuse. */
export async function namesOf(texts: readonly string[], client: Client): Promise<readonly string[]> {
  const isAsked = texts.some((text) => parseMac(text) !== undefined)
  const all = isAsked ? await listHosts(client, false) : []
  const names = texts.map((text) => {
    const mac = parseMac(text)
    // One that a deploy made has its MAC for its name.
    if (mac === undefined || all.some(({ name }) => name === text)) return text
    const owner = all.find(({ macAddresses }) => macAddresses?.some((one) => parseMac(one) === mac))
    return owner?.name ?? text
  })
  return [...new Set(names)]
}

function addList(command: Command, terminal: Terminal, clientFor: ClientFor): void {
  command
    .command('list')
    .description('all hosts, what they boot, and whether they are on')
    .option('--no-status', 'do not ask whether they are on, but show what was heard last')
    .addOption(outputOption())
    .action(async ({ output, status }: Format & { status: boolean }) => {
      const client = clientFor(output)
      const [all, held] = await Promise.all([listHosts(client, status), isHeld(client)])
      complainOfHold(terminal, held)
      if (output === 'json') return terminal.out(json(all))
      const titles = ['name', 'configuration', 'mac', 'mgmt mac', 'mgmt ip', 'power state']
      const more = ['origin', 'locked', 'asked at', 'reason']
      terminal.out(
        output === 'wide'
          ? tableOf(
              terminal,
              [...titles, ...more],
              all.map((one) => [...rowOf(one), ...moreOf(one)]),
            )
          : tableOf(terminal, titles, all.map(rowOf)),
      )
    })
}

function rowOf(one: ApiHost): readonly Cell[] {
  const { name, configuration, macAddresses, ipmi, management, redfish, powerState } = one
  const controlled = management ?? ipmi ?? redfish
  return [
    name,
    configuration?.name,
    (macAddresses ?? []).join(' | '),
    controlled?.macAddress,
    controlled?.ipAddress ?? controlled?.hostname,
    powerState,
  ]
}

function moreOf({ registered, added, locked, powerAskedAt, powerReason }: ApiHost): readonly Cell[] {
  const origin = registered ? 'registered' : added ? 'added' : 'settings'
  return [origin, locked ? 'yes' : '', shortTime(powerAskedAt), powerReason]
}

function addStatus(command: Command, terminal: Terminal, clientFor: ClientFor): void {
  command
    .command('status')
    .description('whether hosts are on, and where that is not known, why')
    .argument('[hostnames...]', 'the hosts, by name or by a MAC; all of them when left out')
    .addOption(outputOption())
    .action(async (texts: readonly string[], { output }: Format) => {
      const client = clientFor(output)
      const names = await namesOf(texts, client)
      const all: readonly (ApiPower & { readonly failed?: true })[] =
        names.length === 0
          ? await listHosts(client, true)
          : await Promise.all(names.map((name) => powerOrWhyNot(client, name)))
      const shown = all.map(({ name, powerState, powerAskedAt, powerReason }) => ({
        name,
        powerState,
        powerAskedAt,
        powerReason,
      }))
      const rows = shown.map((one) => [
        one.name,
        one.powerState,
        shortTime(one.powerAskedAt),
        one.powerReason,
      ])
      const titles = ['name', 'power state', 'asked at', 'reason']
      terminal.out(output === 'json' ? json(shown) : tableOf(terminal, titles, rows))
      const failed = all.filter((one) => one.failed === true)
      if (failed.length > 0) throw new ClientError(failed.map(({ powerReason }) => powerReason).join('\n'))
    })
}

type Order = 'reboot' | 'on' | 'off' | 'cycle' | 'reset'

type Outcome = { readonly name: string; readonly outcome: 'OK' | 'ERROR'; readonly message?: string }

/** The table has a row for each host; the reasons follow it, on standard error. */
function addSwitch(
  command: Command,
  terminal: Terminal,
  clientFor: ClientFor,
  order: Order,
  what: string,
  after: 'On' | 'Off',
): void {
  const added = command
    .command(order)
    .description(what)
    .argument('<hostname...>', 'the hosts, by name or by a MAC')
    .addOption(outputOption())
    .action(async (texts: readonly string[], options: Format & Wait) => {
      const client = clientFor(options.output)
      const names = await namesOf(texts, client)
      const outcomes = await Promise.all(names.map((name) => switchOne(client, name, order)))
      const rows = outcomes.map(({ name, outcome }) => [name, outcome])
      terminal.out(options.output === 'json' ? json(outcomes) : tableOf(terminal, ['name', order], rows))
      const failures = outcomes.filter(({ outcome }) => outcome === 'ERROR')
      if (failures.length > 0) throw new ClientError(failures.map(({ message }) => message).join('\n'))
      await waitFor(after, names, options, client, terminal)
    })
  if (order !== 'reset') addWait(added, after.toLowerCase())
}

async function switchOne(client: Client, name: string, order: Order): Promise<Outcome> {
  try {
    await ask(client, 'PATCH', `${hostPath(name)}/${order}`)
    return { name, outcome: 'OK' }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    return { name, outcome: 'ERROR', message: error.message }
  }
}
