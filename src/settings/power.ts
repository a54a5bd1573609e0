// Power control that is set and cannot work, or that shows a password: said at the start, as the rest works.

import { goRegExp, onlyVariables, partsOf } from './commands.ts'
import type { Inconsistency } from './explain.ts'
import { parseHostAddress, type AdapterSettings, type Settings } from './schema.ts'
import { secretName } from './secrets.ts'

const steps = ['power_status', 'power_on', 'power_off', 'power_reset'] as const

export function* powerCautions(settings: Settings): Generator<Inconsistency> {
  const adapters = settings.host_management_adapters ?? []
  for (const [index, host] of settings.hosts.entries()) {
    const { ipmi, management, redfish, wol } = host
    if ((ipmi ?? management ?? redfish ?? wol) == null) continue
    const ways = Object.entries({ ipmi, management, redfish, wol }).filter(([, way]) => way != null)
    const at = ['hosts', index]
    if (ways.length > 1) {
      const names = ways.map(([name]) => name).join(' and ')
      yield { at, text: `has ${names}: it cannot be switched until one of them is left` }
    }
    if (ipmi?.hostname !== undefined && parseHostAddress(ipmi.hostname) === undefined) {
      const text = 'is no IP address or host name: it cannot be switched'
      yield { at: [...at, 'ipmi', 'hostname'], text }
    }
    if (management != null && !adapters.some(({ name }) => name === management.adapter)) {
      const name = management.adapter ?? ''
      const text = `names the adapter "${name}", which host_management_adapters has not: it cannot be switched`
      yield { at: [...at, 'management'], text, lacks: ['host_management_adapters'] }
    }
  }
  for (const [index, adapter] of adapters.entries()) {
    yield* adapterCautions(adapter, ['host_management_adapters', index])
  }
}

function* adapterCautions(adapter: AdapterSettings, at: readonly PropertyKey[]): Generator<Inconsistency> {
  const vars = new Map(adapter.vars?.map(({ name, value }) => [name, value]))
  for (const step of steps) {
    if (adapter[step]?.cmd) continue
    yield { at, text: `has no ${step}, so that its hosts cannot be ${doings[step]}` }
  }
  const showing = steps.find((step) => showsSecret(adapter[step]?.cmd ?? '', vars))
  if (showing !== undefined) {
    const text =
      'hands a password to a program as an argument, which every user here can read: let a script read it from a file'
    yield { at: [...at, showing, 'cmd'], text }
  }
  const { power_status: status } = adapter
  for (const key of ['pattern_on', 'pattern_off'] as const) {
    if (status === undefined || goRegExp(status[key] ?? '') !== undefined) continue
    const text =
      'is no regular expression that is understood here, so that its hosts cannot be asked whether they are on'
    yield { at: [...at, 'power_status', key], text }
  }
  const templates = [
    ...steps.map((step) => [[step, 'cmd'], adapter[step]?.cmd] as const),
    ...(adapter.vars ?? []).map(({ value }, index) => [['vars', index, 'value'], value] as const),
  ]
  for (const [place, template = ''] of templates) {
    if (!partsOf(template).some((part) => 'odd' in part)) continue
    yield { at: [...at, ...place], text: `cannot be run: ${onlyVariables}` }
  }
  if (status !== undefined && (status.pattern_on ?? '') === '') {
    const text = 'has no pattern_on, which is found in every text: its hosts are always On'
    yield { at: [...at, 'power_status'], text }
  }
}

const doings = {
  power_status: 'asked whether they are on',
  power_on: 'switched on',
  power_off: 'switched off',
  power_reset: 'rebooted',
} as const

const variable = /\{\{-?\s*\.(\w+)/g
const passwordFlag = /(?:^|\s)(?:-P|--?pass(?:word|wd)?)[ =]\S/

/** By a variable that is called one, by one that holds one, or by the option that programs take one with. */
function showsSecret(text: string, vars: ReadonlyMap<string, string>, depth = 0): boolean {
  if (passwordFlag.test(text)) return true
  return [...text.matchAll(variable)].some(([, name = '']) => {
    const value = vars.get(name)
    return secretName.test(name) || (value !== undefined && depth < 9 && showsSecret(value, vars, depth + 1))
  })
}
