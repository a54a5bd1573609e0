// Requests to one Redfish service: its certificate, who we are, and what it says when it refuses.

import { request as requestHttp, type IncomingHttpHeaders } from 'node:http'
import { request as requestHttps } from 'node:https'
import { hide } from '../settings/secrets.ts'
import { PowerError } from './adapter.ts'

export type Json = Readonly<Record<string, unknown>>

export type SessionParts = {
  /** `https://10.77.0.12`. */
  readonly base: string
  readonly username?: string | undefined
  readonly password: string
  /** `basic` sends both with each request; `session` logs in, and out again. */
  readonly auth: 'basic' | 'session'
  /** false: every certificate is taken, as most controllers sign their own. */
  readonly verify: boolean
}

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }

/** To log out, whatever became of the rest. */
const closeMs = 2_000

const mostAnswer = 1024 * 1024

export class RedfishSession {
  private readonly parts: SessionParts
  private readonly signal: AbortSignal
  private token: string | undefined
  private location: string | undefined

  constructor(parts: SessionParts, signal: AbortSignal) {
    this.parts = parts
    this.signal = signal
  }

  async open(): Promise<void> {
    const { auth, username = '', password } = this.parts
    if (auth !== 'session') return
    const body = { UserName: username, Password: password }
    const { headers } = await this.ask('POST', '/redfish/v1/SessionService/Sessions', body)
    const token = headers['x-auth-token']
    if (typeof token !== 'string') throw new PowerError('the Redfish service gave no token: try auth: basic')
    this.token = token
    this.location = headers.location
  }

  /** A service holds few sessions, and keeps one for half an hour: also when our time is over. Never rejects. */
  async close(): Promise<void> {
    const { location } = this
    if (this.token === undefined || location === undefined) return
    // What was done is done, whether or not the session ends.
    const late = AbortSignal.timeout(closeMs)
    await this.ask('DELETE', location, undefined, undefined, late).catch(() => undefined)
  }

  async get(path: string): Promise<{ readonly body: Json; readonly tag: string | undefined }> {
    const { text, headers } = await this.ask('GET', path)
    const body = parsed(text)
    if (body === undefined) throw new PowerError(`${this.where(path)} answers something other than JSON`)
    return { body, tag: headers.etag }
  }

  async send(method: 'POST' | 'PATCH', path: string, body: Json, tag?: string): Promise<void> {
    await this.ask(method, path, body, tag)
  }

  private async ask(
    method: string,
    path: string,
    body?: Json,
    tag?: string,
    signal = this.signal,
  ): Promise<Answer> {
    const answer = await this.fetch(method, path, signal, body, tag)
    const { status, text } = answer
    if (status >= 200 && status < 300) return answer
    if (status === 401 || status === 403) {
      throw new PowerError(
        `${this.where(path)} refuses the user name or the password (${status}): see username and password of redfish`,
      )
    }
    const said =
      status >= 300 && status < 400 ? `leads to ${answer.headers.location ?? 'nowhere'}` : extendedInfo(text)
    // A service may repeat the value that it does not take (Base.PropertyValueError).
    const why = hide(said, [this.parts.password])
    throw new PowerError(`${this.where(path)}: ${method} got ${status}${why === '' ? '' : `: ${why}`}`)
  }

  private fetch(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: Json,
    tag?: string,
  ): Promise<Answer> {
    const { base, verify } = this.parts
    const url = resolveUrl(path, base)
    const content = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      Accept: 'application/json',
      'OData-Version': '4.0',
      ...this.credentials(),
      ...(tag !== undefined && { 'If-Match': tag }),
      ...(content !== undefined && {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(content),
      }),
    }
    const request = url.protocol === 'https:' ? requestHttps : requestHttp
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, rejectUnauthorized: verify, agent: false }, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > mostAnswer) sent.destroy(new PowerError(`${this.where(path)} answers without end`))
          else chunks.push(chunk)
        })
        response.on('error', fail)
        response.on('end', () => {
          over()
          const text = Buffer.concat(chunks).toString()
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        })
      })
      const abort = () => sent.destroy()
      const over = () => signal.removeEventListener('abort', abort)
      const fail = (error: Error) => {
        over()
        if (signal.aborted) reject(signal.reason)
        else reject(error instanceof PowerError ? error : new PowerError(whyNot(base, error)))
      }
      sent.on('error', fail)
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      sent.end(content)
    })
  }

  private credentials(): Readonly<Record<string, string>> {
    const { username, password } = this.parts
    if (this.token !== undefined) return { 'X-Auth-Token': this.token }
    if (username === undefined || this.parts.auth === 'session') return {}
    return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
  }

  private where(path: string): string {
    return `the Redfish service at ${this.parts.base} (${path})`
  }
}

/** A service may name itself by whole URLs; what leads elsewhere would get our password. */
function resolveUrl(path: string, base: string): URL {
  const url = new URL(path, base)
  if (url.host === new URL(base).host) return new URL(url.pathname + url.search, base)
  throw new PowerError(`the Redfish service at ${base} leads to ${url.host}, which is not asked`)
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; see its address and port',
  EHOSTUNREACH: 'it cannot be reached; see whether it is on, and its address',
  ENETUNREACH: 'no route leads there; see its address',
  ENOTFOUND: 'no machine has that name',
  ECONNRESET: 'it broke off; see port and scheme of redfish',
  EPROTO: 'it speaks no TLS; set scheme: http',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it signed its certificate itself; set verify: false of redfish to take it',
  SELF_SIGNED_CERT_IN_CHAIN: 'nobody known signed its certificate; set verify: false of redfish to take it',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'nobody known signed its certificate; set verify: false of redfish to take it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is of another name; set verify: false of redfish to take it',
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it, or set verify: false of redfish',
}

function whyNot(base: string, error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return `the Redfish service at ${base}: ${reasons[code] ?? error.message}`
}

/** DSP0266 8.6: an error's own words. */
function extendedInfo(text: string): string {
  const error = parsed(text)?.['error']
  if (!isObject(error)) return ''
  const [info] = Array.isArray(error['@Message.ExtendedInfo']) ? error['@Message.ExtendedInfo'] : []
  const said: unknown = isObject(info) ? info['Message'] : error['message']
  return typeof said === 'string' ? said : ''
}

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
