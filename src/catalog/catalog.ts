// Keeps the catalog as the directories are: looks when asked, when a file system tells of a change, and every while.

import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { watch as watchFiles, type FSWatcher } from 'chokidar'
import { printable, type Tell } from '../events.ts'
import type { Links } from '../files.ts'
import type { Bootloader } from '../model.ts'
import type { Scan } from './configurations.ts'
import { stillMs } from './folder.ts'
import { codeOf } from './locate.ts'
import { Scanner } from './scan.ts'
import { Unchanged } from './unchanged.ts'

/** A look of its own every so often, as NFS tells of nothing; with the 200 ms of stillness it stays below 2 s. */
const everyMs = 1_500

/** How long a look may keep its caller waiting: a hung file server must not hang the API. */
const usualLongestLookMs = 2_000

/** An editor writes several times while it saves. */
const hintMs = 50

const noVariables: readonly string[] = []

export type CatalogParts = {
  /** configuration.directory. */
  readonly directory: string
  /** tftp.root; undefined where the settings have no tftp section. */
  readonly tftproot: string | undefined
  readonly bootloaders: readonly Bootloader[]
  readonly links: Links
  /** Called with what the directories hold now, whenever that changed, and awaited before the look() that found it resolves. */
  readonly changed: (contents: Scan) => void | Promise<void>
  readonly tell: Tell
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** The variables that hosts declare, as templates may name them, too: the same list as long as none comes or goes. */
  readonly variables?: (() => readonly string[]) | undefined
  /** The root of the system whose packages bring loaders; `/` unless a test says otherwise. */
  readonly system?: string | undefined
  /** A look of longer is left to itself; 2 s unless a test says otherwise, as its disk may be slow and never hangs. */
  readonly longestLookMs?: number | undefined
}

export class Catalog {
  private readonly parts: CatalogParts
  private readonly longestLookMs: number
  private readonly scanner: Scanner
  private readonly unchanged: Unchanged
  private current: Scan = { configurations: [], menus: [], loaders: [], imported: [] }
  /** Nothing was handed to changed() yet, or it failed: the next look does. */
  private due = true
  /** At first nothing is in force: better the whole catalog 200 ms later than one without a file just written. */
  private patient = true
  private faults: ReadonlyMap<string, string> = new Map()
  private running: Promise<number | undefined> = Promise.resolve(undefined)
  private next: Promise<number | undefined> | undefined
  /** Of the next scan. */
  private isRestDue = false
  private timer: NodeJS.Timeout | undefined
  private hinted = false
  private events: FSWatcher | undefined
  private stopped = false

  constructor(parts: CatalogParts) {
    this.parts = parts
    const { now, variables = () => noVariables, system = '/', longestLookMs = usualLongestLookMs } = parts
    this.longestLookMs = longestLookMs
    this.unchanged = new Unchanged(now, variables)
    this.scanner = new Scanner({ ...parts, variables, system })
  }

  /** Resolves when the first look is done, or hangs in a file server for 2 s. Never rejects. */
  async start(): Promise<void> {
    await this.unchanged.open()
    await this.look()
    this.schedule(everyMs)
  }

  /**
   * What the directories hold now, in force when it resolves; `configurations`: only those, and the rest as of the last
   * poll, which a deploy need not wait for. Waits up to 200 ms for a file that was just written; where the disk hangs,
   * yields after 2 s what was known before.
   */
  async look(at: 'all' | 'configurations' = 'all'): Promise<Scan> {
    if (at === 'configurations' && (await this.unchanged.holds()) && !this.due) return this.current
    let limit: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (limit = setTimeout(resolve, this.longestLookMs).unref()))
    await Promise.race([this.settle(at === 'all'), late])
    // Left to run, it would keep every deploy of the last 2 s in memory.
    clearTimeout(limit)
    return this.current
  }

  /** What a person should mend, by the path it is wrong with. */
  get wrong(): ReadonlyMap<string, string> {
    return this.faults
  }

  /** Nothing is told any more when it resolves. */
  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.events?.close()
    await Promise.race([this.running, sleep(this.longestLookMs, undefined, { ref: false })])
  }

  private async settle(isRestDue: boolean): Promise<void> {
    let waited = 0
    for (;;) {
      const unsettledMs = await this.scan(isRestDue)
      if (unsettledMs === undefined || waited >= stillMs) return
      // A timer may fire a millisecond early.
      await sleep(unsettledMs + 5)
      waited += unsettledMs
    }
  }

  /** A scan under way may have passed the caller's file already: everyone asking meanwhile shares the next one. */
  private async scan(isRestDue: boolean): Promise<number | undefined> {
    this.isRestDue ||= isRestDue
    this.next ??= this.running.then(() => {
      this.next = undefined
      this.running = this.scanNow()
      return this.running
    })
    return await this.next
  }

  private async scanNow(): Promise<number | undefined> {
    const isRestDue = this.isRestDue
    this.isRestDue = false
    const seen = this.unchanged.before()
    const { scan, faults, unsettledMs } = await this.scanner.scan(isRestDue)
    if (this.stopped) return undefined
    if (this.patient && unsettledMs !== undefined) {
      this.patient = false
      return unsettledMs
    }
    this.patient = false
    this.complain(faults)
    const before = this.current
    // Also where it says the same: the next one takes objects over from it, which then need no comparing.
    this.current = scan
    if (!isDeepStrictEqual(scan, before)) {
      this.due = true
      this.tellChanges(before, scan)
    }
    if (this.due) await this.emit(this.current)
    await this.unchanged.after(seen, this.scanner.paths()).catch(() => undefined)
    // Only now is it known that the disk answers: a hung one would hang us in inotify_add_watch.
    this.events ??= this.listen()
    return unsettledMs
  }

  private async emit(scan: Scan): Promise<void> {
    try {
      await this.parts.changed(scan)
      this.due = false
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.tell('error', 'catalog.fault', `the changed configurations are not in force yet: ${why}`)
    }
  }

  /** File system events are a hint to look early, and never more: what they say is not relied on. */
  private listen(): FSWatcher {
    const watcher = watchFiles(this.parts.directory, { depth: 1, ignoreInitial: true })
    watcher.on('all', () => {
      if (this.hinted) return
      this.hinted = true
      this.schedule(hintMs)
    })
    watcher.on('error', (error) => {
      this.tell('debug', 'catalog.watch', `no file system events (${codeOf(error)}); looking every while`)
    })
    return watcher
  }

  private schedule(ms: number): void {
    if (this.stopped) return
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.poll(), ms)
  }

  private async poll(): Promise<void> {
    this.hinted = false
    const unsettledMs = await this.scan(true)
    if (!this.hinted) this.schedule(unsettledMs === undefined ? everyMs : Math.min(everyMs, unsettledMs + 5))
  }

  /** Each fault once, and once more when it is gone. */
  private complain(faults: ReadonlyMap<string, string>): void {
    for (const [path, text] of faults) {
      if (this.faults.get(path) !== text) this.tell('warn', 'catalog.fault', text)
    }
    for (const [path, text] of this.faults) {
      if (!faults.has(path)) this.tell('info', 'catalog.mended', `no longer so: ${text}`)
    }
    this.faults = faults
  }

  private tellChanges(before: Scan, after: Scan): void {
    const old = new Map(before.configurations.map((entry) => [entry.name, entry]))
    for (const entry of after.configurations) {
      const previous = old.get(entry.name)
      old.delete(entry.name)
      if (isDeepStrictEqual(previous, entry)) continue
      const what = previous === undefined ? 'can be deployed' : 'changed'
      const files = [...new Set(entry.forms.map((form) => form.file))].join(', ')
      this.tell(
        'info',
        'catalog.configuration',
        `configuration ${printable(entry.name)} ${what} (${printable(files)})`,
      )
    }
    for (const name of old.keys()) {
      this.tell('info', 'catalog.configuration', `configuration ${printable(name)} is gone`)
    }
  }

  private tell(level: 'debug' | 'info' | 'warn' | 'error', step: string, text: string): void {
    this.parts.tell({ level, step, text })
  }
}
