// The commands of an adapter: the part of Go's text/template that they use, and the arguments that come of it.

import { onlyVariables, partsOf, type Part } from '../settings/commands.ts'
import { PowerError } from './adapter.ts'

/** Part of a rendered command: `whole` stays one argument, the rest is split at its spaces. */
export type Piece = { readonly text: string; readonly whole: boolean }

export type Values = ReadonlyMap<string, readonly Piece[]>

/** What Go prints for a variable that is not there. */
const noValue: readonly Piece[] = [{ text: '<no value>', whole: false }]

/** @throws PowerError where more than {{.name}} stands in it */
export function render(template: string, values: Values): readonly Piece[] {
  return readable(template).flatMap((part) =>
    'literal' in part ? [{ text: part.literal, whole: false }] : (values.get(part.variable) ?? noValue),
  )
}

/** The variables a template names. */
export function variablesOf(template: string): readonly string[] {
  return readable(template).flatMap((part) => ('variable' in part ? [part.variable] : []))
}

/** As strings.Split(command, " "): two spaces hold an empty argument between them, and quotes mean nothing. */
export function argumentsOf(pieces: readonly Piece[]): readonly string[] {
  const all = ['']
  for (const { text, whole } of pieces) {
    const [first = '', ...more] = whole ? [text] : text.split(' ')
    all.push(`${all.pop() ?? ''}${first}`, ...more)
  }
  return all
}

type Readable = Exclude<Part, { readonly odd: string }>

function readable(template: string): readonly Readable[] {
  return partsOf(template).map((part) => {
    if ('odd' in part) throw new PowerError(`${onlyVariables}, not ${part.odd}`)
    return part
  })
}
