// What a DHCP client is offered: the loader that can run its configuration, or nothing and why.

import type { Bootloader, Firmware, Host } from '../model.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { macWithDashes } from '../net/mac.ts'
import { firmwareOf, nameArchitectures } from './arch.ts'
import { choose, gives, nothing, origin } from './decision.ts'
import type { About, Answer, Choice, Decision, Rule, Site } from './decision.ts'
import type { Facts } from './facts.ts'
import { formFor } from './forms.ts'
import { candidates, canShow, overHttp, readsNoProxyOffer, runnable } from './fitting.ts'
import { speaksHttp, steppingStone, waysToDisk, type Setting } from './fitting.ts'
import { builtInLocal, hostOfMac, type Table } from './table.ts'

/** For `asks.kind` loader. */
export function decideLoader(facts: Facts, table: Table, site: Site): Decision {
  const host = hostOfMac(table, facts.mac)
  const said = host?.firmware ?? firmwareOf(facts.archs, facts.mac)
  const firmware = facts.agent === 'httpboot' ? overHttp(said) : said
  const choice = choose(host, facts.mac, table, site)
  const about = { host: host?.name, configuration: choice?.name }
  if (firmware === undefined) {
    const because = `architecture ${nameArchitectures(facts.archs)} has no loader here`
    return nothing('unknown-firmware', because, about)
  }
  const setting: Setting = { facts, firmware, table, site }
  if (choice === undefined) return decideLoaderOfMenuFile(setting, host)
  const withheld = whyWithheld(setting, choice, host)
  if (withheld !== undefined) {
    return nothing(withheld.rule, `${choice.because}${withheld.because}`, about)
  }
  return decideLoaderFor(setting, choice, about)
}

/** What no loader could change. */
function whyWithheld(
  setting: Setting,
  { name }: Choice,
  host: Host | undefined,
): { readonly rule: Rule; readonly because: string } | undefined {
  const { facts, firmware, site } = setting
  const isHttp = facts.agent === 'httpboot' || firmware.startsWith('http-')
  if (name === builtInLocal && (host?.localMethod ?? site.localMethod) === 'withhold') {
    return { rule: 'local-withheld', because: ': no boot offer, so that it goes on to its disk' }
  }
  if (name === builtInLocal && isHttp) {
    return { rule: 'local-withheld', because: ': an HTTP boot offer would lead it away from its disk' }
  }
  if (name === builtInLocal && waysToDisk(setting) === undefined) {
    return { rule: 'local-withheld', because: `: no boot offer, so that ${firmware} goes on to its disk` }
  }
  if (isHttp && site.httpPort === undefined) {
    return { rule: 'no-http', because: ', but it boots over HTTP, which the settings do not serve' }
  }
  return undefined
}

function decideLoaderFor(setting: Setting, choice: Choice, about: About): Decision {
  const { firmware, table } = setting
  const { rule, because } = choice
  const fitting = candidates(setting, choice.name)
  const ready = fitting.find((loader) => isReady(loader, table))
  if (ready !== undefined && readsNone(ready, choice.name, table)) {
    const files = `which says nothing for a Raspberry Pi (conf/${ready.name}/${choice.name} would): it boots its files in tftproot as they are, and UEFI or U-Boot among them asks again`
    const isDefault = rule === 'default-configuration'
    return gives([bootFile(setting, ready)], isDefault ? rule : 'no-form', `${because}, ${files}`, about)
  }
  if (ready !== undefined) {
    return gives([bootFile(setting, ready)], rule, `${because}; ${howRuns(setting, ready)}`, about)
  }
  const stones = steppingStone(setting, choice.name)
  const stone = stones.find((loader) => isReady(loader, table))
  if (stone !== undefined) {
    const first = `${firmware}; iPXE first, which then asks for a loader of its own`
    return gives([bootFile(setting, stone)], rule, `${because}; ${first}`, about)
  }
  const missing = fitting[0] ?? stones[0]
  if (choice.name === builtInLocal) {
    const lack = missing === undefined ? '' : ` (${remedyOf(missing, table)})`
    const none = `no loader here that leads ${firmware} to its disk${lack}, so no boot offer`
    return nothing('local-withheld', `${because}: ${none}`, about)
  }
  const why = missing === undefined ? whyNone(setting) : remedyOf(missing, table)
  // A machine somebody deployed to says so on its own screen; others are left alone.
  const shows = rule === 'default-configuration' ? [] : canShow(setting)
  const screen = shows.find((loader) => isReady(loader, table))
  const answers = screen === undefined ? [] : [bootFile(setting, screen)]
  const told = screen === undefined ? '' : '; its screen says so'
  const remedy = missing === undefined ? whatWouldRun(setting, choice.name) : ''
  return gives(
    answers,
    missing === undefined ? 'no-form' : 'loader-missing',
    `${because}, but ${why}${told}${remedy}`,
    about,
  )
}

/** No loader at all would do. */
function whyNone(setting: Setting): string {
  const { firmware, facts } = setting
  if (readsNoProxyOffer(setting)) {
    return `${firmware} reads no proxy offer: let the router say where to boot from, next-server (option 66) ${formatIpv4(facts.server)}`
  }
  return `nothing written for it runs on ${firmware}${facts.via === 'proxy' ? ' in proxy mode' : ''}`
}

/** Where to write it for this machine; empty where nothing could run it. */
function whatWouldRun(setting: Setting, configuration: string): string {
  const { table } = setting
  const readers = runnable(setting).filter(({ language }) => language !== 'rpi')
  const reader = readers.find((loader) => isReady(loader, table)) ?? readers[0]
  if (reader === undefined) return ''
  const forms = table.configurations.get(configuration)?.forms ?? []
  const all = `conf/${configuration}.yml`
  return forms.some(({ oneText }) => oneText !== undefined)
    ? `; ${all} has to name a kernel for it`
    : `; write it as ${all}, or as conf/${reader.language}/${configuration}`
}

/** Only a Raspberry Pi boots without a form of its own. */
function readsNone({ language, name }: Bootloader, configuration: string, table: Table): boolean {
  const forms = table.configurations.get(configuration)?.forms ?? []
  return language === 'rpi' && formFor(forms, language, [name], undefined) === undefined
}

function howRuns({ facts, firmware }: Setting, { language, resident }: Bootloader): string {
  if (facts.agent === 'ipxe' && language === 'ipxe') return 'it is iPXE: its script'
  return resident === true ? `${firmware}: its firmware reads it` : firmware
}

/** Nobody deployed anything, but an admin put a real file where a loader looks. */
function decideLoaderOfMenuFile(setting: Setting, host: Host | undefined): Decision {
  const { facts, firmware, table } = setting
  const who = host?.name ?? facts.mac ?? 'the client'
  const about = { host: host?.name }
  const macs = host?.macs ?? (facts.mac === undefined ? [] : [facts.mac])
  const names = [...macs.map((mac) => `pxelinux.cfg/01-${macWithDashes(mac)}`), 'pxelinux.cfg/default']
  const menu = names.find((name) => table.menus.has(name))
  if (menu === undefined) return nothing('no-configuration', `nothing is deployed to ${who}`, about)
  const readers = runnable(setting).filter(({ language }) => language === 'pxelinux')
  const ready = readers.find((loader) => isReady(loader, table))
  if (ready !== undefined) {
    const because = `nothing is deployed to ${who}; the file ${menu} is there`
    return gives([bootFile(setting, ready)], 'menu-file', because, about)
  }
  const [missing] = readers
  return missing === undefined
    ? nothing('no-form', `the file ${menu} is there, but no loader of ${firmware} reads it`, about)
    : nothing('loader-missing', `the file ${menu} is there, but ${remedyOf(missing, table)}`, about)
}

/** Whether its file can be fetched here. */
function isReady({ file, resident }: Bootloader, table: Table): boolean {
  return resident === true || (table.loaders.get(file)?.from ?? 'nowhere') !== 'nowhere'
}

function remedyOf({ file }: Bootloader, table: Table): string {
  const loader = table.loaders.get(file)
  return loader?.from === 'nowhere' ? loader.remedy : `${file} is not there`
}

function bootFile({ facts, firmware, site }: Setting, loader: Bootloader): Answer {
  const { server, mac, agent, lacksHttp } = facts
  const http = site.httpPort === undefined ? undefined : origin(formatIpv4(server), site.httpPort)
  const isScript = agent === 'ipxe' && loader.language === 'ipxe'
  const file = isScript
    ? `ipxe.cfg/${mac === undefined ? 'default' : `01-${macWithDashes(mac)}`}`
    : loader.file
  const takesUrls = (isScript && lacksHttp !== true) || agent === 'httpboot' || firmware.startsWith('http-')
  const byUrl = takesUrls && http !== undefined
  return {
    kind: 'boot',
    server,
    file,
    url: byUrl ? `${http}/${file}` : undefined,
    ...(http !== undefined && speaksHttp.test(file) && { prefix: `${http}/` }),
    ...(services[firmware] !== undefined && { service: services[firmware] }),
  }
}

/** The boot ROM of a Raspberry Pi takes only an offer of this boot service (raspberrypi/documentation #1686). */
const services: Readonly<Partial<Record<Firmware, string>>> = { rpi: 'Raspberry Pi Boot' }
