// Those who come from the original PXE Pilot, and those who go back: its links are taken over once, and written again.

import { chown, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import test from 'ava'
import Database from 'libsql'
import { macOf, Site } from './program.ts'

test('links become assignments at the first start, lie aside from then on, and never come back by themselves', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const folder = join(site.folder, 'tftproot/pxelinux.cfg')
  await mkdir(folder)
  // As the use case makes it by hand, dangling; as the original did for a second card; and one to nothing.
  await symlink('pxelinux.cfg/conf/sheep', join(folder, '01-52-54-00-00-00-01'))
  await symlink(join(folder, '01-52-54-00-00-00-01'), join(folder, '01-52-54-00-00-00-02'))
  await symlink('conf/gone', join(folder, '01-52-54-00-00-00-03'))
  const hosts = `hosts: [{ name: h1, mac_addresses: ['52:54:00:00:00:01', '52:54:00:00:00:02'] }]\n`
  const first = await site.start(hosts)
  const assigned = await site.assigned()
  t.deepEqual(
    [...assigned],
    [
      ['52:54:00:00:00:01', 'sheep'],
      ['52:54:00:00:00:02', 'sheep'],
    ],
  )
  t.regex(first.transcript.text, /the link of 52:54:00:00:00:03 leads to gone, which is no configuration/)
  const [aside = '', ...others] = await readdir(folder)
  t.regex(aside, /^\.imported-\d{4}-\d\d-\d\d$/)
  t.deepEqual(others, ['01-52-54-00-00-00-03'], 'what leads nowhere stays')
  t.is((await readdir(join(folder, aside))).length, 2)
  t.regex(
    first.transcript.text,
    /2 links of the original PXE Pilot lie in pxelinux.cfg\/\.imported\S+ now \(new assignments: 1; not taken over, and left where they are: 1\)/,
  )

  await symlink('pxelinux.cfg/conf/sheep', join(folder, '01-52-54-00-00-00-09'))
  await first.transcript.waitFor(/01-52-54-00-00-00-09 deploys nothing: .*configurations\/sheep\/deploy/, 10)
  await symlink('conf/gone', join(folder, '01-52-54-00-00-00-0a'))
  await first.transcript.waitFor(/00-0a deploys nothing: gone, which it leads to, is no configuration/, 10)
  await first.stop()
  const second = await site.start(hosts)
  t.false((await site.assigned()).has('52:54:00:00:00:09'))
  await second.stop()
})

const cards = (last: number) => `['52:54:00:00:0d:0${last}', '52:54:00:00:0b:0${last}']`

test('of the links of a host that of its primary card counts, and no other makes it install', async (t) => {
  const site = await Site.make(t)
  for (const name of ['ubuntu', 'debian']) await site.write(`tftproot/conf/${name}`, `DEFAULT ${name}\n`)
  const folder = join(site.folder, 'tftproot/pxelinux.cfg')
  await mkdir(folder)
  const links = { '0b-03': 'ubuntu', '0d-03': 'debian', '0b-04': 'ubuntu', '0b-05': 'local' }
  for (const [card, name] of Object.entries(links)) {
    await symlink(`conf/${name}`, join(folder, `01-52-54-00-00-${card}`))
  }
  const hosts = [3, 4, 5].map((last) => `{ name: h${last}, mac_addresses: ${cards(last)} }`)
  const program = await site.start(`hosts: [${hosts.join()}]\n`)
  const assigned = await site.assigned()
  t.is(assigned.get('52:54:00:00:0d:03'), 'debian')
  t.falsy(assigned.get('52:54:00:00:0d:04'))
  t.is(assigned.get('52:54:00:00:0d:05'), 'local')
  t.regex(program.transcript.text, /h3 boots debian already, .* its link to ubuntu is not taken over/)
  t.regex(
    program.transcript.text,
    /the link of 52:54:00:00:0b:04 leads to ubuntu, and h4 has another primary card/,
  )
  await program.stop()
})

test('an import that leaves a link says why, to programs too, and ends with 1', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const folder = join(site.folder, 'tftproot/pxelinux.cfg')
  await mkdir(folder)
  const program = await site.start()
  await symlink('conf/sheep', join(folder, '01-52-54-00-00-00-01'))
  await symlink('conf/gone', join(folder, '01-52-54-00-00-00-02'))
  // Of a second card, whose first has no link any more.
  await symlink('01-52-54-00-00-00-04', join(folder, '01-52-54-00-00-00-03'))
  const run = site.run(['-s', `http://127.0.0.1:${site.ports.api}`, 'import'])
  t.is(await run.exited, 1)
  t.regex(run.transcript.text, /^\| 52-54-00-00-00-01 \| sheep +\|$/m)
  t.regex(
    run.transcript.text,
    /^the link of 52:54:00:00:00:02 leads to gone, which is no configuration: it .* stays where it is$/m,
  )
  t.regex(run.transcript.text, /^the link of 52:54:00:00:00:03 leads to 01-52-54-00-00-00-04, which is no/m)
  const answer = await fetch(`http://127.0.0.1:${site.ports.api}/v1/import`, { method: 'POST' })
  t.like(await answer.json(), {
    hosts: [],
    left: [
      { mac: '52:54:00:00:00:02', link: 'gone', because: 'leads to gone, which is no configuration' },
      { mac: '52:54:00:00:00:03', link: '01-52-54-00-00-00-04' },
    ],
  })
  await program.stop()
})

test('an import says whose links change nothing, and loses none of those it moves', async (t) => {
  const site = await Site.make(t)
  for (const name of ['sheep', 'cow']) await site.write(`tftproot/conf/${name}`, `DEFAULT ${name}\n`)
  const folder = join(site.folder, 'tftproot/pxelinux.cfg')
  await mkdir(folder)
  const link = join(folder, '01-52-54-00-00-00-01')
  await symlink('conf/sheep', link)
  const program = await site.start(`hosts: [{ name: h1, mac_addresses: ['52:54:00:00:00:01'] }]\n`)
  await symlink('conf/cow', link)
  const run = site.run(['-s', `http://127.0.0.1:${site.ports.api}`, 'import'])
  t.is(await run.exited, 0)
  t.regex(run.transcript.text, /^h1 already boots sheep, and its link to cow changes nothing$/m)
  t.deepEqual([...(await site.assigned()).values()], ['sheep'])
  const [aside = '', ...others] = await readdir(folder)
  t.deepEqual(others, [])
  const targets = (await readdir(join(folder, aside))).map((name) => readlink(join(folder, aside, name)))
  t.deepEqual((await Promise.all(targets)).toSorted(), ['conf/cow', 'conf/sheep'])
  await program.stop()
})

test('what export writes, another start takes over as it was: templates, one text for all loaders, and loaders of their own', async (t) => {
  const site = await Site.make(t)
  await mkdir(join(site.folder, 'tftproot/conf/grub'))
  await site.write('tftproot/conf/plain', 'DEFAULT plain\n')
  await site.write('tftproot/conf/filled.tmpl', 'DEFAULT ${mac}\n')
  await site.write('tftproot/conf/all.yml', 'kernel: linux\n')
  await site.write('tftproot/conf/grub/menu.yml', 'menuentry x {\n}\n')
  const names = ['plain', 'filled', 'all', 'menu.yml']
  const first = await site.start()
  for (const [index, name] of names.entries()) t.is(await site.deploy(name, macOf(index)), 200)
  const deployed = await site.assigned()
  const api = `http://127.0.0.1:${site.ports.api}`
  t.is(await site.run(['export', '-c', join(site.folder, 'pxe-pilot.yml')]).exited, 0)
  // Those say what the machines boot already, and are told nobody.
  const again = site.run(['-s', api, 'import'])
  t.is(await again.exited, 0)
  t.notRegex(again.transcript.text, /already|stays/)
  t.is(await site.run(['export', '-c', join(site.folder, 'pxe-pilot.yml')]).exited, 0)
  await first.stop()
  t.notRegex(first.transcript.text, /deploys nothing|goes on so/)

  await rm(join(site.folder, 'var'), { recursive: true })
  const second = await site.start()
  t.deepEqual(await site.assigned(), deployed)
  await second.stop()
})

test('export writes the links again, with the server stopped and while it runs', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const hosts = `hosts: [{ name: h1, mac_addresses: ['52:54:00:00:00:01', '52:54:00:00:00:02'] }, { name: h2, mac_addresses: ['52:54:00:00:00:03'] }]\n`
  const program = await site.start(hosts)
  await site.deploy('sheep', '52:54:00:00:00:01')
  await site.deploy('local', '52:54:00:00:00:03')
  const folder = join(site.folder, 'tftproot/pxelinux.cfg')
  const exported = async () => {
    const run = site.run(['export', '-c', join(site.folder, 'pxe-pilot.yml')])
    t.is(await run.exited, 0)
    t.regex(run.transcript.text, /h2: no link, as local is built in/)
    t.is(await readlink(join(folder, '01-52-54-00-00-00-01')), join(site.folder, 'tftproot/conf/sheep'))
    t.is(await readlink(join(folder, '01-52-54-00-00-00-02')), join(folder, '01-52-54-00-00-00-01'))
    await t.throwsAsync(lstat(join(folder, '01-52-54-00-00-00-03')))
  }
  await exported()
  // It is installed: the link would install it anew.
  await site.deploy('sheep', '52:54:00:00:00:03')
  t.is(await site.run(['export', '-c', join(site.folder, 'pxe-pilot.yml')]).exited, 0)
  t.truthy(await readlink(join(folder, '01-52-54-00-00-00-03')))
  await site.deploy('local', '52:54:00:00:00:03')
  await program.stop()
  await exported()
  // A person's own, to something else than a configuration.
  await symlink('../menus/own', join(folder, '01-52-54-00-00-00-03'))
  t.is(await site.run(['export', '-c', join(site.folder, 'pxe-pilot.yml')]).exited, 0)
  t.is(await readlink(join(folder, '01-52-54-00-00-00-03')), '../menus/own')
})

test('export changes nothing in the store, and says what the original cannot read', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep.tmpl', 'DEFAULT ${mac}\n')
  const first = await site.start()
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 200)
  await first.stop()
  // A start with it would make h1 of the registered host.
  const other = site.settings(`hosts: [{ name: h1, mac_addresses: ['52:54:00:00:00:01'] }]\n`)
  const run = site.run(['export', '-c', await site.write('other.yml', other)])
  t.is(await run.exited, 0)
  t.regex(run.transcript.text, /h1: the original's PXELINUX cannot read sheep\.tmpl: it is a template/)
  t.regex(run.transcript.text, /h1: \S+01-52-54-00-00-00-01 -> /)
  await site.start()
  const hosts = (await (
    await fetch(`http://127.0.0.1:${site.ports.api}/v1/hosts`)
  ).json()) as readonly object[]
  t.like(hosts, [{ name: '52-54-00-00-00-01', configuration: { name: 'sheep' } }])
  const audit = await (await fetch(`http://127.0.0.1:${site.ports.api}/v1/audit`)).json()
  t.like(audit, [{ action: 'deploy' }])
})

test("root's export leaves nothing of root's beside the store of another user", async (t) => {
  if (process.getuid?.() !== 0) {
    t.pass('only root can give files away')
    return
  }
  const site = await Site.make(t)
  const first = await site.start()
  await first.stop()
  const folder = join(site.folder, 'var')
  for (const name of ['.', ...(await readdir(folder))]) await chown(join(folder, name), 65534, 65534)
  await rm(join(folder, 'pxe-pilot.db.copy'))
  await rm(join(folder, '.pxe-pilot.db.lock'))
  t.is(await site.run(['export', '-c', join(site.folder, 'pxe-pilot.yml')]).exited, 0)
  const names = await readdir(folder)
  t.true(names.includes('pxe-pilot.db.copy'))
  for (const name of names) t.is((await lstat(join(folder, name))).uid, 65534, name)

  await rm(join(folder, '.pxe-pilot.db.lock'))
  const database = new Database(join(folder, 'pxe-pilot.db'))
  database.exec('pragma user_version = 999')
  database.close()
  t.is(await site.run(['export', '-c', join(site.folder, 'pxe-pilot.yml')]).exited, 1)
  t.is((await lstat(join(folder, '.pxe-pilot.db.lock'))).uid, 65534, 'also where it cannot be read')
})

test('export leaves alone what it cannot know to be stopped: another answer, and a store that is open', async (t) => {
  const site = await Site.make(t)
  await site.write('tftproot/conf/sheep', 'DEFAULT sheep\n')
  const file = await site.write('pxe-pilot.yml', site.settings())
  let status = 404
  const other = createServer((_request, response) => response.writeHead(status).end('{"hosts":[]}'))
  await new Promise<void>((resolve) => {
    other.listen(site.ports.api, '127.0.0.1', resolve)
  })
  for (status of [404, 200]) {
    const run = site.run(['export', '-c', file])
    t.is(await run.exited, 1)
    t.regex(run.transcript.text, new RegExp(`^.*:${site.ports.api}.*is a PXE Pilot there`, 'm'))
    t.regex(run.transcript.text, /No link was written, .* server\.port in /)
  }
  await t.throwsAsync(lstat(join(site.folder, 'var')), { code: 'ENOENT' })
  await new Promise((resolve) => {
    other.close(resolve)
  })

  const program = await site.start()
  t.is(await site.deploy('sheep', '52:54:00:00:00:01'), 200)
  // Settings of other ports, where nothing listens.
  const elsewhere = await site.write('other.yml', site.settings('', (await Site.make(t)).ports))
  const run = site.run(['export', '-c', elsewhere])
  t.is(await run.exited, 1)
  t.regex(run.transcript.text, /cannot be opened: another process has it open.*; .* stop it first/)
  await program.stop()
  await site.start()
  t.is((await site.assigned()).get('52:54:00:00:00:01'), 'sheep')
})
