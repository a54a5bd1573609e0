// NAME.yml -> a form in each loader's language, or its first fault with its line.

import { isUtf8 } from 'node:buffer'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { argumentsFault, mapEach, pathFault } from '../boot/one-text.ts'
import { processors, type Each, type Form, type OneText } from '../model.ts'
import { explain, show } from '../settings/explain.ts'
import { Lines } from '../settings/lines.ts'
import { nearest } from '../settings/nearest.ts'
import { looseAlias, syntaxFault } from '../settings/yaml.ts'
import { variableFault } from './read.ts'

/** A path as it is once its variables have values, which are held against the same rules then. */
const path = z
  .string('must be a path below tftproot, or a URL')
  .check(faultIn((text) => pathFault(text.replace(/\$\{[A-Za-z_]\w*(?:\|[^}\s]*)?\}/g, 'x'))))

const line = z
  .string('must be a text')
  .transform((text) => text.trim())
  .check(faultIn(argumentsFault))

function faultIn(find: (text: string) => string | undefined) {
  return (context: z.core.ParsePayload<string>) => {
    const message = find(context.value)
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value })
  }
}

/** One value, or one for each processor; `every` is for those not named. */
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
  arguments: each(several(line)).optional(),
})

/** `file` is relative to the configuration directory; `variables`: what hosts declare beside our own. */
export function readOneText(
  bytes: Buffer,
  file: string,
  variables: readonly string[],
): readonly Form[] | { readonly fault: string } {
  if (!isUtf8(bytes)) return { fault: 'is not UTF-8' }
  const written = bytes.toString('utf8')
  const oneText = parse(written, variables)
  if ('fault' in oneText) return oneText
  const text = namesIn(oneText)
  const byUrl = /^(?:kernel|initrd) (?:https?:\/\/|\$\{http\})/m.test(text)
  const form = { file, text, template: true, oneText, written, ...(byUrl && { byUrl }) }
  return readers.map((language) => ({ ...form, language }))
}

/** A Raspberry Pi's config.txt is no way to start any kernel with any arguments. */
const readers = ['pxelinux', 'grub', 'ipxe'] as const

/** What it names, for whoever asks whether it names a file. */
function namesIn({ kernel, initrds, arguments: words }: OneText): string {
  const all = [
    ...valuesOf(kernel).map(({ text }) => `kernel ${text}`),
    ...valuesOf(initrds).flatMap((list) => list.map(({ text }) => `initrd ${text}`)),
    ...valuesOf(words).flatMap((list) => list.map(({ text }) => text)),
  ]
  return `${all.join('\n')}\n`
}

function valuesOf<T>(values: Each<T>): readonly T[] {
  return Object.values(values).filter((value) => value !== undefined)
}

function parse(written: string, variables: readonly string[]): OneText | { readonly fault: string } {
  const counter = new LineCounter()
  const document = parseDocument(written, { lineCounter: counter, logLevel: 'error' })
  const [error] = document.errors
  if (error !== undefined) {
    const { line: row, text } = syntaxFault(error, written, counter)
    const source = written.split('\n')[row - 1] ?? ''
    const hint = /[{[].*\$\{/.test(source) ? '; within brackets, put quotes around what holds ${…}' : ''
    return { fault: `line ${row}: ${text}${hint}` }
  }
  const lines = new Lines(document, counter)
  const [unnamed] = lines.looseAliases()
  if (unnamed !== undefined) return { fault: `line ${unnamed}: ${looseAlias}` }
  let value: unknown
  try {
    value = document.toJS()
  } catch (cause) {
    return { fault: `line 1: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
  if (!isGroup(value) || value['kernel'] === undefined) {
    return { fault: 'line 1: `kernel: PATH` is missing; `initrd:` and `arguments:` may stand beside it' }
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) return { fault: explained(parsed.error.issues[0], value, lines) }
  const loose = looseVariable(value, [], variables, lines)
  if (loose !== undefined) return { fault: loose }
  const { kernel, initrd = {}, arguments: words = {} } = parsed.data
  if (Object.keys(kernel).length === 0) return { fault: `line ${lines.of(['kernel'])}: kernel names none` }
  const at = (...place: readonly PropertyKey[]) => lines.of(standing(value, place))
  return {
    kernel: mapEach(kernel, (text, processor) => ({ text, line: at('kernel', processor) })),
    initrds: mapEach(initrd, (all, processor) =>
      all.map((text, index) => ({ text, line: at('initrd', processor, index) })),
    ),
    arguments: mapEach(words, (all, processor) =>
      all.map((text, index) => ({ text, line: at('arguments', processor, index) })),
    ),
  }
}

/** Without the steps that only we put there. */
function standing(value: unknown, place: readonly PropertyKey[]): readonly PropertyKey[] {
  return place.reduce<readonly PropertyKey[]>(
    (above, step) => (below(stands(value, above), step) === undefined ? above : [...above, step]),
    [],
  )
}

function explained(issue: z.core.$ZodIssue | undefined, value: unknown, lines: Lines): string {
  if (issue === undefined) return 'line 1: is not understood'
  if (issue.code === 'unrecognized_keys') {
    const place = [...issue.path, issue.keys[0] ?? '']
    const known = issue.path.length === 0 ? Object.keys(schema.shape) : ['every', ...processors]
    const near = nearest(issue.keys[0] ?? '', known)
    const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
    return `line ${lines.of(place)}: ${show(place)} is unknown; ${hint}`
  }
  const place = standing(value, issue.path)
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
