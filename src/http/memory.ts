// Sends a text of ours with the headers, ranges and conditions a file of the disk would have.

import { createHash } from 'node:crypto'
import type { Context } from 'koa'

/** Sets the whole answer of a GET or HEAD on `ctx`. */
export function sendBytes(ctx: Context, bytes: Buffer, type: string): void {
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`
  ctx.status = 200
  ctx.set('ETag', etag)
  ctx.set('Accept-Ranges', 'bytes')
  // A deploy changes it from one request to the next.
  ctx.set('Cache-Control', 'no-cache')
  ctx.set('X-Content-Type-Options', 'nosniff')
  const [ifMatch, ifNoneMatch] = [ctx.get('If-Match'), ctx.get('If-None-Match')]
  if (ifMatch !== '' && !names(ifMatch, etag)) {
    ctx.status = 412
    ctx.body = 'The text has changed since.\n'
    return
  }
  // A weak tag will do (RFC 9110 13.1.2), and If-Modified-Since counts for nothing: a text of ours has no date.
  if (ifNoneMatch !== '' && names(ifNoneMatch.replaceAll('W/', ''), etag)) {
    ctx.status = 304
    return
  }
  ctx.set('Content-Type', type)
  const asked = ctx.method === 'GET' && isCurrent(ctx.get('If-Range'), etag) ? ctx.get('Range') : ''
  const range = rangeOf(asked, bytes.length)
  if (range === 'unsatisfiable') {
    ctx.status = 416
    ctx.set('Content-Range', `bytes */${bytes.length}`)
    ctx.body = ''
    return
  }
  if (range === undefined) {
    ctx.body = bytes
  } else {
    ctx.status = 206
    ctx.set('Content-Range', `bytes ${range.first}-${range.last}/${bytes.length}`)
    ctx.body = bytes.subarray(range.first, range.last + 1)
  }
}

/** RFC 9110 13.1.1. */
function names(tags: string, etag: string): boolean {
  return tags.trim() === '*' || tags.split(',').some((tag) => tag.trim() === etag)
}

/** RFC 9110 13.1.5; a date never fits, as a text of ours has none. */
function isCurrent(ifRange: string, etag: string): boolean {
  return ifRange === '' || ifRange.trim() === etag
}

/** RFC 9110 14.1.2. One range; several, other units and nonsense are as good as none, which the standard allows. */
function rangeOf(
  header: string,
  size: number,
): { readonly first: number; readonly last: number } | 'unsatisfiable' | undefined {
  const [whole, from = '', to = ''] = /^\s*bytes=\s*(\d*)-(\d*)\s*$/i.exec(header) ?? []
  if (whole === undefined || (from === '' && to === '')) return undefined
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  return first >= size || last < first ? 'unsatisfiable' : { first, last }
}
