// One text for all loaders: kernel, initrds and arguments, written out in each loader's language as a template.

import type { Language } from '../model.ts'

/** What a kernel is built for. BIOS and 64-bit UEFI machines are both `x64`. */
export const architectures = ['x64', 'ia32', 'arm64', 'arm32', 'riscv64', 'loongarch64', 'ppc'] as const

export type Architecture = (typeof architectures)[number]

/** One value for each architecture named, and one for every other. */
export type Each<T> = { readonly [name in Architecture | 'every']?: T | undefined }

/** Paths are below tftproot, or URLs. */
export type OneText = {
  readonly kernel: Each<string>
  readonly initrds: Each<readonly string[]>
  readonly arguments: Each<string>
}

type Boot = { readonly kernel: string; readonly initrds: readonly string[]; readonly arguments: string }

/** The template for loaders of `language`, or undefined where none of its machines has a kernel. */
export function oneText(text: OneText, language: Language, name: string): string | undefined {
  const shown = /^[\w.+-]+$/.test(name) ? name : 'this configuration'
  switch (language) {
    case 'pxelinux':
      return pxelinux(text)
    case 'grub':
      return grub(text, shown)
    case 'ipxe':
      return ipxe(text, shown)
    case 'rpi':
      return undefined
  }
}

/** Undefined: no kernel for it. */
function bootOf(text: OneText, architecture: Architecture): Boot | undefined {
  const kernel = valueOf(text.kernel, architecture)
  if (kernel === undefined) return undefined
  const initrds = valueOf(text.initrds, architecture) ?? []
  return { kernel, initrds, arguments: valueOf(text.arguments, architecture) ?? '' }
}

function valueOf<T>(each: Each<T>, architecture: Architecture): T | undefined {
  return each[architecture] ?? each.every
}

/** What machines of several architectures are told apart by; undefined where all boot the same. */
function bootsOf(text: OneText): ReadonlyMap<Architecture, Boot> | undefined {
  const all: readonly Each<unknown>[] = [text.kernel, text.initrds, text.arguments]
  const named = architectures.some((architecture) => all.some((each) => each[architecture] !== undefined))
  if (!named) return undefined
  const boots = architectures.map((architecture) => [architecture, bootOf(text, architecture)] as const)
  return new Map(boots.flatMap(([architecture, boot]) => (boot === undefined ? [] : [[architecture, boot]])))
}

/**
 * PXELINUX and SYSLINUX run on x86 alone, and tell 32 and 64 bits apart by their module ifcpu64.c32. The firmware of
 * other machines (U-Boot, Petitboot) reads the same language, but does not say in the request what it is.
 */
function pxelinux(text: OneText): string | undefined {
  const [x64, ia32] = [bootOf(text, 'x64'), bootOf(text, 'ia32')]
  const head = ['PROMPT 0', 'TIMEOUT 0']
  if (x64 !== undefined && ia32 !== undefined && bootsOf(text) !== undefined) {
    const choose = ['LABEL choose', '  COM32 ifcpu64.c32', '  APPEND x64 -- ia32']
    return lines(['DEFAULT choose', ...head, ...choose, ...label('x64', x64), ...label('ia32', ia32)])
  }
  const boot = x64 ?? ia32 ?? bootOf(text, 'arm64') ?? bootsOf(text)?.values().next().value
  return boot && lines(['DEFAULT linux', ...head, ...label('linux', boot)])
}

function label(name: string, boot: Boot): readonly string[] {
  const initrds = boot.initrds.map(rooted).join(',')
  return [
    `LABEL ${name}`,
    `  LINUX ${rooted(boot.kernel)}`,
    ...(initrds === '' ? [] : [`  INITRD ${initrds}`]),
    ...(boot.arguments === '' ? [] : [`  APPEND ${boot.arguments}`]),
  ]
}

/** On BIOS `grub_cpu` is i386 whatever the processor is. */
const grubArchitecture = [
  'set arch=$grub_cpu',
  'if [ "$grub_cpu" = x86_64 ]; then set arch=x64; fi',
  'if [ "$grub_cpu" = i386 ]; then set arch=ia32; fi',
  'if [ "$grub_platform" = pc ]; then if cpuid -l; then set arch=x64; fi; fi',
  'if [ "$grub_cpu" = arm ]; then set arch=arm32; fi',
  'if [ "$grub_cpu" = powerpc ]; then set arch=ppc; fi',
]

function grub(text: OneText, name: string): string {
  const boots = bootsOf(text)
  const body =
    boots === undefined ? grubLines(bootOf(text, 'x64')) : [...grubArchitecture, ...grubChoice(boots, name)]
  return lines(['set timeout=0', `menuentry '${name}' {`, ...body.map((line) => `  ${line}`), '}'])
}

function grubChoice(boots: ReadonlyMap<Architecture, Boot>, name: string): readonly string[] {
  const branches = [...boots].flatMap(([architecture, boot], index) => [
    `${index === 0 ? 'if' : 'elif'} [ "$arch" = ${architecture} ]; then`,
    ...grubLines(boot).map((line) => `  ${line}`),
  ])
  return [...branches, 'else', `  echo '${name} has no kernel for' "$arch"`, '  sleep 30', '  exit 1', 'fi']
}

function grubLines(boot: Boot | undefined): readonly string[] {
  if (boot === undefined) return []
  const words = wordsOf(boot.arguments).map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`)
  const initrds = boot.initrds.map(grubPath)
  return [
    ['linux', grubPath(boot.kernel), ...words].join(' '),
    ...(initrds.length === 0 ? [] : [['initrd', ...initrds].join(' ')]),
  ]
}

/** GRUB names a server as a device: `http://10.77.0.1/x` is `(http,10.77.0.1)/x`. */
function grubPath(path: string): string {
  const url = /^(?:(http|tftp):\/\/([^/]+)|\$\{(http)\})(\/.*)$/.exec(path)
  if (url === null) return rooted(path)
  const [, protocol, server, ours, rest] = url
  return ours === undefined ? `(${protocol},${server})${rest}` : `(http,\${http_host})${rest}`
}

/** As the kernel splits its command line: at spaces outside of double quotes, which GRUB puts there again. */
function wordsOf(text: string): readonly string[] {
  return (text.match(/(?:[^\s"]|"[^"]*")+/g) ?? []).map((word) => word.replaceAll('"', ''))
}

function ipxe(text: OneText, name: string): string {
  const boots = bootsOf(text)
  const every = boots === undefined ? bootOf(text, 'x64') : undefined
  const body = boots === undefined ? ipxeLines(every) : ipxeChoice(boots, name)
  return lines(['#!ipxe', ...body])
}

/** BIOS builds of iPXE are i386; cpuid is not in every build, and counts as no where it is not. */
function ipxeChoice(boots: ReadonlyMap<Architecture, Boot>, name: string): readonly string[] {
  const bios = boots.has('ia32')
    ? 'iseq $${platform} pcbios && cpuid --ext 29 && set arch x64 ||'
    : 'iseq $${platform} pcbios && set arch x64 ||'
  return [
    'set arch $${buildarch}',
    'iseq $${buildarch} x86_64 && set arch x64 ||',
    'iseq $${buildarch} i386 && set arch ia32 ||',
    'iseq $${buildarch} loong64 && set arch loongarch64 ||',
    bios,
    'goto $${arch} ||',
    `echo ${name} has no kernel for $\${arch}`,
    'sleep 30',
    'exit 1',
    ...[...boots].flatMap(([architecture, boot]) => [`:${architecture}`, ...ipxeLines(boot)]),
  ]
}

/** A kernel that UEFI starts finds its initrds by their names; a BIOS one is handed them, and ignores the words. */
function ipxeLines(boot: Boot | undefined): readonly string[] {
  if (boot === undefined) return []
  const names = boot.initrds.map((_, index) => `initrd${index}`)
  const words = [...names.map((name) => `initrd=${name}`), boot.arguments].filter((word) => word !== '')
  return [
    ['kernel', rooted(boot.kernel), ...words].join(' '),
    ...boot.initrds.map((path, index) => `initrd --name ${names[index]} ${rooted(path)}`),
    'boot',
  ]
}

/** From the root of the server, wherever the loader looks from; a URL, or a variable that begins with one, as it is. */
function rooted(path: string): string {
  return /^(?:[a-z]+:\/\/|\$\{|\/)/.test(path) ? path : `/${path}`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
