// What `host add` and `host set` may say of a host, and the body the API takes for it.

import { readFileSync } from 'node:fs'
import { InvalidArgumentError, type Command } from 'commander'
import { printable } from '../events.ts'
import { ClientError } from './client.ts'
import { outputOption, type Format } from './output.ts'

export type RecordOptions = Format & {
  readonly ip?: string
  readonly arch?: string
  readonly localMethod?: string
  readonly lock?: boolean
  readonly unlock?: boolean
  readonly var?: Readonly<Record<string, string>>
  readonly ipmi?: string
  readonly redfish?: string
  readonly wol?: boolean
  readonly user?: string
  readonly passwordFile?: string
  readonly controllerMac?: string
  readonly cipher?: number
  readonly adapter?: string
  readonly adapterAddress?: string
  readonly adapterVar?: Readonly<Record<string, string>>
}

export type SetOptions = RecordOptions & { readonly name?: string; readonly mac?: readonly string[] }

export function recordOptions(command: Command): Command {
  return command
    .option('--ip <address>', 'its reserved address')
    .option('--arch <firmware>', 'its firmware, where it does not tell: bios, uefi-x64, ...')
    .option('--local-method <method>', 'auto, or withhold: how it leaves for its disk')
    .option('--lock', 'let nothing but local be deployed to it, and nothing switch it')
    .option('--unlock', 'the opposite')
    .option('--var <name=value>', 'a variable of templates; may be said several times', variable)
    .option('--ipmi <address>', 'its BMC; with auto the address is looked up by --controller-mac')
    .option('--redfish <address>', 'its Redfish service; with auto as of --ipmi')
    .option('--wol', 'it is woken by Wake-on-LAN')
    .option('--no-wol', 'the opposite')
    .option('--user <name>', 'of the controller')
    .option('--password-file <file>', 'the password of the controller, alone in a file here')
    .option('--controller-mac <mac>', 'of the controller')
    .option('--cipher <suite>', 'of IPMI, such as 3', cipherSuite)
    .option('--adapter <name>', 'it is switched by this adapter of the settings; none takes it away')
    .option('--adapter-address <address>', 'what its adapter switches it at, such as a power strip')
    .option(
      '--adapter-var <name=value>',
      'for the commands of its adapter, and no secret; all of them, each said once',
      variable,
    )
    .addOption(outputOption())
}

/** As the API takes it; what was not said is left out. */
export function recordOf(options: RecordOptions): Record<string, unknown> {
  const { ip, arch, localMethod, lock, unlock, var: vars, ipmi, redfish, wol, adapter } = options
  return {
    ...(ip !== undefined && { ip: orNull(ip) }),
    ...(arch !== undefined && { arch: orNull(arch) }),
    ...(localMethod !== undefined && { localMethod: orNull(localMethod) }),
    ...(lock && { locked: true }),
    ...(unlock && { locked: false }),
    ...(vars && { vars }),
    ...(ipmi !== undefined && { ipmi: ipmi === 'none' ? null : controllerOf(ipmi, options) }),
    ...(redfish !== undefined && { redfish: redfish === 'none' ? null : controllerOf(redfish, options) }),
    ...(wol !== undefined && { wol: wol ? {} : null }),
    ...(adapter !== undefined && { management: adapter === 'none' ? null : adapterOf(adapter, options) }),
  }
}

function orNull(text: string): string | null {
  return text === 'none' ? null : text
}

function controllerOf(address: string, options: RecordOptions): Record<string, unknown> {
  return {
    hostname: address === 'auto' ? null : address,
    ...accessOf(options),
  }
}

/** What of a controller may change while its address stays. */
function accessOf({ user, passwordFile, controllerMac, cipher }: RecordOptions): Record<string, unknown> {
  return {
    ...(user !== undefined && { username: user }),
    ...(passwordFile !== undefined && { password: passwordIn(passwordFile) }),
    ...(controllerMac !== undefined && { mac_address: controllerMac }),
    ...(cipher !== undefined && { cipher }),
  }
}

function adapterOf(
  adapter: string,
  { adapterAddress, adapterVar, controllerMac }: RecordOptions,
): Record<string, unknown> {
  return {
    adapter,
    ...(adapterAddress !== undefined && { ip_address: adapterAddress }),
    ...(controllerMac !== undefined && { mac_address: controllerMac }),
    ...(adapterVar && { vars: Object.entries(adapterVar).map(([name, value]) => ({ name, value })) }),
  }
}

export const addressed = '--ipmi ADDRESS or --redfish ADDRESS'

/** Something is said of a controller, but not which one it is. */
export function isLoose(options: RecordOptions): boolean {
  return looseOf(options) !== undefined
}

const isNamed = (which: string | undefined) => which !== undefined && which !== 'none'

export function looseOf({
  user,
  passwordFile,
  controllerMac,
  cipher,
  ipmi,
  redfish,
  adapter,
  adapterAddress,
  adapterVar,
}: RecordOptions): string | undefined {
  const ofAdapter = { '--adapter-address': adapterAddress, '--adapter-var': adapterVar }
  const ofOther = { '--user': user, '--password-file': passwordFile, '--cipher': cipher }
  const said = {
    ...(!isNamed(adapter) && ofAdapter),
    ...(!isNamed(ipmi) && !isNamed(redfish) && ofOther),
    ...(![adapter, ipmi, redfish].some(isNamed) && { '--controller-mac': controllerMac }),
  }
  return Object.entries(said).find(([, value]) => value !== undefined)?.[0]
}

type Controlled = {
  readonly name: string
  readonly ipmi?: object | null | undefined
  readonly redfish?: object | null | undefined
}

/** Ends the process where the host has no controller that the options could be of. */
export function controllerOfHost(
  { name, ipmi, redfish }: Controlled,
  options: RecordOptions,
  self: Command,
): Record<string, unknown> {
  const loose = looseOf(options)
  const isOfAdapter = loose?.startsWith('--adapter-') === true
  if (isOfAdapter) self.error(`error: ${loose}: name the adapter, too, with --adapter NAME`)
  if (ipmi != null && options.ipmi === undefined) return { ipmi: accessOf(options) }
  if (redfish != null && options.redfish === undefined) {
    if (options.cipher === undefined) return { redfish: accessOf(options) }
    self.error(`error: --cipher is of IPMI, and ${printable(name)} is switched by Redfish`)
  }
  self.error(
    `error: ${printable(name)} has neither IPMI nor Redfish that ${loose} could be of: name its controller, too, with ${addressed}`,
  )
}

function cipherSuite(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('It is no number such as 3 or 17.')
  return Number(text)
}

/** Never as an argument, which everybody could read. */
function passwordIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ClientError(`--password-file cannot be read: ${why}`)
  }
}

export function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function variable(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It is no name=value.')
  return { ...before, [name]: value }
}
