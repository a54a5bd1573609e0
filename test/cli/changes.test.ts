// Hosts and changes from the command line: a process, and an API of ours behind it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { newFolder } from '../folder.ts'
import { serveApi } from '../api/server.ts'
import { run } from './run.ts'

test('add, set, show, deploy, undeploy, remove, audit and undo', async (t) => {
  const { url } = await serveApi(t)
  const pxe = async (...argv: readonly string[]) => await run('-s', url, ...argv)
  const added = await pxe(
    'host',
    'add',
    'h7',
    '52-54-00-77-00-07',
    '--ip',
    '10.77.0.7',
    '--var',
    'rack=7',
    '--var',
    'row=b',
  )
  t.is(added.code, 0, added.stderr)
  t.regex(added.stdout, /^\| macAddresses +\| 52:54:00:77:00:07 +\|$/m)
  const set = await pxe('host', 'set', 'h7', '--var', 'rack=8', '--lock', '--ip', 'none')
  t.is(set.code, 0, set.stderr)
  const shown = JSON.parse((await pxe('host', 'show', 'h7', '-o', 'json')).stdout)
  t.like(shown, { name: 'h7', ip: '', locked: true, vars: { rack: '8', row: 'b' } })
  const locked = await pxe('config', 'deploy', 'sheep', 'h7')
  t.is(locked.code, 1)
  t.regex(locked.stderr, /locked/)
  t.regex(
    (await pxe('audit', '--limit', '1')).stdout,
    /\| change \|.*\| h7 changed \((?=.*\bip\b)(?=.*\blocked\b)(?=.*\bvars\.rack\b)[^)]*\) \|/,
  )
  t.is((await pxe('host', 'set', 'h7', '--unlock')).code, 0)
  t.is((await pxe('config', 'deploy', '--dry-run', 'sheep', 'h7')).code, 0)
  t.is((await pxe('config', 'deploy', 'sheep', 'h7')).code, 0)
  t.regex((await pxe('audit', '--limit', '1')).stdout, /\| deploy \|.*\| h7: nothing -> sheep \|/)
  const undone = await pxe('undo')
  t.is(undone.code, 0, undone.stderr)
  t.regex(undone.stdout, /^\| h7 +\| /m)
  t.is(JSON.parse((await pxe('host', 'show', 'h7', '-o', 'json')).stdout).configuration, null)
  const card = '5254.0077.0007'
  t.is((await pxe('host', 'show', card)).stdout, (await pxe('host', 'show', 'h7')).stdout, 'by its card')
  const removed = await pxe('host', 'remove', 'h7', card)
  t.is(removed.code, 0, removed.stderr)
  t.regex(removed.stdout, /^\| h7 +\| OK +\|$/m)
  t.is((await pxe('host', 'show', 'h7')).code, 1)
  t.regex((await pxe('host', 'set', 'h1', '--lock')).stderr, /declared in/)
})

test('undo says of an installer that it has to be confirmed, also when it only shows it', async (t) => {
  const { url, table } = await serveApi(t, { guards: { destructive: ['sheep'] } })
  const pxe = async (...argv: readonly string[]) => await run('-s', url, ...argv)
  await pxe('config', 'deploy', '--yes', 'sheep', 'h1')
  await pxe('config', 'deploy', 'local', 'h1')
  const shown = await pxe('undo', '--dry-run')
  t.like(shown, { code: 0, stderr: 'it has to be confirmed: --yes\n' })
  const refused = await pxe('undo')
  t.is(refused.code, 1)
  t.regex(refused.stderr, /^nothing was changed: .* --yes does it$/m)
  t.is(table.assignments.get('h1'), 'local')
})

test('what arms a machine is refused without --yes', async (t) => {
  const { url } = await serveApi(t, { guards: { default: 'sheep', destructive: ['sheep'] } })
  const pxe = async (...argv: readonly string[]) => await run('-s', url, ...argv)
  await pxe('host', 'add', 'h7', '52-54-00-77-00-07')
  await pxe('config', 'deploy', 'local', 'h7')
  for (const change of [
    ['set', 'h7', '--mac', '52-54-00-77-00-08'],
    ['undeploy', 'h7'],
    ['remove', 'h7'],
  ]) {
    const refused = await pxe('host', ...change)
    t.is(refused.code, 1)
    t.regex(refused.stderr, /boots local.*sheep.*--yes/)
    t.is((await pxe('host', ...change, '--yes')).code, 0)
    await pxe('config', 'deploy', 'local', 'h7')
  }
})

test('set changes what is named of the controller a host has, and of its variables, and says where it cannot', async (t) => {
  const { url, table } = await serveApi(t)
  const pxe = async (...argv: readonly string[]) => await run('-s', url, 'host', ...argv)
  const power = () => table.hosts.get('h7')?.power
  const password = join(newFolder('cli'), 'password')
  writeFileSync(password, 'hunter2\n')
  const made = ['add', 'h7', '52-54-00-77-00-07', '--var', 'rack=7', '--var', 'root_password=hunter3']
  t.is((await pxe(...made, '--user', 'joe')).code, 2)
  t.is((await pxe(...made)).code, 0)
  t.is((await pxe('set', 'h7')).code, 2)
  const loose = await pxe('set', 'h7', '--user', 'joe')
  t.is(loose.code, 2)
  t.regex(loose.stderr, /^error: h7 has neither .*--user.*--ipmi ADDRESS or --redfish ADDRESS$/m)
  const ipmi = await pxe('set', 'h7', '--ipmi', '10.0.0.1', '--user', 'joe', '--password-file', password)
  t.is(ipmi.code, 0, ipmi.stderr)
  t.is((await pxe('set', 'h7', '--cipher', '3', '--user', 'ann')).code, 0)
  const whole = { hostname: '10.0.0.1', username: 'ann', password: 'hunter2', cipher: 3 }
  t.deepEqual(power(), { ipmi: whole })
  const moved = await pxe('set', 'h7', '--ipmi', '10.0.0.2')
  t.is(moved.code, 1)
  t.regex(moved.stderr, /ipmi\.password must be said again \(--password-file\), as hostname changes/)
  const over = await pxe('set', 'h7', '--ipmi', 'none', '--redfish', 'r7', '--user', 'joe')
  t.is(over.code, 0, over.stderr)
  t.like(power(), { ipmi: undefined, redfish: { hostname: 'r7', username: 'joe' } })
  t.is((await pxe('set', 'h7', '--controller-mac', '525400770017')).code, 0)
  t.like(power()?.redfish, { hostname: 'r7', mac_address: '52:54:00:77:00:17' as never, username: 'joe' })
  t.is((await pxe('set', 'h7', '--cipher', '3')).code, 2)
  const strip = ['--adapter', 'apc', '--adapter-address', '10.0.0.8', '--adapter-var', 'outlet=3'] as const
  t.is((await pxe('set', 'h7', '--redfish', 'none', ...strip, '--adapter-var', 'bank=1')).code, 0)
  const vars = [
    { name: 'outlet', value: '3' },
    { name: 'bank', value: '1' },
  ]
  t.like(power(), { redfish: undefined, management: { adapter: 'apc', ip_address: '10.0.0.8', vars } })
  const half = await pxe('set', 'h7', '--adapter-var', 'outlet=4')
  t.is(half.code, 2)
  t.regex(half.stderr, /^error: --adapter-var: name the adapter, too, with --adapter NAME/)
  t.is((await pxe('set', 'h7', '--adapter', 'none')).code, 0)
  t.falsy(power()?.management)
  t.is((await pxe('set', 'h7', '--var', 'rack=8')).code, 0)
  t.deepEqual(table.hosts.get('h7')?.vars, { rack: '8', root_password: 'hunter3' })
})

test('hold, its status, and its end', async (t) => {
  const { url } = await serveApi(t)
  t.regex(
    (await run('-s', url, 'hold', '--reason', 'move of the racks')).stdout,
    /\| yes +\|.*move of the racks/,
  )
  t.regex((await run('-s', url, 'config', 'deploy', 'sheep', 'h1')).stderr, /held and boot local/)
  t.regex((await run('-s', url, 'host', 'list')).stderr, /held and boot local/)
  t.regex((await run('-s', url, 'hold', '--status')).stdout, /^\| yes /m)
  t.is((await run('-s', url, 'hold', '--release', '--reason', 'x')).code, 2, 'nobody would hear of it')
  t.regex((await run('-s', url, 'hold', '--release')).stdout, /^\| no /m)
  t.regex((await run('-s', url, 'audit')).stdout, /\| hold +\|.*\| move of the racks +\|/)
  t.is((await run('-s', url, 'host', 'list')).stderr, '')
})
