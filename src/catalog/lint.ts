// Says of a configuration, before a machine boots it, what will go wrong: files that are not there, slips, wrong languages.

import { basename, dirname, join, relative } from 'node:path'
import { variablesFor } from '../boot/fetch.ts'
import type { Facts } from '../boot/facts.ts'
import { candidates, speaksHttp } from '../boot/fitting.ts'
import { renderForm } from '../boot/forms.ts'
import type { Variables } from '../boot/render.ts'
import { builtInLocal, type Delta } from '../boot/table.ts'
import { printable, type Tell } from '../events.ts'
import type { Bootloader, Configuration, Form, Host, Language } from '../model.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { hide, secretsIn } from '../settings/secrets.ts'
import type { Settings } from '../settings/schema.ts'
import { configurationName } from './folder.ts'
import { readGrub } from './lint-grub.ts'
import { factsFor, fasterFor, Finder, mostAsked, standIn, type FinderParts } from './lint-find.ts'
import { readIpxe } from './lint-ipxe.ts'
import { readPxelinux } from './lint-pxelinux.ts'
import { readRpi } from './lint-rpi.ts'
import { asWritten, lineOf, unknown, type Level, type Reading } from './lint-text.ts'
import { languageSaid } from './read.ts'

/** One thing to mend, or to know. `file` is its whole path. */
export type Finding = {
  readonly level: Level
  readonly configuration: string
  readonly file: string
  readonly line: number
  readonly text: string
}

export type LinterParts = FinderParts & {
  /** configuration.directory. */
  readonly directory: string
  /** What the catalog cannot take at all, by its path. */
  readonly wrong: () => ReadonlyMap<string, string>
  readonly tell: Tell
}

/** The linter of a site with these settings. */
export function linterOf(
  { configuration, tftp, http, server, advertise }: Settings,
  parts: Pick<LinterParts, 'table' | 'site' | 'wrong' | 'tell'>,
): Linter {
  return new Linter({
    directory: configuration.directory,
    tftproot: tftp?.root,
    httproot: http?.root,
    links: tftp?.follow_links ?? 'inside',
    names: [...server.names, ...(advertise === undefined ? [] : [formatIpv4(advertise)])],
    ...parts,
  })
}

/** Hosts whose variables a template is filled in for. */
const mostHosts = 20

export class Linter {
  private readonly parts: LinterParts
  private readonly finder: Finder
  private running: Promise<readonly Finding[]> | undefined
  private telling: Promise<void> = Promise.resolve()

  constructor(parts: LinterParts) {
    this.parts = parts
    this.finder = new Finder(parts)
  }

  /** All that is wrong with everything there is. Callers at one time share one look. */
  async all(): Promise<readonly Finding[]> {
    this.running ??= this.lintAll().finally(() => (this.running = undefined))
    return await this.running
  }

  /**
   * All that is wrong with one configuration; undefined where there is none of this name, nor a broken file of it.
   * `remote`: other servers are asked for what is theirs.
   */
  async one(name: string, remote = true): Promise<readonly Finding[] | undefined> {
    const configuration = this.parts.table.configurations.get(name)
    const broken = this.broken().filter((finding) => finding.configuration === name)
    if (configuration === undefined) return broken.length > 0 || name === builtInLocal ? broken : undefined
    return [...broken, ...(await this.lint(configuration, { left: remote ? mostAsked : 0 }))]
  }

  /** A follower of the registry: a deploy is in force at once, and what is wrong with it is told behind its back. */
  follow({ changes }: Delta): void {
    const hostsOf = new Map<string, string[]>()
    for (const change of changes) {
      if (change.kind !== 'assignment' || change.configuration === null) continue
      const hosts = hostsOf.get(change.configuration)
      if (hosts === undefined) hostsOf.set(change.configuration, [change.host])
      else hosts.push(change.host)
    }
    for (const [configuration, hosts] of hostsOf) {
      this.telling = this.telling
        .then(() => this.deployed(hosts, configuration))
        .catch((error: unknown) => {
          const why = error instanceof Error ? error.message : String(error)
          this.parts.tell({
            level: 'warn',
            step: 'deploy.lint',
            text: `${configuration} was not looked at: ${why}`,
          })
        })
    }
  }

  /** Resolves when every deploy so far was looked at. */
  async told(): Promise<void> {
    await this.telling
  }

  /** Other servers are not asked. */
  private async deployed([first = '', ...others]: readonly string[], name: string): Promise<void> {
    const configuration = this.parts.table.configurations.get(name)
    if (configuration === undefined) return
    const findings = [...this.faultsOf(name), ...(await this.lint(configuration, { left: 0 }))]
    const who = others.length === 0 ? printable(first) : `${printable(first)} and ${others.length} more`
    for (const { file, line, text } of findings.filter(({ level }) => level === 'fault').slice(0, 3)) {
      this.parts.tell({
        level: 'warn',
        step: 'deploy.lint',
        text: `${who} was given ${printable(name)}, which has a fault: ${printable(file)}:${line}: ${printable(text)}`,
        client: { host: first },
        data: { configuration: name },
      })
    }
  }

  private async lintAll(): Promise<readonly Finding[]> {
    const findings = [...this.broken()]
    const asks = { left: mostAsked }
    for (const configuration of this.parts.table.configurations.values()) {
      findings.push(...(await this.lint(configuration, asks)))
    }
    return findings
  }

  /** What is wrong with a file of this name, so that what is in force is an older version or nothing. */
  faultOf(name: string): string | undefined {
    const [fault] = this.faultsOf(name)
    return fault && `${fault.file}:${fault.line}: ${fault.text}`
  }

  /** Not of what only lies there under that name: NAME.tmpl beside NAME, or a folder of the same name. */
  private faultsOf(name: string): readonly Finding[] {
    const { directory, table } = this.parts
    const served = table.configurations.get(name)?.forms.map(({ file }) => file) ?? []
    const other = table.broken.get(name) ?? ''
    return this.broken().filter(({ configuration, file: path }) => {
      const file = relative(directory, path)
      return configuration === name && (served.includes(file) || other.startsWith(`${printable(file)} `))
    })
  }

  private broken(): readonly Finding[] {
    return [...this.parts.wrong()].flatMap(([path, said]) => {
      if (!path.startsWith(this.parts.directory) || path === said) return []
      const text = said.startsWith(printable(path)) ? said.slice(printable(path).length).trim() : said
      const [, line, rest] = /^line (\d+): (.*)$/s.exec(text) ?? []
      const configuration = configurationName(basename(path), dirname(path) === this.parts.directory)
      return { level: 'fault', configuration, file: path, line: Number(line ?? 1), text: rest ?? text }
    })
  }

  private async lint(configuration: Configuration, asks: { left: number }): Promise<readonly Finding[]> {
    const found = new Map<string, Finding>()
    const written = configuration.forms.filter((form) => form.written !== undefined)
    for (const form of configuration.forms) {
      if (form.written !== undefined && written.length > 1 && !this.saysMore(form)) continue
      for (const finding of await this.lintForm(configuration.name, form, asks)) {
        found.set(`${finding.file} ${finding.line} ${finding.text}`, finding)
      }
    }
    return [...found.values()].toSorted((a, b) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line,
    )
  }

  /** Of NAME.yml, GRUB's form names the files of every architecture; PXELINUX's has a module, and limits of its own. */
  private saysMore({ language }: Form): boolean {
    const { bootloaders } = this.parts.site
    const isRead = bootloaders.some((loader) => loader.language === 'pxelinux' && this.isThere(loader))
    return language === 'grub' || (language === 'pxelinux' && isRead)
  }

  private async lintForm(configuration: string, form: Form, asks: { left: number }): Promise<Finding[]> {
    const findings: Finding[] = []
    const add = (level: Level, line: number, text: string) =>
      findings.push({ level, configuration, file: join(this.parts.directory, form.file), line, text })
    const said = form.written === undefined ? languageSaid(form.text) : undefined
    // `kernel` and `prompt` are commands of iPXE's, too, and `include` one of a Raspberry Pi's.
    const isAlike = form.language === 'ipxe' || form.language === 'rpi'
    const isSure = !isAlike || said !== 'pxelinux' || /^[ \t]*(?:label|append)\b/im.test(form.text)
    if (form.text.trim() === '') add('warning', 1, 'is empty: a machine that boots it gets no further')
    if (said !== undefined && said !== form.language && isSure) {
      add(
        'fault',
        1,
        `is written for ${names[said]}, and ${form.folder}/ is for ${names[form.language]}: move it to ${said}/`,
      )
      return findings
    }
    const isTooPlain = form.language === 'pxelinux' && this.needsLpxelinux(configuration)
    for (const { host, variables } of this.readers(configuration)) {
      const rendered = renderForm(form, { name: configuration, variables })
      if ('fault' in rendered) {
        const [, line, why] = /^line (\d+): (.*)$/s.exec(rendered.fault) ?? []
        add('fault', Number(line ?? 1), `for ${host?.name ?? 'every host'}: ${why ?? rendered.fault}`)
        continue
      }
      const { references, remarks } = this.read(form, rendered.text)
      const secrets = secretsIn(variables)
      if (form.written === undefined) {
        for (const { level, line, text } of remarks) add(level, line, hide(text, secrets))
      }
      for (const reference of references) {
        const line = lineOf(reference, form.written)
        if (isTooPlain && reference.what !== 'the URL' && 'url' in reference.at) {
          add('warning', line, `${reference.what} is a URL, which pxelinux.0 cannot fetch: lpxelinux.0 can`)
        }
        // The URLs of NAME.yml are those of GRUB's form, which are looked for.
        if (form.written !== undefined && form.language === 'pxelinux' && 'url' in reference.at) continue
        const faster = fasterFor[form.written === undefined ? form.language : 'all']
        const found = await this.finder.lookFor(asWritten(reference, form.written), faster, variables, asks)
        for (const { level, text } of found) add(level, line, hide(text, secrets))
      }
    }
    return findings
  }

  /** Whether BIOS machines are sent plain PXELINUX for it, as nothing else is there that fetches URLs. */
  private needsLpxelinux(configuration: string): boolean {
    const facts: Facts = { ...factsFor('tftp', ''), via: 'dhcp', asks: { kind: 'loader' } }
    const fitting = candidates({ ...this.parts, facts, firmware: 'bios' }, configuration)
    const plain = fitting.find(({ file }) => basename(file) === 'pxelinux.0')
    return plain !== undefined && (fitting.find((loader) => this.isThere(loader)) ?? plain) === plain
  }

  private isThere({ file }: Bootloader): boolean {
    return (this.parts.table.loaders.get(file)?.from ?? 'nowhere') !== 'nowhere'
  }

  /** Whether the one loader of its folder asks for everything over HTTP (option 210). */
  private isByHttp({ folder }: Form): boolean {
    const { bootloaders, httpPort } = this.parts.site
    const own = bootloaders.find(({ name }) => name === folder)
    return httpPort !== undefined && own !== undefined && speaksHttp.test(own.file)
  }

  /** Whose variables a template is read with: those of the hosts that boot it, or of none in particular. */
  private readers(configuration: string): readonly { host: Host | undefined; variables: Variables }[] {
    const { table, site } = this.parts
    const facts = factsFor('tftp', '')
    const hosts = [...table.assignments].flatMap(([name, assigned]) =>
      assigned === configuration ? (table.hosts.get(name) ?? []) : [],
    )
    const anyone = Object.fromEntries(
      ['mac', 'ip', 'hostname', ...table.variables.names].map((name): [string, string] => [name, unknown]),
    )
    if (hosts.length === 0) {
      return [
        { host: undefined, variables: { ...variablesFor(facts, undefined, undefined, site), ...anyone } },
      ]
    }
    return hosts.slice(0, mostHosts).map((host) => {
      const own = variablesFor(facts, host, host.macs[0], site)
      return { host, variables: { ...own, ip: own['ip'] ?? unknown } }
    })
  }

  private read(form: Form, text: string): Reading {
    const ours = { server: standIn }
    switch (form.language) {
      case 'pxelinux':
        return readPxelinux(text, this.isByHttp(form) ? 'http' : 'tftp')
      case 'grub':
        return readGrub(text, ours)
      case 'rpi':
        return readRpi(text)
      case 'ipxe':
        return readIpxe(
          text,
          ours,
          'ipxe.cfg/default',
          this.parts.site.httpPort === undefined ? 'tftp' : 'http',
        )
    }
  }
}

const names: Readonly<Record<Language, string>> = {
  rpi: 'Raspberry Pi',
  pxelinux: 'PXELINUX',
  grub: 'GRUB',
  ipxe: 'iPXE',
}
