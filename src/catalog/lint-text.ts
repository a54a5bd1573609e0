// What reading one configuration's text finds: the files and URLs it names, and where it is not its loader's language.

import { nearest } from '../settings/nearest.ts'

export type Level = 'fault' | 'warning'

export type Remark = { readonly line: number; readonly level: Level; readonly text: string }

/** Something the text names. `what` calls it in a sentence: `the kernel`. */
export type Reference = {
  readonly line: number
  readonly what: string
  /** As the text has it. */
  readonly written: string
  /** A path of ours and how it is asked for, or a URL. */
  readonly at: { readonly via: 'tftp' | 'http'; readonly path: string } | { readonly url: string }
  /** Names that would do as well: PXELINUX adds endings. */
  readonly endings?: readonly string[] | undefined
  /** The file may as well be below a folder of tftproot that is so called. */
  readonly folders?: RegExp | undefined
  /** Who alone adds them, in a sentence; undefined: every loader of the language. */
  readonly endingsOf?: string | undefined
}

export type Reading = { readonly references: readonly Reference[]; readonly remarks: readonly Remark[] }

/** What stands for a value that cannot be known here: whatever holds it is not looked for. */
export const unknown = '\uE000'

/** The address that stands for ours, which the machine sees: a configuration may name it by a variable. */
export type Ours = { readonly server: string }

/** `word` among `known`, or a sentence that says it is not there. */
export function unknownWord(word: string, what: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return `${word} is ${what}${near === undefined ? '' : `; did you mean ${near}?`}`
}

const url = /\b(?:https?|tftp):\/\/[^\s'"<>,;\\|)]+/g

/** The URLs among a kernel's arguments: preseeds, images, mirrors. */
export function urlsIn(text: string, line: number): readonly Reference[] {
  return [...text.matchAll(url)].map(([written]) => ({
    line,
    what: 'the URL',
    written,
    at: { url: written },
  }))
}

/** NAME.yml, the `source`, may have a path without the slash in front of it that its forms have. */
export function asWritten(reference: Reference, source: string | undefined): Reference {
  const { at } = reference
  if (source === undefined || 'url' in at || source.split(/[\s'",[\]]+/).includes(at.path)) return reference
  return { ...reference, at: { ...at, path: at.path.replace(/^\//, '') } }
}

/** In NAME.yml, the `source`, the line that has the words. */
export function lineOf({ line, written }: Reference, source: string | undefined): number {
  if (source === undefined) return line
  const words = written.replace(/^\((?:http|tftp),[^)]*\)|^[a-z]+:\/\/[^/]*/, '').replace(/^\//, '')
  const named = source.split('\n').findIndex((text) => {
    const at = text.indexOf(words)
    return at >= 0 && !/[\w./-]/.test(text[at + words.length] ?? ' ')
  })
  return named + 1 || 1
}
