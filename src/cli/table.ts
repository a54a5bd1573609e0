// Tables byte for byte as the original printed them (Go's olekukonko/tablewriter): scripts cut columns out of them.

type Align = (text: string, width: number) => string

/** Lines with their ends. Cells are printable already: one line each, without control characters. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const header = titles.map((title) => title.toUpperCase())
  const widths = header.map((title, column) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[column] ?? '')), widthOf(title)),
  )
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
  const line = (cells: readonly string[], align: Align) =>
    `|${widths.map((width, column) => ` ${align(cells[column] ?? '', width)} `).join('|')}|`
  const body = rows.map((row) => line(row, toSide))
  return [rule, line(header, toMiddle), rule, ...body, rule, ''].join('\n')
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

const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u
const unseen = /[\p{Mn}\p{Me}\p{Cf}]/u

/** In a terminal's columns, of which East Asian characters take two. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += unseen.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}
