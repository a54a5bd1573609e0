// Reads a body: JSON whatever its Content-Type (curl -d says form), keys in any case, then what the route's schema says.

import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { Fault } from '../faults.ts'
import { show, unquoted, type Path } from '../settings/explain.ts'
import { isSecret } from '../settings/secrets.ts'
import { unwrapped } from '../settings/unwrapped.ts'

/** Bytes. A thousand hosts take 50 KiB. */
export const biggestBody = 1024 * 1024

/** Of a list or a group. What is wrong with each would cost some 5 µs, and the answer names the first alone. */
export const mostEntries = 10_000

const utf8 = new TextDecoder()

/**
 * The body as text (a byte order mark is dropped), of `most` bytes at most. One that is too big is read to its end all
 * the same, within the listener's time for a request: a client that is cut off while it sends never sees why.
 */
export async function readBody(request: IncomingMessage, most = biggestBody): Promise<string | Fault> {
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= most) chunks.push(chunk)
  })
  // By hand, as an iterator over the request costs more than all else that is done with a small body.
  await new Promise<void>((resolve, reject) => {
    const left = () => reject(new Error('the client left before the end of its body'))
    if (request.destroyed) return left()
    request.once('end', resolve)
    request.once('close', () => {
      if (!request.complete) left()
    })
  })
  if (size > most) {
    return { code: 'body_too_big', message: `The body has ${size} bytes; at most ${most} are read` }
  }
  return utf8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
}

/** What `text` says, as `schema` has it; or the first thing that is wrong, with its path. */
export function readAs<Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> | Fault {
  let body: unknown
  try {
    body = firstJsonValue(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    // V8 quotes what stands around the fault, and that may be a password.
    const bare = why.replace(/, (?:\.\.\.)?".*$/s, '')
    return { code: 'body_not_json', message: `The body is not JSON: ${bare}` }
  }
  const long: Path[] = []
  const shape = shapeOf(schema)
  const spelled = isSpelled(body, shape) ? body : named(body, shape, [], long)
  const [first] = long
  if (first !== undefined) {
    const path = show(first)
    const message = `${path} must not be longer than ${mostEntries}`
    return { code: 'body_invalid', message, more: { path } }
  }
  const parsed = schema.safeParse(spelled)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue === undefined || issue.path.length === 0 ? '' : show(issue.path)
  const message = `${path || 'The body'} ${issue === undefined ? 'is not understood' : explained(issue)}`
  return { code: 'body_invalid', message, more: { path } }
}

/** Whether all keys are as the schema has them, as nearly always: a copy costs a deploy as much as all its checks. */
function isSpelled(value: unknown, { entry, isRecord, keys }: Shape): boolean {
  if (Array.isArray(value)) {
    return (
      entry === undefined || (value.length <= mostEntries && value.every((each) => isSpelled(each, entry)))
    )
  }
  if (isRecord) return false
  if (keys === undefined || !isObject(value)) return true
  return Object.keys(value).every((key) => {
    const known = keys.get(key)
    return known?.name === key && value[key] !== null && isSpelled(value[key], known.shape)
  })
}

/**
 * With the keys as the schema spells them. encoding/json matches them in any case, the last one wins, and null is as
 * good as absent where the schema has no use for it; `mac_address` and `macAddress` are one key. `long` takes the paths
 * of what has more than mostEntries, which is left as it is.
 */
function named(value: unknown, shape: Shape, path: Path, long: Path[]): unknown {
  if (shape.entry !== undefined && Array.isArray(value)) {
    const { entry } = shape
    if (value.length <= mostEntries) {
      return value.map((each: unknown, index) => named(each, entry, [...path, index], long))
    }
    long.push(path)
  }
  if (!isObject(value)) return value
  if (shape.isRecord && Object.keys(value).length > mostEntries) long.push(path)
  const { keys } = shape
  if (keys === undefined) return value
  const entries: [string, unknown][] = []
  for (const key of Object.keys(value)) {
    const entry = value[key]
    const known = keys.get(key) ?? keys.get(plain(key))
    if (known === undefined) entries.push([key, entry])
    else if (entry !== null || known.takesNull) {
      entries.push([known.name, named(entry, known.shape, [...path, known.name], long)])
    }
  }
  return Object.fromEntries(entries)
}

/** Of a schema, what bears on the keys. */
type Shape = {
  /** Of a list's entries. */
  readonly entry?: Shape
  readonly isRecord: boolean
  /** Of a group: as the schema spells them, and plain. */
  readonly keys?: ReadonlyMap<string, Key>
}

type Key = { readonly name: string; readonly shape: Shape; readonly takesNull: boolean }

const shapes = new WeakMap<object, Shape>()

/** Found out once: a deploy asks it for each of its hosts. */
function shapeOf(schema: z.core.$ZodType): Shape {
  const known = shapes.get(schema)
  if (known !== undefined) return known
  const kind = unwrapped(schema)
  const shape = {
    isRecord: kind instanceof z.ZodRecord,
    ...(kind instanceof z.ZodArray && { entry: shapeOf(kind.element) }),
    ...(kind instanceof z.ZodObject && { keys: keysOf(kind) }),
  }
  shapes.set(schema, shape)
  return shape
}

function keysOf(group: z.ZodObject): ReadonlyMap<string, Key> {
  const shape = group.shape as Readonly<Record<string, z.ZodType>>
  const keys = Object.entries(shape).map(([name, part]): Key => ({
    name,
    shape: shapeOf(part),
    takesNull: part.safeParse(null).success,
  }))
  return new Map(keys.flatMap((key) => [[plain(key.name), key] as const, [key.name, key] as const]))
}

function plain(key: string): string {
  return key.replaceAll('_', '').toLowerCase()
}

const kinds: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
}

function explained(issue: z.core.$ZodIssue): string {
  if (issue.message.startsWith('must ')) {
    return isSecret(issue.path) ? unquoted(issue.message) : issue.message
  }
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message
    case 'unrecognized_keys':
      return `has unknown keys: ${issue.keys.join(', ')}`
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'array' || issue.origin === 'string'
        ? `must not be longer than ${issue.maximum}`
        : `must be at most ${issue.maximum}`
    default:
      return `is not understood: ${issue.message}`
  }
}

/** Go's decoder stops behind the first value: what follows it was never read, so it may be anything. */
function firstJsonValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const end = endOfFirstValue(text)
    if (end === undefined) throw error
    return JSON.parse(text.slice(0, end))
  }
}

function endOfFirstValue(text: string): number | undefined {
  const start = text.length - text.trimStart().length
  // A null and what follows: the original's own client ends it with a line.
  if (/^null\b/.test(text.slice(start, start + 5))) return start + 4
  if (text[start] !== '{') return undefined
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (quoted && character === '\\') at++
    else if (character === '"') quoted = !quoted
    else if (!quoted && character === '{') depth++
    else if (!quoted && character === '}' && --depth === 0) return at + 1
  }
  return undefined
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
