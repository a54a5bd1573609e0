// What is set and leads nowhere, or leaves a door open: said at the start.

import { existsSync } from 'node:fs'
import { builtInLocal, configurationExists, type Table } from './boot/table.ts'
import { formatSubnet } from './net/ipv4.ts'
import type { Settings } from './settings/schema.ts'
import { writersOf } from './site.ts'

/** A sentence each. `table`: with what the directories hold. */
export function* worries(settings: Settings, table: Table): Generator<string> {
  const { tftp, http, configuration, server } = settings
  for (const [name, root] of [
    ['tftp.root', tftp?.root],
    ['http.root', http?.root],
  ] as const) {
    if (root !== undefined && !existsSync(root)) yield `${name}: there is no folder ${root}`
  }
  const name = configuration.default
  if (name !== null && !configurationExists(table, name)) {
    const known = [...table.configurations.keys(), builtInLocal].join(', ')
    yield `configuration.default: there is no configuration ${name}, so that machines boot local; there are ${known}`
  }
  if (server.tokens_file === undefined) {
    const { subnets } = writersOf(settings)
    const who = subnets === undefined ? 'everyone' : `everyone in ${subnets.map(formatSubnet).join(', ')}`
    yield `${who} may deploy without a token: server.tokens_file names who may, server.allow from where`
  }
}
