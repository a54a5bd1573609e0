// One text for all loaders: kernel, initrds and arguments, written out in each loader's language for one machine.

import { processors, type Each, type Language, type OneText, type Processor, type Said } from '../model.ts'
import { masked } from '../settings/secrets.ts'
import { grubToDisk, ipxeToDisk, isPlainValue, render, type Rendered, type Variables } from './render.ts'

/** Whom a text is written for. */
export type Reader = {
  /** The configuration's. */
  readonly name: string
  readonly variables: Variables
  /** The host's name, where they are a host's. */
  readonly host?: string | undefined
  /** What kernels it can start; left out where nobody knows. */
  readonly processors?: readonly Processor[] | undefined
}

/** With the variables filled in. */
type Filled = {
  readonly kernel: Each<string>
  readonly initrds: Each<readonly string[]>
  readonly arguments: Each<string>
}

type Boot = { readonly kernel: string; readonly initrds: readonly string[]; readonly arguments: string }

/** Whether one of these processors has a kernel. */
export function hasKernel(text: OneText, among: readonly Processor[]): boolean {
  return among.some((processor) => valueOf(text.kernel, processor) !== undefined)
}

/** In `language`, or the first fault with its line. What a variable brings is held against the rules of the file. */
export function oneText(text: OneText, language: Language, reader: Reader): Rendered {
  const filled = fill(text, language, reader)
  if ('fault' in filled) return filled
  const shown = /^[\w.+-]+$/.test(reader.name) ? reader.name : 'this configuration'
  switch (language) {
    case 'pxelinux':
      return { text: pxelinux(filled, reader.processors ?? processors) }
    case 'grub':
      return { text: grub(filled, shown) }
    case 'ipxe':
      return { text: ipxe(filled, shown) }
    case 'rpi':
      return { text: '' }
  }
}

/** What a loader would take for the end of a path, or for a command of its own, is no path; undefined: it is one. */
export function pathFault(path: string): string | undefined {
  if (!/^[^\s,'"\\;&|<>(){}#$]+$/.test(path))
    return 'must be a path without spaces, quotes, commas, brackets or "$"'
  return path.split('/').includes('..') ? 'must not climb with ".."' : undefined
}

/** What is wrong with a kernel's arguments. */
export function argumentsFault(line: string): string | undefined {
  if (!isPlainValue(line))
    return 'must not hold line breaks or control characters; ">-" in front folds several lines'
  if (line.split('"').length % 2 === 0) return 'must close its double quotes'
  return /(?:^|\s)(?:&&|\|\||;|#\S*)(?=\s|$)/.test(line)
    ? 'must not hold && || ; or a word that begins with "#", which loaders would obey'
    : undefined
}

function fill(
  { kernel, initrds, arguments: words }: OneText,
  language: Language,
  { variables, host }: Reader,
): Filled | { readonly fault: string } {
  let fault: string | undefined
  const using = (check: (text: string) => string | undefined) => (said: Said) => {
    const rendered = render(said.text, variables, host)
    if ('fault' in rendered) {
      fault ??= rendered.fault.replace(/^line \d+/, `line ${said.line}`)
      return ''
    }
    const { text } = rendered
    // iPXE has no way to write these two characters.
    const wrong =
      check(text) ?? (language === 'ipxe' && text.includes('${') ? 'must not hold "${"' : undefined)
    if (wrong !== undefined) {
      const shown = render(said.text, masked(variables), host)
      fault ??= `line ${said.line}: ${JSON.stringify('text' in shown ? shown.text : said.text)} ${wrong}`
    }
    return text
  }
  const path = using(pathFault)
  const argument = using(argumentsFault)
  const filled = {
    kernel: mapEach(kernel, (said) => path(said)),
    initrds: mapEach(initrds, (all) => all.map(path)),
    arguments: mapEach(words, (all) => all.map(argument).join(' ').trim()),
  }
  return fault === undefined ? filled : { fault }
}

export function mapEach<T, U>(each: Each<T>, by: (value: T, processor: string) => U): Each<U> {
  const entries: readonly (readonly [string, T | undefined])[] = Object.entries(each)
  return Object.fromEntries(
    entries.flatMap(([processor, value]) =>
      value === undefined ? [] : [[processor, by(value, processor)] as const],
    ),
  )
}

/** Undefined: no kernel for it. */
function bootOf(text: Filled, processor: Processor): Boot | undefined {
  const kernel = valueOf(text.kernel, processor)
  if (kernel === undefined) return undefined
  const initrds = valueOf(text.initrds, processor) ?? []
  return { kernel, initrds, arguments: valueOf(text.arguments, processor) ?? '' }
}

function valueOf<T>(each: Each<T>, processor: Processor): T | undefined {
  return each[processor] ?? each.every
}

/** What machines of several processors are told apart by; undefined where all boot the same. */
function bootsOf(text: Filled): ReadonlyMap<Processor, Boot> | undefined {
  const all: readonly Each<unknown>[] = [text.kernel, text.initrds, text.arguments]
  const named = processors.some((processor) => all.some((each) => each[processor] !== undefined))
  if (!named) return undefined
  const boots = processors.map((processor) => [processor, bootOf(text, processor)] as const)
  return new Map(boots.flatMap(([processor, boot]) => (boot === undefined ? [] : [[processor, boot]])))
}

/** PXELINUX and SYSLINUX tell 32 and 64 bits apart by their module ifcpu64.c32, and that is all they can choose by. */
function pxelinux(text: Filled, among: readonly Processor[]): string {
  const head = ['PROMPT 0', 'TIMEOUT 0']
  const [x64, ia32] = (['x64', 'ia32'] as const).map((one) =>
    among.includes(one) ? bootOf(text, one) : undefined,
  )
  if (x64 !== undefined && ia32 !== undefined && bootsOf(text) !== undefined) {
    const choose = ['LABEL choose', '  COM32 ifcpu64.c32', '  APPEND x64 -- ia32']
    return lines(['DEFAULT choose', ...head, ...choose, ...label('x64', x64), ...label('ia32', ia32)])
  }
  const boot = among.map((processor) => bootOf(text, processor)).find((found) => found !== undefined)
  return lines(['DEFAULT linux', ...head, ...(boot === undefined ? [] : label('linux', boot))])
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

function grub(text: Filled, name: string): string {
  const boots = bootsOf(text)
  const body =
    boots === undefined ? grubLines(bootOf(text, 'x64')) : [...grubArchitecture, ...grubChoice(boots, name)]
  return lines(['set timeout=0', `menuentry '${name}' {`, ...body.map((line) => `  ${line}`), '}'])
}

function grubChoice(boots: ReadonlyMap<Processor, Boot>, name: string): readonly string[] {
  const branches = [...boots].flatMap(([processor, boot], index) => [
    `${index === 0 ? 'if' : 'elif'} [ "$arch" = ${processor} ]; then`,
    ...grubLines(boot).map((line) => `  ${line}`),
  ])
  const none = [`echo '${name} has no kernel for' "$arch"`, 'sleep --interruptible 30', ...grubToDisk]
  return [...branches, 'else', ...none.map((line) => `  ${line}`), 'fi']
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
  const [url, protocol, server, rest] = /^(http|tftp):\/\/([^/]+)(\/.*)$/.exec(path) ?? []
  return url === undefined ? rooted(path) : `(${protocol},${server})${rest}`
}

/** As the kernel splits its command line: at spaces outside of double quotes, which GRUB puts there again. */
function wordsOf(text: string): readonly string[] {
  return (text.match(/(?:[^\s"]|"[^"]*")+/g) ?? []).map((word) => word.replaceAll('"', ''))
}

function ipxe(text: Filled, name: string): string {
  const boots = bootsOf(text)
  const every = boots === undefined ? bootOf(text, 'x64') : undefined
  const body = boots === undefined ? ipxeLines(every) : ipxeChoice(boots, name)
  return lines([
    '#!ipxe',
    ...body,
    ':failed',
    `echo PXE Pilot: ${name} cannot be loaded`,
    'sleep 30 ||',
    ipxeToDisk,
  ])
}

/** BIOS builds of iPXE are i386; cpuid is not in every build, and counts as no where it is not. */
function ipxeChoice(boots: ReadonlyMap<Processor, Boot>, name: string): readonly string[] {
  const bios = boots.has('ia32')
    ? 'iseq ${platform} pcbios && cpuid --ext 29 && set arch x64 ||'
    : 'iseq ${platform} pcbios && set arch x64 ||'
  return [
    'set arch ${buildarch}',
    'iseq ${buildarch} x86_64 && set arch x64 ||',
    'iseq ${buildarch} i386 && set arch ia32 ||',
    'iseq ${buildarch} loong64 && set arch loongarch64 ||',
    bios,
    'goto ${arch} ||',
    `echo ${name} has no kernel for \${arch}`,
    'sleep 30 ||',
    ipxeToDisk,
    ...[...boots].flatMap(([processor, boot]) => [`:${processor}`, ...ipxeLines(boot)]),
  ]
}

/**
 * A kernel that UEFI starts finds its initrds by their names; a BIOS one is handed them, and ignores the words. Where one
 * is missing, iPXE would go on to the disk before anybody has read so.
 */
function ipxeLines(boot: Boot | undefined): readonly string[] {
  if (boot === undefined) return []
  const names = boot.initrds.map((_, index) => `initrd${index}`)
  const words = [...names.map((name) => `initrd=${name}`), boot.arguments].filter((word) => word !== '')
  return [
    `${['kernel', rooted(boot.kernel), ...words].join(' ')} || goto failed`,
    ...boot.initrds.map((path, index) => `initrd --name ${names[index]} ${rooted(path)} || goto failed`),
    'boot || goto failed',
  ]
}

/** From the root of the server, wherever the loader looks from; a URL as it is. */
function rooted(path: string): string {
  return /^(?:[a-z]+:\/\/|\/)/.test(path) ? path : `/${path}`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
