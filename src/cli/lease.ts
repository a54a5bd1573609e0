// `lease`: the addresses that clients hold.

import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { formatIpv4, parseIpv4 } from '../net/ipv4.ts'
import { ask, read, type Client, type ClientFor } from './client.ts'
import { json, outputOption, shortTime, tableOf, type Format, type Terminal } from './output.ts'

const lease = z.object({
  ip: z.string(),
  mac: z.string(),
  host: z.string(),
  hostname: z.string(),
  clientId: z.string(),
  state: z.string(),
  since: z.string(),
  expires: z.string(),
})

export type ApiLease = z.infer<typeof lease>

export async function leases(client: Client): Promise<readonly ApiLease[]> {
  return read(client, await ask(client, 'GET', '/v1/leases'), z.array(lease))
}

export async function releaseLease(client: Client, ip: string): Promise<void> {
  await ask(client, 'DELETE', `/v1/leases/${encodeURIComponent(ip)}`)
}

export function addLease(program: Command, terminal: Terminal, clientFor: ClientFor): void {
  const command = program.command('lease').description('the addresses that clients hold')
  command
    .command('list')
    .description('who holds which address, and until when')
    .addOption(outputOption())
    .action(async ({ output }: Format) => {
      const all = await leases(clientFor(output))
      const rows = all.map((one) => [
        one.ip,
        one.mac,
        one.host,
        one.hostname,
        one.state,
        shortTime(one.expires),
      ])
      const titles = ['ip', 'mac', 'host', 'hostname', 'state', 'expires']
      terminal.out(output === 'json' ? json(all) : tableOf(terminal, titles, rows))
    })
  command
    .command('release')
    .description('end the lease of an address; a machine that still uses it may get it again')
    .argument('<ip>', 'the address', ipAddress)
    .addOption(outputOption())
    .action(async (ip: string, { output }: Format) => {
      await releaseLease(clientFor(output), ip)
      const done = { ip, release: 'OK' }
      terminal.out(output === 'json' ? json(done) : tableOf(terminal, ['ip', 'release'], [[ip, 'OK']]))
    })
}

function ipAddress(text: string): string {
  const ip = parseIpv4(text)
  if (ip === undefined) throw new InvalidArgumentError('It is no IPv4 address such as 10.77.0.100.')
  return formatIpv4(ip)
}
