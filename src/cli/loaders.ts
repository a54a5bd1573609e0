// `loaders list` and `loaders install`: which loaders the server has for which firmware, and what brings the others.

import type { Command } from 'commander'
import { z } from 'zod'
import { ask, read, type ClientFor } from './client.ts'
import { json, oneLine, outputOption, tableOf, type Format, type Terminal } from './output.ts'

const loader = z.object({
  name: z.string(),
  file: z.string(),
  language: z.string(),
  arch: z.array(z.string()),
  ready: z.boolean(),
  from: z.string().nullable(),
  path: z.string().nullable(),
  package: z.string().nullable(),
  remedy: z.string().nullable(),
})

const installed = z.object({ tftproot: z.string(), copied: z.array(z.string()) })

export function addLoaders(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  const loaders = program
    .command('loaders')
    .description('the first programs that machines are sent: which are there, and what brings the others')
  loaders
    .command('list')
    .description('which are there, for which firmware, and what brings those that are missing')
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      const client = clientFor(output)
      const all = read(client, await ask(client, 'GET', '/v1/loaders'), z.array(loader))
      terminal.out(output === 'json' ? json(all) : listed(all, terminal))
    })
  loaders
    .command('install')
    .description("copy those of the server's packages into its tftproot, to keep the version there is now")
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      const client = clientFor(output)
      const done = read(client, await ask(client, 'PUT', '/v1/loaders/install'), installed)
      const rows = done.copied.map((name) => [name, 'OK'])
      terminal.out(output === 'json' ? json(done) : tableOf(terminal, ['file', 'install'], rows))
    })
}

function listed(all: readonly z.infer<typeof loader>[], terminal: Terminal): string {
  const rows = all.map(({ name, file, arch, ready, from, path, package: packages }) => [
    name,
    file,
    arch.join(' '),
    ready ? (path ?? from ?? '') : 'missing',
    packages ?? '',
  ])
  const remedies = all.flatMap(({ remedy }) => (remedy === null ? [] : [`${oneLine(remedy)}\n`]))
  const titles = ['name', 'file', 'firmware', 'from', 'package']
  return tableOf(terminal, titles, rows) + remedies.join('')
}
