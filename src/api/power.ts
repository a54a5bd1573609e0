// Power over the API: one host switched by its name, and the reboots that a deploy asks for.

import type { Context } from 'koa'
import { builtInLocal, type Table } from '../boot/table.ts'
import { faults, type Fault } from '../faults.ts'
import type { Order, PowerStatus, Switched } from '../power/power.ts'
import { showPower } from './hosts.ts'
import { sendFault, sendJson } from './reply.ts'

/** What switches machines, as the API sees it. */
export type PowerControl = {
  last(name: string): PowerStatus
  ask(names: readonly string[]): Promise<ReadonlyMap<string, PowerStatus>>
  order(name: string, order: Order, more?: { readonly network?: boolean }): Promise<Switched>
  refresh(): Promise<void>
}

export type PowerParts = { readonly table: Table; readonly power: PowerControl }

/** Resolves when it was done, with undefined; or with why it was not. */
export async function switchHost(
  name: string,
  order: Order,
  { table, power }: PowerParts,
  more: { readonly network?: boolean } = {},
): Promise<Switched> {
  const host = table.hosts.get(name)
  if (host === undefined) return { fault: faults.hostNotFound(name, table.hosts.keys()) }
  if (host.locked) return { fault: faults.hostLocked(name) }
  return await power.order(name, order, more)
}

/** One host's power, asked now. */
export async function sendPower(ctx: Context, name: string, parts: PowerParts): Promise<void> {
  if (!parts.table.hosts.has(name)) return sendFault(ctx, faults.hostNotFound(name, parts.table.hosts.keys()))
  const status = (await parts.power.ask([name])).get(name) ?? parts.power.last(name)
  sendJson(ctx, { name, ...showPower(status) })
}

/** What the reply to a deploy says of each host. */
export type Rebooted = { readonly rebooted: 'NO' | 'YES' | 'ERROR'; readonly message?: string }

/** All at once. A machine that is to boot from its disk need not be sent to the network for it. */
export async function rebootAll(
  hosts: readonly { readonly name: string; readonly reboot: boolean }[],
  configuration: string,
  parts: PowerParts,
): Promise<readonly Rebooted[]> {
  const network = configuration !== builtInLocal
  return await Promise.all(
    hosts.map(async ({ name, reboot }): Promise<Rebooted> => {
      if (!reboot) return { rebooted: 'NO' }
      const switched = await switchHost(name, 'reboot', parts, { network })
      if ('fault' in switched) return { rebooted: 'ERROR', message: messageOf(name, switched.fault) }
      return {
        rebooted: 'YES',
        ...(switched.warning !== undefined && { message: `${name}: ${switched.warning}` }),
      }
    }),
  )
}

/** The state of each host's power, for GET /v1/hosts. */
export async function powerStates(
  { table, power }: PowerParts,
  isAsked: boolean,
): Promise<(name: string) => PowerStatus> {
  if (!isAsked) return (name) => power.last(name)
  const asked = await power.ask([...table.hosts.keys()])
  return (name) => asked.get(name) ?? power.last(name)
}

function messageOf(name: string, { message }: Fault): string {
  return `${name} was not rebooted, restart it by hand. ${message}`
}
