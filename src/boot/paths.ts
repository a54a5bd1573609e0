// What a requested path asks for: a per-host configuration under one of the names loaders use, or a plain file.

import type { Language } from '../model.ts'
import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import { parseMac, type Mac } from '../net/mac.ts'

/** How a per-host name says which machine it means. */
export type Key =
  | { readonly by: 'mac'; readonly mac: Mac }
  | { readonly by: 'ip'; readonly ip: Ipv4 }
  | { readonly by: 'ip-prefix'; readonly digits: string }
  | { readonly by: 'uuid'; readonly uuid: string }
  | { readonly by: 'default' }

export type Ask =
  | { readonly kind: 'menu'; readonly language: Language; readonly key: Key; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'refused'; readonly because: string }

/** Longer names come from no loader; the limit of path names on Linux. */
const longestPath = 4096

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

// The names each loader builds (PXELINUX: syslinux core/fs/pxe/pxe.c; GRUB: grub-core/normal/main.c
// grub_try_normal_prefix; the ipxe.cfg names are ours). A folder before them is the loader's own.
const menus: readonly { readonly language: Language; readonly name: RegExp }[] = [
  { language: 'pxelinux', name: /(?:^|\/)pxelinux\.cfg\/([^/]+)$/ },
  { language: 'grub', name: /(?:^|\/)grub\.cfg-([^/]+)$/ },
  { language: 'ipxe', name: /(?:^|\/)ipxe\.cfg\/([^/]+)$/ },
]

/**
 * Reads a path as a client spelled it. A leading slash, `//`, `/./` and backslashes are only spellings
 * (clients.md: Windows and PXE ROMs, syslinux.efi's `efi64//vmlinuz`); NUL and `..` are refused.
 */
export function readPath(raw: string): Ask {
  if (raw.includes('\0')) return { kind: 'refused', because: 'the name holds a NUL' }
  if (raw.length > longestPath) return { kind: 'refused', because: 'the name is too long' }
  const parts = raw.split(/[/\\]/).filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) return { kind: 'refused', because: 'the name climbs out with ".."' }
  const path = parts.join('/')
  if (hasHiddenName(path)) return { kind: 'refused', because: 'names with a dot in front are not served' }
  for (const { language, name } of menus) {
    const key = readKey(name.exec(path)?.[1])
    if (key !== undefined) return { kind: 'menu', language, key, path }
  }
  return { kind: 'file', path }
}

/** Names with a dot in front are an admin's own (.git, .htpasswd), but for those that installers ask a mirror for. */
const openDotNames: ReadonlySet<string> = new Set(['.treeinfo', '.discinfo', '.disk'])

export function hasHiddenName(path: string): boolean {
  return path.split(/[/\\]/).some((part) => /^\.[^.]/.test(part) && !openDotNames.has(part))
}

function readKey(text: string | undefined): Key | undefined {
  if (text === undefined) return undefined
  if (text === 'default') return { by: 'default' }
  // The first octet is the hardware type of RFC 1700; 01 is Ethernet, and every firmware here sends it.
  const mac = /^01[-:]/.test(text) ? parseMac(text.slice(3)) : undefined
  if (mac !== undefined) return { by: 'mac', mac }
  if (/^[0-9A-F]{8}$/i.test(text)) return { by: 'ip', ip: ipv4(Number.parseInt(text, 16)) }
  if (/^[0-9A-F]{1,7}$/i.test(text)) return { by: 'ip-prefix', digits: text.toUpperCase() }
  const lower = text.toLowerCase()
  return uuid.test(lower) ? { by: 'uuid', uuid: lower } : undefined
}
