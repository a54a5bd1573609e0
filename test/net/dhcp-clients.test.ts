// DHCP clients that nobody here wrote, on a real link: they get a lease, renew it, release it, and get it again.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Site } from './dhcp-site.ts'
import type { Daemon, Namespace } from './harness.ts'

const settings = `
dhcp:
  mode: server
  other_servers: allow
  subnets:
    - subnet: 10.77.0.0/24
      ranges: ['10.77.0.100-10.77.0.199']
      router: 10.77.0.254
      dns: [10.77.0.253, 10.77.0.252]
      domain: lab.example
log: { level: debug }
store: ./pxe-pilot.db
`

/** What each calls when something changed: sets the address, as a client has to before it renews, and tells the test. */
const script = `#!/bin/sh
address=\${ip:-$new_ip_address}
case "\${1:-$reason}" in
  bound|renew|BOUND|RENEW|REBIND|REBOOT) ip address replace "$address/24" dev eth0 ;;
  deconfig|RELEASE|PREINIT) ip address flush dev eth0 ;;
esac
echo "HOOK \${1:-$reason} $address \${router:-$new_routers} \${dns:-$new_domain_name_servers} \${domain:-$new_domain_name} \${lease:-$new_dhcp_lease_time}."
`

let site: Site

test.before(async () => {
  site = await Site.make(settings)
  await site.start()
})

test.after.always(async () => await site.close())

type Machine = { readonly namespace: Namespace; readonly hook: string; readonly folder: string }

async function machine(t: ExecutionContext): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-client-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const hook = join(folder, 'hook')
  await writeFile(hook, script)
  await chmod(hook, 0o755)
  return { namespace: await site.network.client(), hook, folder }
}

/** Waits for the hook; yields the address. */
async function hears(daemon: Daemon, event: string): Promise<string> {
  const given = String.raw`10\.77\.0\.254 10\.77\.0\.253[, ]10\.77\.0\.252 lab\.example \d+\.`
  const pattern = new RegExp(String.raw`HOOK (?:${event}) (10\.77\.0\.1\d\d) ${given}`)
  const [, address = ''] = await daemon.transcript.waitFor(pattern, 20)
  return address
}

test('udhcpc gets a lease, renews it, releases it, and gets it again', async (t) => {
  const { namespace, hook } = await machine(t)
  const start = () => {
    const argv = ['udhcpc', '-i', 'eth0', '-f', '-t', '10', '-T', '1', '-s', hook]
    const daemon = namespace.start([...argv, '-O', 'router', '-O', 'dns', '-O', 'domain'], { name: 'udhcpc' })
    t.teardown(() => daemon.stop())
    return daemon
  }
  const first = start()
  const address = await hears(first, 'bound')
  process.kill(first.pid ?? 0, 'SIGUSR1')
  t.is(await hears(first, 'renew'), address)
  process.kill(first.pid ?? 0, 'SIGUSR2')
  await first.transcript.waitFor(/HOOK deconfig/, 20)
  await first.stop()
  await t.notThrowsAsync(site.logs(new RegExp(`released ${address.replaceAll('.', String.raw`\.`)}`)))
  t.is(await hears(start(), 'bound'), address)
})

test("ISC's dhclient gets a lease, keeps it over a restart, and releases it", async (t) => {
  const { namespace, hook, folder } = await machine(t)
  const files = ['-lf', join(folder, 'leases'), '-pf', join(folder, 'pid'), '-sf', hook, '-cf', '/dev/null']
  const start = (...more: readonly string[]) => {
    const daemon = namespace.start(['dhclient', '-d', '-4', ...files, ...more, 'eth0'], {
      name: 'dhclient',
    })
    t.teardown(() => daemon.stop())
    return daemon
  }
  const first = start()
  const address = await hears(first, 'BOUND')
  // Ended without a word to the server, it starts again with the address that it remembers: INIT-REBOOT.
  await first.transcript.waitFor(/bound to/, 20)
  first.kill()
  await first.exited
  const second = start()
  t.is(await hears(second, 'REBOOT'), address)
  second.kill()
  await second.exited
  const { stdout, stderr } = await namespace.run(['dhclient', '-v', '-r', '-4', ...files, 'eth0'])
  t.regex(stdout + stderr, /DHCPRELEASE/)
  t.is(await hears(start(), 'BOUND|REBOOT'), address)
  await t.notThrowsAsync(site.logs(new RegExp(`released ${address.replaceAll('.', '\\.')}`)))
})
