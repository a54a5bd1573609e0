// Reads the plain YAML that most settings files are, in a tenth of the parser's time; all else of YAML is left to the parser.

type Line = { readonly indent: number; readonly text: string }

/** Deeper is no settings file, and would end the stack. */
const deepest = 32

/** Thrown where the parser is to be asked. */
const unusual = new Error('The parser is to be asked')

/**
 * What the parser would make of `text`; undefined where that takes the parser: where anything but block and flow
 * collections, one-line scalars and comments stands there, anything in it is wrong, or might be a number in an odd
 * spelling.
 */
export function readPlain(text: string): unknown {
  try {
    return new Blocks(linesOf(text)).whole()
  } catch (error) {
    if (error !== unusual) throw error
    return undefined
  }
}

// What trimEnd() takes away and YAML does not, and every control character, is none of these.
const usualText = /^[\x20-\x7e\p{L}]*$/u

function linesOf(text: string): Line[] {
  const lines: Line[] = []
  for (const line of text.replace(/^---\r?\n/, '').split(/\r?\n/)) {
    const indent = line.search(/[^ ]/)
    if (indent < 0 || line[indent] === '#') continue
    if (!usualText.test(line)) throw unusual
    lines.push({ indent, text: line.slice(indent).trimEnd() })
  }
  return lines
}

const pair = /^([A-Za-z_][\w.-]{0,99}|0|[1-9]\d{0,8}):(?: +(.*))?$/

const nothing: Line = { indent: -1, text: '' }

class Blocks {
  private readonly lines: Line[]
  private at = 0

  constructor(lines: Line[]) {
    this.lines = lines
  }

  whole(): unknown {
    const map = this.mapping(0, 0)
    if (this.at === 0 || this.next !== nothing) throw unusual
    return map
  }

  private get next(): Line {
    return this.lines[this.at] ?? nothing
  }

  private isEntryNext(indent: number): boolean {
    return this.next.indent === indent && this.next.text.startsWith('- ')
  }

  private block(indent: number, depth: number): unknown {
    if (depth > deepest) throw unusual
    return this.isEntryNext(indent) ? this.sequence(indent, depth) : this.mapping(indent, depth)
  }

  private sequence(indent: number, depth: number): unknown {
    const items: unknown[] = []
    while (this.isEntryNext(indent)) {
      const text = this.next.text.slice(1).trimStart()
      if (text.startsWith('- ') || pair.test(text)) {
        // What stands behind the dash is the first line of a block of its own.
        const within = indent + this.next.text.length - text.length
        this.lines[this.at] = { indent: within, text }
        items.push(this.block(within, depth + 1))
      } else {
        this.at++
        items.push(valueOf(text))
      }
    }
    return this.ended(items, indent)
  }

  private mapping(indent: number, depth: number): unknown {
    const map: Record<string, unknown> = {}
    while (this.next.indent === indent && !this.isEntryNext(indent)) {
      const [whole, key = '', rest = ''] = pair.exec(this.next.text) ?? []
      if (whole === undefined) throw unusual
      this.at++
      put(map, key, rest === '' || rest.startsWith('#') ? this.below(indent, depth) : valueOf(rest))
    }
    return this.ended(map, indent)
  }

  /** What stands in the lines after a key. */
  private below(indent: number, depth: number): unknown {
    if (this.next.indent > indent) return this.block(this.next.indent, depth + 1)
    return this.isEntryNext(indent) ? this.sequence(indent, depth + 1) : null
  }

  /** A line that stands deeper goes on with what was a whole. */
  private ended<T>(value: T, indent: number): T {
    if (this.next.indent > indent) throw unusual
    return value
  }
}

function put(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__' || Object.hasOwn(map, key) || oddWord.test(key)) throw unusual
  map[key] = value
}

/** Of a line, to its end. */
function valueOf(text: string): unknown {
  const first = text[0] ?? ''
  if ('[{\'"'.includes(first)) return new Flow(text).whole()
  const comment = text.indexOf(' #')
  const plain = comment < 0 ? text : text.slice(0, comment).trimEnd()
  if (!/^[\w./+^$(]/.test(plain) || plain.includes(': ') || plain.endsWith(':')) throw unusual
  return meaning(plain)
}

const oddWord = /^[-+]?\.?(?:inf|nan|null|true|false)$/i

/** YAML 1.2, core schema. */
function meaning(plain: string): unknown {
  if (plain === 'true' || plain === 'false') return plain === 'true'
  if (/^(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/.test(plain)) return Number(plain)
  // All its numbers are some of JavaScript's.
  if (!Number.isNaN(Number(plain)) || oddWord.test(plain)) throw unusual
  return plain
}

const spaces = / */y
const single = /'([^']*)'/y
const double = /"([^"\\]*)"/y
const flowPlain = /[\w./](?:[\w./+@$=()-]| (?=[\w./])|:(?=[\w:]))*/y
const flowKey = /([A-Za-z_][\w.-]{0,99}|0|[1-9]\d{0,8}): /y
const end = /(?: +#.*)?$/y

/** What stands in brackets or quotes, in one line. */
class Flow {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  whole(): unknown {
    const value = this.value(0)
    if (this.take(end) === undefined) throw unusual
    return value
  }

  private value(depth: number): unknown {
    if (depth > deepest) throw unusual
    switch (this.text[this.at]) {
      case '[': {
        const items: unknown[] = []
        this.entries(']', () => items.push(this.value(depth + 1)))
        return items
      }
      case '{': {
        const map: Record<string, unknown> = {}
        this.entries('}', () => {
          const key = this.take(flowKey)?.[1] ?? ''
          if (key === '') throw unusual
          this.take(spaces)
          put(map, key, this.value(depth + 1))
        })
        return map
      }
      case "'":
      case '"': {
        const text = (this.take(single) ?? this.take(double))?.[1]
        if (text === undefined) throw unusual
        return text
      }
      default: {
        const plain = this.take(flowPlain)?.[0]
        if (plain === undefined) throw unusual
        return meaning(plain)
      }
    }
  }

  /** From one bracket to the other, with commas between. */
  private entries(close: string, take: () => void): void {
    for (let isFirst = true; ; isFirst = false) {
      this.at++
      this.take(spaces)
      if (isFirst && this.text[this.at] === close) break
      take()
      this.take(spaces)
      if (this.text[this.at] === close) break
      if (this.text[this.at] !== ',') throw unusual
    }
    this.at++
  }

  private take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text) ?? undefined
    if (found !== undefined) this.at = pattern.lastIndex
    return found
  }
}
