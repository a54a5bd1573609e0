// The deploy over HTTP: the order, the machine's own call at the end of its installation, and the reply.

import type { Context } from 'koa'
import { builtInLocal, hostOfMac } from '../boot/table.ts'
import { printable } from '../events.ts'
import { faults, type Fault } from '../faults.ts'
import { parseMac } from '../net/mac.ts'
import type { Deployed, DeployTarget, Registry } from '../registry.ts'
import { bodyOf, isSelfService, refuse, whoAsks, type AnswerParts } from './answer.ts'
import { callerOf } from './guard.ts'
import type { LintParts } from './lint.ts'
import { rebootAll, type PowerParts, type Rebooted } from './power.ts'
import { deployOrder, targetsOf } from './orders.ts'
import { sendJson } from './reply.ts'

export type DeployParts = AnswerParts &
  PowerParts &
  LintParts & {
    readonly registry: Pick<Registry, 'deploy'>
    /** The directories as they are now, in force when it resolves: scripts write a file and deploy it at once. */
    readonly look: (at?: 'configurations') => Promise<unknown>
    /** What a machine may deploy to itself without a token. */
    readonly selfService: () => readonly string[]
  }

export async function deploy(ctx: Context, configuration: string, parts: DeployParts): Promise<void> {
  const order = await bodyOf(ctx, deployOrder)
  if ('code' in order) return refuse(ctx, order, parts.tell)
  const targets = targetsOf(order)
  const isSelf = isSelfService(ctx)
  const isReboot = order.hosts.some(({ reboot }) => reboot === true)
  if (isSelf && (isReboot || !parts.selfService().includes(configuration))) {
    const what = isReboot ? 'A reboot' : `A deploy of ${configuration}`
    return refuse(ctx, faults.tokenNeeded(what), parts.tell)
  }
  await parts.look('configurations')
  const result = await parts.registry.deploy(configuration, targets, {
    caller: whoAsks(ctx, parts),
    confirm: order.confirm,
    dryRun: order.dry_run,
    onlySelf: isSelf,
  })
  if ('fault' in result) {
    if (result.fault.code === 'not_own_host') tellOfCallHome(ctx, configuration, targets, parts)
    return refuse(ctx, explained(result.fault, configuration, parts), parts.tell)
  }
  const isDry = order.dry_run === true
  const asked = result.hosts.map(({ name }, index) => ({ name, reboot: order.hosts[index]?.reboot === true }))
  const rebooted = isReboot && !isDry ? await rebootAll(asked, configuration, parts) : []
  sendJson(ctx, {
    hosts: result.hosts.map((host, index) => showDeployed(host, rebooted[index], isDry)),
    ...(isDry && { dry_run: true }),
    ...(result.confirm !== undefined && { confirm: result.confirm }),
    ...(parts.table.held && { held: true }),
  })
}

/** A file of the name may be there, and have a fault that keeps it from being a configuration. */
export function explained(fault: Fault, configuration: string, { lint }: LintParts): Fault {
  const broken = fault.code === 'configuration_not_found' ? lint.faultOf(configuration) : undefined
  return broken === undefined
    ? fault
    : { ...fault, more: { hint: printable(`its file has a fault: ${broken}`) } }
}

/** What is read, in bytes, of those who may not deploy: a machine that says that it is installed needs 100. */
const biggestCall = 8 * 1024

/** Of a deploy that the guard refused, which has not been read. */
export async function refuseDeploy(
  ctx: Context,
  configuration: string,
  fault: Fault,
  parts: DeployParts,
): Promise<void> {
  const order = await bodyOf(ctx, deployOrder, { most: biggestCall })
  if (!('code' in order)) tellOfCallHome(ctx, configuration, targetsOf(order), parts)
  refuse(ctx, fault, parts.tell)
}

/** Of the hosts in one refused deploy: a machine calls for itself. */
const mostCalls = 5

/** A machine that may not say that it is installed installs itself again: the loop that everybody fears. */
function tellOfCallHome(
  ctx: Context,
  configuration: string,
  targets: readonly DeployTarget[],
  { table, selfService, tell }: DeployParts,
): void {
  if (!selfService().includes(configuration)) return
  const hosts = new Set(
    targets.map(({ name, mac }) => table.hosts.get(name ?? '') ?? hostOfMac(table, parseMac(mac ?? ''))),
  )
  let left = mostCalls
  for (const host of hosts) {
    const boots = host && table.assignments.get(host.name)
    if (host === undefined || boots === undefined || boots === builtInLocal || boots === configuration)
      continue
    if (left-- === 0) return
    const text = `${host.name} was to boot ${configuration}, as ${callerOf(ctx)} asked, and goes on booting ${boots}: let that address write (server.allow), send a token with the request, or deploy ${configuration} by hand`
    tell({ level: 'warn', step: 'deploy.call-home', text, client: { host: host.name, mac: host.macs[0] } })
  }
}

function showDeployed(
  { name, configuration, before, registered }: Deployed,
  { rebooted = 'NO', message }: Partial<Rebooted> = {},
  isDry: boolean,
) {
  return {
    name,
    configuration,
    rebooted,
    ...(isDry && { before }),
    ...(registered && { registered }),
    ...(message !== undefined && { message }),
  }
}
