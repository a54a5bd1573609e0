// Which loaders can run a configuration on a machine, the best one first: what is tried is data, not branches.

import type { Bootloader, Firmware, Form, Language } from '../model.ts'
import { processorsOf } from './arch.ts'
import type { Site } from './decision.ts'
import type { Facts } from './facts.ts'
import { formFor, isOwn } from './forms.ts'
import { builtInLocal, type Table } from './table.ts'

/** One client that asks for a loader, and what there is. */
export type Setting = {
  readonly facts: Facts
  readonly firmware: Firmware
  readonly table: Table
  readonly site: Site
}

/**
 * The languages in which `local` really reaches the disk, the surest first. On UEFI, SYSLINUX's LOCALBOOT ends in
 * "Load Error", and the firmware tries HTTP boot for a minute and a half before it comes to the disk.
 */
const toDisk = {
  bios: ['pxelinux', 'ipxe', 'grub'],
  uefi: ['grub', 'ipxe'],
  /** An iPXE that runs already need not fetch GRUB. */
  uefiByIpxe: ['ipxe', 'grub'],
} as const

/** Undefined: such firmware goes on to its disk when it is offered nothing. */
export function waysToDisk({ facts, firmware }: Setting): readonly Language[] | undefined {
  if (firmware === 'bios') return toDisk.bios
  if (!firmware.startsWith('uefi-')) return undefined
  return facts.agent === 'ipxe' ? toDisk.uefiByIpxe : toDisk.uefi
}

const scripts = 'ipxe.cfg'

/** An iPXE that runs already, in a card's ROM or sent before: its script is all it needs. */
function ipxeItself(firmware: Firmware): Bootloader {
  return {
    name: 'ipxe',
    file: scripts,
    configPath: '',
    language: 'ipxe',
    firmwares: [firmware],
    resident: true,
  }
}

/**
 * U-Boot and Petitboot say neither PXEClient nor HTTPClient, so that proxy mode does not answer them: they take the boot
 * server from the answer that brings their address.
 */
export function readsNoProxyOffer({ facts, firmware }: Setting): boolean {
  return facts.via === 'proxy' && (firmware.startsWith('uboot-') || firmware === 'opal')
}

/** What may run at all on this machine, in the order of the settings. */
export function runnable(setting: Setting): readonly Bootloader[] {
  const { facts, firmware, site } = setting
  if (readsNoProxyOffer(setting)) return []
  const found = facts.agent === 'ipxe' ? [ipxeItself(firmware)] : []
  for (const loader of site.bootloaders) {
    const { language, firmwares } = loader
    if (!firmwares.includes(firmware)) continue
    // GRUB looks only at the ACK, which in proxy mode is that of another server, and stops at its prompt. One that
    // came by a URL knows where from.
    if (facts.via === 'proxy' && language === 'grub' && !firmware.startsWith('http-')) continue
    // An iPXE that is handed iPXE would ask again, for ever.
    if (facts.agent === 'ipxe' && language === 'ipxe') continue
    found.push(loader)
  }
  return found
}

type Ranked = Map<string, readonly Bootloader[]>

/** As long as the settings and the files are the same: a hall of machines asks the same, twice each. */
const known = new WeakMap<Site['bootloaders'], WeakMap<Table['configurations'], Ranked>>()

/** The loaders for `configuration`, the ones it was written for first. */
export function candidates(setting: Setting, configuration: string): readonly Bootloader[] {
  const { facts, firmware, table, site } = setting
  const ofSite = known.get(site.bootloaders) ?? new WeakMap<Table['configurations'], Ranked>()
  known.set(site.bootloaders, ofSite)
  const ofFiles: Ranked = ofSite.get(table.configurations) ?? new Map()
  ofSite.set(table.configurations, ofFiles)
  const key = `${facts.via} ${facts.agent} ${firmware} ${configuration}`
  const loaders = ofFiles.get(key) ?? rank(setting, configuration)
  ofFiles.set(key, loaders)
  return loaders
}

function rank(setting: Setting, configuration: string): readonly Bootloader[] {
  const forms = setting.table.configurations.get(configuration)?.forms ?? []
  const order = configuration === builtInLocal ? (waysToDisk(setting) ?? []) : undefined
  const found: { readonly loader: Bootloader; readonly at: number }[] = []
  for (const loader of runnable(setting)) {
    const at = rankOf(loader, forms, order, setting)
    if (at < Infinity) found.push({ loader, at })
  }
  return found.toSorted((a, b) => a.at - b.at).map(({ loader }) => loader)
}

/** Infinity: it cannot run such a configuration. `order`: of the languages that reach the disk, for `local`. */
function rankOf(
  loader: Bootloader,
  forms: readonly Form[],
  order: readonly Language[] | undefined,
  setting: Setting,
): number {
  const { language } = loader
  const at = order?.indexOf(language) ?? 0
  if (at < 0) return Infinity
  const names = namesOf(loader, setting)
  const form = formFor(forms, language, names, processorsOf[setting.firmware])
  // Behind LPXELINUX, GRUB and iPXE.
  if (form?.byUrl === true && plainPxelinux.test(loader.file)) return 2
  if (form !== undefined) return isOwn(form, names) ? 0 : 1
  // A Raspberry Pi's files lie in tftproot; a configuration may, and need not, write its config.txt.
  if (language === 'rpi' && order === undefined) return 1
  return order === undefined ? Infinity : 2 + at
}

/** What its folder may be called: an iPXE that runs already may be any build for this machine. */
function namesOf({ name, file }: Bootloader, { firmware, site }: Setting): readonly string[] {
  if (file !== scripts) return [name]
  return site.bootloaders
    .filter(({ language, firmwares }) => language === 'ipxe' && firmwares.includes(firmware))
    .map((loader) => loader.name)
}

/**
 * Where firmware boots over HTTP and no loader for it reads the configuration: iPXE, which then asks as the firmware
 * that it runs on, and can be sent any loader of it.
 */
export function steppingStone(setting: Setting, configuration: string): readonly Bootloader[] {
  const { facts, firmware } = setting
  const next = pxeOf(firmware)
  if (facts.agent === 'ipxe' || next === undefined) return []
  const then: Setting = { ...setting, firmware: next, facts: { ...facts, agent: 'ipxe' } }
  if (candidates(then, configuration).length === 0) return []
  return runnable(setting).filter(({ language }) => language === 'ipxe')
}

/** One machine by HTTP boot and by PXE. */
const twins: readonly (readonly [http: Firmware, pxe: Firmware])[] = [
  ['http-bios', 'bios'],
  ['http-ia32', 'uefi-ia32'],
  ['http-x64', 'uefi-x64'],
  ['http-arm32', 'uefi-arm32'],
  ['http-arm64', 'uefi-arm64'],
  ['http-riscv64', 'uefi-riscv64'],
  ['http-loongarch64', 'uefi-loongarch64'],
]

/** What the iPXE that such firmware fetched by HTTP says it runs on; undefined: this is no HTTP boot. */
export function pxeOf(firmware: Firmware): Firmware | undefined {
  return twins.find(([http]) => http === firmware)?.[1]
}

/** Some firmware says HTTPClient, and of itself only what it is for PXE. */
export function overHttp(firmware: Firmware | undefined): Firmware | undefined {
  return twins.find(([, pxe]) => pxe === firmware)?.[0] ?? firmware
}

/** What can say on the machine's screen that nothing fits; first what goes on to the disk best afterwards. */
export function canShow(setting: Setting): readonly Bootloader[] {
  const order = waysToDisk(setting) ?? []
  const placeOf = ({ language }: Bootloader) =>
    order.includes(language) ? order.indexOf(language) : order.length
  return runnable(setting)
    .filter(({ language, file }) => language !== 'rpi' && !file.endsWith('.conf'))
    .toSorted((a, b) => placeOf(a) - placeOf(b))
}

/** Knows TFTP alone. */
const plainPxelinux = /(?:^|\/)pxelinux\.0$/

/** LPXELINUX speaks HTTP: with a prefix it fetches all but itself that way (RFC 5071, option 210). */
export const speaksHttp = /(?:^|\/)lpxelinux\.0$/
