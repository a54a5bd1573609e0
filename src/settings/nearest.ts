// The known word nearest to one that was mistyped.

/** Longer ones are no mistyped words, and would take long to compare. */
const longest = 256

/** The word of `known` within two edits of `word` (one for short words), or undefined. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > longest) return undefined
  const written = word.toLowerCase()
  const limit = word.length <= 4 ? 1 : 2
  let best: { word: string; edits: number } | undefined
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > limit) continue
    const edits = distance(written, candidate.toLowerCase(), limit)
    if (edits <= limit && (best === undefined || edits < best.edits)) best = { word: candidate, edits }
  }
  return best?.word
}

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; Infinity where they are more than `limit`. */
function distance(a: string, b: string, limit: number): number {
  let above: readonly number[] = []
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let place = 1; place <= a.length; place++) {
    const next: number[] = place <= limit ? [place] : []
    let fewest = next[0] ?? Infinity
    // What lies further from the diagonal than the limit has more edits than that.
    for (let column = Math.max(1, place - limit); column <= Math.min(b.length, place + limit); column++) {
      const same = a[place - 1] === b[column - 1]
      const swapped = a[place - 1] === b[column - 2] && a[place - 2] === b[column - 1]
      const edits = Math.min(
        (row[column] ?? Infinity) + 1,
        (next[column - 1] ?? Infinity) + 1,
        (row[column - 1] ?? Infinity) + (same ? 0 : 1),
        swapped ? (above[column - 2] ?? Infinity) + 1 : Infinity,
      )
      next[column] = edits
      fewest = Math.min(fewest, edits)
    }
    // One row further is only reached from the last two.
    if (fewest > limit + 1) return Infinity
    above = row
    row = next
  }
  return row[b.length] ?? Infinity
}
