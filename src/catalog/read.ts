// One configuration file -> a form, or why it is none: its size, its bytes, its language, its variables.

import { isUtf8 } from 'node:buffer'
import { openVariable, render, templateVariables } from '../boot/render.ts'
import type { Form, Language } from '../model.ts'

/** A menu of PXELINUX has some kilobytes; what is bigger is an image in the wrong folder. */
export const biggestConfiguration = 1024 * 1024

export type FormFile = {
  /** Relative to the configuration directory. */
  readonly file: string
  readonly folder: string | undefined
  /** The folder's, where it says. */
  readonly language: Language | undefined
  readonly template: boolean
}

/** `fault` is what a person reads behind the file's name. `variables`: what hosts declare beside our own. */
export function readForm(
  bytes: Buffer,
  about: FormFile,
  variables: readonly string[],
): Form | { readonly fault: string } {
  if (bytes.includes(0)) return { fault: 'holds NUL bytes, so it is no text' }
  const utf8 = isUtf8(bytes)
  if (about.template && !utf8) return { fault: 'is not UTF-8, so its variables cannot be filled in' }
  // Menus drawn with code page 437 are not UTF-8, and are served byte for byte all the same.
  const text = bytes.toString(utf8 ? 'utf8' : 'latin1')
  const fault = about.template ? variableFault(text, variables) : undefined
  if (fault !== undefined) return { fault }
  const { file, folder, template } = about
  const language = about.language ?? languageOf(text)
  const byUrl = language === 'pxelinux' && bootsByUrl.test(text)
  return {
    file,
    folder,
    language,
    text,
    template,
    ...(!utf8 && { encoding: 'latin1' as const }),
    ...(byUrl && { byUrl }),
  }
}

/** What PXELINUX fetches before it starts the kernel. */
const bootsByUrl =
  /^[ \t]*(?:(?:kernel|linux|initrd)[ \t]+|append[ \t](?:.*[ \t])?initrd=)(?:\S*,)?(?:https?:\/\/|\$\{http\})/im

/** What is wrong with the variables of `text`: one that is not closed, or that nobody knows and that has no default. */
export function variableFault(text: string, variables: readonly string[]): string | undefined {
  const names = [...templateVariables, ...variables]
  const rendered = render(text, Object.fromEntries(names.map((name): [string, string] => [name, ''])))
  return 'fault' in rendered ? rendered.fault : openVariable(text, names)
}

// GRUB's own commands; `linux` and `initrd` are keywords of PXELINUX as well.
const grubOnly =
  /^[ \t]*(?:(?:menuentry|submenu)\b.*|set[ \t]+\w+=|insmod[ \t]|chainloader[ \t]|configfile[ \t])/m
const pxelinuxOnly =
  /^[ \t]*(?:default|label|kernel|append|localboot|ui|prompt|timeout|include|menu)[ \t]+\S/im
const grubKernel = /^[ \t]*linux(?:16|efi)?[ \t]+\S/m

/** The language of a file whose folder does not say. PXELINUX's where nothing tells. */
export function languageOf(text: string): Language {
  return languageSaid(text) ?? 'pxelinux'
}

/** The language that a text shows to be in; undefined where nothing tells. */
export function languageSaid(text: string): Language | undefined {
  if (/^\s*#!(?:ipxe|gpxe)\b/.test(text)) return 'ipxe'
  if (grubOnly.test(text)) return 'grub'
  if (pxelinuxOnly.test(text)) return 'pxelinux'
  return grubKernel.test(text) ? 'grub' : undefined
}
