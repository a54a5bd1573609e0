// Where commands print: tables, JSON that a terminal can show, colours and progress where somebody looks.

import { InvalidArgumentError, Option } from 'commander'
import { printable } from '../events.ts'
import { table, type Paint } from './table.ts'

export type Terminal = {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Whether `out` is a terminal that shows colours. */
  readonly colours?: boolean
  /** Whether `err` is a terminal, on which a line may be written over. */
  readonly lively?: boolean
}

export type Output = 'table' | 'wide' | 'json'

export type Format = { readonly output: Output }

/** `-o`, for what prints a table; `wide` is the same where there are no more columns. */
export function outputOption(): Option {
  const what = 'a table, with more columns (wide) where there are more, or all there is as JSON'
  return new Option('-o, --output <format>', what).choices(['table', 'wide', 'json']).default('table')
}

/** `-o`, for what prints lines; `text` says which. */
export function textOption(text: string): Option {
  const what = `${text}, or all there is as JSON`
  return new Option('-o, --output <format>', what).choices(['text', 'json']).default('text')
}

export type TextFormat = { readonly output: 'text' | 'json' }

export type Cell = string | number | null | undefined

/** A table of what came from elsewhere; words that tell of a state are coloured on a terminal. */
export function tableOf(
  { colours = false }: Terminal,
  titles: readonly string[],
  rows: readonly (readonly Cell[])[],
  wrapAt?: number,
): string {
  const cells = rows.map((row) => row.map((cell) => shortLine(String(cell ?? ''))))
  return table(titles, cells, { ...(wrapAt !== undefined && { wrapAt }), ...(colours && { paint }) })
}

const green = 32
const red = 31
const yellow = 33
const colourOf: ReadonlyMap<string, number> = new Map(
  Object.entries({
    On: green,
    OK: green,
    YES: green,
    ERROR: red,
    Unknown: yellow,
  }),
)

const paint: Paint = (shown) => {
  const colour = colourOf.get(shown.trim())
  return colour === undefined ? shown : `\u001b[${colour}m${shown}\u001b[0m`
}

/**
 * What came from the server, safe in a terminal and whole however long it is. Its messages are escaped there already, so
 * a backslash stays as it is.
 */
export function oneLine(text: string): string {
  return text.split('\\').map(whole).join('\\')
}

function whole(text: string): string {
  return (text.match(/[^]{1,150}/gu) ?? []).map(printable).join('')
}

/** A line of a file: the same, but tabs are as they are. */
export function lineOfText(text: string): string {
  return text.split('\t').map(oneLine).join('\t')
}

/** As many characters of a cell. */
const longestCell = 200

function shortLine(text: string): string {
  return oneLine(text.length > longestCell ? `${text.slice(0, longestCell)}…` : text)
}

/** What a terminal would obey, or show in another order, is escaped as JSON may. */
export function json(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
  return `${text}\n`
}

/** `2026-01-02T03:04:05Z`: a time of the API without its milliseconds. */
export function shortTime(time: string | undefined): string {
  return time?.replace(/\.\d+Z$/, 'Z') ?? ''
}

/** A whole number from 1, as commander wants it parsed. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is no number from 1.')
  return Number(text)
}

/** One line that is written over, where somebody looks; in a pipe it says nothing. */
export class Progress {
  private readonly terminal: Terminal
  private isShown = false

  constructor(terminal: Terminal) {
    this.terminal = terminal
  }

  say(text: string): void {
    if (this.terminal.lively !== true) return
    this.terminal.err(`\r\u001b[K${printable(text)}`)
    this.isShown = true
  }

  end(): void {
    if (this.isShown) this.terminal.err('\r\u001b[K')
    this.isShown = false
  }
}
