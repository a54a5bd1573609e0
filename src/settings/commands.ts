// What the commands of adapters are made of, as Go reads them: templates with variables, and regular expressions.

export type Part = { readonly literal: string } | { readonly variable: string } | { readonly odd: string }

export const onlyVariables = 'only variables such as {{.ip_address}} may stand in braces'

/** `{{.name}}`, with the dashes that take away the space beside it. */
const action = /\{\{(-\s)?\s*\.([\p{L}_][\p{L}\p{Nd}_]*)\s*(\s-)?\}\}/gu

/** A template in parts; `odd`: an action of Go's that is no variable. */
export function partsOf(template: string): readonly Part[] {
  const parts: Part[] = []
  let at = 0
  let trims = false
  const literal = (end: number, trimsEnd: boolean) => {
    let text = template.slice(at, end)
    if (trims) text = text.trimStart()
    if (trimsEnd) text = text.trimEnd()
    if (text.includes('{{')) {
      const [odd = text] = /\{\{[^}]*(?:\}\})?/.exec(text) ?? []
      parts.push({ odd })
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

const posixClasses: ReadonlyMap<string, string> = new Map(
  Object.entries({
    alnum: '0-9A-Za-z',
    alpha: 'A-Za-z',
    digit: '0-9',
    lower: 'a-z',
    space: '\\s',
    upper: 'A-Z',
    word: '\\w',
    xdigit: '0-9A-Fa-f',
  }),
)

/** Letters, digits, spaces, `-` and `_` that are found in either case; JavaScript has flags for a whole pattern alone. */
function inEitherCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`)
}

/** A pattern of Go's regexp as JavaScript writes it; undefined where it is none. */
export function goRegExp(pattern: string): RegExp | undefined {
  const [whole = '', flags = ''] = /^\(\?([ims]+)\)/.exec(pattern) ?? []
  const source = pattern
    .slice(whole.length)
    .replace(/\(\?i:([\w -]*)\)/g, (_, text: string) => `(?:${inEitherCase(text)})`)
    .replaceAll('(?P<', '(?<')
    .replace(/\[:([a-z]+):\]/g, (all, name: string) => posixClasses.get(name) ?? all)
    .replace(/\\(.)/gs, (all, escaped) => (escaped === 'A' ? '^' : escaped === 'z' ? '$' : all))
  try {
    return new RegExp(source, flags)
  } catch {
    return undefined
  }
}
