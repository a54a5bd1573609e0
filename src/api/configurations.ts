// Configurations and bootloaders as the API shows them.

import type { Site } from '../boot/decide.ts'
import { localBoot } from '../boot/render.ts'
import { builtInLocal, type Table } from '../boot/table.ts'
import { faults, type Fault } from '../faults.ts'
import type { Bootloader, Form } from '../model.ts'

export type ShownBootloader = { readonly name: string; readonly file: string; readonly config_path: string }

export type ShownConfiguration = { readonly name: string; readonly bootloader: ShownBootloader }

/** The built-in `local` belongs to no bootloader, and so does what lost its file. */
export const noBootloader: ShownBootloader = { name: '', file: '', config_path: '' }

export function showBootloader({ name, file, configPath }: Bootloader): ShownBootloader {
  return { name, file, config_path: configPath }
}

/** One entry per file, as in the original: by bootloader in the order of the settings, then by the bytes of the name. */
export function listConfigurations(table: Table, site: Site): readonly ShownConfiguration[] {
  const entries = [...table.configurations.values()].flatMap(({ name, forms }) =>
    [...new Set(ownFiles(forms).map((form) => bootloaderOf(form, site)))].map((loader) => ({ name, loader })),
  )
  const rank = (loader: Bootloader | undefined) =>
    loader === undefined ? site.bootloaders.length : site.bootloaders.indexOf(loader)
  return entries
    .toSorted((a, b) => rank(a.loader) - rank(b.loader) || compareBytes(a.name, b.name))
    .map(({ name, loader }) => ({ name, bootloader: loader ? showBootloader(loader) : noBootloader }))
}

/** A configuration a host is assigned, with the bootloader it was written for first. */
export function showConfiguration(name: string, table: Table, site: Site): ShownConfiguration {
  const form = table.configurations.get(name)?.forms[0]
  const loader = form === undefined ? undefined : bootloaderOf(form, site)
  return { name, bootloader: loader ? showBootloader(loader) : noBootloader }
}

/** The text an admin wrote (a template as it stands), or the fault. */
export function readConfiguration(
  name: string,
  table: Table,
): { readonly name: string; readonly content: string } | Fault {
  const form = table.configurations.get(name)?.forms[0]
  if (form !== undefined) return { name, content: form.written ?? form.text }
  return name === builtInLocal
    ? { name, content: localBoot('pxelinux') }
    : faults.configurationNotFound(name, [...table.configurations.keys(), builtInLocal])
}

/** The forms we made of one NAME.yml are one file. */
function ownFiles(forms: readonly Form[]): readonly Form[] {
  return forms.filter(({ file }, index) => forms.findIndex((form) => form.file === file) === index)
}

function bootloaderOf(form: Form, site: Site): Bootloader | undefined {
  const own = site.bootloaders.find((loader) => loader.name === form.folder)
  return own ?? site.bootloaders.find((loader) => loader.language === form.language)
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
