// The verbs of the command line that ask a running server: their arguments, and what they print.

import { InvalidArgumentError, Option, type Command } from 'commander'
import { printable } from '../events.ts'
import { formatIpv4, parseIpv4 } from '../net/ipv4.ts'
import { leases, releaseLease, type Client } from './client.ts'
import { addLint } from './lint.ts'
import { json, type Terminal } from './output.ts'
import { table } from './table.ts'

type Format = { readonly output: 'table' | 'json' }

const defaultServer = 'http://localhost:3478'

/** A command rejects with a ClientError. */
export function addCommands(program: Command, terminal: Terminal): void {
  // As in the original, what holds for every command stands before it.
  program
    .enablePositionalOptions()
    .addOption(
      new Option('-s, --server <url>', 'the server that commands ask')
        .default(defaultServer)
        .argParser(serverUrl),
    )
    .option('-d, --debug', 'say each request to the server')
  const clientFor = (output: Format['output'] = 'table'): Client => {
    const { server, debug = false } = program.opts<{ server: string; debug?: boolean }>()
    // On stdout, as the original's; but JSON there is for programs.
    const say = output === 'json' ? terminal.err : terminal.out
    return { server, debug: (text) => debug && say(`${printable(text)}\n`) }
  }

  const config = program.command('config').description('what machines can boot')
  addLint(config, terminal, clientFor)

  const lease = program.command('lease').description('the addresses that clients hold')
  lease
    .command('list')
    .description('who holds which address, and until when')
    .addOption(
      new Option('-o, --output <format>', 'a table, or all there is as JSON')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async ({ output }: Format) => {
      const all = await leases(clientFor(output))
      terminal.out(
        output === 'json'
          ? json(all)
          : table(
              ['ip', 'mac', 'host', 'hostname', 'state', 'expires'],
              all.map(({ ip, mac, host, hostname, state, expires }) =>
                [ip, mac, host, hostname, state, expires.replace(/\.\d+Z$/, 'Z')].map(printable),
              ),
            ),
      )
    })
  lease
    .command('release')
    .description('end the lease of an address; a machine that still uses it may get it again')
    .argument('<ip>', 'the address', ipAddress)
    .action(async (ip: string) => {
      await releaseLease(clientFor(), ip)
      terminal.out(table(['ip', 'release'], [[ip, 'OK']]))
    })
}

function serverUrl(text: string): string {
  // The original took -s=URL, too.
  const url = text.replace(/^=/, '')
  const { protocol, username, search, hash } = URL.canParse(url) ? new URL(url) : new URL('none:')
  if ((protocol !== 'http:' && protocol !== 'https:') || `${username}${search}${hash}` !== '') {
    throw new InvalidArgumentError(`It is no URL such as ${defaultServer}.`)
  }
  return url.replace(/\/+$/, '')
}

function ipAddress(text: string): string {
  const ip = parseIpv4(text)
  if (ip === undefined) throw new InvalidArgumentError('It is no IPv4 address such as 10.77.0.100.')
  return formatIpv4(ip)
}
