// `audit`, `undo` and `hold`: who changed what, taking it back, and the brake for everything.

import { InvalidArgumentError, Option, type Command } from 'commander'
import { z } from 'zod'
import { ask, ClientError, read, type Client, type ClientFor } from './client.ts'
import {
  json,
  oneLine,
  outputOption,
  shortTime,
  tableOf,
  wholeNumber,
  type Format,
  type Terminal,
} from './output.ts'

const hostChange = z.looseObject({
  name: z.string(),
  before: z.string().nullish(),
  after: z.string().nullish(),
  host: z.string().optional(),
  keys: z.array(z.string()).default([]),
})

const change = z.looseObject({
  id: z.number(),
  at: z.string(),
  action: z.string(),
  hosts: z.array(hostChange),
})

const audit = z.array(
  change.extend({
    by: z.string(),
    from: z.string(),
    reason: z.string().default(''),
    lease: z.looseObject({ ip: z.string(), mac: z.string(), host: z.string() }).optional(),
    undoneBy: z.number().optional(),
  }),
)

const undone = change.extend({ confirm: z.number().optional() })

const hold = z.looseObject({
  held: z.boolean(),
  since: z.string().optional(),
  by: z.string().optional(),
  from: z.string().optional(),
  reason: z.string().optional(),
})

export function addChanges(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  program
    .command('audit')
    .description('who changed what, the last change first')
    .option('--limit <changes>', 'at most so many', wholeNumber, 20)
    .addOption(outputOption())
    .action(async ({ limit, output }: Format & { limit: number }) => {
      const client = clientFor(output)
      const all = read(client, await ask(client, 'GET', `/v1/audit?limit=${limit}`), audit)
      const rows = all.map((one) => [
        one.id,
        shortTime(one.at),
        one.undoneBy === undefined ? one.action : `${one.action} (undone)`,
        one.by,
        one.from,
        one.hosts.map(changeText).join(', ') || leaseText(one.lease) || one.reason,
      ])
      const titles = ['id', 'at', 'action', 'by', 'from', 'hosts']
      terminal.out(output === 'json' ? json(all) : tableOf(terminal, titles, rows))
    })
  addUndo(program, terminal, clientFor)
  addImport(program, terminal, clientFor)
  addHold(program, terminal, clientFor)
}

/** Tables have their own line for a host; here it is one of several in a cell. */
function changeText({ name, before, after, host, keys }: z.infer<typeof hostChange>): string {
  const boots =
    before === undefined && after === undefined ? '' : `: ${before ?? 'nothing'} -> ${after ?? 'nothing'}`
  const what = keys.length === 0 ? '' : ` (${keys.join(' ')})`
  return `${name}${host === undefined ? '' : ` ${host}${what}`}${boots}`
}

function leaseText(lease: z.infer<typeof audit>[number]['lease']): string {
  return lease === undefined ? '' : `${lease.ip} of ${lease.host || lease.mac}`
}

type UndoOptions = Format & { readonly yes?: true; readonly dryRun?: true }

function addUndo(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  program
    .command('undo')
    .description('take the last change back; shows what returns, and arms no installer again without --yes')
    .argument(
      '[id]',
      'the change that is meant, of pxe-pilot audit: another one is not taken back',
      wholeNumber,
    )
    .option('--dry-run', 'only show what would return')
    .option('-y, --yes', 'also where machines would be installed again')
    .addOption(outputOption())
    .action(async (id: number | undefined, { yes, dryRun, output }: UndoOptions) => {
      const client = clientFor(output)
      // Asked first: what is confirmed is what was shown.
      const planned = await undoOf(client, { ...(id !== undefined && { id }), dry_run: true })
      const isConfirmed = yes === true || planned.confirm === undefined
      const result =
        dryRun || !isConfirmed
          ? planned
          : await undoOf(client, {
              id: planned.id,
              ...(planned.confirm !== undefined && { confirm: planned.confirm }),
            })
      const rows = result.hosts.map(({ name, before, after, host }) => [name, before, after, host])
      const titles = ['name', 'before', 'after', 'host']
      terminal.out(output === 'json' ? json(result) : tableOf(terminal, titles, rows))
      if (dryRun && planned.confirm !== undefined) terminal.err('it has to be confirmed: --yes\n')
      if (dryRun || isConfirmed) return
      throw new ClientError(
        `nothing was changed: these machines would be installed again; pxe-pilot undo ${planned.id} --yes does it`,
      )
    })
}

async function undoOf(client: Client, body: object): Promise<z.infer<typeof undone>> {
  return read(client, await ask(client, 'POST', '/v1/undo', body), undone)
}

const imported = z.looseObject({
  hosts: z.array(hostChange),
  kept: z.array(z.object({ name: z.string(), boots: z.string(), link: z.string() })).default([]),
  left: z.array(z.object({ mac: z.string(), link: z.string(), because: z.string() })).default([]),
  movedTo: z.string(),
})

function addImport(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  program
    .command('import')
    .description(
      'make assignments of the links that the original PXE Pilot left: exit status 1 when one is not taken over; export writes them again',
    )
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      const client = clientFor(output)
      const answer = read(client, await ask(client, 'POST', '/v1/import'), imported)
      const rows = answer.hosts.map(({ name, after }) => [name, after])
      const titles = ['name', 'configuration']
      terminal.out(output === 'json' ? json(answer) : tableOf(terminal, titles, rows))
      for (const { name, boots, link } of answer.kept) {
        terminal.err(
          `${oneLine(`${name} already boots ${boots}, and its link to ${link} changes nothing`)}\n`,
        )
      }
      const left = answer.left.map(
        ({ mac, because }) => `the link of ${mac} ${because}: it is not taken over, and stays where it is`,
      )
      if (left.length > 0) throw new ClientError(left.map(oneLine).join('\n'))
    })
}

const heldText = 'all hosts are held and boot local, until pxe-pilot hold --release\n'

export function complainOfHold(terminal: Terminal, held: boolean | undefined): void {
  if (held === true) terminal.err(heldText)
}

/** Whether everything boots local now; a server that knows no hold holds nothing. */
export async function isHeld(client: Client): Promise<boolean> {
  try {
    return read(client, await ask(client, 'GET', '/v1/hold'), hold).held
  } catch (error) {
    if (error instanceof ClientError) return false
    throw error
  }
}

type HoldOptions = Format & {
  readonly release?: true
  readonly status?: true
  readonly reason?: string
}

function addHold(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  program
    .command('hold')
    .description('make every host boot local, whatever was deployed to it, until the hold is released')
    .option('--release', 'let hosts boot what was deployed to them again')
    .option('--status', 'only say whether they are held')
    .addOption(
      new Option('--reason <text>', 'for those who wonder')
        .argParser(shortText)
        .conflicts(['release', 'status']),
    )
    .addOption(outputOption())
    .action(async ({ release, status, reason, output }: HoldOptions) => {
      const client = clientFor(output)
      const method = release ? 'DELETE' : status ? 'GET' : 'PUT'
      const body = method === 'PUT' ? { ...(reason !== undefined && { reason }) } : undefined
      const answer = read(client, await ask(client, method, '/v1/hold', body), hold)
      const row = [answer.held ? 'yes' : 'no', shortTime(answer.since), answer.by, answer.from, answer.reason]
      const titles = ['held', 'since', 'by', 'from', 'reason']
      terminal.out(output === 'json' ? json(answer) : tableOf(terminal, titles, [row]))
    })
}

function shortText(text: string): string {
  if (text.length > 200) throw new InvalidArgumentError('It has more than 200 characters.')
  return text
}
