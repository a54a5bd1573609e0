// Writes what is deployed as the links of the original PXE Pilot again, for whoever goes back to it.

import { lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { builtInLocal } from './boot/table.ts'
import { Catalog } from './catalog/catalog.ts'
import { isOriginal } from './catalog/menus.ts'
import { ask, isRefused, read } from './cli/client.ts'
import type { Form, Host } from './model.ts'
import { formatIpv4 } from './net/ipv4.ts'
import { macWithDashes, parseMac } from './net/mac.ts'
import { inventoryOf, settled } from './registry/settle.ts'
import { declaredHosts } from './settings/hosts.ts'
import type { Settings } from './settings/schema.ts'
import { siteOf } from './site.ts'
import { readStore } from './store/open.ts'

type Deployed = {
  readonly host: string
  readonly macs: Host['macs']
  readonly configuration: string | undefined
}

/** Of a server that runs, over its API; else from the store. `say`: a line each. Rejects with what a person is to read. */
export async function exportLinks(settings: Settings, say: (line: string) => void): Promise<void> {
  const { tftp, configuration } = settings
  if (tftp === undefined)
    throw new Error(`${settings.file} has no tftp section: there is nowhere to write links`)
  const deployed = (await askServer(settings)) ?? (await storedIn(settings, say))
  const forms = await formsOf(settings)
  const folder = join(tftp.root, 'pxelinux.cfg')
  await mkdir(folder, { recursive: true })
  for (const { host, macs, configuration: name } of deployed) {
    const form = name === undefined ? undefined : forms.get(name)
    if (form === undefined) {
      say(`${host}: no link, as ${whyNone(name)}`)
      // One of an earlier export would install the machine anew.
      for (const mac of macs) await unlinkExported(linkOf(mac, folder), configuration.directory)
      continue
    }
    const why = unread(form)
    if (why !== undefined) say(`${host}: the original's PXELINUX cannot read ${form.file}: ${why}`)
    const [first] = macs
    for (const mac of macs) {
      // As the original: the first card's leads to the file, the others' to the first one's.
      const target =
        mac === first || first === undefined
          ? join(configuration.directory, form.file)
          : linkOf(first, folder)
      say(`${host}: ${await link(linkOf(mac, folder), target)}`)
    }
  }
}

function whyNone(name: string | undefined): string {
  if (name === undefined) return 'nothing is deployed to it'
  return `${name} ${name === builtInLocal ? 'is built in and has no file' : 'has no file any more'}`
}

/** Why the original does not boot it, which sends files as they are. */
function unread({ language, template, written }: Form): string | undefined {
  if (written !== undefined) return 'it is a description, of which we make what a machine gets'
  if (template) return 'it is a template, whose variables nobody fills in then'
  return language === 'pxelinux' ? undefined : `it is written for ${language}`
}

function linkOf(mac: Host['macs'][number], folder: string): string {
  return join(folder, `01-${macWithDashes(mac)}`)
}

/** What a person wrote there stays. */
async function link(path: string, target: string): Promise<string> {
  if (!(await unlink(path))) return `${path} is a file, and stays`
  await symlink(target, path)
  return `${path} -> ${target}`
}

/** Whether nothing is there now. */
async function unlink(path: string): Promise<boolean> {
  const present = await lstat(path).catch(() => undefined)
  if (present !== undefined && !present.isSymbolicLink()) return false
  await rm(path, { force: true })
  return true
}

/** Also a link stays that a person made to something else than a configuration. */
async function unlinkExported(path: string, directory: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined)
  if (target !== undefined && isOriginal(target, directory)) await unlink(path)
}

const hostList = z.array(
  z.object({
    name: z.string(),
    macAddresses: z.array(z.string()).nullable(),
    configuration: z.object({ name: z.string() }).nullable(),
  }),
)

/** Undefined where none runs, which only a refused connection says: the store of one that is busy is not ours to open. */
async function askServer({ server, file }: Settings): Promise<readonly Deployed[] | undefined> {
  const address = server.bind === 0 ? '127.0.0.1' : formatIpv4(server.bind)
  const client = {
    server: `http://${address}:${server.port}`,
    debug: () => undefined,
    totalMs: 10_000,
    refusedMs: 0,
    namedBy: 'server.bind',
  }
  try {
    const hosts = read(client, await ask(client, 'GET', '/v1/hosts?status=false'), hostList.nullable())
    return (hosts ?? []).map(({ name, macAddresses, configuration }) => ({
      host: name,
      macs: (macAddresses ?? []).flatMap((mac) => parseMac(mac) ?? []),
      configuration: configuration?.name,
    }))
  } catch (error) {
    if (isRefused(error)) return undefined
    const why = error instanceof Error ? error.message : String(error)
    const what = `stop what listens there, or see server.bind and server.port in ${file}`
    throw new Error(`${why}\nNo link was written, as PXE Pilot may be running: ${what}`, { cause: error })
  }
}

/** As a start would bring it into force; nothing of that is kept. */
async function storedIn(settings: Settings, say: (line: string) => void): Promise<readonly Deployed[]> {
  const stored = await readStore(settings.store, say)
  if (stored === undefined) return []
  const { hosts, assignments } = settled(declaredHosts(settings.hosts), inventoryOf(stored))
  return [...hosts.values()].map(({ name, macs }) => ({
    host: name,
    macs,
    configuration: assignments.get(name),
  }))
}

/** Of each configuration its first file, and one that PXELINUX can read before all others. */
async function formsOf(settings: Settings): Promise<ReadonlyMap<string, Form>> {
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
    return new Map(
      configurations.flatMap(({ name, forms }) => {
        const form = forms.find((one) => unread(one) === undefined) ?? forms[0]
        return form === undefined ? [] : [[name, form] as const]
      }),
    )
  } finally {
    await catalog.stop()
  }
}
