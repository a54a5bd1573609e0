// Which settings hold secrets, and what is shown in their place.

/** Names of variables whose value no answer and no log may show. */
export const secretName = /pass|pwd|pw$|pin$|secret|token|key|cred|community/i

/** Whether what stands at `path` may be shown to nobody: `wol.password`. */
export function isSecret(path: readonly PropertyKey[]): boolean {
  return path.some((step) => typeof step === 'string' && secretName.test(step))
}

/** `text` with `***` for each of `secrets`: before anything is cut or escaped, which would leave a part of one. */
export function hide(text: string, secrets: Iterable<string>): string {
  return [...secrets]
    .filter((secret) => secret !== '')
    .toSorted((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

/** Whether the setting `store` names a database elsewhere, and no file; also one that is misspelt. */
export function isDatabase(store: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|postgres[a-z+]*:)/i.test(store)
}

/** What is shown of such a database: neither its password nor its parameters, which may hold one. */
export function shownDatabase(store: string): string {
  const { protocol, username, host, pathname } = new URL(store)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}

type Vars = Readonly<Record<string, string | undefined>>

/** Of `vars`, for hide(). */
export function secretsIn(vars: Vars): readonly string[] {
  return Object.entries(vars).flatMap(([name, value = '']) => (secretName.test(name) ? value : []))
}

/** `vars` with `***` for each secret. */
export function masked<T extends Vars>(vars: T): T {
  return Object.fromEntries(
    Object.entries(vars).map(([name, value]) => [name, secretName.test(name) && value ? '***' : value]),
  ) as T
}
