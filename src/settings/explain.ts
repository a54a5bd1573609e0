// What is wrong with a settings file, in words for the person who wrote it.

import type { z } from 'zod'
import { nearest } from './nearest.ts'
import { isSecret } from './secrets.ts'

export type Path = readonly PropertyKey[]

/** Settings that are fine each by itself. */
export type Inconsistency = {
  readonly at: Path
  readonly text: string
  /** What is missed there: nothing is to be said where it is written, with a fault of its own. */
  readonly lacks?: Path
}

/** `dhcp.subnets[0].ranges` */
export function show(path: Path): string {
  if (path.length === 0) return 'the file'
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    const name = nameIn(String(step))
    return text === '' ? name : `${text}.${name}`
  }, '')
}

/** What has no space behind its colon holds its value, which may be a password. */
function nameIn(written: string): string {
  return written.replace(/:.*$/s, ':')
}

/** `hosts.ipmi.subnet`: whichever of the hosts it is. */
export function named(path: Path): string {
  return path.filter((step) => typeof step === 'string').join('.')
}

const kinds: Readonly<Record<string, string>> = {
  object: 'a group of settings, each as `name: value`',
  record: 'a group of settings, each as `name: value`',
  array: 'a list such as [a, b]',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

/** The predicate of a sentence that begins with the setting's name; `value` is what stands in the file. */
export function explain(issue: z.core.$ZodIssue, value: unknown): string {
  const text = ours(issue)
  if (value === undefined) return text === undefined ? 'is missing' : `is missing: it ${text}`
  // A text in the place of a group is `password:x`, without the space.
  const instead = typeof value === 'string' && issue.code === 'invalid_type' ? [value] : []
  const isGroup = issue.code === 'invalid_type' && ['object', 'record'].includes(issue.expected)
  const given = isGroup && typeof value === 'string' ? nameIn(value) : value
  const not =
    isSecret([...issue.path, ...instead]) && typeof value !== 'object' ? '' : `, not ${shown(given)}`
  switch (issue.code) {
    case 'invalid_type':
      if (issue.expected === 'array' && typeof value === 'object' && value !== null) {
        return 'must be a list: each of its entries begins with "- "'
      }
      return (text ?? `must be ${kinds[issue.expected] ?? issue.expected}`) + not
    case 'invalid_value': {
      const values = issue.values.map(String)
      const near = typeof value === 'string' ? nearest(value, values) : undefined
      const hint = near === undefined ? '' : `; did you mean ${near}?`
      return `must be one of ${values.join(', ')}${not}${hint}`
    }
    case 'invalid_union': {
      const said = issue.errors.flat().map(ours)
      return (said.findLast((entry) => entry !== undefined) ?? 'must be a text, a number or a list') + not
    }
    case 'too_small':
      return `must be at least ${issue.minimum}${not}`
    case 'too_big':
      return `must be at most ${issue.maximum}${not}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message
    case 'invalid_format':
      return issue.message + not
    default:
      return isSecret(issue.path) ? unquoted(issue.message) : issue.message
  }
}

/** The schema's own words, where it has some. */
function ours(issue: z.core.$ZodIssue): string | undefined {
  return issue.message.startsWith('must be ') ? unquoted(issue.message) : undefined
}

/** A text that could not be parsed says itself what it was. */
export function unquoted(message: string): string {
  return message.replace(/, not ".*"$/s, '')
}

/** A value as a fault quotes it. */
export function shown(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a group of settings'
  return JSON.stringify(value)
}
