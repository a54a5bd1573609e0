// Reads pxe-pilot.yml into frozen Settings, or tells every fault at once, each with its line.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml'
import { z } from 'zod'
import { nearest } from './nearest.ts'
import { ignoredKeys, settingsSchema, type Settings } from './schema.ts'
import { inconsistencies } from './consistency.ts'

export type Remark = { readonly line: number; readonly text: string }

export type ReadResult =
  | { readonly settings: Settings; readonly warnings: readonly Remark[] }
  | { readonly faults: readonly Remark[]; readonly warnings: readonly Remark[] }

/** `environment` gives $STATE_DIRECTORY (systemd's StateDirectory=). A file that cannot be read is a fault too. */
export function readSettings(
  file: string,
  environment: { STATE_DIRECTORY?: string | undefined } = {},
): ReadResult {
  const path = resolve(file)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { faults: [{ line: 0, text: `cannot be read: ${why}` }], warnings: [] }
  }
  return parseSettings(text, path, environment)
}

/** The same from a text already read; `path` is where relative paths start. */
export function parseSettings(
  text: string,
  path: string,
  environment: { STATE_DIRECTORY?: string | undefined } = {},
): ReadResult {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const lineOf = (offset: number) => lines.linePos(offset).line
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      line: lineOf(error.pos[0]),
      text: error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? error.code,
    }))
    return { faults, warnings: [] }
  }
  const warnings: Remark[] = []
  const faults: Remark[] = []
  const first = settingsSchema.safeParse(document.toJS() ?? {})
  for (const issue of first.success ? [] : first.error.issues) {
    if (issue.code !== 'unrecognized_keys') continue
    for (const key of issue.keys) {
      const at = [...issue.path, key]
      const line = lineAt(document, at, lineOf)
      const near = ignoredKeys.has(named(at)) ? undefined : nearest(key, knownKeys(issue.path))
      if (near === undefined)
        warnings.push({ line, text: `${show(at)} is no setting of ours and is ignored` })
      else faults.push({ line, text: `${show(at)} is unknown; did you mean ${near}?` })
      document.deleteIn(at)
    }
  }
  const parsed = first.success ? first : settingsSchema.safeParse(document.toJS() ?? {})
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      faults.push({
        line: lineAt(document, issue.path, lineOf),
        text: `${show(issue.path)} ${explain(issue)}`,
      })
    }
  } else {
    const settings = complete(parsed.data, path, environment)
    for (const { at, text: fault } of inconsistencies(settings)) {
      faults.push({ line: lineAt(document, at, lineOf), text: `${show(at)} ${fault}` })
    }
    if (faults.length === 0) return { settings: deepFreeze(settings), warnings }
  }
  return { faults: faults.toSorted((a, b) => a.line - b.line), warnings }
}

function complete(
  parsed: z.infer<typeof settingsSchema>,
  file: string,
  environment: { STATE_DIRECTORY?: string | undefined },
): Settings {
  const folder = dirname(file)
  const at = (path: string) => resolve(folder, path)
  const { tftp, http, server } = parsed
  const state =
    environment.STATE_DIRECTORY ?? (file.startsWith('/etc/') ? '/var/lib/pxe-pilot' : resolve(folder, 'var'))
  const store = parsed.store ?? resolve(state, 'pxe-pilot.db')
  return {
    ...parsed,
    file,
    ...(tftp && { tftp: { ...tftp, root: at(tftp.root) } }),
    ...(http && { http: { ...http, root: at(http.root) } }),
    server: { ...server, ...(server.tokens_file !== undefined && { tokens_file: at(server.tokens_file) }) },
    configuration: { ...parsed.configuration, directory: at(parsed.configuration.directory) },
    store: /^postgres(ql)?:/.test(store) ? store : at(store),
    hosts: parsed.hosts ?? [],
    hosts_policy: parsed.hosts_policy ?? (parsed.hosts?.length ? 'declared' : 'register'),
    clients: parsed.clients ?? parsed.dhcp?.subnets.map((entry) => entry.subnet) ?? [],
  }
}

type Path = readonly PropertyKey[]

/** The line of the node at `path`, or of the nearest one above it that stands in the file. */
function lineAt(document: Document, path: Path, lineOf: (offset: number) => number): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true)
    const key = path[length - 1]
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined
    const node = (pair?.key ?? document.getIn(path.slice(0, length), true)) as Node | undefined
    if (node?.range) return lineOf(node.range[0])
  }
  return 1
}

/** The keys the schema knows at `path`. */
function knownKeys(path: Path): readonly string[] {
  let here = unwrapped(settingsSchema)
  for (const step of path) {
    if (here instanceof z.ZodArray && typeof step === 'number') here = unwrapped(here.element)
    else if (here instanceof z.ZodObject) here = unwrapped(here.shape[String(step)])
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : []
}

/** What optional(), nullable(), default() and prefault() wrap. */
function unwrapped(schema: unknown): unknown {
  let here = schema
  while (
    here instanceof z.ZodOptional ||
    here instanceof z.ZodNullable ||
    here instanceof z.ZodDefault ||
    here instanceof z.ZodPrefault
  ) {
    here = here.unwrap()
  }
  return here
}

function explain(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && issue.message.includes('undefined')
        ? 'is missing'
        : issue.message.replace(
            /^Invalid input: expected (\w+), received (\w+)$/,
            'must be of type $1, not $2',
          )
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'invalid_union': {
      const branches = issue.errors.flat().map((entry) => entry.message)
      return branches.at(-1) ?? issue.message
    }
    case 'too_small':
      return `must be at least ${issue.minimum}`
    case 'too_big':
      return `must be at most ${issue.maximum}`
    default:
      return issue.message
  }
}

function show(path: Path): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  )
}

function named(path: Path): string {
  return path.filter((step) => typeof step === 'string').join('.')
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
