// What a path is answered with: a per-host configuration from the table, or a file of the roots.

import type { Bootloader, Form, Host, Language } from '../model.ts'
import { formatIpv4, type Ipv4 } from '../net/ipv4.ts'
import { macWithDashes, type Mac } from '../net/mac.ts'
import { askerOf, type Asker } from './asker.ts'
import { choose, gives, nothing, origin } from './decision.ts'
import type { Answer, Choice, Decision, Rule, Site } from './decision.ts'
import type { Facts } from './facts.ts'
import { formFor, renderForm } from './forms.ts'
import { loaderNames, notice } from './notice.ts'
import type { Key, Menu } from './paths.ts'
import { isLoop, loop } from './recent.ts'
import { localBoot, type Variables } from './render.ts'
import { builtInLocal, hostOfMac, type Table } from './table.ts'

/** The host's assignment; else a real file of that name; else the default; else nothing. */
export function decideMenu(facts: Facts, ask: Menu, table: Table, site: Site): Decision {
  const mac = macAsked(ask.key, facts, table)
  const host = hostOfMac(table, mac)
  const choice = choose(host, mac, table, site)
  const about = { host: host?.name, configuration: choice?.name }
  const real = answersOf(facts, ask.path, table, site)
  const { key } = ask
  if (key.by === 'ip-prefix' && !isBeginningOf(key.digits, facts.ip)) {
    const because = `${key.digits} begins no address of who asks, and names no single machine; a file of that name would do`
    return gives(real, 'menu-file', because)
  }
  if (choice === undefined || isTooEarly(ask, host, mac, table)) {
    const who = mac ?? (key.by === 'ip' ? formatIpv4(key.ip) : 'the client')
    return gives(real, 'menu-file', `nothing is deployed to ${who}; a file of that name would do`, about)
  }
  const { via } = facts
  const recent = isItself(mac, facts, table) ? facts.recent : undefined
  const asker = askerOf(ask, { via, recent }, host, site.bootloaders)
  const form = formFor(
    table.configurations.get(choice.name)?.forms ?? [],
    ask.language,
    asker.loaders.map(({ name }) => name),
    asker.processors,
  )
  const isFile = form === undefined ? ask.isOptional === true : leadsTo(form, ask)
  if (isFile) return gives(real, 'file', `the file ${ask.path}`, about)
  const wanted: Wanted = { choice, language: ask.language, asker, form, host, mac }
  const own = form?.template === true ? { ...facts, ip: ipMeant(key, facts, host, mac, table) } : facts
  const { answer, rule, because } = textOf(wanted, own, table, site)
  const isDefault = choice.rule === 'default-configuration'
  const answers = [...(isDefault ? real : []), ...(answer === undefined ? [] : [answer])]
  return gives(answers, rule, because, about)
}

/**
 * A loader takes the first answer. So the default waits for the name with a MAC in it: the machine may have a
 * configuration, and its address be unknown or that of a router. A Raspberry Pi says no MAC; its address must be known.
 * The beginnings of an address come behind that name, and `default` behind them.
 */
function isTooEarly(ask: Menu, host: Host | undefined, mac: Mac | undefined, table: Table): boolean {
  const isDeployed = host !== undefined && table.assignments.has(host.name)
  if (isDeployed || table.held) return false
  return ask.isEarly === true || ask.key.by === 'ip-prefix' || (ask.isOptional === true && mac === undefined)
}

/** A configuration that goes on to a name without a machine in it (`configfile /debian-installer/...`) means the file. */
function leadsTo({ text, oneText }: Form, { key, path }: Menu): boolean {
  if (key.by !== 'default' || oneText !== undefined) return false
  for (let at = text.indexOf(path); at >= 0; at = text.indexOf(path, at + 1)) {
    const before = text.slice(text.lastIndexOf('\n', at - 1) + 1, at)
    const isWhole = fromRoot.test(before) && !/[\w./-]/.test(text[at + path.length] ?? ' ')
    if (isWhole && !comment.test(before)) return true
  }
  return false
}

/** A name begins here, at the root of a server: as GRUB's device (`(tftp)/`, not `(hd0)/`), by a URL, or with neither. */
const fromRoot = /(?:^|[\s'"=;])(?:\((?:tftp|http|pxe)[^()\s]*\)|(?:tftp|http):\/\/[^/\s'"]+|\$\{http\})?\/*$/
const comment = /(?:^|\s)#/

function macAsked(key: Key, facts: Facts, table: Table): Mac | undefined {
  if (key.by === 'mac') return key.mac
  if (key.by !== 'ip' || key.ip === facts.ip) return facts.mac
  return table.addresses.get(key.ip) ?? table.hosts.get(table.reserved.get(key.ip) ?? '')?.macs[0]
}

/** Whether an address in hexadecimal begins so. */
function isBeginningOf(digits: string, ip: Ipv4 | undefined): boolean {
  return ip !== undefined && ip.toString(16).toUpperCase().padStart(8, '0').startsWith(digits)
}

/** The address of the machine that is meant: the asker's where that is itself, or may be and nobody knows better. */
function ipMeant(
  key: Key,
  facts: Facts,
  host: Host | undefined,
  mac: Mac | undefined,
  table: Table,
): Ipv4 | undefined {
  if (key.by === 'ip') return key.ip
  if (mac === undefined || isItself(mac, facts, table)) return facts.ip
  const known = host?.ip ?? table.addresses.of(mac)
  return known ?? (facts.mac === undefined ? facts.ip : undefined)
}

/** Whether the machine that `mac` means asks, by any of its cards. */
function isItself(mac: Mac | undefined, facts: Facts, table: Table): boolean {
  if (mac === undefined || facts.mac === undefined) return false
  return mac === facts.mac || table.hostByMac.get(mac) === (table.hostByMac.get(facts.mac) ?? null)
}

/** One machine's request for one configuration; the form is the one that it reads. */
type Wanted = {
  readonly choice: Choice
  readonly language: Language
  readonly asker: Asker
  readonly form: Form | undefined
  readonly host: Host | undefined
  readonly mac: Mac | undefined
}

type Text = { readonly answer?: Answer | undefined; readonly rule: Rule; readonly because: string }

function textOf(wanted: Wanted, facts: Facts, table: Table, site: Site): Text {
  const { choice, form, language, asker, host, mac } = wanted
  const { name, rule, because } = choice
  if (form === undefined) {
    return name === builtInLocal
      ? { answer: { kind: 'text', body: localBoot(language) }, rule, because }
      : noForm(wanted, table, site)
  }
  const variables = variablesFor(facts, host, mac, site)
  const rendered = renderForm(form, { name, variables, host: host?.name, processors: asker.processors })
  if ('fault' in rendered) return broken(wanted, `${form.file} ${rendered.fault}`)
  const { encoding } = form
  return { answer: { kind: 'text', body: rendered.text, ...(encoding && { encoding }) }, rule, because }
}

/** The configuration cannot be written out for this machine. */
function broken({ choice, language, host }: Wanted, because: string): Text {
  // Without what its author may do about it.
  const short = because.replace(/ \(write .*/, '')
  return { answer: shown(language, host, choice.name, `but ${short}.`), rule: 'broken-template', because }
}

function noForm(
  { choice: { name, because }, language, asker, host }: Wanted,
  table: Table,
  site: Site,
): Text {
  const { loaders, processors = [] } = asker
  const forms = table.configurations.get(name)?.forms ?? []
  const written = [...new Set(forms.map((form) => form.folder ?? form.language))].join(' and ')
  const lacksKernel = forms.some((form) => form.oneText !== undefined && form.language === language)
  const why = lacksKernel ? `has no kernel for ${processors.join(' or ')}` : `is written for ${written}`
  const missing = site.bootloaders.filter(
    (loader) => forms.some((form) => form.language === loader.language) && isMissing(loader, asker, table),
  )
  const lack =
    missing.length === 0 ? '' : ` (missing on the server: ${missing.map(({ file }) => file).join(', ')})`
  const [one, ...others] = loaders
  const reader = one === undefined || others.length > 0 ? language : one.name
  const said = lacksKernel ? `which ${why}.` : `which ${why}, and this is ${loaderNames[language]}${lack}.`
  return {
    answer: shown(language, host, name, said),
    rule: 'no-form',
    because: `${because}, which ${why}${lacksKernel ? '' : ` and not for ${reader}`}`,
  }
}

/** What runs on the same firmware, and would have been sent there. */
function isMissing({ file, firmwares, quiet }: Bootloader, { loaders }: Asker, table: Table): boolean {
  const isLike = loaders.some((loader) => loader.firmwares.some((firmware) => firmwares.includes(firmware)))
  return isLike && quiet !== true && table.loaders.get(file)?.from === 'nowhere'
}

/** The machine says it itself: whoever stands before it sees no log. */
function shown(language: Language, host: Host | undefined, name: string, why: string): Answer | undefined {
  const body = notice(language, [
    `PXE Pilot: ${host?.name ?? 'this machine'} is to boot ${name},`,
    why,
    `pxe-pilot explain ${host?.name ?? ''} says more.`,
  ])
  return body === undefined ? undefined : { kind: 'text', body }
}

/** What a template may name; the host's own vars last, so that they win. */
export function variablesFor(
  facts: Facts,
  host: Host | undefined,
  mac: Mac | undefined,
  site: Site,
): Variables {
  const server = formatIpv4(facts.server)
  const http = site.httpPort === undefined ? undefined : origin(server, site.httpPort)
  return {
    server,
    http,
    http_host: http?.slice('http://'.length),
    api: `http://${server}:${site.apiPort}`,
    mac,
    ip: facts.ip === undefined ? undefined : formatIpv4(facts.ip),
    hostname: host?.name ?? (mac === undefined ? undefined : macWithDashes(mac)),
    ...host?.vars,
  }
}

/** A plain file; the loaders among them not over and over. */
export function decideFile(facts: Facts, path: string, table: Table, site: Site): Decision {
  const about = { host: hostOfMac(table, facts.mac)?.name }
  const isLoader = site.bootloaders.some(({ file }) => file === path)
  if (isLoader && isLoop(facts.recent ?? [], path)) {
    const who = about.host ?? facts.mac ?? 'the client'
    const because = `${who} was sent ${path} ${loop.fetches} times in a minute, and gets it no more for that long: a loader that loads itself, or a machine that starts over`
    return nothing('loop', because, about)
  }
  const answers = answersOf(facts, path, table, site)
  return { ...gives(answers, 'file', `the file ${path}`, about), ...(isLoader && { loader: path }) }
}

/** httproot (HTTP only), then tftproot, then the distribution's loaders. */
function answersOf(facts: Facts, path: string, table: Table, site: Site): readonly Answer[] {
  const answers: Answer[] = []
  if (facts.via === 'http') {
    answers.push({ kind: 'file', root: 'http', path })
    const host = hostOfMac(table, facts.mac)
    const variables = () => variablesFor(facts, host, facts.mac, site)
    answers.push({ kind: 'template', root: 'http', path: `${path}.tmpl`, variables })
  }
  for (const name of spellings(path, site.bootloaders)) {
    answers.push({ kind: 'file', root: 'tftp', path: name })
    const loader = table.loaders.get(name)
    if (loader?.from === 'system') answers.push({ kind: 'loader', path: loader.path })
    const slash = name.lastIndexOf('/')
    const modules = slash < 0 ? undefined : table.modules.get(name.slice(0, slash))
    if (modules !== undefined) answers.push({ kind: 'loader', path: `${modules}${name.slice(slash)}` })
  }
  return answers
}

/**
 * A loader in a folder asks there for every file its configuration names (syslinux.efi: `efi64//vmlinuz`), and iPXE
 * for `vmlinuz` beside its script.
 */
function spellings(path: string, bootloaders: readonly Bootloader[]): readonly string[] {
  const folder = foldersOf(bootloaders).find((one) => path.startsWith(one))
  return folder === undefined ? [path] : [path, path.slice(folder.length)]
}

const folders = new WeakMap<readonly Bootloader[], readonly string[]>()

/** Of the loaders, each with a slash behind it. Made once. */
function foldersOf(bootloaders: readonly Bootloader[]): readonly string[] {
  const known = folders.get(bootloaders)
  if (known !== undefined) return known
  const files = [...bootloaders.map((loader) => loader.file), 'ipxe.cfg/']
  const named = files.map((file) => file.slice(0, file.lastIndexOf('/') + 1)).filter((name) => name !== '')
  folders.set(bootloaders, named)
  return named
}
