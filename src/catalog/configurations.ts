// What the directories hold as one value: forms grouped into configurations, in the order people see them.

import type { Catalog } from '../boot/table.ts'
import { languages, type Bootloader, type Configuration, type Form, type Language } from '../model.ts'
import type { Entry } from './folder.ts'
import type { Imported } from './menus.ts'

/** One look at the directories. */
export type Scan = Catalog & {
  /** What links of the original PXE Pilot assigned, for the import. */
  readonly imported: readonly Imported[]
}

/**
 * The folders of configurations: one per bootloader, and one per language for what serves several loaders, where there is
 * one that speaks it. iPXE may come with the machine.
 */
export function foldersOf(bootloaders: readonly Bootloader[]): ReadonlyMap<string, Language> {
  return new Map([
    ...languages
      .filter((language) => language === 'ipxe' || bootloaders.some((loader) => loader.language === language))
      .map((language) => [language, language] as const),
    ...bootloaders.map((loader) => [loader.name, loader.language] as const),
  ])
}

/**
 * Configurations ordered by the bootloader of their first form as the settings list them, then by the bytes of
 * their name; the same order inside each one, a bootloader's own folder before the flat file.
 */
export function configurationsOf(
  entries: readonly Entry[],
  bootloaders: readonly Bootloader[],
): readonly Configuration[] {
  const ranked = entries.map(({ name, form }) => ({ name, form, rank: rankOf(form, bootloaders) }))
  ranked.sort((a, b) => a.rank - b.rank)
  const groups = new Map<string, { name: string; rank: number; forms: Form[] }>()
  for (const { name, form, rank } of ranked) {
    const group = groups.get(name) ?? { name, rank: Math.floor(rank), forms: [] }
    group.forms.push(form)
    groups.set(name, group)
  }
  return [...groups.values()]
    .toSorted((a, b) => a.rank - b.rank || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    .map(({ name, forms }) => ({ name, forms }))
}

/** Whole numbers order bootloaders; within one, its own folder goes before a flat file it can run. */
function rankOf(form: Form, bootloaders: readonly Bootloader[]): number {
  const own = bootloaders.findIndex((loader) => loader.name === form.folder)
  if (own >= 0) return own
  const speaks = bootloaders.findIndex((loader) => loader.language === form.language)
  // What we write out of NAME.yml comes last: the loader's own text wins.
  const within = form.written !== undefined ? 0.75 : form.folder === undefined ? 0.5 : 0.25
  return (speaks >= 0 ? speaks : bootloaders.length) + within
}
