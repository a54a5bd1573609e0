// What distributions' packages bring of each loader: where its files lie, what its clients call them, what to install.

import { dirname, join } from 'node:path'
import type { Firmware } from '../model.ts'

export type Distribution = 'debian' | 'fedora' | 'arch' | 'alpine' | 'suse'

/** The package that brings a file, on each distribution that has one. */
export type Packages = Readonly<Partial<Record<Distribution, string>>>

/** Files that only work together: the name a client asks for -> where it lies. Paths are relative to the system's root. */
export type Kit = Readonly<Record<string, string>>

/** Where a kit has the loader itself, which goes by the name the settings give it. */
export const itself = '.'

/** The make whose bytes tell what a loader needs. */
export type Telling = 'pxelinux' | 'shim'

/** Loaders of one make and for one firmware, with all that their clients ask for beside them. */
export type Family = {
  readonly firmware: Firmware
  /** The names a bootloader of this family goes by, whatever folder the settings put it in. */
  readonly loader: RegExp
  /** In order: the first that is there whole wins. */
  readonly kits?: readonly Kit[]
  /** Where none of `kits` is there: what machines start as well, but not with Secure Boot. */
  readonly shimless?: readonly Kit[]
  /** Folders whose files keep their names, and which of them are served. */
  readonly folders?: readonly string[]
  readonly files?: RegExp
  /** Without it the loader stops. */
  readonly companion?: string
  /** The loader's own bytes say whether it needs one, and which. */
  readonly told?: Telling
  readonly loaderPackages: Packages
  readonly companionPackages?: Packages
  /** The processor of Debian's package, where it is there for that one only. */
  readonly debianArchitecture?: string
  /** Where its makers have it, for distributions without a package. */
  readonly origin?: string
  /** No package has the file ready: the command line that makes it. */
  readonly madeBy?: (file: string, tftproot: string) => string
}

const syslinuxElsewhere = { arch: 'syslinux', alpine: 'syslinux', suse: 'syslinux' }

// Read from the packages' file lists: Debian 12 (pxelinux, syslinux-efi and syslinux-common 6.04), Fedora, Arch, Alpine.
const syslinux: readonly Family[] = [
  {
    firmware: 'bios',
    loader: /^l?pxelinux\.0$/,
    files: /^(?:l?pxelinux\.0|memdisk|[^/]+\.c32)$/,
    companion: 'ldlinux.c32',
    told: 'pxelinux',
    folders: [
      'usr/lib/PXELINUX',
      'usr/lib/syslinux/modules/bios',
      'usr/lib/syslinux/bios',
      'usr/lib/syslinux',
      'usr/share/syslinux',
    ],
    loaderPackages: { debian: 'pxelinux', fedora: 'syslinux-nonlinux', ...syslinuxElsewhere },
    companionPackages: { debian: 'syslinux-common', fedora: 'syslinux-nonlinux', ...syslinuxElsewhere },
  },
  ...(['64', '32'] as const).map((bits): Family => ({
    firmware: bits === '64' ? 'uefi-x64' : 'uefi-ia32',
    loader: /^syslinux\.efi$/,
    files:
      bits === '64'
        ? /^(?:syslinux\.efi|ldlinux\.e64|[^/]+\.c32)$/
        : /^(?:syslinux\.efi|ldlinux\.e32|[^/]+\.c32)$/,
    companion: `ldlinux.e${bits}`,
    folders: [
      `usr/lib/SYSLINUX.EFI/efi${bits}`,
      `usr/lib/syslinux/modules/efi${bits}`,
      `usr/lib/syslinux/efi${bits}`,
      `usr/share/syslinux/efi${bits}`,
    ],
    loaderPackages: {
      debian: 'syslinux-efi',
      ...syslinuxElsewhere,
      ...(bits === '64' && { fedora: 'syslinux-efi64' }),
    },
    companionPackages: {
      debian: 'syslinux-common',
      ...syslinuxElsewhere,
      ...(bits === '64' && { fedora: 'syslinux-efi64' }),
    },
  })),
]

/** A processor as everyone who names GRUB's files spells it. */
type Processor = {
  readonly firmware: Firmware
  /** UEFI, in `bootx64.efi`. */
  readonly efi: string
  /** GRUB's own platform, and the folder of its modules. */
  readonly platform: string
  readonly debian: string
  /** Debian's name of the processor itself, where its packages of GRUB go by another. */
  readonly architecture?: string
  /** Debian signs this one. */
  readonly isSigned: boolean
}

const processors: readonly Processor[] = [
  { firmware: 'uefi-x64', efi: 'x64', platform: 'x86_64-efi', debian: 'amd64', isSigned: true },
  { firmware: 'uefi-arm64', efi: 'aa64', platform: 'arm64-efi', debian: 'arm64', isSigned: true },
  { firmware: 'uefi-ia32', efi: 'ia32', platform: 'i386-efi', debian: 'ia32', isSigned: false },
  {
    firmware: 'uefi-arm32',
    efi: 'arm',
    platform: 'arm-efi',
    debian: 'arm',
    architecture: 'armhf',
    isSigned: false,
  },
  { firmware: 'uefi-riscv64', efi: 'riscv64', platform: 'riscv64-efi', debian: 'riscv64', isSigned: false },
  {
    firmware: 'uefi-loongarch64',
    efi: 'loongarch64',
    platform: 'loongarch64-efi',
    debian: 'loong64',
    isSigned: false,
  },
]

/**
 * Shim asks for `grubx64.efi` beside itself. GRUB's build for the network has what it needs built in; Debian's other
 * `grubx64.efi` looks for its configuration on a disk. Fedora's is one for both.
 */
function grubOn({
  firmware,
  efi,
  platform,
  debian,
  isSigned,
  architecture = debian,
}: Processor): readonly Family[] {
  const signed = `usr/lib/grub/${platform}-signed/grubnet${efi}.efi.signed`
  const plain = `usr/lib/grub/${platform}/monolithic/grubnet${efi}.efi`
  const vendors = ['fedora', 'redhat', 'centos', 'rocky', 'almalinux'].map((name) => `boot/efi/EFI/${name}`)
  const second = `grub${efi}.efi`
  const helper = `mm${efi}.efi`
  const packages = isSigned ? `grub-efi-${debian}-signed` : `grub-efi-${debian}-bin`
  const foreign = debian === 'amd64' || debian === 'ia32' ? {} : { debianArchitecture: architecture }
  const alone: readonly Kit[] = [{ [itself]: signed }, { [itself]: plain }]
  const shimKits: readonly Kit[] = [
    {
      [itself]: `usr/lib/shim/shim${efi}.efi.signed`,
      [second]: signed,
      [helper]: `usr/lib/shim/mm${efi}.efi.signed`,
    },
    { [itself]: `usr/lib/shim/shim${efi}.efi.signed`, [second]: signed },
    ...vendors.map((folder) => ({ [itself]: `${folder}/shim${efi}.efi`, [second]: `${folder}/${second}` })),
    ...(efi === 'x64' || efi === 'aa64' ? [suseKit(efi)] : []),
  ]
  const fedora = `grub2-efi-${efi}`
  const shimPackages: Packages = {
    debian: isSigned ? `shim-signed ${packages}` : packages,
    fedora: `shim-${efi} ${fedora}`,
    suse: 'shim grub2',
  }
  return [
    {
      firmware,
      loader: new RegExp(`^(?:boot|shim)${efi}\\.efi$`),
      ...(isSigned ? { kits: shimKits, shimless: alone } : { kits: [...shimKits, ...alone] }),
      companion: second,
      told: 'shim',
      loaderPackages: shimPackages,
      companionPackages: shimPackages,
      ...foreign,
    },
    {
      firmware,
      loader: new RegExp(`^grub(?:net)?${efi}\\.efi$`),
      kits: [...alone, ...vendors.map((folder) => ({ [itself]: `${folder}/${second}` }))],
      loaderPackages: { debian: packages, fedora },
      ...foreign,
    },
  ]
}

function suseKit(efi: string): Kit {
  const folder = `usr/share/efi/${efi === 'x64' ? 'x86_64' : 'aarch64'}`
  return { [itself]: `${folder}/shim.efi`, 'grub.efi': `${folder}/grub.efi` }
}

/** It makes the folder of the platform itself, below `--subdir`. */
const mknetdir = (file: string, tftproot: string): string =>
  `grub-mknetdir --net-directory=${tftproot} --subdir=${join('/', dirname(dirname(file)))}`

const otherGrub: readonly Family[] = [
  {
    firmware: 'bios',
    loader: /^core\.0$/,
    loaderPackages: { debian: 'grub-common grub-pc-bin', fedora: 'grub2-tools-extra grub2-pc-modules' },
    madeBy: mknetdir,
  },
  {
    firmware: 'ppc',
    loader: /^core\.elf$/,
    loaderPackages: {
      debian: 'grub-common grub-ieee1275-bin',
      fedora: 'grub2-tools-extra grub2-ppc64le-modules',
    },
    debianArchitecture: 'ppc64el',
    madeBy: mknetdir,
  },
  ...processors.map(({ firmware, debian, efi }): Family => ({
    firmware,
    loader: /^core\.efi$/,
    loaderPackages: {
      debian: `grub-common grub-efi-${debian}-bin`,
      fedora: `grub2-tools-extra grub2-efi-${efi}-modules`,
    },
    madeBy: mknetdir,
  })),
]

const ipxePackages: Packages = {
  debian: 'ipxe',
  fedora: 'ipxe-bootimgs-x86',
  arch: 'ipxe',
  suse: 'ipxe-bootimgs',
}

const ipxeFolders = ['usr/lib/ipxe', 'usr/share/ipxe', 'boot']

/** The one binary under each of the names that distributions gave it. */
const named = (...paths: readonly string[]): readonly Kit[] =>
  paths.flatMap((path) => ipxeFolders.map((folder) => ({ [itself]: `${folder}/${path}` })))

const ipxe: readonly Family[] = [
  {
    firmware: 'bios',
    loader: /^(?:undionly|ipxe)\.(?:k?kpxe|pxe)$/,
    folders: ipxeFolders.slice(0, 2),
    files: /^(?:undionly\.k?kpxe|ipxe\.(?:pxe|lkrn))$/,
    loaderPackages: ipxePackages,
  },
  {
    firmware: 'uefi-x64',
    loader: /^snponly\.efi$/,
    kits: named('snponly.efi', 'ipxe-snponly-x86_64.efi', 'x86_64/snponly.efi', 'snponly-x86_64.efi'),
    loaderPackages: ipxePackages,
  },
  {
    firmware: 'uefi-x64',
    loader: /^ipxe\.efi$/,
    kits: named('ipxe.efi', 'ipxe-x86_64.efi', 'x86_64/ipxe.efi'),
    loaderPackages: ipxePackages,
  },
  {
    firmware: 'uefi-arm64',
    loader: /^(?:ipxe|snponly)-arm64\.efi$/,
    kits: named(
      'snponly-arm64.efi',
      'ipxe-arm64.efi',
      'arm64-efi/snponly.efi',
      'arm64-efi/ipxe.efi',
      'arm64/snponly.efi',
    ),
    loaderPackages: { fedora: 'ipxe-bootimgs-aarch64', suse: 'ipxe-bootimgs' },
    origin: 'https://boot.ipxe.org/arm64-efi/ipxe.efi',
  },
  {
    firmware: 'uefi-ia32',
    loader: /^(?:ipxe|snponly)-i386\.efi$/,
    kits: named('ipxe-snponly-i386.efi', 'ipxe-i386.efi', 'i386/ipxe.efi'),
    loaderPackages: { fedora: 'ipxe-bootimgs-x86', arch: 'ipxe' },
    origin: 'https://boot.ipxe.org/i386-efi/ipxe.efi',
  },
]

export const families: readonly Family[] = [...syslinux, ...processors.flatMap(grubOn), ...otherGrub, ...ipxe]

/** Folders of GRUB's modules: where a package puts each, and every name its builds ask for it under. */
export const moduleFolders: readonly { readonly folder: string; readonly asked: readonly string[] }[] = [
  ...processors,
  { platform: 'i386-pc', debian: 'amd64' },
  { platform: 'powerpc-ieee1275', debian: 'ppc64el' },
].map(({ platform, debian }) => ({
  folder: `usr/lib/grub/${platform}`,
  asked: ['grub', 'boot/grub', `debian-installer/${debian}/grub`].map((prefix) => `${prefix}/${platform}`),
}))

/** How each distribution installs a package. */
export const installs: Readonly<Record<Distribution, string>> = {
  debian: 'apt-get install',
  fedora: 'dnf install',
  arch: 'pacman -S',
  alpine: 'apk add',
  suse: 'zypper install',
}
