// Answers as the original gave them: JSON the way Go writes it, faults with its capital-M Message and ours beside it.

import type { Context } from 'koa'
import { faultStatus, type Fault } from '../faults.ts'

const escaped = /[<>&\u007f-\u009f\u2028\u2029]/g

/**
 * encoding/json escapes what HTML and JavaScript would misread; scripts of the original compare bytes. What a terminal
 * obeys (C1) we escape, too: machines call themselves what they like.
 */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    escaped,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export function sendJson(ctx: Context, value: unknown, status = 200): void {
  sendWritten(ctx, goJson(value), status)
}

/** What goJson() wrote. */
export function sendWritten(ctx: Context, json: string, status = 200): void {
  ctx.status = status
  ctx.set('Content-Type', 'application/json; charset=utf-8')
  ctx.body = json
}

export function sendFault(ctx: Context, fault: Fault): void {
  const { code, message, more } = fault
  if (code === 'token_needed') ctx.set('WWW-Authenticate', 'Bearer')
  sendJson(ctx, { Message: message, message, code, ...more }, faultStatus[code])
}

/** gin's answer to an unknown path and to a wrong method alike. */
export function sendNotFound(ctx: Context): void {
  ctx.status = 404
  ctx.set('Content-Type', 'text/plain')
  ctx.body = '404 page not found'
}
