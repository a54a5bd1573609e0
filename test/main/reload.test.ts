// The settings file under a running server: read again when it changes and on SIGHUP; a fault leaves everything as it is.

import test from 'ava'
import { Site } from './program.ts'

const host = (name: string, mac: string) => `hosts: [{ name: ${name}, mac_addresses: ['${mac}'] }]\n`

type Hosts =
  readonly { readonly name: string; readonly configuration: { readonly name: string } | null }[] | null

async function hostsOf(site: Site): Promise<Hosts> {
  return (await (await fetch(`http://127.0.0.1:${site.ports.api}/v1/hosts?status=false`)).json()) as Hosts
}

test('hosts come, change and go with the file; a fault is told with its line and changes nothing', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const program = await site.start(host('h1', '52:54:00:00:00:01'))
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 200)

  await site.write('pxe-pilot.yml', site.settings(host('h1', 'no MAC')))
  await program.transcript.waitFor(
    /pxe-pilot\.yml:6: hosts\[0\]\.mac_addresses\[0\] must be a MAC.*stay as they were/,
    10,
  )
  t.like(await hostsOf(site), [{ name: 'h1', configuration: { name: 'sheep' } }])

  const both = `hosts:\n - { name: h0, mac_addresses: ['52:54:00:00:00:00'] }\n - { name: h1, mac_addresses: ['52:54:00:00:00:01'], locked: true }\n`
  await site.write('pxe-pilot.yml', site.settings(both))
  await program.transcript.waitFor(/was read again and is in force/, 10)
  t.deepEqual(
    (await hostsOf(site))?.map(({ name }) => name),
    ['h0', 'h1'],
  )
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 409)

  await site.write(
    'pxe-pilot.yml',
    `${site.settings(host('h0', '52:54:00:00:00:00'))}log: { level: debug }\n`,
  )
  await program.transcript.waitFor(/h1 is declared no more; that it booted sheep is forgotten/, 10)
  await program.transcript.waitFor(/need a restart: log\.level/, 10)
  t.deepEqual(
    (await hostsOf(site))?.map(({ name }) => name),
    ['h0'],
  )
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 404)
})

test('SIGHUP reads it again at once', async (t) => {
  const site = await Site.make(t)
  const program = await site.start(host('h1', '52:54:00:00:00:01'))
  process.kill(program.pid ?? 0, 'SIGHUP')
  await program.transcript.waitFor(/was read again and is in force/, 10)
  t.is((await hostsOf(site))?.length, 1)
})
