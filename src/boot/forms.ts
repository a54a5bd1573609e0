// Which form of a configuration a loader reads, its own folder's before one for all of its language, and what that says.

import type { Form, Language, Processor } from '../model.ts'
import { hasKernel, oneText, type Reader } from './one-text.ts'
import { render, type Rendered } from './render.ts'

/**
 * For loaders of `language` so called: one, or all that a client may be. A form of another's folder is not theirs, and
 * one text without a kernel for any of `processors` is none; undefined: nobody knows what kernels the machine can start.
 */
export function formFor(
  forms: readonly Form[],
  language: Language,
  names: readonly string[],
  processors: readonly Processor[] | undefined,
): Form | undefined {
  const fits = (form: Form) =>
    form.language === language &&
    (form.oneText === undefined || processors === undefined || hasKernel(form.oneText, processors))
  return (
    forms.find((form) => isOwn(form, names) && fits(form)) ??
    forms.find((form) => isForAll(form) && fits(form))
  )
}

/** What `form` says to one machine. */
export function renderForm(form: Form, reader: Reader): Rendered {
  if (form.oneText !== undefined) return oneText(form.oneText, form.language, reader)
  return form.template ? render(form.text, reader.variables, reader.host) : { text: form.text }
}

/** Whether it lies in the folder of one of these. */
export function isOwn({ folder }: Form, names: readonly string[]): boolean {
  return folder !== undefined && names.includes(folder)
}

/** A flat file, or one in the folder of a language. */
function isForAll({ folder, language }: Form): boolean {
  return folder === undefined || folder === language
}
