// What a decision is made of: its answers, its reason, and which configuration a client boots.

import type { Bootloader, Host, LocalMethod } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import type { Mac } from '../net/mac.ts'
import type { Variables } from './render.ts'
import { builtInLocal, type Table } from './table.ts'

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
  | {
      readonly kind: 'boot'
      readonly server: Ipv4
      readonly file: string
      /** Where the client is to fetch it by HTTP, and not by TFTP from `server`. */
      readonly url: string | undefined
      /** What the loader puts before every path that it asks for (option 210). */
      readonly prefix?: string | undefined
      /** The boot service that this firmware looks for by name (option 43.9). */
      readonly service?: string | undefined
    }
  | {
      readonly kind: 'text'
      readonly body: string
      /** How `body` becomes bytes; UTF-8 where it is left out. */
      readonly encoding?: 'latin1' | undefined
    }
  | { readonly kind: 'file'; readonly root: 'http' | 'tftp'; readonly path: string }
  | {
      readonly kind: 'template'
      readonly root: 'http'
      readonly path: string
      /** Made only where that template is there: hardly any file has one. */
      readonly variables: () => Variables
    }
  | { readonly kind: 'loader'; readonly path: string }

/** Why: the metric's label, the test's name. */
export type Rule =
  | 'assigned'
  | 'default-configuration'
  | 'vanished'
  | 'held'
  | 'menu-file'
  | 'file'
  | 'no-configuration'
  | 'local-withheld'
  | 'unknown-firmware'
  | 'no-form'
  | 'no-http'
  | 'loop'
  | 'loader-missing'
  | 'broken-template'
  | 'refused'

/** Someone deployed something, and this is not it. */
export const worrying: ReadonlySet<Rule> = new Set<Rule>([
  'vanished',
  'no-form',
  'broken-template',
  'loader-missing',
  'loop',
])

export type Decision = {
  /** In order: the first that is there is given. Empty: nothing. */
  readonly answers: readonly Answer[]
  readonly reason: { readonly rule: Rule; readonly because: string }
  readonly host?: string | undefined
  readonly configuration?: string | undefined
  /** The loader that the answer is the program of: what a server counts for `Facts.recent`. */
  readonly loader?: string | undefined
}

/** Which configuration a client boots, and why; undefined where nobody said. */
export type Choice = {
  readonly name: string
  readonly rule: 'assigned' | 'default-configuration' | 'vanished' | 'held'
  readonly because: string
}

/** The assignment of `host`, else the default; a configuration without a file that can be served becomes `local`. */
export function choose(
  host: Host | undefined,
  mac: Mac | undefined,
  table: Table,
  site: Site,
): Choice | undefined {
  const assigned = host === undefined ? undefined : table.assignments.get(host.name)
  const who = host?.name ?? mac ?? 'the client'
  const name = assigned ?? site.default
  if (table.held && (name !== null || host !== undefined || table.menus.size > 0)) {
    const because = `everything boots local until somebody releases it (pxe-pilot hold), ${who} too`
    return { name: builtInLocal, rule: 'held', because }
  }
  if (name === null) return undefined
  if (name !== builtInLocal && !table.configurations.has(name)) {
    const fault = table.broken.get(name)
    const why = fault === undefined ? 'is gone' : `has a fault (${fault})`
    return {
      name: builtInLocal,
      rule: 'vanished',
      because: `the file of configuration ${name} of ${who} ${why}, so it boots local`,
    }
  }
  return assigned === undefined
    ? { name, rule: 'default-configuration', because: `${who} has no configuration; ${name} is the default` }
    : { name, rule: 'assigned', because: `${who} boots ${name}` }
}

/** `http://10.77.0.1`, with its port where that is not 80. */
export function origin(server: string, port: number): string {
  return port === 80 ? `http://${server}` : `http://${server}:${port}`
}

export type About = { readonly host?: string | undefined; readonly configuration?: string | undefined }

export function gives(answers: readonly Answer[], rule: Rule, because: string, about: About = {}): Decision {
  return { answers, reason: { rule, because }, ...about }
}

export function nothing(rule: Rule, because: string, about: About = {}): Decision {
  return gives([], rule, because, about)
}
