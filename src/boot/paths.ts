// What a requested path asks for: a per-host configuration under one of the names loaders use, or a plain file.

import type { Bootloader, Language } from '../model.ts'
import { ipv4, type Ipv4 } from '../net/ipv4.ts'
import { parseMac, type Mac } from '../net/mac.ts'

/** How a per-host name says which machine it means; `default`: by the address it is asked from. */
export type Key =
  | { readonly by: 'mac'; readonly mac: Mac }
  | { readonly by: 'ip'; readonly ip: Ipv4 }
  | { readonly by: 'ip-prefix'; readonly digits: string }
  | { readonly by: 'uuid'; readonly uuid: string }
  | { readonly by: 'default' }

export type Ask =
  | {
      readonly kind: 'menu'
      readonly language: Language
      readonly key: Key
      readonly path: string
      /** Its client goes on well without, so that only a text written for it is an answer. */
      readonly isOptional?: true | undefined
      /** Asked before the name with its MAC: an answer keeps its client from saying who it is. */
      readonly isEarly?: true | undefined
    }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'refused'; readonly because: string }

/** A request for a per-host name. */
export type Menu = Extract<Ask, { kind: 'menu' }>

/** Longer names come from no loader; the limit of path names on Linux. */
const longestPath = 4096

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Spelled otherwise than its file, or with a dot in front. Nearly none is. */
const crooked = /\\|(?:^|\/)[./]|\/$/

/** What all the names of `keyed` and `shared` have in common: no other file is held against each of them. */
const mayBeMenu = /cfg|conf|ipxe/

const none: readonly Bootloader[] = []

type Name = {
  readonly language: Language
  readonly name: RegExp
  readonly isOptional?: true
  readonly isEarly?: true
}

// The names each loader builds (PXELINUX: syslinux core/fs/pxe/pxe.c; GRUB: grub-core/normal/main.c
// grub_try_normal_prefix; U-Boot: cmd/pxe.c; the ipxe.cfg names are ours). A folder before them is the loader's own.
// All ask by UUID first, then by MAC, by address and its beginnings, and for `default` last.
const keyed: readonly Name[] = [
  { language: 'pxelinux', name: /(?:^|\/)pxelinux\.cfg\/([^/]+)$/ },
  { language: 'grub', name: /(?:^|\/)grub\.cfg-([^/]+)$/ },
  { language: 'ipxe', name: /(?:^|\/)ipxe\.cfg\/([^/]+)$/ },
]

// Names without a machine in them. GRUB's builds look below the prefix they were made with: Debian's for the network,
// that of its installer, grub-mknetdir's; Red Hat's beside itself. A Raspberry Pi puts its serial number or MAC before.
const shared: readonly Name[] = [
  { language: 'pxelinux', name: /^(?:extlinux|petitboot)\.conf$/ },
  { language: 'grub', name: /^(?:(?:(?:boot|debian-installer\/[\w-]+)\/)?grub\/|EFI\/[\w-]+\/)?grub\.cfg$/ },
  { language: 'ipxe', name: /^autoexec\.ipxe$/, isOptional: true, isEarly: true },
  {
    language: 'rpi',
    name: /^(?:[0-9a-f]{8}\/|(?:[0-9a-f]{2}-){5}[0-9a-f]{2}\/)?config\.txt$/,
    isOptional: true,
  },
]

/**
 * Reads a path as a client spelled it. A leading slash, `//`, `/./` and backslashes are only spellings
 * (Windows and PXE ROMs, syslinux.efi's `efi64//vmlinuz`); NUL and `..` are refused.
 */
export function readPath(raw: string, bootloaders: readonly Bootloader[] = none): Ask {
  if (raw.includes('\0')) return { kind: 'refused', because: 'the name holds a NUL' }
  if (raw.length > longestPath) return { kind: 'refused', because: 'the name is too long' }
  let path = raw.startsWith('/') ? raw.slice(1) : raw
  if (crooked.test(path)) {
    const parts = raw.split(/[/\\]/).filter((part) => part !== '' && part !== '.')
    if (parts.includes('..')) return { kind: 'refused', because: 'the name climbs out with ".."' }
    path = parts.join('/')
    if (hasHiddenName(path)) return { kind: 'refused', because: 'names with a dot in front are not served' }
  }
  const own = ownNamesOf(bootloaders).get(path)
  if (own === undefined && !mayBeMenu.test(path)) return { kind: 'file', path }
  for (const { language, name } of keyed) {
    const key = readKey(name.exec(path)?.[1])
    if (key !== undefined)
      return { kind: 'menu', language, key, path, ...(key.by === 'uuid' && { isEarly: true }) }
  }
  if (own !== undefined) {
    // A PXELINUX with a name built in asks for that first, and then for all its others; other loaders for no more.
    const early = own === 'pxelinux' && { isEarly: true as const }
    return { kind: 'menu', language: own, key: { by: 'default' }, path, ...early }
  }
  for (const { language, name, isOptional, isEarly } of shared) {
    if (!name.test(path)) continue
    const mac = parseMac(path.slice(0, Math.max(0, path.indexOf('/'))))
    const key: Key = mac === undefined ? { by: 'default' } : { by: 'mac', mac }
    return {
      kind: 'menu',
      language,
      key,
      path,
      ...(isOptional && { isOptional }),
      ...(isEarly && { isEarly }),
    }
  }
  return { kind: 'file', path }
}

const ownNames = new WeakMap<readonly Bootloader[], ReadonlyMap<string, Language>>()

/** What the settings say of a build, as a file or as the folder of one; and beside a GRUB its `grub.cfg`. Made once. */
function ownNamesOf(bootloaders: readonly Bootloader[]): ReadonlyMap<string, Language> {
  const known = ownNames.get(bootloaders)
  if (known !== undefined) return known
  const names = new Map<string, Language>()
  const add = (name: string, language: Language) => names.has(name) || names.set(name, language)
  for (const { configPath, file, language } of bootloaders) {
    const said = configPath.replace(/^\/+|\/+$/g, '')
    if (said !== '') add(said, language)
    if (language !== 'grub') continue
    if (said !== '') add(`${said}/grub.cfg`, language)
    add(`${file.slice(0, file.lastIndexOf('/') + 1)}grub.cfg`, language)
  }
  ownNames.set(bootloaders, names)
  return names
}

/** Names with a dot in front are an admin's own (.git, .htpasswd), but for those that installers ask a mirror for. */
const openDotNames: ReadonlySet<string> = new Set(['.treeinfo', '.discinfo', '.disk'])

export function hasHiddenName(path: string): boolean {
  // Nearly none has one, and every request is looked at.
  return (
    /(?:^|[/\\])\.[^./\\]/.test(path) &&
    path.split(/[/\\]/).some((part) => /^\.[^.]/.test(part) && !openDotNames.has(part))
  )
}

function readKey(text: string | undefined): Key | undefined {
  if (text === undefined) return undefined
  // U-Boot asks for default-arm-bcm283x-rpi, default-arm-bcm283x and default-arm before.
  if (/^default(?:-[\w-]+)?$/.test(text)) return { by: 'default' }
  // The first octet is the hardware type of RFC 1700; 01 is Ethernet, and every firmware here sends it.
  const mac = parseMac(text.replace(/^01[-:](?=.{17}$)/, ''))
  if (mac !== undefined) return { by: 'mac', mac }
  if (/^[0-9A-F]{8}$/i.test(text)) return { by: 'ip', ip: ipv4(Number.parseInt(text, 16)) }
  if (/^[0-9A-F]{1,7}$/i.test(text)) return { by: 'ip-prefix', digits: text.toUpperCase() }
  const lower = text.toLowerCase()
  return uuid.test(lower) ? { by: 'uuid', uuid: lower } : undefined
}
