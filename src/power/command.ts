// Switches a machine by an adapter's own commands, as the settings of the original write them.

import { goRegExp } from '../settings/commands.ts'
import type { AdapterSettings, ManagementSettings } from '../settings/schema.ts'
import { PowerError, type Act, type Adapter, type PowerState } from './adapter.ts'
import { lastLine, run } from './run.ts'
import { argumentsOf, render, variablesOf, type Piece, type Values } from './template.ts'
import { hide, secretName } from '../settings/secrets.ts'

const steps = { on: 'power_on', off: 'power_off', reset: 'power_reset' } as const

/** `address`: of the machine's controller, looked up only where a command names it. */
export function commandAdapter(
  settings: AdapterSettings,
  management: ManagementSettings,
  address: (signal: AbortSignal) => Promise<string>,
): Adapter {
  const command = async (key: 'power_status' | (typeof steps)[keyof typeof steps], signal: AbortSignal) => {
    const template = settings[key]?.cmd
    if (template === undefined || template === '') {
      throw new PowerError(`the adapter ${settings.name} has no ${key}: add it to host_management_adapters`)
    }
    return await execute(settings, management, key, template, address, signal)
  }
  return {
    async status(signal) {
      const { stdout, said } = await command('power_status', signal)
      const { pattern_on: on = '', pattern_off: off = '' } = settings.power_status ?? {}
      return stateOf(stdout, said, on, off, settings.name)
    },
    async act(act: Act, signal) {
      if (act === 'cycle') {
        throw new PowerError(`an adapter of commands cannot cycle: use off and on, or reboot`)
      }
      await command(steps[act], signal)
    },
  }
}

async function execute(
  settings: AdapterSettings,
  management: ManagementSettings,
  key: string,
  template: string,
  address: (signal: AbortSignal) => Promise<string>,
  signal: AbortSignal,
): Promise<{ readonly stdout: string; readonly said: string }> {
  const where = `${key} of the adapter ${settings.name}`
  const hostVars = management.vars ?? []
  const values = new Map<string, readonly Piece[]>()
  const secrets = new Set<string>()
  try {
    const texts = [...(settings.vars ?? []).map(({ value }) => value), template]
    const named = new Set(texts.flatMap((text) => variablesOf(text)))
    if (named.has('ip_address') && !hostVars.some(({ name }) => name === 'ip_address')) {
      values.set('ip_address', [{ text: await address(signal), whole: true }])
    }
    for (const { name, value } of hostVars) {
      values.set(name, [{ text: value, whole: true }])
      if (secretName.test(name)) secrets.add(value)
    }
    for (const { name, value } of settings.vars ?? []) {
      const pieces = render(value, values)
      values.set(name, pieces)
      if (secretName.test(name)) secrets.add(pieces.map(({ text }) => text).join(''))
    }
    const [file = '', ...args] = commandLine(template, values)
    const ended = await run({ file, args }, signal)
    const printed = lastLine(ended.stdout, secrets)
    if (ended.code === 0) return { stdout: ended.stdout, said: printed }
    const said = lastLine(ended.stderr, secrets) || printed
    const how = ended.code === null ? 'was ended by a signal' : `ended with exit status ${ended.code}`
    throw new PowerError(`${how}${said === '' ? '' : `: ${said}`}`)
  } catch (error) {
    if (!(error instanceof PowerError)) throw error
    throw new PowerError(`${where}: ${hide(error.message, secrets)}`)
  }
}

/** A line's end is no part of the last argument: `cmd: |` writes one. */
function commandLine(template: string, values: Values): readonly string[] {
  return argumentsOf(render(template.replace(/\n+$/, ''), values))
}

/** The first pattern that is found; an empty one is found everywhere, as in the original. `said`: its last line. */
function stateOf(stdout: string, said: string, on: string, off: string, adapter: string): PowerState {
  // Go's $ is the end of the text, which mostly is a line's end.
  const texts = [stdout, stdout.trimEnd()]
  for (const [state, pattern] of [['On', on] as const, ['Off', off] as const]) {
    const found = goPattern(pattern)
    if (texts.some((text) => found.test(text))) return state
  }
  const what = said === '' ? 'printed nothing' : `printed "${said}"`
  throw new PowerError(
    `power_status of the adapter ${adapter} ${what}, which neither pattern_on nor pattern_off finds`,
  )
}

/** @throws PowerError */
export function goPattern(pattern: string): RegExp {
  const found = goRegExp(pattern)
  if (found !== undefined) return found
  throw new PowerError(`the pattern ${pattern} is no regular expression: correct it in the settings file`)
}
