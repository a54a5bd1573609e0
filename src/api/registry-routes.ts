// Changes of hosts, the audit, undo and the hold over HTTP: each reads its body, asks the registry, and shows what came of it.

import type { Context } from 'koa'
import { faults, type Fault } from '../faults.ts'
import type { Host } from '../model.ts'
import { parseMac } from '../net/mac.ts'
import { vendorOf } from '../net/vendors.ts'
import type { Registry } from '../registry.ts'
import type { Caller, ChangeHow } from '../registry/caller.ts'
import type { Discovered } from '../registry/discovered.ts'
import type { ImportedLinks } from '../registry/import.ts'
import { bodyOf, refuse, whoAsks, type AnswerParts } from './answer.ts'
import { listAudit, showHold, showImported, showUndone } from './changes.ts'
import { patched, recordOf } from './host-records.ts'
import { showHostInFull, type HostParts } from './hosts.ts'
import { adoptOrder, holdOrder, hostOrder, hostPatch, hostReplacement, undoOrder } from './orders.ts'
import type { PowerParts } from './power.ts'
import { sendFault, sendJson } from './reply.ts'

export type RegistryParts = AnswerParts &
  PowerParts &
  HostParts & {
    readonly registry: Registry
    readonly importLinks: (caller: Caller) => Promise<TakenOver | Refused>
    readonly unknowns: {
      list(): readonly Discovered[]
      find(mac: Discovered['mac']): Discovered | undefined
    }
  }

export async function sendHost(ctx: Context, name: string, parts: RegistryParts): Promise<void> {
  const host = parts.table.hosts.get(name)
  if (host === undefined) return sendFault(ctx, faults.hostNotFound(name, parts.table.hosts.keys()))
  sendJson(ctx, showHostInFull(host, parts.power.last(host.name), parts))
}

/** `?confirm=1`: a change of one host that arms a machine is meant. */
function howOf(ctx: Context, parts: RegistryParts): ChangeHow {
  return { caller: whoAsks(ctx, parts), ...(ctx.query['confirm'] === '1' && { confirm: 1 }) }
}

export async function addHost(ctx: Context, _name: string, parts: RegistryParts): Promise<void> {
  const order = await bodyOf(ctx, hostOrder)
  if ('code' in order) return refuse(ctx, order, parts.tell)
  const record = recordOf(order)
  if ('fault' in record) return refuse(ctx, record.fault, parts.tell)
  sendMade(ctx, await parts.registry.addHost(record, 'add', howOf(ctx, parts)), parts, 201)
}

/** Makes it where it is not there. */
export async function replaceHost(ctx: Context, name: string, parts: RegistryParts): Promise<void> {
  const order = await bodyOf(ctx, hostReplacement)
  if ('code' in order) return refuse(ctx, order, parts.tell)
  const how = howOf(ctx, parts)
  const whole = { ...order, name: order.name ?? name }
  const present = parts.table.hosts.has(name)
  if (!present && whole.name !== name) return refuse(ctx, faults.hostNotFound(name), parts.tell)
  const named = hostOrder.shape.name.safeParse(whole.name)
  if (!present && !named.success) {
    const message = `name ${named.error.issues[0]?.message ?? 'is no name'}`
    return refuse(ctx, { code: 'body_invalid', message, more: { path: 'name' } }, parts.tell)
  }
  const record = recordOf(whole)
  if (!present && 'fault' in record) return refuse(ctx, record.fault, parts.tell)
  const host =
    present || 'fault' in record
      ? await parts.registry.changeHost(name, (before) => recordOf(whole, before), how)
      : await parts.registry.addHost(record, 'add', how)
  sendMade(ctx, host, parts, present ? 200 : 201)
}

export async function changeHost(ctx: Context, name: string, parts: RegistryParts): Promise<void> {
  const patch = await bodyOf(ctx, hostPatch)
  if ('code' in patch) return refuse(ctx, patch, parts.tell)
  const host = await parts.registry.changeHost(name, (before) => patched(before, patch), howOf(ctx, parts))
  sendMade(ctx, host, parts, 200)
}

export async function removeHost(ctx: Context, name: string, parts: RegistryParts): Promise<void> {
  sendDone(ctx, await parts.registry.removeHost(name, howOf(ctx, parts)), parts)
}

export async function undeploy(ctx: Context, name: string, parts: RegistryParts): Promise<void> {
  sendDone(ctx, await parts.registry.undeploy(name, howOf(ctx, parts)), parts)
}

export function sendDiscovered(ctx: Context, { unknowns }: RegistryParts): void {
  sendJson(
    ctx,
    unknowns.list().map(({ mac, firmware, uuid, firstSeen, lastSeen, requests }) => ({
      mac,
      vendor: vendorOf(mac),
      arch: firmware ?? '',
      uuid: uuid ?? '',
      firstSeen: new Date(firstSeen).toISOString(),
      lastSeen: new Date(lastSeen).toISOString(),
      requests,
    })),
  )
}

/** Also of a machine that a deploy made a host of: it gets a name, and keeps what it boots. */
export async function adopt(ctx: Context, written: string, parts: RegistryParts): Promise<void> {
  const order = await bodyOf(ctx, adoptOrder)
  if ('code' in order) return refuse(ctx, order, parts.tell)
  const mac = parseMac(written)
  if (mac === undefined) return refuse(ctx, faults.macInvalid(written, 'mac'), parts.tell)
  const known = parts.table.hosts.get(parts.table.hostByMac.get(mac) ?? '')
  if (known?.origin !== 'registered' && parts.unknowns.find(mac) === undefined) {
    const fault = known === undefined ? faults.discoveredNotFound(mac) : faults.macTaken(mac, known.name)
    return refuse(ctx, fault, parts.tell)
  }
  const record = { name: order.name, macs: [mac], locked: order.locked, vars: {} }
  sendMade(ctx, await parts.registry.addHost(record, 'adopt', howOf(ctx, parts)), parts, 201)
}

type TakenOver = ImportedLinks & { readonly movedTo: string | undefined }

/** The links that the original left, once more or for the first time. */
export async function importLinks(ctx: Context, _name: string, parts: RegistryParts): Promise<void> {
  const done = await parts.importLinks(whoAsks(ctx, parts))
  if ('fault' in done) return refuse(ctx, done.fault, parts.tell)
  sendJson(ctx, showImported(done))
}

/** Entries of one answer, unless `?limit=` says otherwise. */
const usualEntries = 100

export function sendAudit(ctx: Context, { registry }: RegistryParts): void {
  const asked = ctx.query['limit'] ?? String(usualEntries)
  if (typeof asked !== 'string' || !/^[1-9]\d{0,5}$/.test(asked)) {
    return sendFault(ctx, { code: 'query_invalid', message: 'limit must be a number from 1' })
  }
  sendJson(ctx, listAudit(registry.audit, Number(asked)))
}

export async function undo(ctx: Context, _name: string, parts: RegistryParts): Promise<void> {
  const order = await bodyOf(ctx, undoOrder, { isOptional: true })
  if ('code' in order) return refuse(ctx, order, parts.tell)
  const { id, confirm, dry_run: dryRun = false } = order
  const undone = await parts.registry.undo({ id, confirm, dryRun }, whoAsks(ctx, parts))
  if ('fault' in undone) return refuse(ctx, undone.fault, parts.tell)
  sendJson(ctx, showUndone(undone, dryRun))
}

export function sendHold(ctx: Context, { registry }: RegistryParts): void {
  sendJson(ctx, showHold(registry.hold))
}

export async function setHold(ctx: Context, _name: string, parts: RegistryParts): Promise<void> {
  const order = await bodyOf(ctx, holdOrder, { isOptional: true })
  if ('code' in order) return refuse(ctx, order, parts.tell)
  const hold = await parts.registry.holdAll(order.reason ?? '', whoAsks(ctx, parts))
  if ('fault' in hold) return refuse(ctx, hold.fault, parts.tell)
  sendJson(ctx, showHold(hold))
}

export async function releaseHold(ctx: Context, _name: string, parts: RegistryParts): Promise<void> {
  const released = await parts.registry.release(whoAsks(ctx, parts))
  if ('fault' in released) return refuse(ctx, released.fault, parts.tell)
  sendJson(ctx, showHold(null))
}

type Refused = { readonly fault: Fault }

function sendMade(ctx: Context, host: Host | Refused, parts: RegistryParts, status: number): void {
  if ('fault' in host) return refuse(ctx, host.fault, parts.tell)
  sendJson(ctx, showHostInFull(host, parts.power.last(host.name), parts), status)
}

function sendDone(ctx: Context, done: object | Refused, parts: RegistryParts): void {
  if ('fault' in done) return refuse(ctx, done.fault, parts.tell)
  ctx.status = 204
}
