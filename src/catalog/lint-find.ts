// Whether what a configuration names is there: by the decision that will serve it, on disk, or by asking another server.

import { readdir, readFile, stat } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { decide, type Decision, type Site } from '../boot/decide.ts'
import type { Facts } from '../boot/facts.ts'
import { biggestTemplate, render, type Variables } from '../boot/render.ts'
import type { Table } from '../boot/table.ts'
import { findUnder, type Links } from '../files.ts'
import type { Language } from '../model.ts'
import { formatIpv4, ipv4 } from '../net/ipv4.ts'
import { nearest } from '../settings/nearest.ts'
import { unknown, type Level, type Reference } from './lint-text.ts'

export type Roots = {
  readonly httproot: string | undefined
  readonly tftproot: string | undefined
  readonly links: Links
}

export type FileFound =
  /** `size`: undefined of what is rendered, and of a loader. */
  | { readonly kind: 'file'; readonly size: number | undefined; readonly path: string }
  /** A NAME.tmpl of httproot. */
  | { readonly kind: 'template'; readonly size: number; readonly path: string }
  | { readonly kind: 'folder' }
  | { readonly kind: 'missing'; readonly why: string }

const absent = 'is not there'

/** What a machine gets for this decision. */
export async function findAnswer({ answers, reason }: Decision, roots: Roots): Promise<FileFound> {
  let why: string | undefined
  for (const answer of answers) {
    if (answer.kind === 'text' || answer.kind === 'boot') return { kind: 'file', size: undefined, path: '' }
    if (answer.kind === 'loader') return { kind: 'file', size: undefined, path: answer.path }
    const root = answer.root === 'http' ? roots.httproot : roots.tftproot
    if (root === undefined) continue
    const found = await findUnder(root, answer.path, answer.root === 'http' ? 'inside' : roots.links)
    if (found.kind === 'found') {
      return answer.kind === 'template'
        ? { kind: 'template', size: found.size, path: found.path }
        : { kind: 'file', size: found.size, path: found.path }
    }
    if (found.kind === 'refused' && (await isFolder(join(root, answer.path)))) return { kind: 'folder' }
    if (found.kind === 'refused') why ??= `is not served: ${found.because}`
  }
  return {
    kind: 'missing',
    why: why ?? (answers.length === 0 ? `is not served: ${reason.because}` : absent),
  }
}

async function isFolder(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined)
  return status?.isDirectory() ?? false
}

/** The path below `root` most like `path`, which is not there: a slip in a name or its case, or its end left out. */
export async function nearestPath(root: string, path: string): Promise<string | undefined> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  for (const [index, part] of parts.entries()) {
    const above = join(root, ...parts.slice(0, index))
    const names = await readdir(above).catch((): string[] => [])
    if (names.includes(part)) continue
    const near = nearest(part, names) ?? longer(part, names)
    if (near === undefined) return undefined
    const rest = parts.slice(index + 1)
    const mended = [...parts.slice(0, index), near, ...rest].join('/')
    return rest.length === 0 ? mended : ((await nearestPath(root, mended)) ?? (await there(root, mended)))
  }
  return undefined
}

/** The shortest of those that begin with `part`: `initrd.gz`. */
function longer(part: string, names: readonly string[]): string | undefined {
  const all = names.filter((name) => name.startsWith(part))
  return all.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))[0]
}

async function there(root: string, path: string): Promise<string | undefined> {
  return (await stat(join(root, path)).catch(() => undefined)) === undefined ? undefined : path
}

/** How long another server may take to answer. */
const askMs = 3_000

async function askFor(url: string, what: string, asks: { left: number }): Promise<readonly Said[]> {
  const { protocol, host, pathname, search, username, password } = new URL(url)
  if (!protocol.startsWith('http') || asks.left <= 0) return []
  asks.left--
  // Without the name and the password that it may hold.
  const shown = `${what} ${protocol}//${host}${pathname}`
  try {
    const signal = AbortSignal.timeout(askMs)
    const basic = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')
    const { status } = await fetch(`${protocol}//${host}${pathname}${search}`, {
      method: 'HEAD',
      redirect: 'manual',
      signal,
      headers: username === '' ? {} : { Authorization: `Basic ${basic}` },
    })
    // 405: a server that has no HEAD.
    if (status < 400 || status === 405) return []
    const isGone = status === 404 || status === 410
    return [
      { level: isGone ? 'fault' : 'warning', text: `${shown} is answered with ${status} by its server` },
    ]
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    return [{ level: 'warning', text: `${shown} cannot be asked for from here (${why})` }]
  }
}

export type FinderParts = Roots & {
  readonly table: Table
  readonly site: Site
  /** What URLs may call us by beside this machine's addresses and its name. */
  readonly names: readonly string[]
}

/** RFC 7440's window and a big block help, and still a window of 64 KiB is all that is on its way. */
const bigForTftp = 32 * 1024 * 1024

/** Other servers' URLs asked for in one go: a catalog of mirrors must not become a flood of requests. */
export const mostAsked = 16

/** Stands for the address a machine reaches us at: of no network (RFC 5737). */
const standInAddress = ipv4(0xc0_00_02_01)
export const standIn = formatIpv4(standInAddress)

/** A machine that nobody knows, asking for `path`. */
export function factsFor(via: 'tftp' | 'http', path: string): Facts {
  return { via, server: standInAddress, archs: [], agent: 'unknown', asks: { kind: 'path', path } }
}

export class Finder {
  private readonly parts: FinderParts

  constructor(parts: FinderParts) {
    this.parts = parts
  }

  /** What is wrong with one thing that a text names. `faster`: what to write instead of a big file's TFTP. `asks`: how many URLs of other servers may still be asked for. */
  async lookFor(
    { what, written, at, endings = [], endingsOf, folders }: Reference,
    faster: string,
    variables: Variables,
    asks: { left: number },
  ): Promise<readonly Said[]> {
    if (written.includes(unknown)) return []
    const place = 'url' in at ? this.ownPlace(at.url) : at
    if (place === 'nobody knows') return []
    if (place === undefined) return 'url' in at ? await askFor(at.url, what, asks) : []
    const { found, ending } = await this.find(place.via, place.path, endings, folders)
    const shown = `${what} ${'url' in at ? at.url.replace(standIn, '${server}') : place.path}`
    switch (found.kind) {
      case 'folder':
        // Installers are given the folder of a mirror or of a seed.
        return what === 'the URL' ? [] : [{ level: 'fault', text: `${shown} is a folder` }]
      case 'missing':
        return [
          {
            level: 'fault',
            text: `${shown} ${found.why}${found.why === absent ? await this.hint(place.via, place.path) : ''}`,
          },
        ]
      case 'template':
        return await readTemplate(found, variables)
      case 'file': {
        if (ending !== undefined && endingsOf !== undefined) {
          const text = `${shown} is not there: ${endingsOf} alone takes ${place.path}${ending} for it`
          return [{ level: 'warning', text }]
        }
        // What else is named may well be empty, as the meta-data of cloud-init is.
        if (found.size === 0 && /^the (?:kernel|initrd)$/.test(what)) {
          return [{ level: 'warning', text: `${shown} is empty: was its download cut off?` }]
        }
        if (place.via === 'http' || found.size === undefined || found.size <= bigForTftp) return []
        const size = Math.round(found.size / 1024 / 1024)
        return [{ level: 'warning', text: `${shown} has ${size} MB and goes by TFTP; ${faster}` }]
      }
    }
  }

  /** `ending`: what had to be put behind the path. */
  private async find(via: 'tftp' | 'http', path: string, endings: readonly string[], folders?: RegExp) {
    const roots = this.parts
    const found = await findAnswer(this.decided(via, path), roots)
    const above = folders === undefined || found.kind !== 'missing' ? [] : await this.foldersOf(folders)
    for (const folder of above) {
      const other = await findAnswer(this.decided(via, `${folder}/${path}`), roots)
      if (other.kind !== 'missing') return { found: other }
    }
    for (const ending of found.kind === 'missing' ? endings : []) {
      const other = await findAnswer(this.decided(via, path + ending), roots)
      if (other.kind !== 'missing') return { found: other, ending }
    }
    return { found }
  }

  private async foldersOf(called: RegExp): Promise<readonly string[]> {
    const { tftproot } = this.parts
    const names = tftproot === undefined ? [] : await readdir(tftproot).catch((): string[] => [])
    return names.filter((name) => called.test(name))
  }

  private decided(via: 'tftp' | 'http', path: string) {
    return decide(factsFor(via, path), this.parts.table, this.parts.site)
  }

  /** Where a URL leads; undefined: to another server. Our API's are no files. */
  private ownPlace(url: string): Place | 'nobody knows' | undefined {
    if (!URL.canParse(url)) return 'nobody knows'
    const { protocol, hostname: host, port, pathname } = new URL(url)
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    const own = [standIn, hostname(), ...this.parts.names, ...addresses.map(({ address }) => address)]
    if (!own.includes(host)) return undefined
    const path = decoded(pathname)
    if (protocol === 'tftp:') return { via: 'tftp', path }
    const isOurs = protocol === 'http:' && Number(port || 80) === this.parts.site.httpPort
    return isOurs ? { via: 'http', path } : 'nobody knows'
  }

  private async hint(via: 'tftp' | 'http', path: string): Promise<string> {
    const { httproot, tftproot } = this.parts
    const where = via === 'http' ? ' in httproot and tftproot' : ' in tftproot'
    for (const root of via === 'http' ? [httproot, tftproot] : [tftproot]) {
      const near = root === undefined ? undefined : await nearestPath(root, path)
      if (near !== undefined) return `${where}; did you mean ${near}?`
    }
    if (via === 'http') return where
    const overHttp = await findAnswer(this.decided('http', path), this.parts)
    return overHttp.kind === 'missing' ? where : `${where}, but in httproot, which only HTTP serves`
  }
}

type Place = { readonly via: 'tftp' | 'http'; readonly path: string }

type Said = { readonly level: Level; readonly text: string }

async function readTemplate(
  { path, size }: Extract<FileFound, { kind: 'template' }>,
  variables: Variables,
): Promise<readonly Said[]> {
  if (size > biggestTemplate) return [{ level: 'fault', text: `${path} is too big for a template` }]
  const text = await readFile(path, 'utf8').catch(() => '')
  const rendered = render(text, variables)
  return 'fault' in rendered ? [{ level: 'fault', text: `${path} ${rendered.fault}` }] : []
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** What to write where a big file goes by TFTP; `all`: in NAME.yml. */
export const fasterFor: Readonly<Record<Language | 'all', string>> = {
  rpi: 'its firmware knows nothing faster',
  pxelinux: 'lpxelinux.0 and iPXE fetch it over HTTP, several times faster',
  grub: '(http,${http_host})/… in a template fetches it over HTTP, several times faster',
  ipxe: '${http}/… in a template fetches it over HTTP, several times faster',
  all: 'with ${http}/… in front GRUB, iPXE and lpxelinux.0 fetch it over HTTP, several times faster',
}
