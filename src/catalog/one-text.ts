// NAME.yml -> a form in each loader's language, or its first fault with its line.

import { isUtf8 } from 'node:buffer'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { architectures, oneText, type OneText } from '../boot/one-text.ts'
import { isPlainValue } from '../boot/render.ts'
import { languages, type Form } from '../model.ts'
import { explain, show } from '../settings/explain.ts'
import { Lines } from '../settings/lines.ts'
import { nearest } from '../settings/nearest.ts'
import { variableFault } from './read.ts'

/** What a loader would take for the end of a path, or for a command of its own, is no path here. */
const path = z
  .string('must be a path below tftproot, or a URL')
  .regex(
    /^(?:\$\{[A-Za-z_]\w*(?:\|[^}\s]*)?\}|[^\s,'"\\;&|<>(){}#$])+$/,
    'must be a path without spaces, quotes, commas, brackets or "$"',
  )
  .refine((text) => !text.split('/').includes('..'), 'must not climb with ".."')

const line = z
  .string('must be a text')
  .transform((text) => text.trim())
  .refine(isPlainValue, 'must not hold line breaks or control characters; ">-" in front folds several lines')
  .refine((text) => text.split('"').length % 2 === 1, 'must close its double quotes')
  .refine(
    (text) => !/(?:^|\s)(?:&&|\|\||;|#\S*)(?=\s|$)/.test(text),
    'must not hold && || ; or a word that begins with "#", which loaders would obey',
  )

/** One value, or one for each architecture; `every` is for those not named. */
function each<T extends z.ZodType>(schema: T) {
  const one = schema.optional()
  const x86 = { every: one, x64: one, ia32: one }
  const by = z.strictObject({ ...x86, arm64: one, arm32: one, riscv64: one, loongarch64: one, ppc: one })
  return z.preprocess((value) => (isGroup(value) ? value : { every: value }), by)
}

const several = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(schema))

const schema = z.strictObject({
  kernel: each(path),
  initrd: each(several(path)).optional(),
  arguments: each(several(line).transform((all) => all.join(' '))).optional(),
})

/** `file` is relative to the configuration directory; `variables`: what hosts declare beside our own. */
export function readOneText(
  bytes: Buffer,
  about: { readonly file: string; readonly name: string },
  variables: readonly string[],
): readonly Form[] | { readonly fault: string } {
  if (!isUtf8(bytes)) return { fault: 'is not UTF-8' }
  const written = bytes.toString('utf8')
  const recipe = parse(written, variables)
  if ('fault' in recipe) return recipe
  return languages.flatMap((language): Form[] => {
    const text = oneText(recipe, language, about.name)
    return text === undefined ? [] : [{ file: about.file, language, text, template: true, written }]
  })
}

function parse(written: string, variables: readonly string[]): OneText | { readonly fault: string } {
  const counter = new LineCounter()
  const document = parseDocument(written, { lineCounter: counter, logLevel: 'error' })
  const [error] = document.errors
  if (error !== undefined) {
    const [what = error.code] = error.message.split('\n')
    const { line: row } = counter.linePos(error.pos[0])
    const source = written.split('\n')[row - 1] ?? ''
    const hint = /[{[].*\$\{/.test(source) ? '; within brackets, put quotes around what holds ${…}' : ''
    return { fault: `line ${row}: ${what.replace(/ at line \d+, column \d+:?$/, '')}${hint}` }
  }
  let value: unknown
  try {
    value = document.toJS()
  } catch (cause) {
    return { fault: `line 1: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
  if (!isGroup(value) || value['kernel'] === undefined) {
    return { fault: 'line 1: `kernel: PATH` is missing; `initrd:` and `arguments:` may stand beside it' }
  }
  const lines = new Lines(document, counter)
  const parsed = schema.safeParse(value)
  if (!parsed.success) return { fault: explained(parsed.error.issues[0], value, lines) }
  const loose = looseVariable(value, [], variables, lines)
  if (loose !== undefined) return { fault: loose }
  const { kernel, initrd = {}, arguments: words = {} } = parsed.data
  if (Object.keys(kernel).length === 0) return { fault: `line ${lines.of(['kernel'])}: kernel names none` }
  return { kernel, initrds: initrd, arguments: words }
}

function explained(issue: z.core.$ZodIssue | undefined, value: unknown, lines: Lines): string {
  if (issue === undefined) return 'line 1: is not understood'
  if (issue.code === 'unrecognized_keys') {
    const place = [...issue.path, issue.keys[0] ?? '']
    const known = issue.path.length === 0 ? Object.keys(schema.shape) : ['every', ...architectures]
    const near = nearest(issue.keys[0] ?? '', known)
    const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
    return `line ${lines.of(place)}: ${show(place)} is unknown; ${hint}`
  }
  // Without the steps that only we put there.
  const place = issue.path.reduce<readonly PropertyKey[]>(
    (above, step) => (below(stands(value, above), step) === undefined ? above : [...above, step]),
    [],
  )
  return `line ${lines.of(place)}: ${show(place)} ${explain(issue, stands(value, place))}`
}

function stands(value: unknown, place: readonly PropertyKey[]): unknown {
  return place.reduce<unknown>(below, value)
}

function below(value: unknown, step: PropertyKey): unknown {
  if (!Array.isArray(value) && !isGroup(value)) return undefined
  return Object.hasOwn(value, step) ? (value as Group)[step] : undefined
}

/** The first variable of any text that has no value, with its line. */
function looseVariable(
  value: unknown,
  place: readonly PropertyKey[],
  variables: readonly string[],
  lines: Lines,
): string | undefined {
  if (typeof value === 'string') {
    const known = variableFault(value, variables)
    const isOpen = /\$\{/.test(value.replace(/\$?\$\{[A-Za-z_]\w*(?:\|[^}\n]*)?\}/g, ''))
    const fault = known ?? (isOpen ? 'line 1: a "${" that begins no ${name} or ${name|default}' : undefined)
    return fault && fault.replace(/^line \d+/, `line ${lines.of(place)}`)
  }
  const entries = Array.isArray(value) ? [...value.entries()] : isGroup(value) ? Object.entries(value) : []
  for (const [step, entry] of entries) {
    const fault = looseVariable(entry, [...place, step], variables, lines)
    if (fault !== undefined) return fault
  }
  return undefined
}

type Group = Readonly<Record<PropertyKey, unknown>>

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
