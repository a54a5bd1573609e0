// The files of a folder of httproot as a page for people (http.listing).

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from 'koa'
import { html, type Html } from '../html.ts'
import { findUnder, folderUnder } from '../files.ts'
import { sendBytes } from './memory.ts'
import type { Place } from './places.ts'
import { diskAnswersMs, hasLeft } from './static.ts'

type Row = {
  readonly name: string
  readonly isFolder: boolean
  readonly size: number
  readonly mtimeMs: number
}

/** A page that nobody reads to its end would keep others from the disk. */
const mostRows = 5_000

const style = `:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #8884; white-space: nowrap }
td:first-child { white-space: normal; overflow-wrap: anywhere; width: 100% }
.size { text-align: right; font-variant-numeric: tabular-nums }`

/** Undefined: `place` is no folder. Yields the octets of the page. */
export async function giveListing(ctx: Context, place: Place): Promise<number | undefined> {
  const { disk } = place
  const rows = await disk.runWithin(
    diskAnswersMs,
    () => !hasLeft(ctx),
    () => rowsOf(place),
  )
  if (rows === undefined) return undefined
  // Nothing on the page runs or comes from elsewhere, whatever the files are called.
  ctx.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'")
  sendBytes(ctx, Buffer.from(pageOf(place.path, rows)), 'text/html; charset=utf-8')
  return ctx.length ?? 0
}

async function rowsOf({ root, path, links }: Place): Promise<readonly Row[] | undefined> {
  const folder = await folderUnder(root, path, links)
  if (folder.kind !== 'found') return undefined
  const rows: Row[] = []
  for (const entry of await readdir(folder.path, { withFileTypes: true })) {
    const { name } = entry
    if (name.startsWith('.')) continue
    // A link may lead out of the root, where nothing is served from.
    const isThere =
      !entry.isSymbolicLink() ||
      (await findUnder(root, join(path, name), links)).kind === 'found' ||
      (await folderUnder(root, join(path, name), links)).kind === 'found'
    const status = isThere ? await stat(join(folder.path, name)).catch(() => undefined) : undefined
    if (status === undefined || !(status.isFile() || status.isDirectory())) continue
    rows.push({ name, isFolder: status.isDirectory(), size: status.size, mtimeMs: status.mtimeMs })
    if (rows.length > mostRows) break
  }
  return rows.toSorted((a, b) => Number(b.isFolder) - Number(a.isFolder) || (a.name < b.name ? -1 : 1))
}

function pageOf(path: string, rows: readonly Row[]): string {
  const folders = path.split('/').filter((part) => part !== '')
  const title = `/${folders.map((part) => `${part}/`).join('')}`
  const cut = rows.length > mostRows ? html`<p>Only ${mostRows} of its files are shown.</p>` : html``
  const up = folders.length > 0 ? [rowOf(folders.slice(0, -1), '..', '', '')] : []
  const listed = rows
    .slice(0, mostRows)
    .map(({ name, isFolder, size, mtimeMs }) =>
      rowOf(
        [...folders, name],
        isFolder ? `${name}/` : name,
        isFolder ? '' : sizeOf(size),
        new Date(mtimeMs).toISOString().slice(0, 16).replace('T', ' '),
      ),
    )
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        <style>
          ${{ html: style }}
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        <table>
          <thead>
            <tr>
              <th>Name</th>
              <th class="size">Size</th>
              <th>Changed (UTC)</th>
            </tr>
          </thead>
          <tbody>
            ${[...up, ...listed]}
          </tbody>
        </table>
        ${cut}
      </body>
    </html> `.html
}

/** With the whole path in its link: so no folder needs a slash behind its name, and none a redirect to get one. */
function rowOf(path: readonly string[], shown: string, size: string, changed: string): Html {
  const link = `/${path.map((part) => encodeURIComponent(part).replaceAll("'", '%27')).join('/')}`
  return html`<tr>
    <td><a href="${link}">${shown}</a></td>
    <td class="size">${size}</td>
    <td>${changed}</td>
  </tr> `
}

function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}
