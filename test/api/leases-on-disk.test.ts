// Leases through the whole appliance: what is shown and ended is what is on disk, in server mode alone.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Appliance } from '../../src/appliance.ts'
import type { Lease } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { parseSettings } from '../../src/settings/read.ts'
import { openStore } from '../../src/store/open.ts'
import { freeTcp, freeUdp } from '../ports.ts'
import { afterKill } from '../store/crash.ts'

const lease: Lease = {
  ip: parseIpv4('10.77.0.100') as Ipv4,
  mac: parseMac('00:00:00:00:00:01') as Mac,
  state: 'bound',
  since: Date.now(),
  expires: Date.now() + 3_600_000,
}

async function site(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), 'pxe-pilot-leases-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'conf'))
  const path = join(folder, 'p.db')
  /** What would be there after a kill -9 now: the appliance has the store open, and nobody else may. */
  const stored = async () => {
    return await afterKill(path)
  }
  const store = await openStore(path)
  await store.apply([{ kind: 'lease', lease, now: Date.now() }])
  await store.close()
  const port = await freeTcp()
  const start = async (dhcp: string) => {
    const text = `
interfaces: [pxe-none]
${dhcp}
server: { bind: 127.0.0.1, port: ${port} }
configuration: { directory: ./conf }
store: ./p.db
`
    const read = parseSettings(text, join(folder, 'pxe-pilot.yml'))
    if ('faults' in read) throw new Error(JSON.stringify(read.faults))
    const appliance = new Appliance(read.settings, () => {})
    t.teardown(() => appliance.stop())
    await appliance.start()
  }
  return { start, stored, url: `http://127.0.0.1:${port}/v1/leases` }
}

const dhcp = (mode: string, port: number) =>
  `dhcp: { mode: ${mode}, bind: 127.0.0.1, port: ${port}, subnets: [{ subnet: 10.77.0.0/24, ranges: [10.77.0.100-10.77.0.199] }] }`

test('server mode: a lease of the store is shown; when its end is answered, it is on disk', async (t) => {
  const { start, stored, url } = await site(t)
  await start(dhcp('server', await freeUdp()))
  const shown = (await (await fetch(url)).json()) as readonly Record<string, unknown>[]
  t.is(shown.length, 1)
  t.like(shown[0], { ip: '10.77.0.100', expires: new Date(lease.expires).toISOString() })
  t.is((await fetch(`${url}/10.77.0.100`, { method: 'DELETE' })).status, 204)
  const { leases, audit } = await stored()
  t.is(leases[0]?.state, 'released')
  t.like(audit, [{ action: 'release-lease', from: '127.0.0.1', lease: { ip: lease.ip, mac: lease.mac } }])
  t.is((await fetch(`${url}/10.77.0.100`, { method: 'DELETE' })).status, 404)
  t.is(await (await fetch(url)).text(), '[]')
})

for (const [what, more] of [
  ['proxy mode', 'proxy'],
  ['no DHCP', undefined],
] as const) {
  test(`${what}: what an earlier server mode left is neither shown nor ended`, async (t) => {
    const { start, stored, url } = await site(t)
    await start(more === undefined ? '' : dhcp(more, await freeUdp()))
    t.is(await (await fetch(url)).text(), '[]')
    t.is((await fetch(`${url}/10.77.0.100`, { method: 'DELETE' })).status, 404)
    t.is((await stored()).leases[0]?.state, 'bound')
  })
}
