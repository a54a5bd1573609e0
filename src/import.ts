// The links that the original PXE Pilot left: taken over once and put aside, and named in the log ever after.

import { constants } from 'node:fs'
import { access, lstat, mkdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { configurationExists, hostOfMac, type Table } from './boot/table.ts'
import type { Imported } from './catalog/menus.ts'
import { printable, type Tell } from './events.ts'
import type { Fault } from './faults.ts'
import { ourselves, type Caller } from './registry/caller.ts'
import type { ImportedLinks } from './registry/import.ts'
import type { Registry } from './registry.ts'

export type LinksParts = {
  readonly registry: Registry
  readonly table: Table
  /** Undefined where the settings have no tftp section: then there are none. */
  readonly tftproot: string | undefined
  /** The links there are now. */
  readonly look: () => Promise<readonly Imported[]>
  readonly tell: Tell
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type TakenOver = ImportedLinks & {
  /** The folder, relative to tftproot, the links were moved to; undefined where they could not be, or there were none. */
  readonly movedTo: string | undefined
}

export class Links {
  private readonly parts: LinksParts
  private readonly told = new Set<string>()

  constructor(parts: LinksParts) {
    this.parts = parts
  }

  /** At the start of a store: on a tree that we may not write to, a person has to say so. */
  async begin(): Promise<void> {
    const { registry, tftproot, tell } = this.parts
    if (registry.imported || tftproot === undefined) return
    const links = await this.parts.look()
    if (!(await isWritable(tftproot, links))) {
      const text = `${tftproot} holds ${links.length} links of the original PXE Pilot and cannot be written to: pxe-pilot import takes them over`
      return tell({ level: 'warn', step: 'import', text })
    }
    const done = await this.takeOver(ourselves)
    if ('fault' in done) tell({ level: 'error', step: 'import', text: done.fault.message })
  }

  /** Each link becomes an assignment, on disk before the links are moved, so that none is lost and none comes back. */
  async takeOver(caller: Caller): Promise<TakenOver | { readonly fault: Fault }> {
    const { registry, tftproot } = this.parts
    const links = tftproot === undefined ? [] : await this.parts.look()
    const done = await registry.importLinks(links, caller)
    if ('fault' in done) return done
    // What they lead to may come yet; that they stay was told.
    for (const { path } of links) this.told.add(path)
    const staying = new Set(done.left.map(({ link }) => link))
    const movedTo = await this.putAside(
      links.filter((link) => !staying.has(link)),
      done,
    )
    return { ...done, movedTo }
  }

  /** Of links that somebody made after that: what they did once is done by a deploy. */
  tellLate(links: readonly Imported[]): void {
    const { registry, table } = this.parts
    if (!registry.imported) return
    for (const { path, mac, configuration } of links) {
      if (this.told.has(path)) continue
      this.told.add(path)
      // As after our own export.
      if (table.assignments.get(hostOfMac(table, mac)?.name ?? '') === configuration) continue
      const name = printable(configuration)
      const does = configurationExists(table, configuration)
        ? `links are taken over once; pxe-pilot import does it again, and PUT /v1/configurations/${name}/deploy with {"hosts":[{"macAddress":"${mac}"}]} does what it says`
        : `${name}, which it leads to, is no configuration`
      const text = `the link ${printable(path)} deploys nothing: ${does}`
      this.parts.tell({ level: 'warn', step: 'import', text, client: { mac } })
    }
    const present = new Set(links.map(({ path }) => path))
    for (const path of this.told) if (!present.has(path)) this.told.delete(path)
  }

  private async putAside(
    links: readonly Imported[],
    { hosts, left }: ImportedLinks,
  ): Promise<string | undefined> {
    const { tftproot = '', tell, now } = this.parts
    let folder: string | undefined
    let moved = 0
    for (const { path } of links) {
      const aside = `${dirname(path)}/.imported-${new Date(now()).toISOString().slice(0, 10)}`
      try {
        await mkdir(join(tftproot, aside), { recursive: true })
        await rename(join(tftproot, path), await freeName(join(tftproot, aside, basename(path))))
        folder ??= aside
        moved++
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        const text = `the link ${printable(path)} was taken over, and stays where it is: ${why}`
        tell({ level: 'warn', step: 'import', text })
      }
    }
    if (folder === undefined) return undefined
    const staying = left.length === 0 ? '' : `; not taken over, and left where they are: ${left.length}`
    const text = `${moved} links of the original PXE Pilot lie in ${folder} now (new assignments: ${hosts.length}${staying})`
    tell({ level: 'info', step: 'import', text })
    return folder
  }
}

/** What lies there was taken over before, and is kept. */
async function freeName(path: string): Promise<string> {
  for (let number = 0; ; number++) {
    const free = number === 0 ? path : `${path}.${number}`
    const there = await lstat(free).catch(() => undefined)
    if (there === undefined) return free
  }
}

async function isWritable(tftproot: string, links: readonly Imported[]): Promise<boolean> {
  try {
    for (const folder of new Set(links.map(({ path }) => dirname(path)))) {
      await access(join(tftproot, folder), constants.W_OK)
    }
    return true
  } catch {
    return false
  }
}
