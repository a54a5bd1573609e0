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
  const broken = document.errors.map((error) => syntaxFault(error, text, counter))
  if (broken.length > 0) return { faults: broken }
  const lines = new Lines(document, counter)
  const loose = lines.looseAliases()
  if (loose.length > 0) {
    const faults = loose.map(({ name, line }) => ({
      line,
      text: mayBeSecret(text, line)
        ? 'a value that begins with * stands for nothing: put it in quotes'
        : `*${name} stands for nothing: &${name} must stand before it`,
    }))
    return { faults }
  }
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

function syntaxFault(error: YAMLParseError, text: string, lines: LineCounter): Remark {
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
      return { line, text: 'a second document begins here ("---"); the settings are one' }
    default: {
      const [first = error.code] = error.message.split('\n')
      if (first.includes('call stack'))
        return { line, text: 'the file has too many brackets within brackets' }
      const what = first.replace(/ at line \d+, column \d+:?$/, '')
      return { line, text: mayBeSecret(text, line) ? what.replace(/(?:: | \\).*$/s, '') : what }
    }
  }
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
