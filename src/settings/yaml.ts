// A settings file as YAML: what is written there, or every fault of it, and where each value stands.

import { load } from 'js-yaml'
import { isScalar, LineCounter, parseDocument, type ParsedNode, type YAMLParseError } from 'yaml'
import { Lines } from './lines.ts'
import { secretName } from './secrets.ts'

export type Remark = { readonly line: number; readonly text: string }

type Faulty = { readonly faults: readonly Remark[] }

type Read = { readonly written: unknown; readonly lines: Lines }

/** Each host of a big site may share a value with all others; a bomb of aliases has millions. */
const mostAliases = 10_000

/** An empty text has no settings. */
export function readYaml(text: string): Read | Faulty {
  const counter = new LineCounter()
  // `<<: *defaults` was part of the YAML that the original read. What the parser finds odd is told by us.
  const how = { lineCounter: counter, uniqueKeys: sameKey, merge: true, logLevel: 'error' } as const
  const document = parseDocument(text, how)
  const broken = document.errors.filter(isOwn).map((error) => syntaxFault(error, text, counter))
  if (broken.length > 0) return { faults: withoutEchoes(broken) }
  const lines = new Lines(document, counter)
  const loose = lines.looseAliases()
  if (loose.length > 0) return { faults: loose.map((line) => ({ line, text: looseAlias })) }
  try {
    return { written: document.toJS({ maxAliasCount: mostAliases }) ?? {}, lines }
  } catch (error) {
    // The parser refuses aliases that multiply without end, or hold themselves, in words of its own.
    const endless = error instanceof ReferenceError || error instanceof RangeError
    const why = endless ? 'has too many aliases (*name) within aliases' : `makes no sense: ${String(error)}`
    return { faults: [{ line: 1, text: `the file ${why}` }] }
  }
}

/** What the two parsers understand differently, or might. */
const subtle = [
  // Anchors, aliases, merges, tags, directives, block scalars, keys of more than a word, the end of a document; tabs, and
  // ends of lines that not all know, or that are escaped.
  /[&*!?%|>\t\ufeff\u2028\u2029\x85]|<<|\r(?!\n)|\\$|^\.\.\./m,
  // Keys that are null, and numbers beyond all bounds.
  /(?:^|[-{[,\s]|null|~):(?:\s|$|[,}\]])|\de\+?\d{3}/im,
  // An entry with something behind its end.
  /^ *(?:- +)+(?:"[^"]*"|'[^']*'|[[{].*[\]}]) *[^\s,:\]}#]/m,
]

/**
 * The same by a parser that takes a tenth of the time and knows neither lines nor more than one fault; undefined where
 * readYaml() is to be asked.
 */
export function readUsual(text: string): unknown {
  if (subtle.some((pattern) => pattern.test(text))) return undefined
  try {
    return load(text) ?? undefined
  } catch {
    return undefined
  }
}

/** Of two lines that the parser takes for one name it tells that, and a second fault before it. */
function isOwn({ pos }: YAMLParseError, index: number, all: readonly YAMLParseError[]): boolean {
  const next = all[index + 1]
  return next?.code !== 'MULTILINE_IMPLICIT_KEY' || next.pos[0] !== pos[0]
}

/** Of what the parser says, in words for the person who wrote `text`. */
export function syntaxFault(error: YAMLParseError, text: string, lines: LineCounter): Remark {
  // What is missing at the end is missing in the last line that has something, not behind it.
  const start = Math.max(0, Math.min(error.pos[0], text.trimEnd().length - 1))
  const { line } = lines.linePos(start)
  switch (error.code) {
    case 'DUPLICATE_KEY': {
      // The parser points at the space before the key.
      const [before = ''] = /^(?:\s|#.*)*/.exec(text.slice(start)) ?? []
      const [key = ''] = /^[^\s:]*/.exec(text.slice(start + before.length)) ?? []
      return { line: lines.linePos(start + before.length).line, text: `${key} stands there twice` }
    }
    case 'MULTIPLE_DOCS':
      return { line, text: 'a second document begins here ("---"); this file may have one' }
    case 'MULTILINE_IMPLICIT_KEY': {
      // `name: value`, and a line behind it that stands further right; else a name that has no colon.
      const end = lines.linePos(error.pos[1]).line
      const before = text.slice(text.lastIndexOf('\n', error.pos[0]) + 1, error.pos[0])
      return before.includes(':') ? { line: end, text: misplaced } : { line, text: noColon }
    }
  }
  const [first = error.code] = error.message.split('\n')
  const [, closing = ''] = /(?:^Missing closing | end with a )(["'\]}])/.exec(first) ?? []
  const opening = { '"': '"', "'": "'", ']': '[', '}': '{' }[closing]
  if (opening !== undefined) {
    const opened = openedAt(text, error.pos[0] - 1, opening, closing)
    const behind = text.slice(error.pos[0])
    if (behind.trimStart().startsWith(closing) && openedAt(text, opened - 1, opening, closing) < 0) {
      const next = error.pos[0] + behind.search(/\S/)
      return { line: lines.linePos(next).line, text: `this ${closing} stands too far left: ${misplaced}` }
    }
    // What is written within quotes may look as if it closed something.
    const place = opened < 0 ? text.lastIndexOf(opening, start) : opened
    return {
      line: lines.linePos(Math.max(0, place)).line,
      text: `a ${opening} opens here, and no ${closing} closes it`,
    }
  }
  const plain = plainWords.find(([said]) => said.test(first))
  if (plain !== undefined) return { line, text: plain[1] }
  const what = first.replace(/ at line \d+, column \d+:?$/, '')
  return { line, text: mayBeSecret(text, line) ? what.replace(/(?:: | \\).*$/s, '') : what }
}

/** The parser tells where it gave up, behind `end`; what opened before that, and is closed, is another one. -1: none is open. */
function openedAt(text: string, end: number, opening: string, closing: string): number {
  let closed = 0
  for (let at = end; at >= 0; at--) {
    if (text[at] === opening) {
      // Within quotes of its kind a quote is written \" or ''.
      const isWritten = opening === '"' ? text[at - 1] === '\\' : opening === "'" && text[at - 1] === "'"
      if (isWritten) at--
      else if (closed-- === 0) return at
    } else if (text[at] === closing) closed++
  }
  return -1
}

const misplaced =
  'the indentation is wrong: settings of one group begin in the same column, and so do entries of one list'
const tabs = 'tabs are not allowed as indentation: write spaces'
const needsQuotes = 'a text that begins with a sign such as @ % | > , or ` is put in quotes'
export const looseAlias =
  'a text that begins with * is put in quotes (without them it repeats what & names before it, and nothing has that name)'
const noColon = 'a name is followed by a colon and a space, as in `name: value`'

/** For what the parser says in words of its own. */
const plainWords: readonly (readonly [said: RegExp, ours: string])[] = [
  [/ must start at the same column|^Sequence item without /, misplaced],
  [/^Implicit map keys need /, noColon],
  [/^Tabs are not allowed /, tabs],
  [/^Plain value cannot start with |^Block scalar header /, needsQuotes],
  [/^Alias cannot be an empty string/, looseAlias],
  [
    /^Unexpected scalar at node end/,
    'more stands behind the end of a value: one pair of quotes is to hold all of it',
  ],
  [/^Unexpected flow-(?:seq|map)-end token/, 'a bracket is closed here that none opened'],
  [
    /^Block collections are not allowed within flow|^Missing , /,
    'a comma is missing: within brackets one stands between two entries',
  ],
  [/^Unexpected , in flow /, 'there is a comma too many'],
  [/^Invalid escape sequence /, 'a \\ within "..." is written \\\\; within \'...\' it is one'],
  [/call stack/, 'the file has too many brackets within brackets'],
  [
    /^Nested mappings are not allowed /,
    'a second `name: ` in one line: put a text with a colon in quotes, and a group into lines of its own',
  ],
]

/** Of each line its first fault; and a wrong indentation once, however many lines follow it. */
function withoutEchoes(faults: readonly Remark[]): readonly Remark[] {
  const first = new Map<number, Remark>()
  for (const fault of faults) if (!first.has(fault.line)) first.set(fault.line, fault)
  return [...first.values()].filter(({ line, text }) => {
    const above = first.get(line - 1)?.text
    return text !== above || (text !== misplaced && text !== tabs)
  })
}

/** Of what stands in a line, or has its name in the one before: the parser's words may quote it. */
function mayBeSecret(text: string, line: number): boolean {
  return text
    .split('\n')
    .slice(Math.max(0, line - 2), line)
    .some((one) => secretName.test(one) || /:\/\/\S*@/.test(one))
}

/** 42 and "42" name one option. */
function sameKey(a: ParsedNode, b: ParsedNode): boolean {
  return isScalar(a) && isScalar(b) && String(a.value) === String(b.value)
}
