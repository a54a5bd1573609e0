// Writes what is deployed as the links of the original PXE Pilot again, for whoever goes back to it.

import { lstat, mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { builtInLocal, emptyTable, type Table } from './boot/table.ts'
import { Catalog } from './catalog/catalog.ts'
import type { Host } from './model.ts'
import { formatIpv4 } from './net/ipv4.ts'
import { macWithDashes, parseMac } from './net/mac.ts'
import { Registry } from './registry.ts'
import { declaredHosts } from './settings/hosts.ts'
import type { Settings } from './settings/schema.ts'
import { guardsOf, siteOf } from './site.ts'
import { openStore } from './store/open.ts'

type Deployed = { readonly host: string; readonly macs: Host['macs']; readonly configuration: string }

/** Of a server that runs, over its API; else from the store. `say`: a line each. Rejects with one line for a person. */
export async function exportLinks(settings: Settings, say: (line: string) => void): Promise<void> {
  const { tftp, configuration } = settings
  if (tftp === undefined)
    throw new Error(`${settings.file} has no tftp section: there is nowhere to write links`)
  const deployed = (await askServer(settings)) ?? (await readStore(settings))
  const files = await filesOf(settings)
  const folder = join(tftp.root, 'pxelinux.cfg')
  await mkdir(folder, { recursive: true })
  for (const { host, macs, configuration: name } of deployed) {
    const file = files.get(name)
    if (file === undefined) {
      const why = name === builtInLocal ? 'is built in and has no file' : 'has no file any more'
      say(`${host}: no link, as ${name} ${why}`)
      continue
    }
    const [first] = macs
    for (const mac of macs) {
      // As the original: the first card's leads to the file, the others' to the first one's.
      const target =
        mac === first || first === undefined ? join(configuration.directory, file) : linkOf(first, folder)
      say(`${host}: ${await link(linkOf(mac, folder), target)}`)
    }
  }
}

function linkOf(mac: Host['macs'][number], folder: string): string {
  return join(folder, `01-${macWithDashes(mac)}`)
}

/** What a person wrote there stays. */
async function link(path: string, target: string): Promise<string> {
  const present = await lstat(path).catch(() => undefined)
  if (present !== undefined && !present.isSymbolicLink()) return `${path} is a file, and stays`
  await rm(path, { force: true })
  await symlink(target, path)
  return `${path} -> ${target}`
}

/** Undefined where none runs. */
async function askServer({ server }: Settings): Promise<readonly Deployed[] | undefined> {
  const address = server.bind === 0 ? '127.0.0.1' : formatIpv4(server.bind)
  try {
    const response = await fetch(`http://${address}:${server.port}/v1/hosts?status=false`, {
      signal: AbortSignal.timeout(10_000),
    })
    const hosts = (await response.json()) as
      | readonly {
          readonly name: string
          readonly macAddresses: readonly string[] | null
          readonly configuration: { readonly name: string } | null
        }[]
      | null
    return (hosts ?? []).flatMap(({ name, macAddresses, configuration }) =>
      configuration === null
        ? []
        : {
            host: name,
            macs: (macAddresses ?? []).flatMap((mac) => parseMac(mac) ?? []),
            configuration: configuration.name,
          },
    )
  } catch {
    return undefined
  }
}

async function readStore(settings: Settings): Promise<readonly Deployed[]> {
  const store = await openStore(settings.store)
  try {
    const table: Table = emptyTable()
    const parts = { table, store, guards: guardsOf(settings), tell: () => undefined, now: Date.now }
    await new Registry(parts).load(declaredHosts(settings.hosts))
    return [...table.assignments].map(([host, configuration]) => ({
      host,
      macs: table.hosts.get(host)?.macs ?? [],
      configuration,
    }))
  } finally {
    await store.close()
  }
}

/** The first file of each configuration, relative to the configuration directory. */
async function filesOf(settings: Settings): Promise<ReadonlyMap<string, string>> {
  const catalog = new Catalog({
    directory: settings.configuration.directory,
    tftproot: settings.tftp?.root,
    bootloaders: siteOf(settings).bootloaders,
    links: settings.tftp?.follow_links ?? 'inside',
    changed: () => undefined,
    tell: () => undefined,
    now: Date.now,
  })
  try {
    const { configurations } = await catalog.look()
    return new Map(configurations.flatMap(({ name, forms: [form] }) => (form ? [[name, form.file]] : [])))
  } finally {
    await catalog.stop()
  }
}
