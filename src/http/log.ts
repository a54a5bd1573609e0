// Tells one line per HTTP request: who asked what, what was answered, and why.

import { worrying, type Decision, type Rule } from '../boot/decide.ts'
import { LazyEvent, printable, type Client, type Level, type Tell } from '../events.ts'
import { formatIpv4 } from '../net/ipv4.ts'

/** What became of a request, as far as its status does not say. */
export type Answered = {
  readonly because: string
  /** Of the body. */
  readonly bytes: number
  readonly decision?: Decision | undefined
  /** It is not there, and what the machine boots names it. */
  readonly isLack?: boolean | undefined
}

/** A request and what became of it. */
export type Asked = {
  readonly method: string
  readonly url: string
  readonly status: number
  /** The client went before it had all. */
  readonly left: boolean
}

export function tellAnswer(asked: Asked, client: Client, answered: Answered, ms: number, tell: Tell): void {
  const { status, left } = asked
  const { because, decision } = answered
  // Nothing of a body goes out.
  const bytes = asked.method === 'HEAD' ? 0 : answered.bytes
  const path = printable(asked.url)
  const method = printable(asked.method)
  const level =
    answered.isLack === true ? 'warn' : levelOf(asked.method, status, decision?.reason.rule, client.host)
  const step = left ? 'http.left' : `http.${method.toLowerCase()}`
  const text = () => {
    const address = client.ip === undefined ? 'somebody' : formatIpv4(client.ip)
    const name = client.host ?? client.mac
    const who = name === undefined ? address : `${name} (${address})`
    const outcome = left ? `the client left after ${bytes} bytes` : `${status}, ${bytes} bytes`
    return `${who}: ${method} ${path}: ${outcome} in ${Math.round(ms)} ms (${printable(because)})`
  }
  const data = { path, status, bytes, ms: Math.round(ms), configuration: decision?.configuration ?? null }
  tell(new LazyEvent(level, step, client, text, data))
}

/**
 * A 404 is what every loader and mirror meets on its way; but one of a machine that somebody deployed to may be why it
 * stops. A range is a piece of a file being read.
 */
function levelOf(method: string, status: number, rule: Rule | undefined, host: string | undefined): Level {
  if (status === 403 || status >= 500 || (rule !== undefined && worrying.has(rule))) return 'warn'
  const isTold = status === 200 || (status === 404 && host !== undefined)
  return method === 'GET' && isTold ? 'info' : 'debug'
}
