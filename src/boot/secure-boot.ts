// What Secure Boot makes of an offer, and what then helps: for people, as no DHCP option tells whether it is on.

import type { Bootloader } from '../model.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { candidates, runnable, type Setting } from './fitting.ts'
import { lackOf, type Table } from './table.ts'

/**
 * A sentence for a machine of `setting` that boots `configuration` and is offered the file `offered`. Undefined: it is
 * offered shim, or there is none for such firmware.
 */
export function secureBootNote(
  setting: Setting,
  configuration: string | undefined,
  offered: string | undefined,
): string | undefined {
  const { facts, firmware, table, site } = setting
  if (facts.agent !== 'rom' || (firmware !== 'uefi-x64' && firmware !== 'uefi-arm64')) return undefined
  const loader = site.bootloaders.find(({ file }) => file === offered)
  const refused = loader === undefined ? undefined : refusalOf(loader, table)
  if (facts.via === 'proxy') {
    const router = configuration === undefined ? undefined : routerFor(setting, configuration)
    if (router !== undefined) return refused === undefined ? router : `${refused}. ${router}`
  }
  if (refused === undefined || configuration === undefined || loader?.language === 'grub') return refused
  const way = wayThroughShim(unproxied(setting), configuration)
  const next = facts.via === 'proxy' ? '. Then this note says what the router is to send' : ''
  return way === undefined ? refused : `${refused}; ${way}${next}`
}

/** As if nobody else answered, beside whom GRUB does not work. */
function unproxied(setting: Setting): Setting {
  return { ...setting, facts: { ...setting.facts, via: 'dhcp' } }
}

function refusalOf({ file, language }: Bootloader, table: Table): string | undefined {
  const found = table.loaders.get(file)
  if (language === 'grub') return found?.from === 'system' ? found.refused : undefined
  const why = found?.from === 'tftproot' ? ', unless it is signed' : ': it is not signed'
  return `With Secure Boot this loader is refused${why}`
}

/** What another DHCP server has to say where only shim and GRUB may start; undefined where that does not help. */
function routerFor(setting: Setting, configuration: string): string | undefined {
  const { facts, table } = setting
  const shim = grubAmong(candidates(unproxied(setting), configuration))
  if (shim === undefined) return undefined
  const server = formatIpv4(facts.server)
  return `GRUB does not work beside another DHCP server's answer. Let the router say where to boot from: next-server (option 66) ${server}, boot file (option 67) ${shim.file}${lacking(shim, table)}`
}

/** Why it is not shim that is offered; undefined where the settings have no GRUB for it. */
function wayThroughShim(setting: Setting, configuration: string): string | undefined {
  const { table } = setting
  const reader = grubAmong(candidates(setting, configuration))
  if (reader !== undefined) {
    return (
      lackOf(table.loaders.get(reader.file)) ??
      `${reader.file} reads ${configuration}, too, but comes after it`
    )
  }
  const shim = grubAmong(runnable(setting))
  if (shim === undefined) return undefined
  const files = `conf/grub/${configuration} or conf/${configuration}.yml`
  return `write it for GRUB (${files}) to boot through shim${lacking(shim, table)}`
}

function grubAmong(loaders: readonly Bootloader[]): Bootloader | undefined {
  return loaders.find(({ language }) => language === 'grub')
}

function lacking({ file }: Bootloader, table: Table): string {
  const lack = lackOf(table.loaders.get(file))
  return lack === undefined ? '' : `; ${lack}`
}
