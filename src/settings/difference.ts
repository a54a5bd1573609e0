// What a running appliance cannot take over from settings that were read again.

import { isDeepStrictEqual } from 'node:util'
import type { Settings } from './schema.ts'

/** In force as soon as they are read; a whole section, or one key of it. */
const live: ReadonlySet<string> = new Set([
  'file',
  'sections',
  'hosts',
  'hosts_policy',
  'server.names',
  'server.allow',
  'configuration.self_service',
  'configuration.destructive',
  'configuration.max_hosts_per_deploy',
])

/** The keys that differ and need a restart: `dhcp.subnets`, `tftp.port`. */
export function needRestart(before: Settings, after: Settings): readonly string[] {
  const was: Readonly<Record<string, unknown>> = before
  const is: Readonly<Record<string, unknown>> = after
  // Not written in either, it follows from the subnets.
  const isDerived = (key: string) =>
    key === 'clients' && !before.sections.includes(key) && !after.sections.includes(key)
  return keysOf(was, is)
    .filter((key) => !isDerived(key) && !live.has(key) && !isDeepStrictEqual(was[key], is[key]))
    .flatMap((section) => {
      const [old, next] = [was[section], is[section]]
      if (!isGroup(old) || !isGroup(next)) return [section]
      return keysOf(old, next)
        .filter((key) => !live.has(`${section}.${key}`) && !isDeepStrictEqual(old[key], next[key]))
        .map((key) => `${section}.${key}`)
    })
}

function keysOf(a: object, b: object): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
