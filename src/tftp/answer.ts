// A decision's answers to something that can be sent: the first that is there.

import type { Answer, Decision } from '../boot/decide.ts'
import { openUnder, type Links } from '../files.ts'
import type { Libc } from '../net/libc.ts'
import { CachedFiles } from './cached.ts'
import type { Disk } from '../disk.ts'
import { fileOf, fileOfDescriptor } from './opened.ts'
import { firstRead, Shelf } from './pieces.ts'
import { FileSource, textSource, type OpenFile, type Source } from './source.ts'

export type Found =
  | { readonly kind: 'found'; readonly source: Source }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly because: string }

export type FilesParts = {
  readonly root: string
  readonly links: Links
  readonly disk: Disk
  /** Without it every look at a file takes a thread. */
  readonly libc?: Libc | undefined
}

type Place = { readonly root: string; readonly path: string; readonly links: Links }

export class Files {
  private readonly parts: FilesParts
  private readonly cached: CachedFiles | undefined
  private readonly shelf = new Shelf()

  constructor(parts: FilesParts) {
    this.parts = parts
    this.cached = parts.libc && new CachedFiles(parts.libc, () => performance.now())
  }

  /**
   * The disk is touched only for files that are not in memory, and not for a client that is gone. The caller closes
   * the source. The promise rejects when the disk does not answer, or `isWanted` no longer holds.
   */
  find(decision: Decision, isNetascii: boolean, isWanted: () => boolean): Found | Promise<Found> {
    for (const [index, answer] of decision.answers.entries()) {
      if (answer.kind === 'text') return foundText(answer, isNetascii)
      const place = this.placeOf(answer)
      if (place === undefined) continue
      const known = this.cached?.open(place.root, place.path, place.links)
      if (known === undefined) return this.ask(decision.answers.slice(index), isNetascii, isWanted)
      if (known.kind === 'opened' && this.parts.libc !== undefined) {
        const { fd, size, state } = known
        const shared = state === undefined || size <= firstRead ? undefined : this.shelf.share(state)
        const file = fileOfDescriptor(fd, size, this.parts.libc, shared)
        return begun(this.sourceOf(file, isNetascii))
      }
    }
    return { kind: 'missing' }
  }

  private async ask(
    answers: readonly Answer[],
    isNetascii: boolean,
    isWanted: () => boolean,
  ): Promise<Found> {
    let outcome: Found = { kind: 'missing' }
    for (const answer of answers) {
      if (answer.kind === 'text') return foundText(answer, isNetascii)
      const place = this.placeOf(answer)
      if (place === undefined) continue
      const found = await this.parts.disk.run(() => this.open(place, isNetascii), isWanted)
      if (found.kind === 'found') return found
      if (found.kind === 'refused' && outcome.kind === 'missing') outcome = found
    }
    return outcome
  }

  private async open({ root, path, links }: Place, isNetascii: boolean): Promise<Found> {
    const opened = await openUnder(root, path, links)
    if (opened.kind !== 'opened') return opened
    const { disk, libc } = this.parts
    return await begun(this.sourceOf(fileOf(opened.handle, opened.size, disk, libc), isNetascii), 'taken')
  }

  private placeOf(answer: Answer): Place | undefined {
    if (answer.kind === 'loader') return { root: '/', path: answer.path, links: 'anywhere' }
    const { root, links } = this.parts
    return answer.kind === 'file' && answer.root === 'tftp' ? { root, path: answer.path, links } : undefined
  }

  private sourceOf(file: OpenFile, isNetascii: boolean): FileSource {
    return new FileSource(file, isNetascii, this.parts.disk)
  }
}

function foundText(answer: Extract<Answer, { kind: 'text' }>, isNetascii: boolean): Found {
  return { kind: 'found', source: textSource(Buffer.from(answer.body, answer.encoding), isNetascii) }
}

/** With its first octets read. */
function begun(source: FileSource, turn?: 'taken'): Found | Promise<Found> {
  const found: Found = { kind: 'found', source }
  const failed = (error: unknown): Found => {
    source.close()
    return { kind: 'refused', because: error instanceof Error ? error.message : String(error) }
  }
  try {
    return source.open(turn)?.then(() => found, failed) ?? found
  } catch (error) {
    return failed(error)
  }
}
