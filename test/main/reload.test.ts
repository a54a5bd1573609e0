// The settings file under a running server: read again when it changes and on SIGHUP; a fault leaves everything as it is.

import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { macOf, Site } from './program.ts'

const guarded = (settings: string, more: string) =>
  settings.replace('conf }', `conf, destructive: [sheep]${more} }`) + host('h1', '52:54:00:00:00:01')

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
    30,
  )
  t.like(await hostsOf(site), [{ name: 'h1', configuration: { name: 'sheep' } }])

  const both = `hosts:\n - { name: h0, mac_addresses: ['52:54:00:00:00:00'] }\n - { name: h1, mac_addresses: ['52:54:00:00:00:01'], locked: true }\n`
  await site.write('pxe-pilot.yml', site.settings(both))
  await program.transcript.waitFor(/was read again and is in force/, 30)
  t.deepEqual(
    (await hostsOf(site))?.map(({ name }) => name),
    ['h0', 'h1'],
  )
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 409)

  await site.write(
    'pxe-pilot.yml',
    `${site.settings(host('h0', '52:54:00:00:00:00'))}log: { level: debug }\n`,
  )
  await program.transcript.waitFor(
    /h1 is declared no more; that it boots sheep is kept for when it comes back; pxe-pilot host remove h1 forgets it/,
    30,
  )
  await program.transcript.waitFor(/need a restart: log\.level/, 30)
  t.deepEqual(
    (await hostsOf(site))?.map(({ name }) => name),
    ['h0'],
  )
  await site.write('pxe-pilot.yml', site.settings(both))
  await program.transcript.waitFor(/h1 is declared again, and boots sheep as before/, 30)
  t.like(await hostsOf(site), [{ name: 'h0' }, { name: 'h1', configuration: { name: 'sheep' } }])
})

test('a file that is empty for a while, or for good, forgets nothing', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const program = await site.start(host('h1', '52:54:00:00:00:01'))
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 200)
  await site.write('pxe-pilot.yml', '')
  await program.transcript.waitFor(/pxe-pilot\.yml: is empty.*stay as they were/, 30)
  process.kill(program.pid ?? 0, 'SIGHUP')
  await program.transcript.waitFor(/is empty.*after SIGHUP/, 30)
  await site.write('pxe-pilot.yml', site.settings(host('h1', '52:54:00:00:00:01')))
  await program.transcript.waitFor(/was read again and is in force/, 30)
  t.like(await hostsOf(site), [{ name: 'h1', configuration: { name: 'sheep' } }])
})

test('a file that is taken away is told, and changes nothing; so it is when it comes back', async (t) => {
  const site = await Site.make(t)
  const program = await site.start(host('h1', '52:54:00:00:00:01'))
  const [file, aside] = [join(site.folder, 'pxe-pilot.yml'), join(site.folder, 'aside.yml')]
  await rename(file, aside)
  await program.transcript.waitFor(
    /pxe-pilot\.yml: there is no such file; after its change, .* stay as they were/,
    30,
  )
  t.like(await hostsOf(site), [{ name: 'h1' }])
  await rename(aside, file)
  await program.transcript.waitFor(/was read again and is in force/, 30)
  t.is(program.transcript.text.split('there is no such file').length, 2)
})

test('a start with another file keeps what hosts booted, and says so; they get it back', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const first = await site.start(host('h1', '52:54:00:00:00:01'))
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 200)
  process.kill(first.pid ?? 0)
  await first.exited
  const second = await site.start(host('h2', '52:54:00:00:00:02'))
  t.regex(second.transcript.text, /h1: declared no more; what they boot is kept for when they come back/)
  t.like(await hostsOf(site), [{ name: 'h2', configuration: null }])
  process.kill(second.pid ?? 0)
  await second.exited
  await site.start(host('h1', '52:54:00:00:00:01'))
  t.like(await hostsOf(site), [{ name: 'h1', configuration: { name: 'sheep' } }])
})

test('a name that a guard of the settings misspells is told when they are read again, and once', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const program = await site.start(host('h1', '52:54:00:00:00:01'))
  const guards = guarded(site.settings(), ', self_service: [shep]')
  await site.write('pxe-pilot.yml', guards)
  await program.transcript.waitFor(/there is no configuration shep; did you mean sheep\?/, 30)
  await site.write('pxe-pilot.yml', `${guards}log: { level: debug }\n`)
  await program.transcript.waitFor(/need a restart: log\.level/, 30)
  t.is(program.transcript.text.split('did you mean sheep').length, 2)
})

test('the first hosts change what a deploy may name: told when they are read, and at a start with hosts', async (t) => {
  const site = await Site.make(t)
  const program = await site.start()
  t.notRegex(program.transcript.text, /hosts_policy/)
  t.is(await site.deploy('local', '52:54:00:00:00:09'), 200)
  await site.write('pxe-pilot.yml', site.settings(host('h1', '52:54:00:00:00:01')))
  await program.transcript.waitFor(
    /WARN: settings: A deploy to a MAC .* is refused.*hosts_policy: declared/,
    30,
  )
  t.is(await site.deploy('local', '52:54:00:00:00:0a'), 404)
  await program.stop()
  const again = await site.start(host('h1', '52:54:00:00:00:01'))
  t.regex(again.transcript.text, /is ready:[^]*A deploy to a MAC that is no host's is refused[^]*Next:/)
})

test('SIGHUP reads it again at once', async (t) => {
  const site = await Site.make(t)
  const program = await site.start(host('h1', '52:54:00:00:00:01'))
  process.kill(program.pid ?? 0, 'SIGHUP')
  await program.transcript.waitFor(/was read again and is in force/, 30)
  t.is((await hostsOf(site))?.length, 1)
})

test('thousands of hosts, and something to say of each, are read while the server goes on', async (t) => {
  const site = await Site.make(t)
  const program = await site.start(host('h1', macOf(1)))
  const hosts = Array.from(
    { length: 5000 },
    (_, n) => ` - { name: h${n}, mac_addresses: ['${macOf(n)}'], rack: 7 }`,
  )
  await site.write('pxe-pilot.yml', site.settings(`hosts:\n${hosts.join('\n')}\n`))
  process.kill(program.pid ?? 0, 'SIGHUP')
  // A server that reads answers one or two of them, and the others when it is done.
  for (let asked = 0; asked < 20; asked++) t.is((await hostsOf(site))?.length, 1)
  t.notRegex(program.transcript.text, /hosts\[0\]\.rack/)
  await program.transcript.waitFor(/was read again and is in force/, 60)
  t.regex(program.transcript.text, /hosts\[0\]\.rack/)
  t.is((await hostsOf(site))?.length, 5000)
})

test('what SIGHUP has read is not read again as changed', async (t) => {
  const site = await Site.make(t)
  const program = await site.start()
  await site.write('pxe-pilot.yml', site.settings(host('h1', '52:54:00:00:00:01')))
  process.kill(program.pid ?? 0, 'SIGHUP')
  await program.transcript.waitFor(/was read again and is in force/, 30)
  // Two looks and a half.
  await sleep(2500)
  t.is(program.transcript.text.split('was read again').length, 2)
})

test('what needs a restart is told until the file says again what is running; guards take the default that is', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const begin = guarded(site.settings(), ', default: sheep')
  const program = site.run(['server', '-c', await site.write('pxe-pilot.yml', begin)])
  await program.transcript.waitFor(/PXE Pilot is ready:[^]*Next:/, 30)
  t.is(await site.deploy('local', '52:54:00:00:00:01'), 200)
  await site.write('pxe-pilot.yml', guarded(site.settings(), ''))
  await program.transcript.waitFor(/need a restart: configuration\.default/, 30)
  const configuration = `http://127.0.0.1:${site.ports.api}/v1/hosts/h1/configuration`
  t.is((await fetch(configuration, { method: 'DELETE' })).status, 409)
  await site.write('pxe-pilot.yml', `${guarded(site.settings(), '')}log: { level: debug }\n`)
  await program.transcript.waitFor(/need a restart: configuration\.default, log\.level/, 30)
})

test('a file that is half written lets nobody in and forgets no host; SIGHUP takes what was meant', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const card = '52:54:00:00:00:01'
  const more = (allow: string) => `hosts: [{ name: h1, mac_addresses: ['${card}'], locked: true }]
hosts_policy: declared
server: { bind: 127.0.0.1, port: ${site.ports.api}${allow} }
`
  const head = site
    .settings()
    .split('\n')
    .filter((line) => !line.startsWith('server:'))
    .join('\n')
  const whole = head + more(', allow: [192.0.2.0/24]')
  const program = site.run(['server', '-c', await site.write('pxe-pilot.yml', whole)])
  await program.transcript.waitFor(/PXE Pilot is ready:[^]*Next:/, 30)
  const refused = async () => {
    t.is(await site.deploy('sheep', '52:54:00:00:00:02'), 403)
    t.like(await hostsOf(site), [{ name: 'h1' }])
  }
  await refused()

  for (const [text, why] of [
    [
      head,
      /has no section server, hosts, hosts_policy any more: if that is meant, kill -HUP \d+ takes it.*stay as/,
    ],
    [`${head}${more('').split('\n')[0]}\n`, /has no section server, hosts_policy any more/],
    [`${head}${more('').replace(/server:.*/, 'server:')}`, /has no section server any more/],
    [
      head + more(''),
      /server\.allow lets more addresses write than before: if that is meant, kill -HUP \d+ takes it/,
    ],
    [head + more(', allow: [192.0.2.0/2]'), /lets more addresses write than before/],
  ] as const) {
    await site.write('pxe-pilot.yml', text)
    await program.transcript.waitFor(why, 30)
    await refused()
  }

  // Less is taken at once, and what was asked for by SIGHUP is, with who may write from then on.
  await site.write('pxe-pilot.yml', head + more(', allow: [192.0.2.128/25]'))
  await program.transcript.waitFor(/was read again and is in force[^]*192\.0\.2\.128\/25 may deploy/, 30)
  await refused()
  await site.write('pxe-pilot.yml', head + more(', allow: [127.0.0.0/8]'))
  await program.transcript.waitFor(/lets more addresses write than before/, 30)
  process.kill(program.pid ?? 0, 'SIGHUP')
  await program.transcript.waitFor(/everyone in 127\.0\.0\.0\/8 may deploy without a token/, 30)
  t.is(await site.deploy('sheep', '52:54:00:00:00:02'), 404)
  await site.write('pxe-pilot.yml', head)
  await program.transcript.waitFor(/has no section server, hosts, hosts_policy any more/, 30)
})
