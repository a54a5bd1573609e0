// Reads pxe-pilot.yml into frozen Settings, or tells every fault at once, each with its line.

import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { readOwn } from '../files.ts'
import { cautions, inconsistencies } from './consistency.ts'
import { explain, named, show, type Inconsistency, type Path } from './explain.ts'
import type { Lines } from './lines.ts'
import { meant } from './meant.ts'
import { asOriginal, ignoredKeys, originalKeys, originalSections } from './original.ts'
import { settingsSchema, type Settings } from './schema.ts'
import { isDatabase } from './secrets.ts'
import { readUsual, readYaml, type Remark } from './yaml.ts'

export type { Remark } from './yaml.ts'

export type ReadResult =
  | { readonly settings: Settings; readonly warnings: readonly Remark[] }
  | { readonly faults: readonly Remark[]; readonly warnings: readonly Remark[] }

type Places = Pick<Lines, 'of' | 'sourceOf'>

export type Environment = { readonly STATE_DIRECTORY?: string | undefined }
/** Ten thousand hosts with all they can have are some megabytes. */
export const mostOfSettings = 64 * 1024 * 1024

/** `environment` gives $STATE_DIRECTORY (systemd's StateDirectory=). A file that cannot be read is a fault too. */
export function readSettings(file: string, environment: Environment = {}): ReadResult {
  const path = resolve(file)
  let text: string
  try {
    text = readOwn(path, mostOfSettings)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const fault = isMissing ? 'there is no such file' : `cannot be read: ${why}`
    return { faults: [{ line: 0, text: fault }], warnings: [] }
  }
  return parseSettings(text, path, environment)
}

/** The same from a text already read; `path` is where relative paths start. */
export function parseSettings(text: string, path: string, environment: Environment = {}): ReadResult {
  const usual = readUsual(text)
  const found = usual === undefined ? undefined : check(usual, noLines, path, environment)
  // What there is to say of it needs lines.
  if (found !== undefined && 'settings' in found && found.warnings.length === 0) return found
  const read = readYaml(text)
  return 'faults' in read
    ? { faults: sorted(read.faults), warnings: [] }
    : check(read.written, read.lines, path, environment)
}

const noLines: Places = { of: () => 0, sourceOf: () => undefined }

function check(written: unknown, lines: Places, path: string, environment: Environment): ReadResult {
  const warnings: Remark[] = []
  const faults: Remark[] = []
  const first = settingsSchema.safeParse(written)
  const issues = first.success ? [] : first.error.issues
  const { amended, doubtful } = amend(written, issues, lines, warnings, faults)
  const parsed = first.success ? first : settingsSchema.safeParse(amended)
  for (const issue of parsed.success ? [] : parsed.error.issues) {
    const what = `${show(issue.path)} ${explain(issue, at(amended, issue.path))}`
    faults.push({ line: lines.of(issue.path), text: what })
    doubtful.push(issue.path)
  }
  // Contradictions are told at once with the faults of other parts: each of these may be left out.
  const lost = new Map(doubtful.map(partOf).map((part) => [show(part), part]))
  const rest = new Draft(amended)
  for (const part of lost.values()) rest.put(part, isEntry(part) ? {} : undefined)
  const sound = lost.size === 0 && parsed.success ? parsed : settingsSchema.safeParse(rest.value)
  if (sound.success) {
    const settings = { ...complete(sound.data, path, environment), sections: sectionsOf(written) }
    const say = (to: Remark[], { at: place, text, lacks = [] }: Inconsistency) => {
      if (lacks.length > 0 && (lost.has(show(lacks)) || lost.has(show(lacks.slice(0, -1))))) return
      to.push({ line: lines.of(place), text: `${show(place)} ${text}` })
    }
    for (const fault of inconsistencies(settings)) say(faults, fault)
    for (const caution of cautions(settings)) say(warnings, caution)
    if (faults.length === 0) return { settings: deepFreeze(settings), warnings: sorted(warnings) }
  }
  return { faults: sorted(faults), warnings: sorted(warnings) }
}

type Amended = {
  readonly amended: unknown
  /** What lacks, as an unknown key was meant to say it. */
  readonly doubtful: Path[]
}

/** What is left out for a fault at `path`: a key of a host, which may do without any, or a whole section. */
function partOf(path: Path): Path {
  return path[0] === 'hosts' ? path.slice(0, 3) : path.slice(0, 1)
}

/** A host as a whole: those behind it stay in their places. */
function isEntry(part: Path): boolean {
  return part.length === 2
}

/** What is written, without keys that are none of ours or say nothing, and with `0123` where a text was meant. */
function amend(
  written: unknown,
  issues: readonly z.core.$ZodIssue[],
  lines: Places,
  warnings: Remark[],
  faults: Remark[],
): Amended {
  const draft = new Draft(written)
  const doubtful: Path[] = []
  const skipped: Path[] = []
  for (const issue of issues) {
    const mended = asOriginal(named(issue.path), at(written, issue.path))
    if (mended !== undefined) {
      const { value, warning } = mended
      if (warning !== undefined) {
        warnings.push({ line: lines.of(issue.path), text: `${show(issue.path)} ${warning}` })
      }
      if (typeof issue.path.at(-1) === 'number') skipped.unshift(issue.path)
      else draft.put(issue.path, value)
      continue
    }
    if (at(written, issue.path) === null && typeof issue.path.at(-1) === 'string') {
      // A section whose keys are all commented out is there; any other key is left out.
      const isSection =
        issue.code === 'invalid_type' && issue.expected === 'object' && issue.path.length === 1
      draft.put(issue.path, isSection ? {} : undefined)
      if (String(issue.path.at(-1)).includes(':')) {
        const text = `${show(issue.path)} has no value; a space belongs behind its colon`
        faults.push({ line: lines.of(issue.path), text })
      }
    }
    if (issue.code === 'invalid_type' && issue.expected === 'string') {
      const source = lines.sourceOf(issue.path)
      if (source !== undefined) draft.put(issue.path, source)
    }
    if (issue.code !== 'unrecognized_keys') continue
    for (const key of issue.keys) {
      const place = [...issue.path, key]
      const ours = ignoredKeys.has(named(place)) ? undefined : meant(key, issue.path)
      const line = lines.of(place)
      const shown = show(place)
      if (ours === undefined) {
        warnings.push({ line, text: `${shown} is no setting of ours and is ignored` })
      } else if (mayIgnore(issue.path, ours.keys, written)) {
        warnings.push({ line, text: `${shown} is unknown and is ignored; ${ours.hint}` })
      } else {
        faults.push({ line, text: `${shown} is unknown; ${ours.hint}` })
        doubtful.push([...issue.path, ...ours.keys])
      }
      draft.put(place, undefined)
    }
  }
  // From the end, as every entry behind one that is taken out moves up.
  for (const path of skipped) draft.put(path, undefined)
  return { amended: draft.value, doubtful }
}

/** As the original ignored it; but a host without `mac_addresses` made it refuse every list of hosts and every deploy. */
function mayIgnore(group: Path, keys: readonly string[], written: unknown): boolean {
  const ours = [...group, ...keys]
  if (keys.length > 1) return originalSections.has(ours[0])
  const name = named(ours)
  return originalKeys.has(name) && (name !== 'hosts.mac_addresses' || at(written, ours) !== undefined)
}

function sectionsOf(written: unknown): readonly string[] {
  return Object.keys(settingsSchema.shape).filter((key) => at(written, [key]) != null)
}

function complete(
  parsed: z.infer<typeof settingsSchema>,
  file: string,
  environment: Environment,
): Omit<Settings, 'sections'> {
  const folder = dirname(file)
  const from = (path: string) => resolve(folder, path)
  const { tftp, http, server } = parsed
  // systemd joins several directories with colons.
  const [given] = environment.STATE_DIRECTORY?.split(':') ?? []
  const state = given || (file.startsWith('/etc/') ? '/var/lib/pxe-pilot' : resolve(folder, 'var'))
  const store = parsed.store ?? resolve(state, 'pxe-pilot.db')
  return {
    ...parsed,
    file,
    ...(tftp && { tftp: { ...tftp, root: from(tftp.root) } }),
    ...(http && { http: { ...http, root: from(http.root) } }),
    server: { ...server, ...(server.tokens_file !== undefined && { tokens_file: from(server.tokens_file) }) },
    configuration: { ...parsed.configuration, directory: from(parsed.configuration.directory) },
    store: isDatabase(store) ? store : from(store),
    hosts: (parsed.hosts ?? []).map((host) => ({
      ...host,
      ...(host.ipmi != null && { ipmi: placed(host.ipmi, from) }),
      ...(host.redfish != null && { redfish: placed(host.redfish, from) }),
    })),
    hosts_policy: parsed.hosts_policy ?? (parsed.hosts?.length ? 'declared' : 'register'),
    clients: parsed.clients ?? parsed.dhcp?.subnets.map((entry) => entry.subnet) ?? [],
  }
}

function placed<T extends { readonly password_file?: string | undefined }>(
  settings: T,
  from: (path: string) => string,
): T {
  const { password_file: file } = settings
  return file === undefined ? settings : { ...settings, password_file: from(file) }
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (here, step) => (isGroup(here) && Object.hasOwn(here, step) ? here[step] : undefined),
    value,
  )
}

/** What is written, with other things put in it: each group on the way is copied once, however many there are. */
class Draft {
  value: unknown
  private readonly own = new WeakSet<object>()

  constructor(written: unknown) {
    this.value = written
  }

  /** `next` at `path`, which is there; undefined takes the key or the entry away. */
  put(path: Path, next: unknown): void {
    this.value = this.changed(this.value, path, next)
  }

  private changed(value: unknown, [step, ...rest]: Path, next: unknown): unknown {
    if (step === undefined) return next
    if (!isGroup(value) || !Object.hasOwn(value, step)) return value
    const copy = this.own.has(value) ? value : Array.isArray(value) ? [...value] : { ...value }
    this.own.add(copy)
    const changed = this.changed(value[step], rest, next)
    if (changed !== undefined) Reflect.set(copy, step, changed)
    else if (Array.isArray(copy)) copy.splice(Number(step), 1)
    else Reflect.deleteProperty(copy, step)
    return copy
  }
}

function isGroup(value: unknown): value is Readonly<Record<PropertyKey, unknown>> {
  return typeof value === 'object' && value !== null
}

/** By line, and each once: a bracket that is missing breaks every line behind it in the same way. */
function sorted(remarks: readonly Remark[]): readonly Remark[] {
  const once = new Map(remarks.map((remark) => [`${remark.line} ${remark.text}`, remark]))
  return [...once.values()].toSorted((a, b) => a.line - b.line)
}

/** The bytes of an option stay writable: no typed array with anything in it can be frozen. */
function deepFreeze<T>(value: T): T {
  if (isGroup(value) && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
