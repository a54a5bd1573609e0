// The settings file that ships: it starts as it is, names every setting there is, and its examples work.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import { z } from 'zod'
import { bootloader, builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { formatIpv4, formatSubnet } from '../../src/net/ipv4.ts'
import { readSettings } from '../../src/settings/read.ts'
import { settingsSchema } from '../../src/settings/schema.ts'
import { faultsOf, settingsOf, sound } from './written.ts'

const file = 'pxe-pilot.yml'
const text = readFileSync(file, 'utf8')

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

/** The file with every commented-out setting in force: all lines with "#" but explanations, which are "# …". */
const uncommented = uncomment(text)

function uncomment(lines: string): string {
  return lines.replace(/^( *)#(?=\S| {2})/gm, '$1')
}

test('it works with every commented-out setting in force', (t) => {
  t.deepEqual(faultsOf(uncommented), [])
})

test('it names every setting there is', (t) => {
  const written: unknown = parse(uncommented)
  const missing = keysOf(settingsSchema).filter(
    (path) => !has(written, path) && !text.includes(`or ${path.at(-1)}:`),
  )
  t.deepEqual(missing, [])
})

test('a commented-out setting with a default shows it', (t) => {
  const shown = settingsOf(uncommented)
  const { dhcp, tftp, http, server, log, configuration } = settingsOf('dhcp:\ntftp:\nhttp:\n')
  t.like(shown, {
    dhcp: { ...dhcp, subnets: shown.dhcp?.subnets },
    tftp,
    http,
    log,
    server: { bind: server.bind, port: server.port },
    configuration: { local_method: configuration.local_method, self_service: configuration.self_service },
  })
  t.deepEqual(shown.configuration.bootloaders?.map(bootloader), builtInBootloaders)
  const [subnet] = shown.dhcp?.subnets ?? []
  t.deepEqual([subnet?.min_lease_time, subnet?.lease_time, subnet?.max_lease_time], [60, 3600, 86_400])
})

test('the edit to full server mode that it tells works', (t) => {
  const [before = '', lines = '', after = ''] = text.split(
    /^(?= *# (?:FULL SERVER MODE|A subnet may also say))/m,
  )
  t.regex(lines, /write "server" above.*\n {2}#subnets:/)
  const edited = before.replace('mode: proxy', 'mode: server') + uncomment(lines) + after
  const { dhcp, clients } = settingsOf(edited)
  t.is(dhcp?.mode, 'server')
  const [subnet] = dhcp?.subnets ?? []
  t.is(subnet?.router === undefined ? '' : formatIpv4(subnet.router), '10.77.0.254')
  t.deepEqual(
    subnet?.ranges.map(({ first, last }) => [formatIpv4(first), formatIpv4(last)]),
    [['10.77.0.100', '10.77.0.199']],
  )
  t.deepEqual(clients.map(formatSubnet), ['10.77.0.0/24'])
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

/** Whether `path` stands there; a list's entries count together. */
function has(written: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path
  if (key === undefined) return true
  if (Array.isArray(written)) return written.some((entry) => has(entry, path))
  if (typeof written !== 'object' || written === null) return false
  return Object.entries(written).some(([name, value]) => name === key && has(value, rest))
}
