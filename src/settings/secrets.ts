// Which settings hold secrets, and how one that stands in a file of its own is read.

import { readFileSync } from 'node:fs'

/** Names of variables whose value no answer and no log may show. */
export const secretName = /pass|pwd|pw$|pin$|secret|token|key|cred|community/i

/** `text` with `***` for each of `secrets`: before anything is cut or escaped, which would leave a part of one. */
export function hide(text: string, secrets: Iterable<string>): string {
  return [...secrets]
    .filter((secret) => secret !== '')
    .toSorted((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

export type Secret = { readonly password?: string | undefined; readonly password_file?: string | undefined }

/**
 * Read anew each time, so that a password may be changed under a running appliance; without the line's end.
 * @throws Error of the file system
 */
export function passwordOf({ password, password_file }: Secret): string {
  if (password !== undefined) return password
  return password_file === undefined ? '' : readFileSync(password_file, 'utf8').replace(/\r?\n$/, '')
}
