// Tables byte for byte as the original printed them (Go's olekukonko/tablewriter): scripts cut columns out of them.

type Align = (text: string, width: number) => string

/** Colours a cell that already has its width. */
export type Paint = (shown: string) => string

export type TableLook = {
  /** Cells of more columns are broken at their spaces; a longer word stays whole. */
  readonly wrapAt?: number
  readonly paint?: Paint
}

/** Lines with their ends. Cells are printable already: one line each, without control characters. */
export function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  { wrapAt, paint = (shown) => shown }: TableLook = {},
): string {
  const header = titles.map((title) => title.toUpperCase())
  const broken = rows.map((row) =>
    titles.map((_, column) => wrapped(row[column] ?? '', wrapAt ?? Number.POSITIVE_INFINITY)),
  )
  const widths = header.map((title, column) =>
    broken.reduce((most, row) => Math.max(most, row[column]?.width ?? 0), widthOf(title)),
  )
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
  const line = (cells: readonly string[], align: Align, show: Paint) =>
    `|${widths.map((width, column) => ` ${show(align(cells[column] ?? '', width))} `).join('|')}|`
  const body = broken.flatMap((row) => {
    const height = row.reduce((most, { lines }) => Math.max(most, lines.length), 1)
    return Array.from({ length: height }, (_, at) =>
      line(
        row.map(({ lines }) => lines[at] ?? ''),
        toSide,
        paint,
      ),
    )
  })
  return [rule, line(header, toMiddle, (title) => title), rule, ...body, rule, ''].join('\n')
}

/** Each cell by itself, not its column: a host named 42 stands right among others that stand left. */
const number = /^-?(?:\d{1,3}(?:,\d{3})*|\d+)(?:\.\d+)?$/

function toSide(text: string, width: number): string {
  const gap = ' '.repeat(width - widthOf(text))
  return number.test(text.trim()) ? gap + text : text + gap
}

/** The odd space stands right. */
function toMiddle(text: string, width: number): string {
  const gap = width - widthOf(text)
  const left = Math.floor(gap / 2)
  return ' '.repeat(left) + text + ' '.repeat(gap - left)
}

type Broken = { readonly lines: readonly string[]; readonly width: number }

/** The cell's lines, and the width it claims, which is the limit even where its lines end up shorter. */
function wrapped(text: string, limit: number): Broken {
  const own = widthOf(text)
  if (own <= limit) return { lines: [text], width: own }
  const words = text.split(' ')
  const width = words.reduce((most, word) => Math.max(most, widthOf(word)), limit)
  return { lines: evenLines(words, width), width }
}

/** Of all ways to break at spaces, the one whose lines lack the least, squared; the last line may lack anything. */
function evenLines(words: readonly string[], limit: number): readonly string[] {
  const widths = words.map(widthOf)
  const best: { cost: number; end: number }[] = []
  for (let start = words.length - 1; start >= 0; start--) {
    let found = { cost: Number.POSITIVE_INFINITY, end: words.length }
    let width = -1
    for (let end = start + 1; end <= words.length; end++) {
      width += 1 + (widths[end - 1] ?? 0)
      if (width > limit && end > start + 1) break
      const lacking = (limit - width) ** 2
      const cost = end === words.length ? 0 : lacking + (best[end]?.cost ?? 0)
      if (cost < found.cost || end === words.length) found = { cost, end }
    }
    best[start] = found
  }
  const lines: string[] = []
  for (let start = 0; start < words.length; start = best[start]?.end ?? words.length) {
    lines.push(words.slice(start, best[start]?.end).join(' '))
  }
  return lines
}

const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u
const unseen = /[\p{Mn}\p{Me}\p{Cf}]/u

/** In a terminal's columns, of which East Asian characters take two. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += unseen.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}
