// The one decision: what a client gets for what it asks, and why. DHCP, TFTP, HTTP and the API only translate it.

import { formatIpv4, type Ipv4 } from '../net/ipv4.ts'
import { macWithDashes, type Mac } from '../net/mac.ts'
import type { Bootloader, Firmware, Form, Host, Language, LocalMethod } from '../model.ts'
import { firmwareOf } from './arch.ts'
import type { Facts } from './facts.ts'
import { readPath, type Ask, type Key } from './paths.ts'
import { localBoot, render, type Variables } from './render.ts'
import { builtInLocal, hostOfMac, type Table } from './table.ts'

/** What never changes while we run: the settings a decision needs. */
export type Site = {
  readonly bootloaders: readonly Bootloader[]
  /** The configuration of hosts that have none. */
  readonly default: string | null
  readonly localMethod: LocalMethod
  /** Undefined where HTTP files are not served. */
  readonly httpPort?: number | undefined
  readonly apiPort: number
}

/** One thing a client can be given. A file answer holds only if the file is there. */
export type Answer =
  | { readonly kind: 'boot'; readonly server: Ipv4; readonly file: string; readonly url?: string | undefined }
  | { readonly kind: 'text'; readonly body: string }
  | { readonly kind: 'file'; readonly root: 'http' | 'tftp'; readonly path: string }
  | { readonly kind: 'template'; readonly root: 'http'; readonly path: string; readonly variables: Variables }
  | { readonly kind: 'loader'; readonly path: string }

/** Why: the metric's label, the test's name. */
export type Rule =
  | 'assigned'
  | 'default-configuration'
  | 'vanished'
  | 'menu-file'
  | 'file'
  | 'no-configuration'
  | 'local-withheld'
  | 'unknown-firmware'
  | 'no-form'
  | 'loader-missing'
  | 'broken-template'
  | 'refused'

export type Decision = {
  /** In order: the first that is there is given. Empty: nothing. */
  readonly answers: readonly Answer[]
  readonly reason: { readonly rule: Rule; readonly because: string }
  readonly host?: string | undefined
  readonly configuration?: string | undefined
}

/** Synchronous, total, pure. */
export function decide(facts: Facts, table: Table, site: Site): Decision {
  if (facts.asks.kind === 'loader') return decideLoader(facts, table, site)
  const ask = readPath(facts.asks.path)
  switch (ask.kind) {
    case 'refused':
      return nothing('refused', ask.because)
    case 'menu':
      return decideMenu(facts, ask, table, site)
    case 'file':
      return decideFile(facts, ask.path, table, site)
  }
}

/** Which configuration a client boots, and why; undefined where nobody said. */
type Choice = {
  readonly name: string
  readonly rule: 'assigned' | 'default-configuration' | 'vanished'
  readonly because: string
}

function choose(host: Host | undefined, mac: Mac | undefined, table: Table, site: Site): Choice | undefined {
  const assigned = host === undefined ? undefined : table.assignments.get(host.name)
  const who = host?.name ?? mac ?? 'the client'
  const name = assigned ?? site.default
  if (name === null) return undefined
  if (name !== builtInLocal && !table.configurations.has(name)) {
    return {
      name: builtInLocal,
      rule: 'vanished',
      because: `the file of configuration ${name} of ${who} is gone, so it boots local`,
    }
  }
  return assigned === undefined
    ? { name, rule: 'default-configuration', because: `${who} has no configuration; ${name} is the default` }
    : { name, rule: 'assigned', because: `${who} boots ${name}` }
}

function decideLoader(facts: Facts, table: Table, site: Site): Decision {
  const host = hostOfMac(table, facts.mac)
  const firmware = host?.firmware ?? firmwareOf(facts.archs)
  const choice = choose(host, facts.mac, table, site)
  const about = { host: host?.name, configuration: choice?.name }
  if (firmware === undefined) {
    return nothing('unknown-firmware', `architecture ${facts.archs.join(', ')} has no loader here`, about)
  }
  if (choice === undefined) return decideLoaderOfMenuFile(facts, firmware, host, table, site)
  if (choice.name === builtInLocal && (host?.localMethod ?? site.localMethod) === 'withhold') {
    return nothing(
      'local-withheld',
      `${choice.because}: no boot offer, so that it goes on to its disk`,
      about,
    )
  }
  if (choice.name === builtInLocal && facts.agent === 'httpboot') {
    return nothing(
      'local-withheld',
      `${choice.because}: an HTTP boot offer would lead it away from its disk`,
      about,
    )
  }
  const script = facts.agent === 'ipxe' ? formOf(table, choice.name, 'ipxe') : undefined
  if (script !== undefined && facts.mac !== undefined) {
    const file = `ipxe.cfg/01-${macWithDashes(facts.mac)}`
    return gives(
      [bootFile(facts, file, site)],
      choice.rule,
      `${choice.because}; it is iPXE: its script`,
      about,
    )
  }
  let missing: string | undefined
  for (const loader of fitting(site.bootloaders, firmware, choice.name, table)) {
    const remedy = missingRemedy(loader.file, table)
    if (remedy === undefined) {
      return gives([bootFile(facts, loader.file, site)], choice.rule, `${choice.because}; ${firmware}`, about)
    }
    missing ??= remedy
  }
  return missing === undefined
    ? nothing('no-form', `${choice.because}, but nothing written for it runs on ${firmware}`, about)
    : nothing('loader-missing', `${choice.because}, but ${missing}`, about)
}

/** Nobody deployed anything, but an admin put a real file where a loader looks. */
function decideLoaderOfMenuFile(
  facts: Facts,
  firmware: Firmware,
  host: Host | undefined,
  table: Table,
  site: Site,
): Decision {
  const who = host?.name ?? facts.mac ?? 'the client'
  const names = ['pxelinux.cfg/default']
  for (const mac of host?.macs ?? (facts.mac === undefined ? [] : [facts.mac])) {
    names.unshift(`pxelinux.cfg/01-${macWithDashes(mac)}`)
  }
  const menu = names.find((name) => table.menus.has(name))
  if (menu === undefined) {
    return nothing('no-configuration', `nothing is deployed to ${who}`, { host: host?.name })
  }
  let missing: string | undefined
  for (const loader of site.bootloaders) {
    if (loader.language !== 'pxelinux' || !loader.firmwares.includes(firmware)) continue
    missing = missingRemedy(loader.file, table)
    if (missing === undefined) {
      const because = `nothing is deployed to ${who}; the file ${menu} is there`
      return gives([bootFile(facts, loader.file, site)], 'menu-file', because, { host: host?.name })
    }
  }
  return missing === undefined
    ? nothing('no-form', `the file ${menu} is there, but no loader of ${firmware} reads it`, {
        host: host?.name,
      })
    : nothing('loader-missing', `the file ${menu} is there, but ${missing}`, { host: host?.name })
}

type Menu = Extract<Ask, { kind: 'menu' }>

function decideMenu(facts: Facts, ask: Menu, table: Table, site: Site): Decision {
  const mac = macAsked(ask.key, facts, table)
  const host = hostOfMac(table, mac)
  const real: Answer = { kind: 'file', root: 'tftp', path: ask.path }
  const choice = choose(host, mac, table, site)
  const about = { host: host?.name, configuration: choice?.name }
  // The names after 01-<mac> and the whole address belong to whoever wrote files of that name: a host that
  // has a configuration was served by then, and the shortened addresses name no single machine.
  if (choice === undefined || ask.key.by === 'ip-prefix') {
    return gives(
      [real],
      'menu-file',
      `nothing is deployed to ${mac ?? 'the client'}; a file of that name would do`,
      about,
    )
  }
  const answer = textOf(choice, ask.language, host, mac, facts, table, site)
  if (choice.rule === 'default-configuration') {
    return 'fault' in answer
      ? gives([real], 'broken-template', answer.fault, about)
      : gives([real, answer], choice.rule, choice.because, about)
  }
  return 'fault' in answer
    ? nothing(answer.rule, answer.fault, about)
    : gives([answer], choice.rule, choice.because, about)
}

function macAsked(key: Key, facts: Facts, table: Table): Mac | undefined {
  if (key.by === 'mac') return key.mac
  if (key.by === 'ip') return table.addresses.get(key.ip) ?? facts.mac
  return facts.mac
}

type Text = Extract<Answer, { kind: 'text' }>

function textOf(
  choice: Choice,
  language: Language,
  host: Host | undefined,
  mac: Mac | undefined,
  facts: Facts,
  table: Table,
  site: Site,
): Text | { readonly rule: Rule; readonly fault: string } {
  const form = formOf(table, choice.name, language)
  if (form === undefined) {
    if (choice.name === builtInLocal) return { kind: 'text', body: localBoot(language) }
    return { rule: 'no-form', fault: `${choice.because}, which is not written for ${language}` }
  }
  if (!form.template) return { kind: 'text', body: form.text }
  const rendered = render(form.text, variablesFor(facts, host, mac, site))
  if ('fault' in rendered) return { rule: 'broken-template', fault: `${form.file} ${rendered.fault}` }
  return { kind: 'text', body: rendered.text }
}

/** What a template may name (contract.md, end of 7); the host's own vars last, so that they win. */
export function variablesFor(
  facts: Facts,
  host: Host | undefined,
  mac: Mac | undefined,
  site: Site,
): Variables {
  const server = formatIpv4(facts.server)
  return {
    server,
    http: site.httpPort === undefined ? undefined : origin(server, site.httpPort),
    api: `http://${server}:${site.apiPort}`,
    mac,
    ip: facts.ip === undefined ? undefined : formatIpv4(facts.ip),
    hostname: host?.name ?? (mac === undefined ? undefined : macWithDashes(mac)),
    ...host?.vars,
  }
}

function decideFile(facts: Facts, path: string, table: Table, site: Site): Decision {
  const host = hostOfMac(table, facts.mac)
  const answers: Answer[] = []
  if (facts.via === 'http') {
    answers.push({ kind: 'file', root: 'http', path })
    const variables = variablesFor(facts, host, facts.mac, site)
    answers.push({ kind: 'template', root: 'http', path: `${path}.tmpl`, variables })
  }
  for (const name of spellings(path, site.bootloaders)) {
    answers.push({ kind: 'file', root: 'tftp', path: name })
    const loader = table.loaders.get(name)
    if (loader?.from === 'system') answers.push({ kind: 'loader', path: loader.path })
  }
  return gives(answers, 'file', `the file ${path}`, { host: host?.name })
}

/** A loader in a folder asks there for every file its configuration names (syslinux.efi: `efi64//vmlinuz`). */
function spellings(path: string, bootloaders: readonly Bootloader[]): readonly string[] {
  for (const { file } of bootloaders) {
    const folder = file.slice(0, file.lastIndexOf('/') + 1)
    if (folder !== '' && path.startsWith(folder)) return [path, path.slice(folder.length)]
  }
  return [path]
}

/** The loaders of `firmware` that can run `configuration`, the ones it was written for first. */
function fitting(
  bootloaders: readonly Bootloader[],
  firmware: Firmware,
  configuration: string,
  table: Table,
): readonly Bootloader[] {
  const forms = table.configurations.get(configuration)?.forms ?? []
  const runs = bootloaders.filter((loader) => loader.firmwares.includes(firmware))
  const own = runs.filter((loader) => forms.some((form) => form.folder === loader.name))
  const speaks = (loader: Bootloader) =>
    configuration === builtInLocal || forms.some((form) => form.language === loader.language)
  return [...own, ...runs.filter((loader) => !own.includes(loader) && speaks(loader))]
}

function formOf(table: Table, configuration: string, language: Language): Form | undefined {
  return table.configurations.get(configuration)?.forms.find((form) => form.language === language)
}

function missingRemedy(file: string, table: Table): string | undefined {
  const loader = table.loaders.get(file)
  if (loader === undefined) return `${file} is not there`
  return loader.from === 'nowhere' ? loader.remedy : undefined
}

function bootFile(facts: Facts, file: string, site: Site): Answer {
  const server = facts.server
  const url = site.httpPort === undefined ? undefined : `${origin(formatIpv4(server), site.httpPort)}/${file}`
  return { kind: 'boot', server, file, url }
}

function origin(server: string, port: number): string {
  return port === 80 ? `http://${server}` : `http://${server}:${port}`
}

type About = { readonly host?: string | undefined; readonly configuration?: string | undefined }

function gives(answers: readonly Answer[], rule: Rule, because: string, about: About = {}): Decision {
  return { answers, reason: { rule, because }, ...about }
}

function nothing(rule: Rule, because: string, about: About = {}): Decision {
  return gives([], rule, because, about)
}
