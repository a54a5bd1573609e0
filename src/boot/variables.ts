// The variables that hosts declare, for templates: counted as hosts come and go, so that nobody asks all of them.

import type { Host } from '../model.ts'

export class DeclaredVariables {
  /** How many hosts declare each. */
  private readonly counts = new Map<string, number>()
  private listed: readonly string[] | undefined

  /** Their names. The same list means that none came or went meanwhile. */
  get names(): readonly string[] {
    this.listed ??= [...this.counts.keys()]
    return this.listed
  }

  add({ vars }: Host): void {
    for (const name of Object.keys(vars)) this.count(name, 1)
  }

  remove({ vars }: Host): void {
    for (const name of Object.keys(vars)) this.count(name, -1)
  }

  private count(name: string, more: 1 | -1): void {
    const before = this.counts.get(name) ?? 0
    const after = before + more
    if (after === 0) this.counts.delete(name)
    else this.counts.set(name, after)
    if (before === 0 || after === 0) this.listed = undefined
  }
}
