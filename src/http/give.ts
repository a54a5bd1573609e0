// Gives what was decided: the first of the answers that is there, or why there is none.

import { isUtf8 } from 'node:buffer'
import type { Context } from 'koa'
import type { Answer, Decision } from '../boot/decide.ts'
import { biggestTemplate, render } from '../boot/render.ts'
import { printable } from '../events.ts'
import type { Libc } from '../net/libc.ts'
import { giveListing } from './listing.ts'
import type { Answered } from './log.ts'
import { sendBytes } from './memory.ts'
import { withFile, type Place, type Places } from './places.ts'
import type { SmallFiles } from './small.ts'
import { diskAnswersMs, hasLeft, sendFile, typeOf, type OpenFile, type Sent } from './static.ts'
import { namesFolder } from './target.ts'

/** Where the files come from. */
export type Stock = {
  readonly places: Places
  readonly small: SmallFiles
  /** Undefined: big files are sent by Node alone. */
  readonly libc: Libc | undefined
  /** http.listing. */
  readonly listing: boolean
  /** Why it is worth a warning that `file` is not there: what `host` boots names it. */
  readonly lackOf: (file: string, host: string | undefined) => string | undefined
}

/** A name that gets another file at every look gets no further one. */
const tries = 3

/** The first of the decision's answers that is there; else, for a person, the files of the folder of that name. */
export async function give(
  ctx: Context,
  decision: Decision,
  name: string,
  isPerson: boolean,
  stock: Stock,
): Promise<Answered> {
  const { rule, because } = decision.reason
  let refused: string | undefined
  for (const entry of decision.answers) {
    const given = await giveOne(ctx, entry, name, because, stock)
    if (given !== undefined && !('refused' in given)) return given
    refused ??= given?.refused
  }
  const [first] = decision.answers
  if (rule === 'file' && isPerson && first?.kind === 'file') {
    const listed = await giveFolder(ctx, first.path, stock)
    if (listed !== undefined) return listed
  }
  if (refused !== undefined) return say(ctx, 403, refused)
  if (rule === 'refused' || rule === 'loop') return say(ctx, 403, because)
  if (rule === 'broken-template') return say(ctx, 500, because)
  if (rule === 'file') {
    const lack = stock.lackOf(name, decision.host)
    return { ...say(ctx, 404, lack ?? `${because} is not there`), isLack: lack !== undefined }
  }
  return say(ctx, 404, decision.answers.length === 0 ? because : `${name} is not there: ${because}`)
}

/** Undefined: it is no folder of httproot, or http.listing is off. */
export async function giveFolder(
  ctx: Context,
  path: string,
  { places, listing }: Stock,
): Promise<Answered | undefined> {
  const bytes = listing ? await giveListing(ctx, { ...places.httproot, path }) : undefined
  return bytes === undefined ? undefined : { because: 'http.listing: the files of a folder', bytes }
}

/** Undefined: it is not there, so that the next one counts. */
async function giveOne(
  ctx: Context,
  entry: Answer,
  name: string,
  because: string,
  { places, small, libc }: Stock,
): Promise<Answered | { readonly refused: string } | undefined> {
  const isFolder = namesFolder(name)
  if (entry.kind === 'boot') return undefined
  if (entry.kind === 'text') {
    if (isFolder) return undefined
    const charset = entry.encoding === undefined ? '; charset=utf-8' : ''
    sendBytes(ctx, Buffer.from(entry.body, entry.encoding ?? 'utf8'), `text/plain${charset}`)
    return { because, bytes: ctx.length ?? 0 }
  }
  const place = places.of(entry)
  if (place === undefined) return undefined
  for (let left = tries; left > 0; left--) {
    const given = await withFile(
      place,
      () => !hasLeft(ctx),
      async (file) => {
        if (isFolder) return { kind: 'missing' as const }
        if (entry.kind === 'template') return await giveTemplate(ctx, entry, file, name)
        return await giveFile(ctx, place, file, name, small, libc)
      },
    )
    switch (given.kind) {
      case 'missing':
        return undefined
      case 'refused':
        return { refused: `${name}: ${given.because}` }
      case 'changed':
        continue
      case 'failed':
        return given.status < 500 ? { because, bytes: 0 } : say(ctx, given.status, `${name} cannot be read`)
      case 'sent':
        return { because: given.because ?? because, bytes: given.bytes }
    }
  }
  return undefined
}

async function giveFile(
  ctx: Context,
  place: Place,
  file: OpenFile,
  name: string,
  small: SmallFiles,
  libc: Libc | undefined,
): Promise<Sent> {
  const sent = await sendFile(ctx, file, name, libc)
  const isWhole = sent.kind === 'sent' && ctx.method === 'GET' && ctx.res.writableFinished
  if (isWhole) await small.keep(place, name, file, ctx.res).catch(() => undefined)
  return sent
}

async function giveTemplate(
  ctx: Context,
  entry: Extract<Answer, { kind: 'template' }>,
  { handle, size, disk }: OpenFile,
  name: string,
): Promise<{ readonly kind: 'sent' } & Answered> {
  const file = entry.path
  const useless = (why: string) => ({ kind: 'sent' as const, ...say(ctx, 500, `${file} ${why}`) })
  if (size > biggestTemplate) return useless('is too big for a template')
  const bytes = await disk.runWithin(
    diskAnswersMs,
    () => !hasLeft(ctx),
    () => handle.readFile(),
  )
  // Whatever is put in place of what cannot be read, the installer would read it.
  if (!isUtf8(bytes)) return useless('is not written in UTF-8, as a template has to be')
  const rendered = render(bytes.toString(), entry.variables())
  // An installer that got half a preseed would wipe a disk and then ask; one that got an error stops.
  if ('fault' in rendered) return useless(rendered.fault)
  sendBytes(ctx, Buffer.from(rendered.text), typeOf(name) ?? 'text/plain; charset=utf-8')
  return { kind: 'sent', because: `${file}, filled in`, bytes: ctx.length ?? 0 }
}

export function say(ctx: Context, status: number, because: string): Answered {
  ctx.status = status
  ctx.set('Content-Type', 'text/plain; charset=utf-8')
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.body = `${status}: ${printable(because)}\n`
  return { because, bytes: ctx.length ?? 0 }
}
