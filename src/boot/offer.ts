// What a DHCP client is offered: the loader that can run its configuration, or nothing and why.

import type { Bootloader, Firmware, Host } from '../model.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { macWithDashes } from '../net/mac.ts'
import { firmwareOf, nameArchitectures } from './arch.ts'
import { choose, formOf, gives, nothing, origin, type Answer, type Decision, type Site } from './decision.ts'
import type { Facts } from './facts.ts'
import { builtInLocal, hostOfMac, type Table } from './table.ts'

/** For `asks.kind` loader. */
export function decideLoader(facts: Facts, table: Table, site: Site): Decision {
  const host = hostOfMac(table, facts.mac)
  const firmware = host?.firmware ?? firmwareOf(facts.archs, facts.mac)
  const choice = choose(host, facts.mac, table, site)
  const about = { host: host?.name, configuration: choice?.name }
  if (firmware === undefined) {
    return nothing(
      'unknown-firmware',
      `architecture ${nameArchitectures(facts.archs)} has no loader here`,
      about,
    )
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
  if (facts.agent === 'httpboot' && site.httpPort === undefined) {
    return nothing(
      'no-http',
      `${choice.because}, but it boots over HTTP, which the settings do not serve`,
      about,
    )
  }
  const script = facts.agent === 'ipxe' ? formOf(table, choice.name, 'ipxe') : undefined
  if (script !== undefined && facts.mac !== undefined) {
    const file = `ipxe.cfg/01-${macWithDashes(facts.mac)}`
    return gives([byUrl(facts, file, site)], choice.rule, `${choice.because}; it is iPXE: its script`, about)
  }
  let missing: string | undefined
  for (const loader of fitting(site.bootloaders, firmware, choice.name, table)) {
    // An iPXE that is handed iPXE would ask again, for ever.
    if (facts.agent === 'ipxe' && loader.language === 'ipxe') continue
    const remedy = missingRemedy(loader, table)
    if (remedy === undefined) {
      return gives([bootFile(facts, loader.file, site)], choice.rule, `${choice.because}; ${firmware}`, about)
    }
    missing ??= remedy
  }
  if (facts.agent === 'ipxe' && choice.name === builtInLocal && facts.mac !== undefined) {
    const builtIn = byUrl(facts, `ipxe.cfg/01-${macWithDashes(facts.mac)}`, site)
    return gives([builtIn], choice.rule, `${choice.because}; it is iPXE: the built-in script`, about)
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
    missing = missingRemedy(loader, table)
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

function missingRemedy({ file, resident }: Bootloader, table: Table): string | undefined {
  if (resident === true) return undefined
  const loader = table.loaders.get(file)
  if (loader === undefined) return `${file} is not there`
  return loader.from === 'nowhere' ? loader.remedy : undefined
}

function bootFile(facts: Facts, file: string, site: Site): Answer {
  return facts.agent === 'httpboot'
    ? byUrl(facts, file, site)
    : { kind: 'boot', server: facts.server, file, url: undefined }
}

function byUrl({ server }: Facts, file: string, site: Site): Answer {
  const url = site.httpPort === undefined ? undefined : `${origin(formatIpv4(server), site.httpPort)}/${file}`
  return { kind: 'boot', server, file, url }
}
