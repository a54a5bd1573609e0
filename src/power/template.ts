// The commands of an adapter: the part of Go's text/template that they use, and the arguments that come of it.

import { PowerError } from './adapter.ts'

/** Part of a rendered command: `whole` stays one argument, the rest is split at its spaces. */
export type Piece = { readonly text: string; readonly whole: boolean }

export type Values = ReadonlyMap<string, readonly Piece[]>

type Part = { readonly literal: string } | { readonly variable: string }

/** What Go prints for a variable that is not there. */
const noValue: readonly Piece[] = [{ text: '<no value>', whole: false }]

/** @throws PowerError where more than {{.name}} stands in it */
export function render(template: string, values: Values): readonly Piece[] {
  return partsOf(template).flatMap((part) =>
    'literal' in part ? [{ text: part.literal, whole: false }] : (values.get(part.variable) ?? noValue),
  )
}

/** The variables a template names. */
export function variablesOf(template: string): readonly string[] {
  return partsOf(template).flatMap((part) => ('variable' in part ? [part.variable] : []))
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

/** `{{.name}}`, with the dashes that take away the space beside it. */
const action = /\{\{(-\s)?\s*\.([\p{L}_][\p{L}\p{Nd}_]*)\s*(\s-)?\}\}/gu

function partsOf(template: string): readonly Part[] {
  const parts: Part[] = []
  let at = 0
  let trims = false
  const literal = (end: number, trimsEnd: boolean) => {
    let text = template.slice(at, end)
    if (trims) text = text.trimStart()
    if (trimsEnd) text = text.trimEnd()
    if (text.includes('{{')) {
      const [odd = text] = /\{\{[^}]*(?:\}\})?/.exec(text) ?? []
      throw new PowerError(`only variables such as {{.ip_address}} may stand in braces, not ${odd}`)
    }
    if (text !== '') parts.push({ literal: text })
  }
  for (const match of template.matchAll(action)) {
    const [whole, before, variable = '', after] = match
    literal(match.index, before !== undefined)
    parts.push({ variable })
    at = match.index + whole.length
    trims = after !== undefined
  }
  literal(template.length, false)
  return parts
}
