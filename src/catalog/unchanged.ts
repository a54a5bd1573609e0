// Whether the configurations are as they were last looked at, told without asking a disk: most deploys need no other look.

import { basename, dirname } from 'node:path'
import { isLocal, isSettled, openGlance, type Glance, type Seen, type SeenFolder } from '../glance.ts'

/** More would keep the event loop busier than a look in other threads. */
const mostPaths = 100

type Before = {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly variables: readonly string[]
  readonly states: ReadonlyMap<string, Seen>
}

export class Unchanged {
  private readonly now: () => number
  private readonly variables: () => readonly string[]
  private glance: Glance | undefined
  /** What the last look saw. */
  private paths: ReadonlyMap<string, Buffer> = new Map()
  /** As it was when a look began that changed nothing of it. */
  private kept: { readonly count: number; readonly folders: readonly SeenFolder[] } | undefined
  private keptVariables: readonly string[] = []
  private asked: Promise<boolean> | undefined

  /** `now`: milliseconds since 1970. `variables` that hosts declare: the same list as long as none comes or goes. */
  constructor(now: () => number, variables: () => readonly string[]) {
    this.now = now
    this.variables = variables
  }

  /** Until then, and where the kernel has no glance, every look asks the disk. */
  async open(): Promise<void> {
    this.glance = await openGlance()
  }

  /**
   * Everything that the last look saw is as it was then. False also where nobody can say. The kernel is asked at the end
   * of this turn of the event loop, once for all who ask until then: an answer from before would be too old for somebody
   * whose request came behind it.
   */
  holds(): Promise<boolean> {
    this.asked ??= new Promise((resolve) => {
      setImmediate(() => {
        this.asked = undefined
        resolve(this.isAsKept())
      })
    })
    return this.asked
  }

  private isAsKept(): boolean {
    const { glance, kept } = this
    if (glance === undefined || kept === undefined || this.variables() !== this.keptVariables) return false
    return kept.folders.every((folder) => glance.areAs(folder))
  }

  /** To be called before a look: what that one sees is at least as new. */
  before(): Before {
    const at = this.now()
    const variables = this.variables()
    const states = new Map<string, Seen>()
    for (const [name, path] of this.paths) {
      const state = this.glance?.stateAt(path)
      if (state !== undefined) states.set(name, { path, state })
    }
    return { at, variables, states }
  }

  /** After it. `paths`: all that it saw; undefined: some of it may change without a trace in any of them. */
  async after({ at, variables, states }: Before, paths: readonly string[] | undefined): Promise<void> {
    if (this.kept !== undefined && paths?.length === this.kept.count && this.isAsKept()) return
    this.kept = undefined
    this.paths = new Map(paths?.map((path) => [path, Buffer.from(`${path}\0`)]))
    const seen = new Map([...states].filter(([path]) => this.paths.has(path)))
    // A look may take long: what counts is how old the last change was when it began.
    const areSettled = [...seen.values()].every(({ state }) => isSettled(state, at))
    if (seen.size === 0 || seen.size > mostPaths || seen.size !== paths?.length || !areSettled) return
    for (const path of this.paths.keys()) if (!(await isLocal(path))) return
    this.kept = { count: seen.size, folders: foldersOf(seen) }
    this.keptVariables = variables
  }
}

/** By their folders, as far as those were seen, too; what lies elsewhere is one without files. */
function foldersOf(seen: ReadonlyMap<string, Seen>): readonly SeenFolder[] {
  const files = new Map<string, SeenFolder['files'][number][]>()
  for (const [path, file] of seen) {
    const folder = dirname(path)
    if (!seen.has(folder)) continue
    files.set(folder, [...(files.get(folder) ?? []), { ...file, name: Buffer.from(`${basename(path)}\0`) }])
  }
  return [...seen].flatMap(([path, folder]) => {
    const inside = files.get(path) ?? []
    const isListed = inside.length === 0 && seen.has(dirname(path))
    return isListed ? [] : [{ ...folder, files: inside }]
  })
}
