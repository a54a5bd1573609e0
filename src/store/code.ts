// The code of what a database or the disk throws: `SQLITE_FULL`, `53100`, `ENOSPC`.

/** Empty: it has none. libsql's SqliteError is no instance of Error. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
