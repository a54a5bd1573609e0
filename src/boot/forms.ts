// Which form of a configuration a loader reads: that of its own folder, else one for every loader of its language.

import type { Form, Language } from '../model.ts'

/** For loaders of `language` so called: one, or all that a client may be. A form of another's folder is not theirs. */
export function formFor(
  forms: readonly Form[],
  language: Language,
  names: readonly string[],
): Form | undefined {
  return (
    forms.find((form) => form.language === language && isOwn(form, names)) ??
    forms.find((form) => form.language === language && isForAll(form))
  )
}

/** Whether it lies in the folder of one of these. */
export function isOwn({ folder }: Form, names: readonly string[]): boolean {
  return folder !== undefined && names.includes(folder)
}

/** A flat file, or one in the folder of a language. */
function isForAll({ folder, language }: Form): boolean {
  return folder === undefined || folder === language
}
