// The configuration files of one folder: taken once they are still, read again only when they changed.

import type { Dirent, Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { printable } from '../events.ts'
import { openFound } from '../files.ts'
import type { Form, Language } from '../model.ts'
import { codeOf, locate, type Roots } from './locate.ts'
import { readOneText } from './one-text.ts'
import { biggestConfiguration, readForm } from './read.ts'

/** How long a file's size and time must not have changed before it is taken, so that none is served half. */
export const stillMs = 200

/** Untouched for so long, a file is still at first sight; ten seconds forgive a file server's clock. */
const longStillMs = 10_000

export type FolderParts = {
  readonly roots: Roots
  /** The folder below the configuration directory; undefined for the directory itself. */
  readonly name: string | undefined
  /** The folder is a link, so that its files may lie anywhere. */
  readonly linked: boolean
  readonly language: Language | undefined
  /** The variables that hosts declare. */
  readonly variables: () => readonly string[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** One file as it was last seen. `forms` are the last good version, and go on being served. */
type Seen = {
  signature: string
  /** When this signature was first seen. */
  since: number
  /** What `forms` and `fault` were made of, and nothing else: its signature, and the variables there were. */
  taken?: string | undefined
  forms?: readonly Form[] | undefined
  fault?: string | undefined
}

/** A form by the name it is deployed under: NAME.tmpl and NAME.yml are NAME. */
export type Entry = { readonly name: string; readonly form: Form }

export class Folder {
  private readonly parts: FolderParts
  private readonly path: string
  private readonly files = new Map<string, Seen>()
  private failure: string | undefined
  private device: number | undefined
  private waitMs: number | undefined
  /** Something here is neither a folder nor a file that was taken, as a link that leads nowhere. */
  private hasLoose = false

  constructor(parts: FolderParts) {
    this.parts = parts
    this.path = join(parts.roots.directory, parts.name ?? '')
  }

  /** Milliseconds until a file that is being written may be still; undefined where none is. */
  get unsettledMs(): number | undefined {
    return this.waitMs
  }

  /** Looks at every file; yields what else is here, or undefined: a folder that fails keeps its last files. */
  async look(): Promise<readonly Dirent[] | undefined> {
    this.waitMs = undefined
    const listed = await this.list()
    if (listed === undefined) return undefined
    const names = new Set(listed.map((entry) => entry.name).filter((name) => !isBackup(name)))
    for (const name of this.files.keys()) if (!names.has(name)) this.files.delete(name)
    for (const name of names) await this.lookAt(name)
    this.hasLoose = listed.some(
      (entry) => names.has(entry.name) && !entry.isDirectory() && !this.files.has(entry.name),
    )
    return listed
  }

  /** Itself and its files. Undefined: what it holds may change without a trace in any of them, and in the hosts' variables. */
  paths(): readonly string[] | undefined {
    const isWhole = this.failure === undefined && this.waitMs === undefined && !this.hasLoose
    if (!isWhole || ![...this.files.values()].every(({ taken }) => taken !== undefined)) return undefined
    return [this.path, ...[...this.files.keys()].map((file) => join(this.path, file))]
  }

  /** The configurations here. Where NAME and NAME.tmpl are both there, NAME is the one. */
  entries(): readonly Entry[] {
    return [...this.files].flatMap(([file, { forms = [] }]) =>
      this.isHidden(file) ? [] : forms.map((form) => ({ name: this.nameOf(file), form })),
    )
  }

  /** The files that have no version to serve, by the name they would be deployed under: what is wrong with each. */
  broken(): readonly (readonly [name: string, fault: string])[] {
    return [...this.files].flatMap(([file, { fault, forms }]) =>
      fault === undefined || forms !== undefined || this.isHidden(file)
        ? []
        : [[this.nameOf(file), `${printable(join(this.parts.name ?? '', file))} ${fault}`] as const],
    )
  }

  /** What is wrong here, by the path it is wrong with. */
  faults(): ReadonlyMap<string, string> {
    const faults = new Map<string, string>()
    if (this.failure !== undefined) faults.set(this.path, this.failure)
    for (const [file, { fault, forms }] of this.files) {
      const path = join(this.path, file)
      const shown = printable(path)
      const effect = forms === undefined ? 'it is no configuration' : 'its last good version stays in force'
      if (fault !== undefined) faults.set(path, `${shown} ${fault}; ${effect}`)
      else if (this.isHidden(file))
        faults.set(path, `${shown} is not served: the file without ${suffix} beside it is`)
    }
    return faults
  }

  private async list(): Promise<readonly Dirent[] | undefined> {
    try {
      const entries = await readdir(this.path, { withFileTypes: true })
      const { dev } = await stat(this.path)
      // Below a mount point that lost its file system lies an empty folder of another one.
      const unmounted = entries.length === 0 && this.files.size > 0 && dev !== this.device
      this.failure = unmounted ? this.tellFailure('its file system was unmounted') : undefined
      if (unmounted) return undefined
      this.device = dev
      return entries
    } catch (error) {
      const code = codeOf(error)
      this.failure = this.tellFailure(code === 'ENOENT' ? 'it is not there' : code)
      return undefined
    }
  }

  private tellFailure(why: string): string {
    const effect =
      this.files.size === 0
        ? 'no configuration of it can be deployed'
        : 'what was last read there stays in force'
    return `the folder ${this.path} cannot be read (${why}); ${effect}`
  }

  private isHidden(file: string): boolean {
    return file.endsWith(suffix) && this.files.has(file.slice(0, -suffix.length))
  }

  private nameOf(file: string): string {
    return configurationName(file, this.parts.name === undefined)
  }

  private isOneText(file: string): boolean {
    return isOneText(file, this.parts.name === undefined)
  }

  private async lookAt(file: string): Promise<void> {
    const { roots, name, linked, now } = this.parts
    const located = await locate(join(name ?? '', file), linked, roots)
    if (located.kind === 'none') {
      this.files.delete(file)
      return
    }
    const seen: Seen = this.files.get(file) ?? { signature: '', since: 0 }
    this.files.set(file, seen)
    if (located.kind === 'fault') {
      seen.fault = located.fault
      seen.taken = undefined
      if (!located.passing) seen.forms = undefined
      return
    }
    const { path, status } = located
    const signature = signatureOf(status)
    const time = now()
    // A clock that was set back starts the wait anew.
    if (seen.signature !== signature || time < seen.since) {
      seen.signature = signature
      seen.since = time
    }
    if (seen.taken === this.madeOf(file, signature)) return
    const untouched = time - Math.max(status.mtimeMs, status.ctimeMs)
    const wait = untouched >= longStillMs ? 0 : stillMs - (time - seen.since)
    if (wait > 0) this.waitAtLeast(wait)
    else await this.take(file, path, seen)
  }

  private async take(file: string, path: string, seen: Seen): Promise<void> {
    const content = await readStill(path, seen.signature)
    if (content === 'changed') {
      seen.signature = ''
      this.waitAtLeast(stillMs)
      return
    }
    if ('fault' in content) {
      seen.fault = content.fault
      seen.taken = undefined
      if (!content.passing) seen.forms = undefined
      return
    }
    const { name, language } = this.parts
    const variables = this.parts.variables()
    const template = file.endsWith(suffix)
    const about = { file: join(name ?? '', file), folder: name, language, template }
    const read = this.isOneText(file)
      ? readOneText(content.bytes, file, variables)
      : readForm(content.bytes, about, variables)
    seen.taken = this.madeOf(file, seen.signature)
    seen.fault = 'fault' in read ? read.fault : undefined
    if (!('fault' in read)) seen.forms = [read].flat()
    // A slip in a template is its author's to mend; what is no text was never meant to be served.
    else if (!template && !this.isOneText(file)) seen.forms = undefined
  }

  /** A host may declare a variable, or lose one, that a template names. */
  private madeOf(file: string, signature: string): string {
    return this.isTemplate(file) ? [signature, ...this.parts.variables().toSorted()].join(' ') : signature
  }

  /** What comes of it depends on hosts, too. */
  private isTemplate(file: string): boolean {
    return file.endsWith(suffix) || this.isOneText(file)
  }

  private waitAtLeast(ms: number): void {
    this.waitMs = Math.max(this.waitMs ?? 0, ms)
  }
}

type Content = 'changed' | { readonly bytes: Buffer } | { readonly fault: string; readonly passing: boolean }

/** The whole file, if it is still the one that was seen when the last byte is read. */
async function readStill(path: string, signature: string): Promise<Content> {
  try {
    const handle = await openFound(path)
    try {
      const { size } = await handle.stat()
      if (size > biggestConfiguration) return { fault: 'is bigger than 1 MiB', passing: false }
      const bytes = Buffer.alloc(size)
      for (let at = 0; at < size;) {
        const { bytesRead } = await handle.read(bytes, at, size - at, at)
        if (bytesRead === 0) return 'changed'
        at += bytesRead
      }
      return signatureOf(await handle.stat()) === signature ? { bytes } : 'changed'
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return 'changed'
    return code === 'EACCES' || code === 'EPERM'
      ? { fault: 'may not be read by this user', passing: false }
      : { fault: `cannot be read (${code})`, passing: true }
  }
}

function signatureOf({ size, mtimeMs, ctimeMs, ino }: Stats): string {
  return `${size} ${mtimeMs} ${ctimeMs} ${ino}`
}

const suffix = '.tmpl'
const oneTextSuffix = '.yml'

/** In a bootloader's folder, whose language it has, a file of any name is that language's. `isFlat`: in none. */
function isOneText(file: string, isFlat: boolean): boolean {
  return isFlat && file.endsWith(oneTextSuffix)
}

/** What a file is deployed as; `isFlat`: it lies in the configuration directory itself, not in a bootloader's folder. */
export function configurationName(file: string, isFlat: boolean): string {
  const ending = file.endsWith(suffix) ? suffix : isOneText(file, isFlat) ? oneTextSuffix : ''
  return file.slice(0, file.length - ending.length)
}

/** Dot-files, and what vi and Emacs leave beside a file while and after it is edited. */
function isBackup(file: string): boolean {
  return /^\.|~$|\.sw[a-p]$|^#.*#$|^4913$/.test(file)
}
