// Settings written in a test, as what was read: the settings, or the faults as a person sees them.

import { parseSettings, type ReadResult } from '../../src/settings/read.ts'
import type { Settings } from '../../src/settings/schema.ts'

export const file = '/srv/lab/pxe-pilot.yml'

export function settingsOf(text: string, environment = {}): Settings {
  return sound(parseSettings(text, file, environment))
}

export function sound(result: ReadResult): Settings {
  if ('faults' in result) throw new Error(lines(result.faults).join('\n'))
  return result.settings
}

/** `4: dhcp.mode must be ...`, in order; none where the settings are good. */
export function faultsOf(text: string): readonly string[] {
  const result = parseSettings(text, file)
  return 'faults' in result ? lines(result.faults) : []
}

export function warningsOf(text: string): readonly string[] {
  return lines(parseSettings(text, file).warnings)
}

function lines(remarks: ReadResult['warnings']): readonly string[] {
  return remarks.map(({ line, text }) => `${line}: ${text}`)
}
