// Why a file that is not there is worth a warning: loaders probe for many names that need not be there.

import type { Form } from '../model.ts'
import type { Site } from './decision.ts'
import { builtInLocal, type Table } from './table.ts'

/** A loader without its package, or a file that the configuration of `host` names; undefined for a mere probe. */
export function lackOf(file: string, host: string | undefined, table: Table, site: Site): string | undefined {
  const path = file.replaceAll('\\', '/').replace(/^[/.]+/, '')
  const loader = table.loaders.get(path)
  if (loader?.from === 'nowhere') return `there is no such file; ${loader.remedy}`
  const name = (host === undefined ? undefined : table.assignments.get(host)) ?? site.default ?? builtInLocal
  const isNamed =
    table.configurations.get(name)?.forms.some((form) => mayName(form, path) && names(form.text, path)) ===
    true
  return isNamed ? `there is no such file, and the configuration ${name} names it` : undefined
}

const separators = /[\s/=,:;'"]+/
const words = new WeakMap<Form, ReadonlySet<string>>()

/** Looks a name's last word up, so that not every name that anybody makes up has a long text searched for it. */
function mayName(form: Form, path: string): boolean {
  const known = words.get(form) ?? new Set(form.text.split(separators))
  words.set(form, known)
  const last = path.split(separators).at(-1) ?? ''
  return last !== '' && known.has(last)
}

/** Whether `path` stands in `text` as a whole: a probe for `0` is not named by `timeout 30`. */
function names(text: string, path: string): boolean {
  if (path === '') return false
  for (let at = text.indexOf(path); at >= 0; at = text.indexOf(path, at + 1)) {
    const before = text[at - 1] ?? ' '
    const after = text[at + path.length] ?? ' '
    if (/[\s/=,:'"]/.test(before) && /[\s,;'"]/.test(after)) return true
  }
  return false
}
