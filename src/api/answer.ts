// What every route needs of a request: who asks, the body it takes, and the words of a refusal.

import type { Context } from 'koa'
import type { z } from 'zod'
import { printable, printableLine, type Tell } from '../events.ts'
import type { Fault } from '../faults.ts'
import { parseIpv4, type Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Caller } from '../registry/caller.ts'
import { biggestBody, readAs, readBody } from './body.ts'
import { callerOf, type Access } from './guard.ts'
import { sendFault } from './reply.ts'

export type AnswerParts = {
  /** The card that holds an address now, where that is known. */
  readonly macOf: (ip: Ipv4) => Mac | undefined
  readonly tell: Tell
}

/** Set by the guard, before any route. */
export function allow(ctx: Context, access: Exclude<Access, { fault: Fault }>): void {
  ctx.state['access'] = access
}

function accessOf(ctx: Context): Exclude<Access, { fault: Fault }> {
  return ctx.state['access'] as Exclude<Access, { fault: Fault }>
}

/** A machine without a token, which may change nothing but itself. */
export function isSelfService(ctx: Context): boolean {
  return accessOf(ctx).rights === 'self'
}

export function whoAsks(ctx: Context, { macOf }: AnswerParts): Caller {
  const from = callerOf(ctx)
  const mac = () => {
    const ip = parseIpv4(from)
    return ip === undefined ? undefined : macOf(ip)
  }
  return { by: accessOf(ctx).by, from, mac }
}

/** `isOptional`: no body at all is as good as null. `most`: bytes. */
export async function bodyOf<Schema extends z.ZodType>(
  ctx: Context,
  schema: Schema,
  { isOptional = false, most = biggestBody } = {},
): Promise<z.output<Schema> | Fault> {
  const body = await readBody(ctx.req, most)
  if (typeof body !== 'string') return body
  return readAs(isOptional && body.trim() === '' ? 'null' : body, schema)
}

/** A refused change is what an admin looks for in the log: an installer shows nobody what curl said. */
export function refuse(ctx: Context, fault: Fault, tell: Tell): void {
  sendFault(ctx, fault)
  tell({ level: 'warn', step: 'api.refused', text: summary(ctx, ` ${fault.message}`), client: clientOf(ctx) })
}

/** The remedy at the end of `more` is there however long the address is. */
export function summary(ctx: Context, more: string): string {
  return `${ctx.method} ${printable(ctx.url)}: ${ctx.status}${printableLine(more)}`
}

export function clientOf(ctx: Context) {
  return { ip: parseIpv4(callerOf(ctx)) }
}
