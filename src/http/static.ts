// Sends one file of the disk through serve-static, with HEAD, ranges and conditions as RFC 9110 wants them.

import { constants } from 'node:fs'
import { basename, dirname, extname } from 'node:path'
import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import serveStatic from 'serve-static'

/** `missing`: it went away since it was found; nothing was written and `ctx` is as before. */
export type Sent =
  | { readonly kind: 'sent'; readonly bytes: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly status: number }

const options = {
  // findUnder() judged the path, so its last name may start with a dot.
  dotfiles: 'allow',
  index: false,
  redirect: false,
  acceptRanges: true,
  lastModified: true,
  setHeaders: setStrongEtag,
  // A link put there after findUnder() looked is not followed (CWE-367).
  flags: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
} as const

// serve-static hands its options on to fs.createReadStream without saying so. With its 64 KiB a big file takes a fifth
// longer than from nginx; but each reader that is slow keeps two such pieces waiting, and a hall of machines is slow.
const bigPiece = 1024 * 1024
const smallPiece = 64 * 1024
const fewDownloads = 32
let downloads = 0

// What mime-db does not know, or firmware reads: EDK2 takes application/efi for a program (HttpBootSupport.c).
const types: Readonly<Record<string, string>> = {
  '.efi': 'application/efi',
  '.iso': 'application/x-iso9660-image',
  '.ipxe': 'text/plain; charset=utf-8',
}

/** The media type of a name, or undefined where mime-db knows better. */
export function typeOf(name: string): string | undefined {
  return types[extname(name).toLowerCase()]
}

/**
 * `file`: the real path of a regular file, as findUnder() gives it; `name`: what the client called it.
 * Resolves when the client has it or left; then `ctx` needs no answer of Koa's.
 */
export async function sendFile(ctx: Context, file: string, name: string): Promise<Sent> {
  const { req, res } = ctx
  // It left while we looked: no 'close' would come any more.
  if (res.destroyed) return { kind: 'sent', bytes: 0 }
  // RFC 9110 14.2: only GET has ranges.
  if (ctx.method === 'HEAD') delete req.headers.range
  const type = typeOf(name)
  if (type !== undefined) res.setHeader('Content-Type', type)
  // The file's own folder as the root and its last name as the path: there is nothing else to reach.
  const reading = { ...options, highWaterMark: downloads < fewDownloads ? bigPiece : smallPiece }
  const serve = serveStatic(dirname(file), reading)
  const { url } = req
  req.url = `/${encodeURIComponent(basename(file))}`
  res.statusCode = 200
  ctx.respond = false
  let source: Readable | undefined
  res.once('pipe', (readable) => {
    source = readable
    readable.once('end', () => endHonestly(ctx, readable))
  })
  downloads++
  const error = await new Promise<Error | 'missing' | undefined>((resolve) => {
    res.once('close', () => resolve(undefined))
    serve(req, res, (fault) => resolve(fault ?? 'missing'))
  })
  downloads--
  req.url = url
  if (error === undefined) return { kind: 'sent', bytes: bytesOf(source) }
  if (res.headersSent) {
    res.destroy()
    return { kind: 'sent', bytes: bytesOf(source) }
  }
  ctx.respond = true
  const status = error !== 'missing' && 'status' in error ? Number(error.status) : 404
  const keep = status === 416 ? ['content-range', 'accept-ranges'] : []
  for (const header of res.getHeaderNames()) if (!keep.includes(header)) res.removeHeader(header)
  ctx.status = status
  return status === 404 ? { kind: 'missing' } : { kind: 'refused', status }
}

/** A file that shrank or grew while it was sent: better a cut connection than bytes that look like all of it. */
function endHonestly(ctx: Context, source: Readable): void {
  if (bytesOf(source) !== Number(ctx.res.getHeader('Content-Length'))) ctx.res.destroy()
}

function bytesOf(source: Readable | undefined): number {
  return source !== undefined && 'bytesRead' in source ? Number(source.bytesRead) : 0
}

/** serve-static's own is weak, and RFC 9110 13.1.5 lets no weak one resume a download. nginx makes the same of both. */
function setStrongEtag(
  res: { setHeader(name: string, value: string): void },
  _path: string,
  status: { size: number; mtimeMs: number },
): void {
  res.setHeader('ETag', `"${status.size.toString(16)}-${Math.trunc(status.mtimeMs * 1000).toString(16)}"`)
}
