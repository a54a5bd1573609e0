// What happened, as data: every part tells, the log listens. One event is one step of a boot or one change.

import type { Ipv4 } from './net/ipv4.ts'
import type { Mac } from './net/mac.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** The client a step belongs to, as far as the step knows it. */
export type Client = {
  readonly mac?: Mac | undefined
  readonly ip?: Ipv4 | undefined
  readonly host?: string | undefined
}

/**
 * `step` is a fixed word to search for (`dhcp.offer`, `tftp.done`); `text` says it to a person, and everything in it
 * that a client sent went through printable() first; `data` is the same for programs.
 */
export type Event = {
  readonly level: Level
  readonly step: string
  readonly text: string
  readonly client?: Client | undefined
  readonly data?: Readonly<Record<string, string | number | boolean | null>> | undefined
}

export type Tell = (event: Event) => void

/**
 * An event whose text is made when somebody reads it, as of a storm most is never told. It is no own property: who
 * copies the event names it. (A getter in a literal would be one, and would cost each event a hidden class of V8.)
 */
export class LazyEvent implements Event {
  readonly level: Level
  readonly step: string
  readonly client: Client | undefined
  readonly data: Event['data']
  private readonly say: () => string

  constructor(
    level: Level,
    step: string,
    client: Client | undefined,
    say: () => string,
    data?: Event['data'],
  ) {
    this.level = level
    this.step = step
    this.client = client
    this.data = data
    this.say = say
  }

  get text(): string {
    return this.say()
  }
}

const longestShown = 200
const longestLine = 1000
const plain = /^[\x20-\x5b\x5d-\x7e]*$/

/**
 * A client's words, safe in a terminal and in a log line: control and escape characters as \xNN or \uNNNN,
 * cut after 200 characters (CWE-117).
 */
export function printable(text: string): string {
  return escaped(text, longestShown)
}

/** The same of a whole line, whose end must not be cut off by the names before it. */
export function printableLine(text: string): string {
  return escaped(text, longestLine)
}

function escaped(text: string, longest: number): string {
  if (text.length <= longest && plain.test(text)) return text
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text
  return shown.replace(/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    if (character === '\\') return '\\\\'
    const code = character.codePointAt(0) ?? 0
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/**
 * Keeps a flood of packets from becoming a flood of events: at most `mostPerSecond` of each step in a second, and how
 * many were left out. `now`: milliseconds, monotonic.
 */
export function hushed(tell: Tell, mostPerSecond: number, now: () => number): Tell {
  const told = new Map<string, { since: number; count: number }>()
  return (event) => {
    const time = now()
    const last = told.get(event.step)
    if (last !== undefined && time - last.since < 1000) {
      last.count++
      if (last.count <= mostPerSecond) tell(event)
      return
    }
    const more = (last?.count ?? 0) - mostPerSecond
    told.set(event.step, { since: time, count: 1 })
    tell(more > 0 ? { ...event, text: `${event.text} (and ${more} more like the ones before)` } : event)
  }
}
