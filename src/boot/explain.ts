// A boot before it happens: what a machine would be offered, ask for and get, and why, by the very decisions that serve.

import type { Firmware, Host } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import { macWithDashes, type Mac } from '../net/mac.ts'
import { codeOf, firmwareOf } from './arch.ts'
import { decide, type Answer, type Decision, type Rule, type Site } from './decide.ts'
import { choose } from './decision.ts'
import type { Agent, Facts } from './facts.ts'
import { pxeOf } from './fitting.ts'
import { secureBootNote } from './secure-boot.ts'
import type { Table } from './table.ts'

/** Which machine, and as what it would start. */
export type Question = {
  readonly server: Ipv4
  readonly via: 'dhcp' | 'proxy'
  readonly host: Host | undefined
  readonly mac: Mac
  readonly ip: Ipv4 | undefined
  readonly archs: readonly number[]
  readonly agent: Agent
}

export type Offer = Pick<Extract<Answer, { kind: 'boot' }>, 'server' | 'file' | 'url' | 'prefix'>

/** One name a loader asks for. */
export type Asked = {
  readonly path: string
  readonly gives: 'text' | 'file' | 'nothing'
  readonly rule: Rule
  readonly because: string
}

/** One program of a boot, from its DHCP request to its configuration. */
export type Stage = {
  readonly agent: Agent
  readonly rule: Rule
  readonly because: string
  /** Undefined: nothing to boot. */
  readonly offer: Offer | undefined
  /** Up to the first that is answered. */
  readonly asks: readonly Asked[]
  /** What its configuration says, where it comes from memory. */
  readonly text: string | undefined
}

export type Explanation = { readonly stages: readonly Stage[]; readonly notes: readonly string[] }

/** Whether a file that an answer names is there: the first that is, is given. */
export type IsThere = (file: Extract<Answer, { kind: 'file' }>) => Promise<boolean>

export async function explain(
  question: Question,
  table: Table,
  site: Site,
  isThere: IsThere,
): Promise<Explanation> {
  const first = await explainStage(question, table, site, isThere)
  const stages = [first]
  const loader = site.bootloaders.find(({ file }) => file === first.offer?.file)
  if (loader?.language === 'ipxe') {
    const then = { ...question, agent: 'ipxe', archs: archsOfIpxe(question, loader.firmwares) } as const
    stages.push(await explainStage(then, table, site, isThere))
  }
  const notes = notesOn(question, stages, table, site)
  return { stages, notes: [...notes, ...(await noteOnFile(question, stages, table, site, isThere))] }
}

/** An iPXE that came over HTTP says it is a PXE client of the same processor. */
function archsOfIpxe({ archs, agent }: Question, firmwares: readonly Firmware[]): readonly number[] {
  if (agent !== 'httpboot') return archs
  const next = firmwares.map(pxeOf).find((firmware) => firmware !== undefined)
  return next === undefined ? archs : [codeOf(next)]
}

async function explainStage(question: Question, table: Table, site: Site, isThere: IsThere): Promise<Stage> {
  const { via, server, mac, ip, archs, agent } = question
  const facts: Facts = { via, server, mac, ip, archs, agent, asks: { kind: 'loader' } }
  const { answers, reason } = decide(facts, table, site)
  const boot = answers.find((answer): answer is Extract<Answer, { kind: 'boot' }> => answer.kind === 'boot')
  const asks: Asked[] = []
  let text: string | undefined
  const then = boot?.url === undefined && boot?.prefix === undefined ? 'tftp' : 'http'
  const ask = (path: string, recent: Facts['recent']) =>
    decide({ ...facts, via: then, recent, asks: { kind: 'path', path } }, table, site)
  const sent = boot === undefined ? undefined : ask(boot.file, []).loader
  const recent = sent === undefined ? [] : [{ file: sent, agoMs: 0 }]
  for (const path of boot === undefined ? [] : namesOf(boot.file, question, site)) {
    const decision = ask(path, recent)
    const given = await givenOf(decision, isThere)
    asks.push(asked(path, decision, given?.kind ?? 'nothing'))
    // A machine without a UUID goes straight to the next name.
    if (given === undefined || path.includes(someUuid)) continue
    if (given.kind === 'text') text = given.body
    break
  }
  return {
    agent,
    ...reason,
    offer: boot,
    asks,
    text,
  }
}

async function givenOf({ answers }: Decision, isThere: IsThere) {
  for (const answer of answers) {
    if (answer.kind === 'text' || (answer.kind === 'file' && (await isThere(answer)))) return answer
  }
  return undefined
}

function asked(path: string, { reason }: Decision, gives: Asked['gives']): Asked {
  const { rule, because } = reason
  return { path: path.replace(someUuid, '<UUID>'), gives, rule, because: because.replace(someUuid, '<UUID>') }
}

/** Stands for the machine's own, which only the machine knows: such a name is answered by its address. */
const someUuid = '00000000-0000-0000-0000-000000000000'

/** The per-host names that the loader `file` asks for, in its order. */
function namesOf(file: string, { mac, ip }: Question, site: Site): readonly string[] {
  const folder = file.slice(0, file.lastIndexOf('/') + 1)
  const loader = site.bootloaders.find((entry) => entry.file === file)
  if (loader === undefined) return [file]
  const said = loader.configPath.replace(/^\/+|\/+$/g, '')
  const own = said === '' ? [] : [said]
  const keys = [`01-${macWithDashes(mac)}`, ...addressKeys(ip)]
  // By option 97, which the DHCP answer returns. U-Boot and Petitboot seldom send it.
  const all = loader.resident === true ? keys : [someUuid, ...keys]
  switch (loader.language) {
    case 'pxelinux':
      return [...own, ...[...all, 'default'].map((key) => `${folder}pxelinux.cfg/${key}`)]
    case 'grub': {
      if (said !== '') return [said.endsWith('.cfg') ? said : `${said}/grub.cfg`]
      // grub-mknetdir's builds look above the folder of their platform, Debian's signed ones in /grub and by no name of
      // the machine.
      const [, made] = /^(.*\/)[^/]+\/core\.\w+$/.exec(file) ?? []
      return made === undefined
        ? ['grub/grub.cfg']
        : [...all.map((key) => `${made}grub.cfg-${key}`), `${made}grub.cfg`]
    }
    case 'rpi':
      return [...own, 'config.txt']
    case 'ipxe':
      return own
  }
}

/** The address in hexadecimal, one digit less each time. */
function addressKeys(ip: Ipv4 | undefined): readonly string[] {
  if (ip === undefined) return []
  const digits = ip.toString(16).toUpperCase().padStart(8, '0')
  return Array.from(digits, (_, cut) => digits.slice(0, digits.length - cut))
}

function notesOn(question: Question, stages: readonly Stage[], table: Table, site: Site): readonly string[] {
  const { host, mac, archs } = question
  const said = firmwareOf(archs, mac)
  const firmware = host?.firmware ?? said
  const notes: string[] = []
  if (host !== undefined && firmware !== said) {
    notes.push(`${host.name} has an arch of its own, ${firmware}, which goes before what it says of itself`)
  }
  if (firmware === undefined) return notes
  const facts: Facts = { ...question, asks: { kind: 'loader' } }
  const configuration = choose(host, mac, table, site)?.name
  const note = secureBootNote({ facts, firmware, table, site }, configuration, stages[0]?.offer?.file)
  return note === undefined ? notes : [...notes, note]
}

/** Links of the original and of our export are served as files are, and no offer is made for them. */
async function noteOnFile(
  { host, mac }: Question,
  stages: readonly Stage[],
  table: Table,
  site: Site,
  isThere: IsThere,
): Promise<readonly string[]> {
  const path = `pxelinux.cfg/01-${macWithDashes(mac)}`
  const isShown = stages.some(({ asks }) => asks.some(({ gives }) => gives === 'file'))
  if (isShown || !(await isThere({ kind: 'file', root: 'tftp', path }))) return []
  const what = `${path} is in tftproot (pxe-pilot export writes such links, as the original PXE Pilot did)`
  const rule = choose(host, mac, table, site)?.rule ?? 'default-configuration'
  if (rule === 'held') return [`${what}: it is not given as long as everything boots local (pxe-pilot hold)`]
  return rule === 'default-configuration'
    ? [
        `${what}: nothing is offered for it, but who asks for that name is given it, as a machine that another DHCP server sends here; remove it where that is not meant`,
      ]
    : [`${what}: it is given only once nothing is deployed to this machine`]
}
