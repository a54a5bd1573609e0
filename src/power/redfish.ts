// Switches a machine by Redfish (DMTF DSP0266): finds its ComputerSystem, and posts to the actions that it names.

import { isIPv6 } from 'node:net'
import type { RedfishSettings } from '../settings/schema.ts'
import { PowerError, type Act, type Adapter, type PowerState } from './adapter.ts'
import { RedfishSession, type Json } from './redfish-session.ts'

export type RedfishParts = {
  readonly settings: RedfishSettings
  /** Of the service. */
  readonly address: (signal: AbortSignal) => Promise<string>
  readonly password: () => string
  /** Its firmware boots from a URL rather than by PXE. */
  readonly isHttp: boolean
}

/** ResetType (Resource schema), the best first: services leave out what their machine cannot do. */
const resetTypes: Readonly<Record<Act, readonly string[]>> = {
  on: ['On', 'ForceOn'],
  off: ['ForceOff'],
  reset: ['ForceRestart', 'PowerCycle'],
  cycle: ['PowerCycle', 'FullPowerCycle', 'ForceRestart'],
}

const states: ReadonlyMap<string, PowerState> = new Map(
  Object.entries({
    On: 'On',
    PoweringOn: 'On',
    PoweringOff: 'On',
    Paused: 'On',
    Off: 'Off',
  }),
)

export function redfishAdapter(parts: RedfishParts): Adapter {
  return {
    status: (signal) => withSystem(parts, signal, async ({ system }) => stateOf(system)),
    act: (act, signal) =>
      withSystem(parts, signal, async ({ session, system }) => {
        const reset = field(field(system, 'Actions'), '#ComputerSystem.Reset')
        const target = text(field(reset, 'target'))
        if (target === undefined) throw new PowerError('the Redfish service has no reset of this machine')
        const type = choose(resetTypes[act], await allowed(session, reset), act)
        await session.send('POST', target, { ResetType: type })
      }),
    bootFromNetwork: (signal) =>
      withSystem(parts, signal, async ({ session, path, system, tag }) => {
        const targets = strings(
          field(field(system, 'Boot'), 'BootSourceOverrideTarget@Redfish.AllowableValues'),
        )
        const wanted = parts.isHttp ? ['UefiHttp', 'Pxe'] : ['Pxe']
        const target = choose(wanted, targets, 'boot from the network')
        const boot = { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: target }
        await session.send('PATCH', path, { Boot: boot }, tag)
      }),
  }
}

type System = {
  readonly session: RedfishSession
  readonly path: string
  readonly system: Json
  /** Some services change nothing without it (RFC 9110 13.1.1). */
  readonly tag: string | undefined
}

async function withSystem<T>(
  parts: RedfishParts,
  signal: AbortSignal,
  work: (system: System) => Promise<T>,
): Promise<T> {
  const { settings, password } = parts
  const session = new RedfishSession(
    { ...settings, base: baseUrl(settings, await parts.address(signal)), password: password() },
    signal,
  )
  try {
    await session.open()
    const path = settings.system ?? (await onlySystem(session))
    const { body: system, tag } = await session.get(path)
    return await work({ session, path, system, tag })
  } finally {
    const closed = session.close()
    // Whoever waits has waited long enough.
    if (!signal.aborted) await closed
  }
}

/** An address without a scheme is of HTTPS, which the standard asks for. */
function baseUrl({ port, scheme }: RedfishSettings, address: string): string {
  return `${scheme}://${isIPv6(address) ? `[${address}]` : address}${port === undefined ? '' : `:${port}`}`
}

/** Of a service with several machines only the settings know which one this is. */
async function onlySystem(session: RedfishSession): Promise<string> {
  const { body: root } = await session.get('/redfish/v1/')
  const systems = text(field(field(root, 'Systems'), '@odata.id'))
  if (systems === undefined) throw new PowerError('the Redfish service has no Systems: name one as system')
  const { body: collection } = await session.get(systems)
  const members = field(collection, 'Members')
  const paths = (Array.isArray(members) ? members : []).flatMap(
    (member: unknown) => text(field(member, '@odata.id')) ?? [],
  )
  const [only, ...others] = paths
  if (only !== undefined && others.length === 0) return only
  throw new PowerError(
    only === undefined
      ? 'the Redfish service has no machine: see its Systems, and name one as system of redfish'
      : `the Redfish service has several machines: name one as system of redfish, of ${paths.slice(0, 8).join(', ')}`,
  )
}

function stateOf(system: Json): PowerState {
  const said = text(field(system, 'PowerState'))
  const state = said === undefined ? undefined : states.get(said)
  if (state !== undefined) return state
  throw new PowerError(`the Redfish service gives no PowerState that says on or off (${said ?? 'none'})`)
}

/** Where a service tells what it takes, it stands beside the action or in an ActionInfo of its own. */
async function allowed(session: RedfishSession, reset: unknown): Promise<readonly string[]> {
  const beside = strings(field(reset, 'ResetType@Redfish.AllowableValues'))
  const info = text(field(reset, '@Redfish.ActionInfo'))
  if (beside.length > 0 || info === undefined) return beside
  const parameters = field((await session.get(info)).body, 'Parameters')
  const type = (Array.isArray(parameters) ? parameters : []).find(
    (parameter: unknown) => field(parameter, 'Name') === 'ResetType',
  )
  return strings(field(type, 'AllowableValues'))
}

/** The first of `wanted` that is allowed; where nothing is said of it, the first. */
function choose(wanted: readonly string[], all: readonly string[], what: string): string {
  const [first = ''] = wanted
  if (all.length === 0) return first
  const chosen = wanted.find((value) => all.includes(value))
  if (chosen !== undefined) return chosen
  throw new PowerError(`the Redfish service cannot ${what}; it takes ${all.slice(0, 12).join(', ')}`)
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}
