// The table in memory: which configuration each host boots, and what exists to boot it with.
// Decisions only read it; a Delta is the only way it changes, all of it within one tick, but for who holds which address.

import type { Configuration, Host } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import { macWithDashes, type Mac } from '../net/mac.ts'
import { Addresses } from './addresses.ts'
import { DeclaredVariables } from './variables.ts'

/** Where a loader's file comes from. */
export type LoaderFile =
  | { readonly from: 'tftproot' }
  /** `refused`: that Secure Boot does not start it, and what to install. */
  | { readonly from: 'system'; readonly path: string; readonly refused?: string | undefined }
  | { readonly from: 'nowhere'; readonly remedy: string }

/** What brings a loader that is missing, or shim before one that Secure Boot refuses; undefined: nothing is lacking. */
export function lackOf(loader: LoaderFile | undefined): string | undefined {
  if (loader?.from === 'system') return loader.refused
  return loader?.from === 'nowhere' ? loader.remedy : undefined
}

/** What the directories hold, as of one look at them. */
export type Catalog = {
  readonly configurations: readonly Configuration[]
  /** Files without a version that can be served, by the configuration's name: what is wrong with them. */
  readonly broken?: readonly (readonly [name: string, fault: string])[]
  /** Real files with a per-host name under tftproot (`pxelinux.cfg/default`), without the links of the original. */
  readonly menus: readonly string[]
  /** The bootloaders' files and their modules by the name a client asks for. */
  readonly loaders: readonly (readonly [name: string, file: LoaderFile])[]
  /** Folders of GRUB's modules that packages bring, by the name clients ask for them under. */
  readonly modules?: readonly (readonly [asked: string, folder: string])[]
}

export type Change =
  | { readonly kind: 'host'; readonly host: Host }
  /** Its assignment goes with it. */
  | { readonly kind: 'host-removed'; readonly name: string }
  | { readonly kind: 'assignment'; readonly host: string; readonly configuration: string | null }
  /** From now on it is there that one finds who holds an address. */
  | { readonly kind: 'addresses'; readonly shared: SharedArrayBuffer }
  | { readonly kind: 'catalog'; readonly catalog: Catalog }
  | { readonly kind: 'hold'; readonly held: boolean }

/** A change of the table as plain data, so that a thread's replica follows by the same function. */
export type Delta = { readonly revision: number; readonly changes: readonly Change[] }

export type Table = {
  /** Of the last delta applied; 0 for an empty table. */
  revision: number
  readonly hosts: Map<string, Host>
  readonly hostByMac: Map<Mac, string>
  /** The host an address is reserved for. */
  readonly reserved: Map<Ipv4, string>
  readonly variables: DeclaredVariables
  /** By the host's name. One that is no host now was declared once, and boots this again when it comes back. */
  readonly assignments: Map<string, string>
  /** Who holds an address: leases that have not ended, and in proxy mode what clients told the other server. */
  addresses: Addresses
  /** Whatever was deployed, it is `local` that boots. */
  held: boolean
  configurations: ReadonlyMap<string, Configuration>
  broken: ReadonlyMap<string, string>
  menus: ReadonlySet<string>
  loaders: ReadonlyMap<string, LoaderFile>
  modules: ReadonlyMap<string, string>
}

/** The configuration that is there without any file. */
export const builtInLocal = 'local'

export function emptyTable(): Table {
  return {
    revision: 0,
    hosts: new Map(),
    hostByMac: new Map(),
    reserved: new Map(),
    variables: new DeclaredVariables(),
    assignments: new Map(),
    addresses: new Addresses(),
    held: false,
    configurations: new Map(),
    broken: new Map(),
    menus: new Set(),
    loaders: new Map(),
    modules: new Map(),
  }
}

/** Brings `table` to the delta's revision. One synchronous step: no reader sees half of it. */
export function applyDelta(table: Table, delta: Delta): void {
  for (const change of delta.changes) applyChange(table, change)
  table.revision = delta.revision
}

function applyChange(table: Table, change: Change): void {
  switch (change.kind) {
    case 'host':
      forget(table, change.host.name)
      table.hosts.set(change.host.name, change.host)
      table.variables.add(change.host)
      if (change.host.ip !== undefined) table.reserved.set(change.host.ip, change.host.name)
      for (const mac of change.host.macs) table.hostByMac.set(mac, change.host.name)
      return
    case 'host-removed':
      forget(table, change.name)
      table.hosts.delete(change.name)
      table.assignments.delete(change.name)
      return
    case 'hold':
      table.held = change.held
      return
    case 'assignment':
      if (change.configuration === null) table.assignments.delete(change.host)
      else table.assignments.set(change.host, change.configuration)
      return
    case 'addresses':
      table.addresses = new Addresses(change.shared)
      return
    case 'catalog':
      table.configurations = new Map(change.catalog.configurations.map((entry) => [entry.name, entry]))
      table.broken = new Map(change.catalog.broken)
      table.menus = new Set(change.catalog.menus)
      table.loaders = new Map(change.catalog.loaders)
      table.modules = new Map(change.catalog.modules)
  }
}

/** Its variables, its cards and its address; whoever took those over meanwhile keeps them. */
function forget(table: Table, name: string): void {
  const host = table.hosts.get(name)
  if (host !== undefined) table.variables.remove(host)
  for (const mac of host?.macs ?? []) if (table.hostByMac.get(mac) === name) table.hostByMac.delete(mac)
  if (host?.ip !== undefined && table.reserved.get(host.ip) === name) table.reserved.delete(host.ip)
}

/** The host that has `mac`, declared or registered. */
export function hostOfMac(table: Table, mac: Mac | undefined): Host | undefined {
  const name = mac === undefined ? undefined : table.hostByMac.get(mac)
  return name === undefined ? undefined : table.hosts.get(name)
}

/** Whether a deploy may name it: a configuration with a file, or the built-in `local`. */
export function configurationExists(table: Table, name: string): boolean {
  return name === builtInLocal || table.configurations.has(name)
}

/** A machine nobody declared, named by its MAC with dashes. */
export function registeredHost(mac: Mac): Host {
  return { name: macWithDashes(mac), macs: [mac], origin: 'registered', locked: false, vars: {}, options: [] }
}

/** Everything the table holds as one delta: what brings an empty replica to the same revision. */
export function snapshotOf(table: Table): Delta {
  const catalog: Catalog = {
    configurations: [...table.configurations.values()],
    broken: [...table.broken],
    menus: [...table.menus],
    loaders: [...table.loaders],
    modules: [...table.modules],
  }
  return {
    revision: table.revision,
    changes: [
      ...Array.from(table.hosts.values(), (host): Change => ({ kind: 'host', host })),
      ...Array.from(table.assignments, ([host, configuration]): Change => ({
        kind: 'assignment',
        host,
        configuration,
      })),
      { kind: 'addresses', shared: table.addresses.shared },
      { kind: 'catalog', catalog },
      { kind: 'hold', held: table.held },
    ],
  }
}
