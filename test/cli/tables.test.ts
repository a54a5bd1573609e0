// The eight tables of the original, byte for byte, and its exit statuses: a process, and an API of ours behind it.

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { Command } from 'commander'
import { ClientError } from '../../src/cli/client.ts'
import { addCommands } from '../../src/cli/commands.ts'
import { serveApi } from '../api/server.ts'
import { powerOf, programs } from '../power/bench.ts'
import { freeTcp } from '../ports.ts'
import { run, runWith } from './run.ts'

const hosts = `
hosts:
  - { name: h1, mac_addresses: ["00:00:00:00:00:01", "00:00:00:00:0B:01"] }
  - { name: h2, mac_addresses: ["00:00:00:00:00:02"], ipmi: { mac_address: "00:00:00:00:10:02", username: user, password: hunter2, hostname: 1.2.3.4 } }
  - { name: h3, mac_addresses: ["00:00:00:00:00:03"], management: { mac_address: "00:00:00:00:10:03", ip_address: 1.2.3.5, adapter: gone } }
  - { name: "42", mac_addresses: ["00:00:00:00:00:42"] }
`

async function serve(t: ExecutionContext): Promise<string> {
  const { url } = await serveApi(t, { hosts, power: powerOf(t, hosts).power })
  return url
}

const ipmitool = `case "$*" in
*status) cat state 2>/dev/null || echo Chassis Power is off ;;
*off) exit 1 ;;
*" on") echo Chassis Power is on >state ;;
esac`

test.serial('host list, with what the hosts boot and whether they are on', async (t) => {
  await programs(t, { ipmitool })
  const url = await serve(t)
  await run('-s', url, 'config', 'deploy', 'sheep', 'h2')
  t.deepEqual(await run('-s', url, 'host', 'list'), {
    code: 0,
    stderr: '',
    stdout: `+------+---------------+---------------------------------------+-------------------+---------+-------------+
| NAME | CONFIGURATION |                  MAC                  |     MGMT MAC      | MGMT IP | POWER STATE |
+------+---------------+---------------------------------------+-------------------+---------+-------------+
| h1   |               | 00:00:00:00:00:01 | 00:00:00:00:0b:01 |                   |         |             |
| h2   | sheep         | 00:00:00:00:00:02                     | 00:00:00:00:10:02 | 1.2.3.4 | Off         |
| h3   |               | 00:00:00:00:00:03                     | 00:00:00:00:10:03 | 1.2.3.5 | Unknown     |
|   42 |               | 00:00:00:00:00:42                     |                   |         |             |
+------+---------------+---------------------------------------+-------------------+---------+-------------+
`,
  })
  const { stdout } = await run('-s', url, 'host', 'list', '-o', 'json')
  t.deepEqual(JSON.parse(stdout)[2].powerState, 'Unknown')
  t.notRegex(stdout, /hunter2/)
  t.regex((await run('-s', url, 'host', 'list', '-o', 'wide')).stdout, /has no adapter "gone"/)
})

test.serial('config list, bootloader list and config show', async (t) => {
  const url = await serve(t)
  t.deepEqual(await run('-s', url, 'config', 'list'), {
    code: 0,
    stderr: '',
    stdout: `+--------+------------+
|  NAME  | BOOTLOADER |
+--------+------------+
| local  | pxelinux   |
| sheep  | pxelinux   |
| zebra  | pxelinux   |
| Ubuntu | grub       |
| sheep  | grub       |
+--------+------------+
`,
  })
  t.deepEqual(await run('-s', url, 'bootloader', 'list'), {
    code: 0,
    stderr: '',
    stdout: `+----------+------------------+-------------+
|   NAME   |       FILE       | CONFIG PATH |
+----------+------------------+-------------+
| pxelinux | pxelinux.0       |             |
| grub     | grub/grubx64.efi | grub.cfg    |
+----------+------------------+-------------+
`,
  })
  t.deepEqual(await run('-s', url, 'config', 'show', 'zebra'), {
    code: 0,
    stderr: '',
    stdout: 'text of zebra for pxelinux & <others>\n',
  })
  t.deepEqual(await run('-s', url, 'config', 'show', 'nix'), {
    code: 1,
    stdout: '',
    stderr: 'Error : configuration does not exist\n',
  })
})

test.serial('config deploy, with --now before the configuration, and what fails of it', async (t) => {
  await programs(t, { ipmitool })
  const url = await serve(t)
  const deployed = `+------+---------------+----------+
| NAME | CONFIGURATION | REBOOTED |
+------+---------------+----------+
| h2   | sheep         | YES      |
| h1   | sheep         | ERROR    |
+------+---------------+----------+
`
  const both = await run('-s', url, 'config', 'deploy', '-n', 'sheep', 'h2', 'h1')
  t.like(both, { code: 0, stdout: deployed })
  t.regex(both.stderr, /^h1 was not rebooted, restart it by hand\. .*no power control.*\n$/)
  const strict = await run('-s', url, 'config', 'deploy', '--now', '--strict', 'sheep', 'h2', 'h1')
  t.like(strict, { code: 1, stdout: deployed })
  t.regex(strict.stderr, /\n1 of 2 hosts were not rebooted\n$/)
  const asJson = await run('-s', url, 'config', 'deploy', '-n', '-o', 'json', 'sheep', 'h1')
  t.is(asJson.code, 1)
  t.like(JSON.parse(asJson.stdout).hosts[0], { name: 'h1', rebooted: 'ERROR' })
  t.deepEqual(await run('-s', url, 'config', 'deploy', 'sheep', 'h9'), {
    code: 1,
    stdout: '',
    stderr: 'No host declared for name <h9>; did you mean h1?\n',
  })
  t.regex(
    (await run('-s', url, 'config', 'deploy', 'sheep', '00:00:00:00:0B:01')).stdout,
    /^\| h1 +\| sheep/m,
  )
  for (const mac of ['00-00-00-00-0b-01', '000000000B01', '0000.0000.0b01']) {
    const { stdout, stderr } = await run('-s', url, 'config', 'deploy', 'sheep', mac)
    t.regex(stdout, /^\| h1 +\| sheep/m, stderr)
  }
  t.is(
    (await run('-s', url, 'config', 'deploy', 'sheep', '00-00-00-00-0b-99')).stderr.split(';')[0],
    'No host declared with MAC address <00-00-00-00-0b-99>',
  )
  const short = await run('-s', url, 'config', 'deploy', 'sheep', '00:00:00:00:0b')
  t.is(short.code, 1)
  t.regex(short.stderr, /<00:00:00:00:0b> is no MAC address; write six octets such as/)
  // Too few groups for one.
  t.regex(
    (await run('-s', url, 'config', 'deploy', 'sheep', 'db-01')).stderr,
    /No host declared for name <db-01>/,
  )
})

/** In this process: what a command line printed. */
async function printed(url: string, ...argv: readonly string[]): Promise<string> {
  const lines: string[] = []
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  addCommands(program, { out: (text) => void lines.push(text), err: () => {} }, {})
  await program.parseAsync(['-s', url, ...argv], { from: 'user' })
  return lines.join('')
}

test.serial('-o: wide is a table wherever one is printed, and everything can be had as JSON', async (t) => {
  await programs(t, { ipmitool, fping: 'exit 0', arp: 'exit 0' })
  const { url } = await serveApi(t, { hosts, power: powerOf(t, hosts).power })
  for (const command of [
    'host add h7 000000000007',
    'host add h8 000000000008',
    'config list',
    'config deploy local h7 h8',
    'audit',
    'host status h2',
    'host list',
    'host refresh',
    'host on h2',
    'host undeploy h7 h8',
    'host discovered',
    'lease list',
    'bootloader list',
    'hold --status',
    'loaders list',
  ]) {
    t.regex(await printed(url, ...command.split(' '), '-o', 'wide'), /^\+-/, command)
  }
  await printed(url, 'config', 'deploy', 'local', 'h7', 'h8')
  const asJson = async (...argv: string[]): Promise<unknown> =>
    JSON.parse(await printed(url, ...argv, '-o', 'json'))
  t.deepEqual(await asJson('host', 'undeploy', 'h7'), [{ name: 'h7', outcome: 'OK' }])
  t.deepEqual(await asJson('host', 'remove', 'h7', 'h8'), [
    { name: 'h7', outcome: 'OK' },
    { name: 'h8', outcome: 'OK' },
  ])
  t.deepEqual(await asJson('config', 'show', 'zebra'), {
    name: 'zebra',
    content: 'text of zebra for pxelinux & <others>',
  })
})

test.serial('a name that no path can say is one of nothing, in the words of the others', async (t) => {
  const { url, table } = await serveApi(t)
  for (const name of ['', '.', '..']) {
    const refused = async (...argv: string[]) =>
      (await t.throwsAsync(printed(url, ...argv), { instanceOf: ClientError }))?.message ?? ''
    t.is(await refused('config', 'show', name), 'Error : configuration does not exist')
    for (const argv of [
      ['config', 'deploy', name, 'h1'],
      ['config', 'lint', name],
    ]) {
      t.true((await refused(...argv)).startsWith(`Configuration '${name}' does not exists; `))
    }
    for (const order of ['on', 'show', 'status', 'remove', 'undeploy']) {
      t.true((await refused('host', order, name)).startsWith(`No host declared for name <${name}>; `), order)
    }
  }
  t.is(table.assignments.size, 0)
})

test.serial('flags with a value, as the original took them', async (t) => {
  await programs(t, { ipmitool })
  const url = await serve(t)
  const rebooted = async (...argv: string[]) => (await run('-s', url, ...argv)).stdout
  t.regex(await rebooted('-d=true', 'config', 'deploy', '--now=true', 'sheep', 'h2'), /^PUT .*\n[^]*\| YES/m)
  const quiet = await rebooted('--debug=0', 'config', 'deploy', '-n=false', 'sheep', 'h2')
  t.regex(quiet, /^\+-[^]*\| NO /)
  t.is((await run('-s', url, 'config', 'deploy', '--now=maybe', 'sheep', 'h2')).code, 2)
  const idle = await run('-s', url, 'config', 'deploy', '--wait', 'sheep', 'h2')
  t.is(idle.code, 2, 'nothing would switch it on')
  t.regex(idle.stderr, /^error: --wait is for hosts that --now reboots/)
})

test.serial('what a BMC says reaches the terminal escaped, once', async (t) => {
  await programs(t, { ipmitool: `printf 'gar\\033[31mbage\\n' >&2; exit 1` })
  const { url } = await serveApi(t, { hosts, power: powerOf(t, hosts).power })
  const answers = await Promise.all([
    run('-s', url, 'host', 'status', 'h2'),
    run('-s', url, 'host', 'reboot', 'h2'),
    run('-s', url, 'config', 'deploy', '--now', 'sheep', 'h2'),
  ])
  for (const { stdout, stderr } of answers) t.regex(stdout + stderr, /gar\\x1b\[31mbage/)
})

test.serial('a host may be named as a MAC is written, and is meant then', async (t) => {
  const named = `hosts:
  - { name: 00-00-00-00-00-01, mac_addresses: ["00:00:00:00:00:02"] }
  - { name: h2, mac_addresses: ["00:00:00:00:00:01"] }
`
  const { url, table } = await serveApi(t, { hosts: named })
  t.is((await run('-s', url, 'config', 'deploy', 'sheep', '00-00-00-00-00-01')).code, 0)
  t.deepEqual([...table.assignments], [['00-00-00-00-00-01', 'sheep']])
  t.is((await run('-s', url, 'config', 'deploy', 'zebra', '00:00:00:00:00:01')).code, 0)
  t.is(table.assignments.get('h2'), 'zebra')
})

test.serial('host reboot, on, off and refresh', async (t) => {
  await programs(t, { ipmitool, fping: 'exit 0', arp: 'exit 0' })
  const url = await serve(t)
  for (const [order, frame] of [
    [
      'reboot',
      '+------+--------+\n| NAME | REBOOT |\n+------+--------+\n| h2   | OK     |\n+------+--------+\n',
    ],
    ['on', '+------+----+\n| NAME | ON |\n+------+----+\n| h2   | OK |\n+------+----+\n'],
  ] as const) {
    t.deepEqual(await run('-s', url, 'host', order, 'h2'), { code: 0, stderr: '', stdout: frame }, order)
  }
  const off = await run('-s', url, 'host', 'off', 'h2')
  t.like(off, {
    code: 1,
    stdout: '+------+-------+\n| NAME |  OFF  |\n+------+-------+\n| h2   | ERROR |\n+------+-------+\n',
  })
  t.regex(off.stderr, /^h2: off failed: ipmitool failed: .*\n$/)
  t.like(await run('-s', url, 'host', 'on', 'h9'), {
    code: 1,
    stderr: 'No host declared for name <h9>; did you mean h1?\n',
  })
  const several = await run('-s', url, 'host', 'on', 'h9', 'h2', 'h8', 'h9')
  t.is(several.code, 1)
  t.regex(several.stderr, /^No host declared for name <h9>.*\nNo host declared for name <h8>.*\n$/)
  t.like(await run('-s', url, 'host', 'on', '--wait', '--timeout', '5', 'h2'), { code: 0, stderr: '' })
  t.like(await run('-s', url, 'host', 'off', '--wait', '--timeout', '5', 'h2'), { code: 1 })
  t.regex((await run('-s', url, 'host', 'status', 'h2')).stdout, /^\| h2 +\| On +\| \d{4}-\S+Z \| +\|$/m)
  const some = await run('-s', url, 'host', 'status', 'h2', 'h22')
  t.is(some.code, 1)
  t.regex(
    some.stdout,
    /^\| h2 +\| On +\|.*\n\| h22 +\| Unknown +\| +\| No host declared for name <h22>; did you mean h2\? +\|$/m,
  )
  t.is(some.stderr, 'No host declared for name <h22>; did you mean h2?\n')
  t.deepEqual(await run('-s', url, 'host', 'refresh'), {
    code: 0,
    stderr: '',
    stdout: '+---------+\n| REFRESH |\n+---------+\n| OK      |\n+---------+\n',
  })
})

test('no host, no configuration: empty tables', async (t) => {
  const { url } = await serveApi(t, { hosts: '', changes: [] })
  for (const argv of [
    ['host', 'list'],
    ['config', 'list'],
  ]) {
    const { code, stdout } = await run('-s', url, ...argv)
    t.is(code, 0)
    t.regex(stdout, /^(\+[-+]+\+)\n\|.*\|\n\1\n\1\n$/, argv.join(' '))
  }
})

test('PXE_PILOT_SERVER and PXE_PILOT_TOKEN; the option wins', async (t) => {
  const { url } = await serveApi(t)
  const environment = { PXE_PILOT_SERVER: url, PXE_PILOT_TOKEN: 'abc' }
  t.is((await runWith(environment, 'config', 'list')).code, 0)
  t.is((await runWith({ ...environment, PXE_PILOT_TOKEN: 'abc\r\n' }, 'config', 'list')).code, 0)
  const nobody = `http://127.0.0.1:${await freeTcp()}`
  const { code, stderr } = await runWith(environment, '-s', nobody, 'config', 'list')
  t.is(code, 1)
  t.is(
    stderr,
    `${nobody}: nothing listens there; start pxe-pilot server, or name its address with --server\n`,
  )
})

test('PXE_PILOT_SERVER: empty is unset, and only commands that ask a server look at it', async (t) => {
  const { url } = await serveApi(t)
  t.is((await runWith({ PXE_PILOT_SERVER: '' }, '-s', url, 'config', 'list')).code, 0)
  for (const named of ['', 'nonsense']) {
    const environment = { PXE_PILOT_SERVER: named }
    t.is((await runWith(environment, '--help')).code, 0)
    const { code, stderr } = await runWith(environment, 'export', '-c=/nowhere.yml')
    t.is(code, 1)
    // Its file, as the original took it.
    t.regex(stderr, /^\/nowhere\.yml: /)
  }
  const { code, stderr } = await runWith({ PXE_PILOT_SERVER: 'nonsense' }, 'config', 'list')
  t.is(code, 2)
  t.is(stderr, "error: PXE_PILOT_SERVER is 'nonsense'. It is no URL such as http://nonsense.\n")
})

for (const argv of [
  ['config', 'deploy'],
  ['config', 'deploy', 'sheep'],
  ['config', 'show'],
  ['host'],
  ['host', 'reboot'],
  ['host', 'fly', 'h1'],
  ['completion', 'tcsh'],
]) {
  test(`${['pxe-pilot', ...argv].join(' ')}: help on stderr, exit 2`, async (t) => {
    const { code, stdout, stderr } = await run(...argv)
    t.is(code, 2, stderr)
    t.is(stdout, '')
    t.regex(stderr, /^Usage: pxe-pilot/m)
  })
}

test('an option of the program behind the command: where it belongs', async (t) => {
  const { code, stderr } = await run('host', 'list', '-s', 'http://127.0.0.1:1')
  t.is(code, 2)
  t.regex(stderr, /^error: unknown option '-s'\nIt stands before the command: pxe-pilot -s URL COMMAND$/m)
})

test('complete offers commands, options, hosts and configurations', async (t) => {
  const { url } = await serveApi(t)
  const offered = async (...words: readonly string[]) =>
    (await run('-s', url, 'complete', '--', ...words)).stdout.split('\n').slice(0, -1)
  t.deepEqual(await offered('co'), ['config', 'completion'])
  t.deepEqual(await offered('config', 'deploy', '--n'), ['--now'])
  t.deepEqual(await offered('config', 'deploy', 'z'), ['zebra'])
  t.deepEqual(await offered('config', 'deploy', '--now', 'zebra', 'h'), ['h1', 'h2'])
  t.deepEqual(await offered('host', 'list', '-o', 'j'), ['json'])
  t.deepEqual(await offered('explain', 'h'), ['h1', 'h2'])
  t.deepEqual(await offered('host', 'adopt', '52:54:00:12:34:56', 'h'), [])
  t.regex((await run('completion', 'bash')).stdout, /complete .*-F _pxe_pilot pxe-pilot/)
})

test('complete offers local where it is built in, and has no file', async (t) => {
  const { url } = await serveApi(t, { changes: [] })
  const offered = async (...words: readonly string[]) =>
    (await run('-s', url, 'complete', '--', 'config', ...words, 'l')).stdout
  t.is(await offered('deploy'), 'local\n')
  t.is(await offered('show'), 'local\n')
  t.is(await offered('lint'), '')
})

test('complete asks the server that the unfinished line names', async (t) => {
  const { url } = await serveApi(t)
  const none = `http://127.0.0.1:${await freeTcp()}`
  for (const named of [
    ['-s', url],
    ['--server', url],
    [`--server=${url}`],
    [`-s=${url}`],
    ['-d', `-s${url}`],
  ]) {
    const { stdout } = await run('-s', none, 'complete', '--', ...named, 'config', 'deploy', 'z')
    t.is(stdout, 'zebra\n', named.join(' '))
  }
  t.is((await run('-s', url, 'complete', '--', '-s', 'nix', 'host', 'show', 'h')).code, 0)
})

test('bash completes a line with colons, and a name that has one', async (t) => {
  const { url } = await serveApi(t, { hosts: `${hosts}  - { name: "rack:1" }\n` })
  const { stdout: script } = await run('completion', 'bash')
  const offered = async (line: string) => {
    const text = `${script}
pxe-pilot() { "$NODE" dist/main.js "$@"; }
COMP_LINE=$LINE COMP_POINT=\${#LINE}
_pxe_pilot
printf '%s\\n' "\${COMPREPLY[@]}"`
    const env = { ...process.env, NODE: process.execPath, LINE: line }
    return (await promisify(execFile)('bash', ['-c', text], { env })).stdout
  }
  t.is(await offered(`pxe-pilot -s ${url} config deploy z`), 'zebra\n')
  t.is(await offered(`pxe-pilot --server=${url} host show h`), 'h1\nh2\nh3\n')
  t.is(await offered(`pxe-pilot -s ${url} host show rack:`), '1\n')
  t.true((await offered(`pxe-pilot -s ${url} host show `)).includes('rack:1\n'))
})

const zsh = existsSync('/usr/bin/zsh') ? test : test.skip

zsh('zsh completes a name with a space, and adds nothing where nothing fits', async (t) => {
  const { url } = await serveApi(t, { hosts: `${hosts}  - { name: "the rack" }\n` })
  const { stdout: script } = await run('completion', 'zsh')
  const offered = async (...words: readonly string[]) => {
    const text = `compdef() { : }
${script}
pxe-pilot() { "$NODE" dist/main.js "$@"; }
compadd() { print -l -- $#candidates $candidates }
words=(pxe-pilot "$@") CURRENT=$#words
_pxe_pilot`
    const env = { ...process.env, NODE: process.execPath, PXE_PILOT_SERVER: url }
    const { stdout } = await promisify(execFile)('zsh', ['-fc', text, 'zsh', ...words], { env })
    return stdout.split('\n').slice(0, -1)
  }
  t.deepEqual(await offered('host', 'show', 'the'), ['1', 'the rack'])
  t.deepEqual(await offered('host', 'show', 'nobody'), ['0'])
})

test('a request that fails below HTTP is a row of the table, as any other failure', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/v1/hosts/b/on') return void request.socket.destroy()
    response.statusCode = 204
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { code, stdout, stderr } = await run('-s', url, 'host', 'on', 'a', 'b')
  t.is(code, 1)
  t.regex(stdout, /^\| a +\| OK +\|$/m)
  t.regex(stdout, /^\| b +\| ERROR +\|$/m)
  t.regex(stderr, /^http:\/\/127.*; see whether --server names a PXE Pilot\n$/)
})
