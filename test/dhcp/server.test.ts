// What holds of the server as a whole that needs no socket.

import test from 'ava'
import { DhcpServer } from '../../src/dhcp/server.ts'
import type { Lease } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { settingsSchema } from '../../src/settings/schema.ts'

const hour = 3_600_000
const lease = (ip: string, mac: string, expires: number): Lease => ({
  ip: parseIpv4(ip) as Ipv4,
  mac: parseMac(mac) as Mac,
  state: 'bound',
  since: 0,
  expires,
})

test('a clock that is set, forward or back, ends no lease and makes none longer; on disk, too', async (t) => {
  const settings = settingsSchema.parse({
    dhcp: { mode: 'server', subnets: [{ subnet: '10.77.0.0/24', ranges: ['10.77.0.100-10.77.0.110'] }] },
  }).dhcp
  if (settings === undefined) return t.fail()
  let time = 10 * hour
  const written: Lease[] = []
  const server = new DhcpServer({
    settings,
    interfaces: undefined,
    advertise: undefined,
    reservedFor: () => undefined,
    leases: [
      lease('10.77.0.100', '52:54:00:00:00:01', time + hour),
      lease('10.77.0.101', '52:54:00:00:00:02', time - 1),
    ],
    decide: () => ({ answers: [], reason: { rule: 'no-configuration', because: '' } }),
    hostOf: () => undefined,
    commit: (leases) => {
      written.push(...leases)
      return leases.map(() => 'ok' as const)
    },
    learn: () => undefined,
    tell: () => undefined,
    now: () => time,
  })
  for (const set of [2 * hour, -5 * hour]) {
    const shifted = server.shift(set)
    time += set
    // Before it is written, too: a DISCOVER may come in between.
    t.deepEqual(
      server.activeLeases().map(({ mac, expires }) => [mac, expires - time]),
      [['52:54:00:00:00:01', hour]],
    )
    await shifted
    t.is(written.at(-1)?.expires, time + hour)
  }
  t.is(written.length, 2, 'what has ended is not written')
})
