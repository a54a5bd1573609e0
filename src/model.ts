// The nouns: machines, what they boot, and the addresses they hold. Checked at the edge, trusted inside.

import type { Ipv4 } from './net/ipv4.ts'
import type { Mac } from './net/mac.ts'
import type { PowerSettings } from './settings/schema.ts'

/** Every firmware a setting may name. */
export const firmwares = [
  'bios',
  'uefi-ia32',
  'uefi-x64',
  'uefi-arm32',
  'uefi-arm64',
  'uefi-riscv64',
  'uefi-loongarch64',
  'http-bios',
  'http-ia32',
  'http-x64',
  'http-arm32',
  'http-arm64',
  'http-riscv64',
  'http-loongarch64',
  'uboot-arm32',
  'uboot-arm64',
  'ppc',
  'opal',
  'rpi',
] as const

/**
 * What runs a machine before any loader. `http-*` fetches its loader by URL (UEFI HTTP boot). `uboot-*`, `opal`
 * (Petitboot) and `rpi` fetch no loader at all: they read a configuration themselves.
 */
export type Firmware = (typeof firmwares)[number]

export const languages = ['pxelinux', 'grub', 'ipxe', 'rpi'] as const

/**
 * The language a loader's configuration is written in. PXELINUX, every SYSLINUX variant, U-Boot and Petitboot share
 * one; `rpi` is the config.txt of a Raspberry Pi.
 */
export type Language = (typeof languages)[number]

/** A first program a machine can be sent, what it runs on, and the language of its configurations. */
export type Bootloader = {
  /** Names the folder of its configurations: conf/<name>/. */
  readonly name: string
  /** What DHCP offers, relative to tftproot. */
  readonly file: string
  /** Where this build looks for its configuration, beside the names all of its kind ask for. */
  readonly configPath: string
  readonly language: Language
  readonly firmwares: readonly Firmware[]
  /** The machine has it in its firmware: no file of that name is needed. */
  readonly resident?: true | undefined
  /** Of the built-in list, and needed by few: that it is missing is told when a machine wants it. */
  readonly quiet?: true | undefined
}

/** How a host leaves the network for its disk: by its loader's own means, or by getting no boot offer. */
export type LocalMethod = 'auto' | 'withhold'

/** A DHCP option as it goes on the wire (RFC 2132 2). */
export type DhcpOption = { readonly code: number; readonly bytes: Uint8Array }

export type Host = {
  readonly name: string
  /** The first is the primary one. Empty only in settings files of the original. */
  readonly macs: readonly Mac[]
  /** `settings`: declared in pxe-pilot.yml; `added`: by the API; `registered`: by a deploy to a MAC nobody declared. */
  readonly origin: 'settings' | 'added' | 'registered'
  /** Its reserved address. */
  readonly ip?: Ipv4 | undefined
  readonly locked: boolean
  /** Overrides what option 93 says. */
  readonly firmware?: Firmware | undefined
  readonly localMethod?: LocalMethod | undefined
  readonly vars: Readonly<Record<string, string>>
  /** What its DHCP answers carry beside, or instead of, its subnet's. Only those of the settings have any. */
  readonly options: readonly DhcpOption[]
  /** How it is switched, as the settings write it. Its secrets leave the process by no way but the switching. */
  readonly power?: PowerSettings | undefined
}

/** What a change did to one host: what was before, and what came of it. */
export type HostChange = {
  readonly host: string
  /** What it boots; null: nothing is deployed to it. Left out: as it was. */
  readonly configuration?: { readonly before: string | null; readonly after: string | null }
  /** The host itself; null: there is none. Left out: as it was. */
  readonly record?: { readonly before: Host | null; readonly after: Host | null }
}

export type AuditAction =
  | 'deploy'
  | 'undeploy'
  | 'add'
  | 'change'
  | 'remove'
  | 'adopt'
  | 'undo'
  | 'hold'
  | 'release'
  | 'import'
  | 'install-loaders'
  | 'release-lease'
  | 'settings'

/** One change that somebody made. */
export type AuditEntry = {
  /** Counted from 1. */
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly action: AuditAction
  /** The name of the caller's token; empty without one. */
  readonly by: string
  /** The caller's address; empty where it was ourselves. */
  readonly from: string
  readonly changes: readonly HostChange[]
  /** The entry that this one took back. */
  readonly undoes?: number
  /** Of a hold: what its caller said. */
  readonly reason?: string
  /** The one that was ended by hand; `host`: whose it was, empty for a machine that nobody declared. */
  readonly lease?: Pick<Lease, 'ip' | 'mac'> & { readonly host: string }
}

/** Everything boots local until somebody releases it. */
export type Hold = {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly by: string
  readonly from: string
  readonly reason: string
}

/** What a kernel is built for. BIOS and 64-bit UEFI machines are both `x64`. */
export const processors = ['x64', 'ia32', 'arm64', 'arm32', 'riscv64', 'loongarch64', 'ppc'] as const

export type Processor = (typeof processors)[number]

/** One value for each processor named, and one for every other. */
export type Each<T> = { readonly [name in Processor | 'every']?: T | undefined }

/** A value of NAME.yml, its variables not filled in, and its line there. */
export type Said = { readonly text: string; readonly line: number }

/** One text for all loaders. Paths are below tftproot, or URLs. */
export type OneText = {
  readonly kernel: Each<Said>
  readonly initrds: Each<readonly Said[]>
  readonly arguments: Each<readonly Said[]>
}

/** One file of a configuration, in one loader's language. */
export type Form = {
  /** The folder it lies in under conf/; undefined for a flat file. */
  readonly folder?: string | undefined
  readonly language: Language
  /** The file, relative to the configuration directory, for people. */
  readonly file: string
  readonly text: string
  /** How `text` stands for the file's bytes where that is not UTF-8: a character is a byte. Served byte for byte. */
  readonly encoding?: 'latin1' | undefined
  /** From a NAME.tmpl or a NAME.yml: variables are filled in when it is served. */
  readonly template: boolean
  /** Its kernel or an initrd is a URL, which plain PXELINUX cannot fetch. */
  readonly byUrl?: true | undefined
  /** What is written out for each machine that asks, instead of `text`, which only names the same files (NAME.yml). */
  readonly oneText?: OneText | undefined
  /** What the admin wrote, where `text` was made of it (NAME.yml). */
  readonly written?: string | undefined
}

/** What a machine boots; several forms where it was written for several loaders. */
export type Configuration = { readonly name: string; readonly forms: readonly Form[] }

/** An address given to a client, or one that a client declined (RFC 2131 4.3.3). Times are milliseconds since 1970. */
export type Lease = {
  readonly ip: Ipv4
  readonly mac: Mac
  /** Option 61 as sent, in hexadecimal. */
  readonly clientId?: string | undefined
  readonly hostname?: string | undefined
  readonly state: 'bound' | 'released' | 'declined'
  readonly since: number
  /** A declined address returns to the pool, a bound lease ends, at this time. */
  readonly expires: number
}
