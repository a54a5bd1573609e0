// The loaders at hand as the API shows them, and their copy into tftproot.

import type { Context } from 'koa'
import type { Site } from '../boot/decide.ts'
import { lackOf, type Table } from '../boot/table.ts'
import { installLoaders } from '../catalog/install.ts'
import { packagesOf } from '../catalog/loaders.ts'
import { faults, type Fault } from '../faults.ts'
import type { Bootloader } from '../model.ts'
import type { Registry } from '../registry.ts'
import { whoAsks, type AnswerParts } from './answer.ts'
import { sendJson } from './reply.ts'

export type LoadersParts = AnswerParts & {
  readonly registry: Pick<Registry, 'note'>
  readonly table: Table
  readonly site: Site
  /** Undefined where the settings have no tftp section. */
  readonly tftproot: string | undefined
  readonly look: (at?: 'configurations') => Promise<unknown>
}

/** In the order of the settings. */
export async function sendLoaders(ctx: Context, { table, site, look }: LoadersParts): Promise<void> {
  await look()
  const packageOf = await packagesOf('/')
  sendJson(
    ctx,
    site.bootloaders.map((loader) => showLoader(loader, packageOf(loader), table)),
  )
}

function showLoader(loader: Bootloader, packages: string | undefined, table: Table) {
  const { name, file, language, firmwares, resident } = loader
  const found = table.loaders.get(file)
  const from = resident === true ? 'firmware' : found?.from === 'system' ? 'package' : found?.from
  return {
    name,
    file,
    language,
    arch: firmwares,
    /** Whether machines can be sent it. */
    ready: from !== undefined && from !== 'nowhere',
    from: from === undefined || from === 'nowhere' ? null : from,
    path: found?.from === 'system' ? found.path : null,
    package: packages ?? null,
    remedy: lackOf(found) ?? null,
  }
}

/** Yields why it was not done, or not written into the audit. */
export async function install(ctx: Context, parts: LoadersParts): Promise<Fault | undefined> {
  const { table, tftproot, look, registry } = parts
  await look()
  if (tftproot === undefined) return faults.loadersNotInstalled('the settings file has no tftp section')
  try {
    const copied = await installLoaders({ tftproot, loaders: table.loaders, modules: table.modules })
    await look()
    const text = `copied into ${tftproot}: ${copied.join(', ') || 'nothing'}`
    const event = { level: 'info', step: 'loaders.install', text } as const
    const noted = await registry.note('install-loaders', event, whoAsks(ctx, parts))
    if (noted !== undefined) return noted.fault
    sendJson(ctx, { tftproot, copied })
    return undefined
  } catch (error) {
    return faults.loadersNotInstalled(error instanceof Error ? error.message : String(error))
  }
}
