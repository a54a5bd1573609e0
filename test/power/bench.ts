// Programs of a test's own on a PATH of its own, and hosts that a settings file declares.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Event } from '../../src/events.ts'
import { Power, type PowerParts } from '../../src/power/power.ts'
import { declaredHosts } from '../../src/settings/hosts.ts'
import { settingsOf } from '../settings/written.ts'

/** A folder in front of PATH, with a shell script for each name. */
export async function programs(
  t: ExecutionContext,
  scripts: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-power-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\ncd "${folder}"\n${script}\n`)
    await chmod(join(folder, name), 0o755)
  }
  const before = process.env['PATH']
  process.env['PATH'] = `${folder}:${before}`
  t.teardown(() => void (process.env['PATH'] = before))
  return folder
}

/** The power of the hosts in a settings text, and what is told of it. */
export function powerOf(
  t: ExecutionContext,
  text: string,
  parts: Partial<PowerParts> = {},
): { readonly power: Power; readonly events: readonly Event[] } {
  const events: Event[] = []
  const { hosts, host_management_adapters: adapters } = settingsOf(text)
  const power = new Power({
    hosts: new Map(declaredHosts(hosts).map((host) => [host.name, host])),
    adapters: () => adapters ?? [],
    held: () => new Map(),
    links: () => [],
    tell: (event) => void events.push(event),
    now: Date.now,
    ...parts,
  })
  t.teardown(() => power.stop())
  return { power, events }
}
