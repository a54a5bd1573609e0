// The settings file that ships: it starts as it is, names every setting there is, and its examples work.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import test from 'ava'
import { z } from 'zod'
import { parseSettings, readSettings, type ReadResult } from '../../src/settings/read.ts'
import { settingsSchema, type Settings } from '../../src/settings/schema.ts'

const file = 'pxe-pilot.yml'
const text = readFileSync(file, 'utf8')

function sound(result: ReadResult): Settings {
  if ('faults' in result) throw new Error(result.faults.map((fault) => `${fault.line}: ${fault.text}`).join('\n'))
  return result.settings
}

test('it starts as it ships, without a word, and is safe', (t) => {
  const result = readSettings(file)
  const settings = sound(result)
  t.deepEqual(result.warnings, [])
  t.is(settings.dhcp?.mode, 'proxy')
  t.is(settings.tftp?.root, resolve('tftproot'))
  t.is(settings.http?.root, resolve('httproot'))
  t.is(settings.configuration.directory, resolve('tftproot/pxelinux.cfg/conf'))
  t.is(settings.configuration.default, null)
  t.is(settings.server.port, 3478)
})

/** Every key of the schema, as `dhcp.limits.offer_hold`. */
function keysOf(schema: unknown, path: string[] = []): string[][] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return keysOf(schema.unwrap(), path)
  }
  if (schema instanceof z.ZodArray) return keysOf(schema.element, path)
  if (!(schema instanceof z.ZodObject)) return [path]
  return [
    ...(path.length === 0 ? [] : [path]),
    ...Object.entries(schema.shape).flatMap(([key, value]) => keysOf(value, [...path, key])),
  ]
}

/** The file with every commented-out setting in force. */
const uncommented = text.replace(/^( *)#(?! |$)/gm, '$1').replace(/^#( +)(?=[\w-]+:|- )/gm, '$1')

/** Where `key` stands, below the first of the keys above it. */
function has(written: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path
  if (key === undefined) return true
  if (Array.isArray(written)) return written.some((entry) => has(entry, path))
  if (typeof written !== 'object' || written === null) return false
  return Object.entries(written).some(([name, value]) => name === key && has(value, rest))
}
