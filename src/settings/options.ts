// The settings' `options` maps, by name or number, as the DHCP options they mean: checked and encoded at the start.

import { z } from 'zod'
import type { DhcpOption } from '../model.ts'
import { shown } from './explain.ts'
import { nearest } from './nearest.ts'
import { optionTable, refusedNames, refusedOptions } from './option-table.ts'
import { encodeOption, type OptionKind } from './option-values.ts'

/** More never fits a client's packet, however it is split (RFC 3396). */
const longestOption = 1024

const kindByCode = new Map<number, OptionKind>(optionTable.map(([code, kind]) => [code, kind]))
const codeByName = new Map([
  ...refusedNames,
  ...optionTable.flatMap(([code, , ...names]) => names.map((name) => [name, code] as const)),
])

/**
 * `{ ntp-servers: [10.77.0.254], 26: 1400 }`. Every value is taken as the text that stands in the file, so that 0x0102
 * and 01020304 stay the bytes they are; read.ts answers "string expected" with that text.
 */
export const dhcpOptions = z
  .record(z.string(), z.unknown())
  .transform((written, context): readonly DhcpOption[] => {
    const keyOf = new Map<number, string>()
    return Object.entries(written).flatMap(([key, value]) => {
      const refuse = (message: string): [] => {
        context.issues.push({ code: 'custom', message, input: value, path: [key] })
        return []
      }
      const code = codeOf(key)
      if (typeof code === 'string') return refuse(code)
      const first = keyOf.get(code)
      if (first !== undefined) return refuse(`is option ${code}, as ${first} is`)
      keyOf.set(code, key)
      const list: readonly unknown[] = Array.isArray(value) ? value : [value]
      const texts = list.filter((entry) => typeof entry === 'string')
      if (texts.length < list.length) {
        for (const [place, input] of list.entries()) {
          if (typeof input === 'string') continue
          const path = Array.isArray(value) ? [key, place] : [key]
          context.issues.push({ code: 'invalid_type', expected: 'string', input, path })
        }
        return []
      }
      const bytes = encodeOption(kindByCode.get(code) ?? 'any', texts)
      if ('what' in bytes) return refuse(`must be ${bytes.what}, not ${shown(value)}`)
      if (bytes.length > longestOption)
        return refuse(`has ${bytes.length} bytes; at most ${longestOption} fit`)
      return [{ code, bytes }]
    })
  })

/** The number of an option, or why it cannot be set. */
function codeOf(key: string): number | string {
  const name = key.toLowerCase().replaceAll('_', '-')
  const code = /^\d+$/.test(name) ? Number(name) : codeByName.get(name)
  if (code === undefined) {
    const near = nearest(name, [...codeByName.keys()])
    const hint = near === undefined ? 'write its number, 1 to 254' : `did you mean ${near}?`
    return `is no DHCP option known by that name; ${hint}`
  }
  if (code < 1 || code > 254) return 'is no DHCP option: their numbers are 1 to 254'
  return refusedOptions.get(code) ?? code
}
