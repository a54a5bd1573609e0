// Sends one open file through serve-static, with HEAD, ranges and conditions as RFC 9110 wants them.

import type { Stats } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { basename, dirname, extname } from 'node:path'
import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import serveStatic from 'serve-static'
import { DiskStuck, type Disk } from '../disk.ts'
import { identityOf, type Opened } from '../files.ts'
import type { Libc } from '../net/libc.ts'
import { Stretches } from './stretches.ts'

/** `changed`: another file has its name since it was opened; nothing was written and `ctx` is as before. */
export type Sent =
  | { readonly kind: 'sent'; readonly bytes: number; readonly because?: string }
  | { readonly kind: 'changed' }
  | { readonly kind: 'failed'; readonly status: number }

/** A file that is open, the way to its disk, and calls under way on it that its handle does not know of. */
export type OpenFile = Extract<Opened, { kind: 'opened' }> & {
  readonly disk: Disk
  readonly calls: Set<Promise<unknown>>
}

/** Whether the client is gone: then no disk is asked any more. */
export function hasLeft({ req, res }: Pick<Context, 'req' | 'res'>): boolean {
  return res.destroyed || req.socket.destroyed
}

/** How long a client waits for a disk: less than the 5 s after which firmware begins to ask again. */
export const diskAnswersMs = 4_000

const options = {
  // openUnder() judged the path, so its last name may start with a dot.
  dotfiles: 'allow',
  index: false,
  redirect: false,
  acceptRanges: true,
  lastModified: true,
} as const

// serve-static hands its options on to fs.createReadStream without saying so. With its 64 KiB a big file takes a fifth
// longer than from nginx; a mebibyte has left the core's own cache before it is sent, and costs half as much CPU again.
// But each reader that is slow keeps two such pieces waiting, and a hall of machines is slow.
const bigPiece = 256 * 1024
const smallPiece = 64 * 1024
const fewDownloads = 32
let downloads = 0

/** Below it, stretches would save little. */
const bigFile = 512 * 1024

// What mime-db does not know, or firmware reads: EDK2 takes application/efi for a program (HttpBootSupport.c).
const types: Readonly<Record<string, string>> = {
  '.efi': 'application/efi',
  '.iso': 'application/x-iso9660-image',
  '.ipxe': 'text/plain; charset=utf-8',
  // mime-db takes a preseed for an earthquake's data. People read these in a browser.
  '.cfg': 'text/plain; charset=utf-8',
  '.ks': 'text/plain; charset=utf-8',
  '.seed': 'text/plain; charset=utf-8',
}

/** The media type of a name, or undefined where mime-db knows better. */
export function typeOf(name: string): string | undefined {
  return types[extname(name).toLowerCase()]
}

/**
 * `name`: what the client called it. `libc` sends most of a big file. Resolves when the client has it or left; then
 * `ctx` needs no answer of Koa's. The file stays open: whoever opened it closes it.
 */
export async function sendFile(
  ctx: Context,
  file: OpenFile,
  name: string,
  libc: Libc | undefined,
): Promise<Sent> {
  const { req, res } = ctx
  // It left while we looked: no 'close' would come any more.
  if (hasLeft(ctx)) {
    ctx.respond = false
    return { kind: 'sent', bytes: 0 }
  }
  // RFC 9110 14.2: only GET has ranges. 13.1.5: serve-static takes a weak tag and a later date for current, too.
  if (ctx.method === 'HEAD' || !isCurrent(ctx.get('If-Range').trim(), file)) delete req.headers.range
  else if (beginsBefore(req.headers.range, file.size)) req.headers.range = 'bytes=0-'
  if (req.headers['if-match'] !== undefined) req.headers['if-match'] = strongOf(req.headers['if-match'])
  const type = typeOf(name)
  if (type !== undefined) res.setHeader('Content-Type', type)
  const { url } = req
  req.url = `/${encodeURIComponent(basename(file.path))}`
  res.statusCode = 200
  ctx.respond = false
  let source: Readable | undefined
  const stretches = libc === undefined || file.size < bigFile ? undefined : stretchesOf(ctx, file, libc)
  const read = () => readOf(source) + (stretches?.bytes ?? 0)
  res.once('pipe', (readable) => {
    source = readable
    readable.once('end', () => endHonestly(ctx, read()))
  })
  downloads++
  const fault = await serve(ctx, file, stretches)
  downloads--
  req.url = url
  if (fault === undefined || res.headersSent || hasLeft(ctx)) {
    if (fault !== undefined) res.destroy()
    return {
      kind: 'sent',
      bytes: res.writableFinished ? read() : Math.max(0, read() - waitingOf(source, ctx)),
    }
  }
  ctx.respond = true
  const status = 'status' in fault ? Number(fault.status) : 500
  const keep = status === 416 ? ['content-range', 'accept-ranges'] : []
  for (const header of res.getHeaderNames()) if (!keep.includes(header)) res.removeHeader(header)
  if (fault instanceof DiskStuck) throw fault
  ctx.status = status
  return status === 404 ? { kind: 'changed' } : { kind: 'failed', status }
}

/** Has serve-static answer with what is open, and looks at the disk through `file.disk` alone. Yields its fault. */
async function serve(
  ctx: Context,
  file: OpenFile,
  stretches: Stretches | undefined,
): Promise<Error | undefined> {
  const { req, res } = ctx
  const { disk, path } = file
  const isWanted = () => !hasLeft(ctx)
  return await new Promise((resolve) => {
    res.once('close', () => resolve(undefined))
    const look = () =>
      new Promise<void>((looked) => {
        let isSame = false
        const reading = {
          ...options,
          highWaterMark: stretches?.piece ?? (downloads < fewDownloads ? bigPiece : smallPiece),
          fs: readerOf(ctx, file, stretches, () => isSame),
          // Called with its own fs.stat(), before it judges any condition.
          setHeaders: (_: ServerResponse, __: string, status: Stats) => {
            looked()
            isSame = identityOf(status) === file.identity && etagOf(status) === etagOf(file)
            res.setHeader('ETag', etagOf(status))
          },
        }
        if (res.destroyed) return looked()
        // The file's own folder as the root and its last name as the path: there is nothing else to reach.
        serveStatic(dirname(path), reading)(req, res, (fault) => {
          looked()
          resolve(fault ?? notFound)
        })
      })
    disk.runWithin(diskAnswersMs, isWanted, look).catch((error: unknown) => resolve(asError(error)))
  })
}

const notFound = Object.assign(new Error('it has gone'), { status: 404 })

/**
 * What serve-static hands on to fs.createReadStream: reads of the file that is open already, a few at a time. `isSame`
 * is whether serve-static tells its client of this very file.
 */
function readerOf(
  ctx: Context,
  { handle, disk }: OpenFile,
  stretches: Stretches | undefined,
  isSame: () => boolean,
) {
  type Done = (error: Error | null, result?: number, buffer?: Buffer) => void
  let start: number | undefined
  /** `position`: where it would be without stretches. */
  const read = async (into: Buffer, offset: number, length: number, position: number) => {
    start ??= position
    const end = start + Number(ctx.res.getHeader('Content-Length'))
    if (position > start) await stretches?.send(position + stretches.bytes, end)
    const at = position + (stretches?.bytes ?? 0)
    const look = () => handle.read(into, offset, Math.min(length, end - at), at)
    return await disk.runWithin(diskAnswersMs, () => !hasLeft(ctx), look)
  }
  return {
    open: (_path: string, _flags: string, _mode: number, done: Done) =>
      // ENOENT: serve-static makes a 404 of it.
      isSame() ? done(null, handle.fd) : done(Object.assign(new Error('it has gone'), { code: 'ENOENT' })),
    read: async (_fd: number, into: Buffer, offset: number, length: number, position: number, done: Done) => {
      const result = await read(into, offset, length, position).catch(asError)
      if (result instanceof Error) done(result)
      else done(null, result.bytesRead, into)
    },
    close: (_fd: number, done: Done) => done(null),
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function isCurrent(ifRange: string, file: OpenFile): boolean {
  // Node rounds where serve-static has the date from (Stats.mtime), and Date() does not.
  const date = () => new Date(Math.round(file.mtimeMs)).toUTCString()
  return ifRange === '' || ifRange === etagOf(file) || ifRange === date()
}

/** RFC 9110 13.1.1: a weak tag matches nothing there, while serve-static lets it. */
function strongOf(ifMatch: string): string {
  return ifMatch.replace(/W\/"[^"]*"/g, '""')
}

/** RFC 9110 14.1.2: the last octets of a shorter file are all of it. serve-static would say 416. */
function beginsBefore(range: string | undefined, size: number): boolean {
  const [, suffix] = /^bytes=-(\d+)$/.exec(range ?? '') ?? []
  return Number(suffix) > size
}

/** A file that shrank or grew while it was sent: better a cut connection than bytes that look like all of it. */
function endHonestly({ res }: Context, read: number): void {
  if (read !== Number(res.getHeader('Content-Length'))) res.destroy()
}

function readOf(source: Readable | undefined): number {
  return source !== undefined && 'bytesRead' in source ? Number(source.bytesRead) : 0
}

/** What was read and still waits here. */
function waitingOf(source: Readable | undefined, { req }: Context): number {
  return (source?.readableLength ?? 0) + req.socket.writableLength
}

function stretchesOf({ req, res }: Context, { handle, calls, disk }: OpenFile, libc: Libc): Stretches {
  const isWanted = () => !hasLeft({ req, res })
  const run = (work: () => Promise<number>) => disk.runWithin(diskAnswersMs, isWanted, work)
  return new Stretches({ libc, handle, calls, req, res, run })
}

/** serve-static's own is weak, and RFC 9110 13.1.5 lets no weak one resume a download. nginx makes the same of both. */
export function etagOf(status: { readonly size: number; readonly mtimeMs: number }): string {
  return `"${status.size.toString(16)}-${Math.trunc(status.mtimeMs * 1000).toString(16)}"`
}
