// What a path is answered with: a per-host configuration from the table, or a file of the roots.

import type { Bootloader, Host, Language } from '../model.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { macWithDashes, type Mac } from '../net/mac.ts'
import { choose, formOf, gives, nothing, origin } from './decision.ts'
import type { Answer, Choice, Decision, Rule, Site } from './decision.ts'
import type { Facts } from './facts.ts'
import type { Ask, Key } from './paths.ts'
import { localBoot, render, type Variables } from './render.ts'
import { builtInLocal, hostOfMac, type Table } from './table.ts'

/** A request for a per-host name. */
export type Menu = Extract<Ask, { kind: 'menu' }>

/** The host's assignment; else a real file of that name; else the default; else nothing. */
export function decideMenu(facts: Facts, ask: Menu, table: Table, site: Site): Decision {
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
  if (!form.template)
    return { kind: 'text', body: form.text, ...(form.encoding && { encoding: form.encoding }) }
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

/** httproot (HTTP only), then tftproot, then the distribution's loaders. */
export function decideFile(facts: Facts, path: string, table: Table, site: Site): Decision {
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
    const slash = name.lastIndexOf('/')
    const modules = slash < 0 ? undefined : table.modules.get(name.slice(0, slash))
    if (modules !== undefined) answers.push({ kind: 'loader', path: `${modules}${name.slice(slash)}` })
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
