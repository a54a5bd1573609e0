// A decision's answers to something that can be sent: the first that is there.

import type { Answer, Decision } from '../boot/decide.ts'
import { openUnder, type Links } from '../files.ts'
import type { Disk } from './disk.ts'
import { FileSource, textSource, type Source } from './source.ts'

export type Roots = { readonly root: string; readonly links: Links; readonly disk: Disk }

export type Found =
  | { readonly kind: 'found'; readonly source: Source }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly because: string }

/**
 * The disk is touched only for files, and not for a client that is gone. The caller closes the source.
 * @throws when the disk does not answer, or `isWanted` no longer holds
 */
export async function findSource(
  decision: Decision,
  isNetascii: boolean,
  roots: Roots,
  isWanted: () => boolean,
): Promise<Found> {
  let outcome: Found = { kind: 'missing' }
  for (const answer of decision.answers) {
    if (answer.kind === 'text') {
      return { kind: 'found', source: textSource(Buffer.from(answer.body, answer.encoding), isNetascii) }
    }
    const place = placeOf(answer, roots)
    if (place === undefined) continue
    const found = await roots.disk.run(() => open(place, isNetascii, roots.disk), isWanted)
    if (found.kind === 'found') return found
    if (found.kind === 'refused' && outcome.kind === 'missing') outcome = found
  }
  return outcome
}

type Place = { readonly root: string; readonly path: string; readonly links: Links }

function placeOf(answer: Answer, { root, links }: Roots): Place | undefined {
  if (answer.kind === 'loader') return { root: '/', path: answer.path, links: 'anywhere' }
  return answer.kind === 'file' && answer.root === 'tftp' ? { root, path: answer.path, links } : undefined
}

async function open({ root, path, links }: Place, isNetascii: boolean, disk: Disk): Promise<Found> {
  const opened = await openUnder(root, path, links)
  if (opened.kind !== 'opened') return opened
  const source = new FileSource(opened.handle, opened.size, isNetascii, disk)
  try {
    await source.open()
    return { kind: 'found', source }
  } catch (error) {
    source.close()
    return { kind: 'refused', because: error instanceof Error ? error.message : String(error) }
  }
}
