// Where commands print, and JSON that a terminal can show.

export type Terminal = {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
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
