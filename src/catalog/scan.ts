// One look at everything on disk that a decision needs: configurations, per-host files and loaders.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dirent } from 'node:fs'
import { printable } from '../events.ts'
import type { Links } from '../files.ts'
import type { Bootloader, Language } from '../model.ts'
import { configurationsOf, foldersOf, type Scan } from './configurations.ts'
import { Folder } from './folder.ts'
import { findLoaders } from './loaders.ts'
import { codeOf } from './locate.ts'
import { findMenus, menuFolders, type MenusFound } from './menus.ts'

export type ScannerParts = {
  /** configuration.directory. */
  readonly directory: string
  /** tftp.root; undefined where the settings have no tftp section. */
  readonly tftproot: string | undefined
  readonly bootloaders: readonly Bootloader[]
  readonly links: Links
  /** The variables that hosts declare: templates may name them, too. */
  readonly variables: () => readonly string[]
  /** The root of the system whose packages bring loaders. */
  readonly system: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type ScanResult = {
  readonly scan: Scan
  /** What a person should mend, by the path it is wrong with. */
  readonly faults: ReadonlyMap<string, string>
  /** Milliseconds until a file that is being written may be still; undefined where none is. */
  readonly unsettledMs: number | undefined
}

/** What changes seldom, and takes long to look for. */
type Rest = Omit<Scan, 'configurations' | 'broken'> & { readonly faults: ReadonlyMap<string, string> }

/** Remembers what it read, so that only changes are read again and a failing disk takes nothing away. */
export class Scanner {
  private readonly parts: ScannerParts
  private readonly languages: ReadonlyMap<string, Language>
  private readonly top: Folder
  private readonly folders = new Map<string, Folder>()
  private readonly menus = new Map<string, MenusFound>()
  private readonly strangers = new Set<string>()
  private rest: Rest | undefined

  constructor(parts: ScannerParts) {
    this.parts = parts
    this.languages = foldersOf(parts.bootloaders)
    this.top = this.folder(undefined, false)
  }

  /**
   * Looks at configurations, and at per-host files and loaders too where they are `due`. One file system call at a
   * time: a hung file server holds one thread of Node's pool. Never rejects.
   */
  async scan(due: boolean): Promise<ScanResult> {
    const faults = new Map<string, string>()
    const listed = await this.top.look()
    if (listed !== undefined) await this.listFolders(listed)
    const folders = [this.top, ...this.folders.values()]
    for (const folder of this.folders.values()) await folder.look()
    for (const [path, fault] of folders.flatMap((folder) => [...folder.faults()])) faults.set(path, fault)
    for (const name of this.strangers) {
      const path = join(this.parts.directory, name)
      const known = [...this.languages.keys()].join(', ')
      faults.set(
        path,
        `${printable(path)} is the folder of no bootloader (${known}); nothing in it can be deployed`,
      )
    }
    if (due || this.rest === undefined) this.rest = await this.lookForRest()
    const { faults: others, ...rest } = this.rest
    for (const [path, fault] of others) faults.set(path, fault)
    const entries = folders.flatMap((folder) => folder.entries())
    const configurations = configurationsOf(entries, this.parts.bootloaders)
    const broken = folders.flatMap((folder) => folder.broken())
    const waits = folders.flatMap((folder) => folder.unsettledMs ?? [])
    return {
      scan: { configurations, broken, ...rest },
      faults,
      unsettledMs: waits.length === 0 ? undefined : Math.max(...waits),
    }
  }

  /** All that the last scan saw of configurations, but for the hosts' variables. Undefined: it may change without a trace. */
  paths(): readonly string[] | undefined {
    const all: string[] = []
    for (const folder of [this.top, ...this.folders.values()]) {
      const paths = folder.paths()
      if (paths === undefined) return undefined
      all.push(...paths)
    }
    return all
  }

  private async listFolders(listed: readonly Dirent[]): Promise<void> {
    const present = new Set<string>()
    this.strangers.clear()
    for (const entry of listed) {
      if (entry.name.startsWith('.') || !(await this.isFolder(entry))) continue
      if (!this.languages.has(entry.name)) {
        this.strangers.add(entry.name)
        continue
      }
      present.add(entry.name)
      const folder = this.folders.get(entry.name) ?? this.folder(entry.name, entry.isSymbolicLink())
      this.folders.set(entry.name, folder)
    }
    for (const name of this.folders.keys()) if (!present.has(name)) this.folders.delete(name)
  }

  private async isFolder(entry: Dirent): Promise<boolean> {
    if (!entry.isSymbolicLink()) return entry.isDirectory()
    const target = await stat(join(this.parts.directory, entry.name)).catch(() => undefined)
    return target?.isDirectory() ?? false
  }

  private folder(name: string | undefined, linked: boolean): Folder {
    const { variables, now } = this.parts
    const language = name === undefined ? undefined : this.languages.get(name)
    return new Folder({ roots: this.parts, name, linked, language, variables, now })
  }

  private async lookForRest(): Promise<Rest> {
    const faults = new Map<string, string>()
    const found = await this.lookForMenus(faults)
    const { loaders, modules, warnings } = await findLoaders(this.parts)
    for (const warning of warnings) faults.set(warning, warning)
    return { ...found, loaders, modules, faults }
  }

  private async lookForMenus(faults: Map<string, string>): Promise<MenusFound> {
    const { tftproot, bootloaders } = this.parts
    if (tftproot === undefined) return { menus: [], imported: [] }
    for (const folder of menuFolders(bootloaders)) {
      try {
        this.menus.set(folder, await findMenus(folder, { ...this.parts, tftproot }))
      } catch (error) {
        const path = join(tftproot, folder)
        faults.set(path, `${path} cannot be read (${codeOf(error)}); what was last read there stays in force`)
      }
    }
    const found = [...this.menus.values()]
    return {
      menus: found.flatMap(({ menus }) => menus),
      imported: found.flatMap(({ imported }) => imported),
    }
  }
}
