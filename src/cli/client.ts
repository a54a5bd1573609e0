// The REST API as functions: an answer that was checked, or one line that says what is wrong and what to do.

import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { printable } from '../events.ts'
import { oneLine } from './output.ts'

export type Client = {
  /** `http://pxe-server:3478`, without a slash behind it. */
  readonly server: string
  readonly token?: string | undefined
  /** Says each request and its answer. */
  readonly debug: (text: string) => void
  /** For a request with its answer; to connect takes 10 s at most, which is what fetch allows. */
  readonly totalMs?: number | undefined
  /** How long nothing may listen there. */
  readonly refusedMs?: number | undefined
  /** What a person changes to name another; `--server` where it is left out. */
  readonly namedBy?: string | undefined
}

/** For a person: one line. */
export class ClientError extends Error {}

/** The server answered, and refused. */
export class Refusal extends ClientError {
  readonly status: number
  /** What it calls the reason. */
  readonly code: string

  constructor(message: string, status: number, code: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const totalMs = 30_000
/** A server that was just started, or is being restarted. */
const refusedMs = 1_000
const againMs = 100

/** The body of a good answer. `body` is sent as JSON. */
export async function ask(client: Client, method: string, path: string, body?: unknown): Promise<string> {
  const signal = AbortSignal.timeout(client.totalMs ?? totalMs)
  const start = performance.now()
  for (;;) {
    try {
      return await askOnce(client, method, path, body, signal)
    } catch (error) {
      if (error instanceof ClientError) throw error
      client.debug(`${method} ${client.server}${path}: ${codesOf(error).join(' ') || String(error)}`)
      // Nothing was sent, so it may be sent again, whatever it changes.
      if (!isRefused(error) || performance.now() - start > (client.refusedMs ?? refusedMs)) {
        const why = whyNot(error).replace('--server', client.namedBy ?? '--server')
        throw new ClientError(`${client.server}: ${why}`, { cause: error })
      }
    }
    await sleep(againMs)
  }
}

async function askOnce(
  { server, token, debug }: Client,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(server + path, {
    method,
    signal,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  debug(`${method} ${server}${path}: ${response.status} ${text}`)
  if (response.ok) return text
  const refusal = faultSchema.safeParse(parsed(text))
  if (!refusal.success) {
    throw new ClientError(`${method} ${server}${path}: ${response.status}; ${isItPxePilot}`)
  }
  const { message, code, hint } = refusal.data
  throw new Refusal(oneLine(hint === undefined ? message : `${message}; ${hint}`), response.status, code)
}

const isItPxePilot = 'is a PXE Pilot there, and none older than this command?'

const faultSchema = z.object({
  message: z.string(),
  code: z.string().default(''),
  hint: z.string().optional(),
})

/** `text` as `schema` says, or one line for a person. */
export function read<T>({ server }: Client, text: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(parsed(text))
  if (result.success) return result.data
  const [issue] = result.error.issues
  const why = printable(`${['answer', ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? ''}`)
  throw new ClientError(`${server}: its answer is not understood (${why}); ${isItPxePilot}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Nothing listens there. */
export function isRefused(error: unknown): boolean {
  return codesOf(error instanceof ClientError ? error.cause : error).includes('ECONNREFUSED')
}

/** fetch() says only that it failed; the reason is its cause, or the causes where a name has several addresses. */
function codesOf(error: unknown): readonly string[] {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const all: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause]
  return all.flatMap((one) =>
    one instanceof Error && 'code' in one && typeof one.code === 'string' ? [one.code] : [],
  )
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start pxe-pilot server, or name its address with --server',
  ENOTFOUND: 'no machine has that name; name another with --server',
  EAI_AGAIN: 'its name cannot be looked up now; name its address with --server',
  UND_ERR_CONNECT_TIMEOUT: 'no answer within 10 s; see whether it is on, and whether --server names it',
  EHOSTUNREACH: 'it cannot be reached; see whether it is on, and whether --server names it',
  ENETUNREACH: 'no route leads there; see whether --server names it',
}

function whyNot(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return 'it did not answer in time; see its log, and try again'
  }
  for (const code of codesOf(error)) if (reasons[code] !== undefined) return reasons[code]
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  // Of fetch's own: ports of other protocols, which no browser asks either (fetch.spec.whatwg.org, port blocking).
  if (cause instanceof Error && cause.message === 'bad port') {
    return 'HTTP is never asked for on that port, which is of another protocol; name the port of a PXE Pilot with --server'
  }
  return `${printable(cause instanceof Error ? cause.message : String(cause))}; see whether --server names a PXE Pilot`
}
