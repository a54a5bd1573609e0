// The REST API as functions: an answer that was checked, or one line that says what is wrong and what to do.

import { once } from 'node:events'
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { printable } from '../events.ts'
import { oneLine, type Format } from './output.ts'

export type Client = {
  /** `http://pxe-server:3478`, without a slash behind it. */
  readonly server: string
  readonly token?: string | undefined
  /** Says each request and its answer. */
  readonly debug: (text: string) => void
  /** For a request with its answer; to connect takes 10 s at most. */
  readonly totalMs?: number | undefined
  /** How long nothing may listen there. */
  readonly refusedMs?: number | undefined
  /** What a person changes to name another; `--server` where it is left out. */
  readonly namedBy?: string | undefined
}

/** The client that a command asks by, as the command line has it; `output` says where its debug lines go. */
export type ClientFor = (output?: Format['output']) => Client

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
const connectMs = 10_000

/** Nothing answered to connect to. */
class TooLate extends Error {
  readonly code = 'ETIMEDOUT'
}

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
  const { status, text } = await exchange(new URL(server + path), {
    method,
    signal,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  debug(`${method} ${server}${path}: ${status} ${text}`)
  if (status >= 200 && status < 300) return text
  const refusal = faultSchema.safeParse(parsed(text))
  if (!refusal.success) {
    const hint = server.endsWith('/v1') ? 'name the server without /v1' : isItPxePilot
    throw new ClientError(`${method} ${server}${path}: ${status}; ${hint}`)
  }
  const { message, code, hint } = refusal.data
  throw new Refusal(oneLine(hint === undefined ? message : `${message}; ${hint}`), status, code)
}

type Order = {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** Not by fetch(), which asks no port that another protocol has, such as 6666: `server.port` may be any. */
async function exchange(
  url: URL,
  { method, headers, body, signal }: Order,
): Promise<{ readonly status: number; readonly text: string }> {
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method,
    headers,
    signal,
    agent: false,
  })
  // It fails once more behind its headers, which the reading of the answer tells.
  request.on('error', () => {})
  const connecting = setTimeout(() => request.destroy(new TooLate()), connectMs)
  request.once('socket', (socket) => socket.once('connect', () => clearTimeout(connecting)))
  try {
    const answered = once(request, 'response') as Promise<[IncomingMessage]>
    request.end(body)
    const [response] = await answered
    return { status: response.statusCode ?? 0, text: await textOf(response) }
  } catch (error) {
    // Node says of the end of our time only that the request was aborted.
    throw signal.aborted ? signal.reason : error
  } finally {
    clearTimeout(connecting)
  }
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

/** The reason, or the reasons where a name has several addresses. */
function codesOf(error: unknown): readonly string[] {
  const all: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
  return all.flatMap((one) =>
    one instanceof Error && 'code' in one && typeof one.code === 'string' ? [one.code] : [],
  )
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start pxe-pilot server, or name its address with --server',
  ENOTFOUND: 'no machine has that name; name another with --server',
  EAI_AGAIN: 'its name cannot be looked up now; name its address with --server',
  ETIMEDOUT: 'no answer within 10 s; see whether it is on, and whether --server names it',
  EHOSTUNREACH: 'it cannot be reached; see whether it is on, and whether --server names it',
  EPROTO: 'what listens there does not speak TLS; name it by http:// with --server',
  ERR_INVALID_CHAR: 'PXE_PILOT_TOKEN has a character that no token has; see its line in server.tokens_file',
  ENETUNREACH: 'no route leads there; see whether --server names it',
}

function whyNot(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return 'it did not answer in time; see its log, and try again'
  }
  for (const code of codesOf(error)) if (reasons[code] !== undefined) return reasons[code]
  return `${printable(error instanceof Error ? error.message : String(error))}; see whether --server names a PXE Pilot`
}
