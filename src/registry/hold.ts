// The hold: every machine boots its disk, whatever was deployed, until somebody releases it.

import { printable } from '../events.ts'
import type { Hold } from '../model.ts'
import type { Caller } from './caller.ts'
import { idle, type Planned } from './plan.ts'

export function planHold(present: Hold | null, reason: string, caller: Caller, now: number): Planned<Hold> {
  // The first one stands: what it says since when is what people ask for.
  if (present !== null) return idle(present)
  const { by, from } = caller
  const hold: Hold = { since: now, by, from, reason }
  const why = reason === '' ? '' : `: ${printable(reason)}`
  const text = `every machine boots local from now on, whatever was deployed, until this is released${why}`
  return {
    action: 'hold',
    caller,
    ...(reason !== '' && { reason }),
    hosts: [],
    store: [{ kind: 'hold', hold }],
    table: [{ kind: 'hold', held: true }],
    isAudited: true,
    events: [{ level: 'warn', step: 'hold', text, data: { by, from } }],
    result: hold,
  }
}

export function planRelease(present: Hold | null, caller: Caller): Planned<{ readonly hold: null }> {
  if (present === null) return idle({ hold: null })
  const { by, from } = caller
  const text = 'machines boot again what was deployed to them'
  return {
    action: 'release',
    caller,
    hosts: [],
    store: [{ kind: 'hold', hold: null }],
    table: [{ kind: 'hold', held: false }],
    isAudited: true,
    events: [{ level: 'warn', step: 'hold', text, data: { by, from } }],
    result: { hold: null },
  }
}

/** Of a start that finds one. */
export function standing({ since, by, from, reason }: Hold): string {
  const who = [by, from && `from ${from}`].filter((word) => word !== '').join(' ')
  const why = reason === '' ? '' : `: ${reason}`
  const told = `${new Date(since).toISOString()}${who && ` by ${who}`}${why}`
  return `every machine boots local, whatever was deployed, until pxe-pilot hold --release; held since ${printable(told)}`
}
