// Sends one open file through serve-static, with HEAD, ranges and conditions as RFC 9110 wants them.

import type { Stats } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { basename, dirname, extname } from 'node:path'
import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import serveStatic from 'serve-static'
import { DiskStuck, type Disk } from '../disk.ts'
import { identityOf, type Opened } from '../files.ts'

/** `changed`: another file has its name since it was opened; nothing was written and `ctx` is as before. */
export type Sent =
  | { readonly kind: 'sent'; readonly bytes: number; readonly because?: string }
  | { readonly kind: 'changed' }
  | { readonly kind: 'failed'; readonly status: number }

/** A file that is open, and the way to its disk. */
export type OpenFile = Extract<Opened, { kind: 'opened' }> & { readonly disk: Disk }

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
 * `name`: what the client called it. Resolves when the client has it or left; then `ctx` needs no answer of Koa's. The
 * file stays open: whoever opened it closes it.
 */
export async function sendFile(ctx: Context, file: OpenFile, name: string): Promise<Sent> {
  const { req, res } = ctx
  // It left while we looked: no 'close' would come any more.
  if (hasLeft(ctx)) {
    ctx.respond = false
    return { kind: 'sent', bytes: 0 }
  }
  // RFC 9110 14.2: only GET has ranges. 13.1.5: serve-static takes a weak tag and a later date for current, too.
  if (ctx.method === 'HEAD' || !isCurrent(ctx.get('If-Range').trim(), file)) delete req.headers.range
  const type = typeOf(name)
  if (type !== undefined) res.setHeader('Content-Type', type)
  const { url } = req
  req.url = `/${encodeURIComponent(basename(file.path))}`
  res.statusCode = 200
  ctx.respond = false
  let source: Readable | undefined
  res.once('pipe', (readable) => {
    source = readable
    readable.once('end', () => endHonestly(ctx, readable))
  })
  downloads++
  const fault = await serve(ctx, file)
  downloads--
  req.url = url
  if (fault === undefined || res.headersSent || hasLeft(ctx)) {
    if (fault !== undefined) res.destroy()
    return { kind: 'sent', bytes: sentOf(source, ctx) }
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
async function serve(ctx: Context, file: OpenFile): Promise<Error | undefined> {
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
          highWaterMark: downloads < fewDownloads ? bigPiece : smallPiece,
          fs: readerOf(file, isWanted, () => isSame),
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
function readerOf({ handle, disk }: OpenFile, isWanted: () => boolean, isSame: () => boolean) {
  type Done = (error: Error | null, result?: number, buffer?: Buffer) => void
  return {
    open: (_path: string, _flags: string, _mode: number, done: Done) =>
      // ENOENT: serve-static makes a 404 of it.
      isSame() ? done(null, handle.fd) : done(Object.assign(new Error('it has gone'), { code: 'ENOENT' })),
    read: async (_fd: number, into: Buffer, offset: number, length: number, position: number, done: Done) => {
      const read = () => handle.read(into, offset, length, position)
      const result = await disk.runWithin(diskAnswersMs, isWanted, read).catch(asError)
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
  return ifRange === '' || ifRange === etagOf(file) || ifRange === new Date(file.mtimeMs).toUTCString()
}

/** A file that shrank or grew while it was sent: better a cut connection than bytes that look like all of it. */
function endHonestly(ctx: Context, source: Readable): void {
  if (readOf(source) !== Number(ctx.res.getHeader('Content-Length'))) ctx.res.destroy()
}

function readOf(source: Readable | undefined): number {
  return source !== undefined && 'bytesRead' in source ? Number(source.bytesRead) : 0
}

/** What was read, but for what still waits here for a client that left. */
function sentOf(source: Readable | undefined, { req, res }: Context): number {
  const read = readOf(source)
  return res.writableFinished
    ? read
    : Math.max(0, read - (source?.readableLength ?? 0) - req.socket.writableLength)
}

/** serve-static's own is weak, and RFC 9110 13.1.5 lets no weak one resume a download. nginx makes the same of both. */
export function etagOf(status: { readonly size: number; readonly mtimeMs: number }): string {
  return `"${status.size.toString(16)}-${Math.trunc(status.mtimeMs * 1000).toString(16)}"`
}
