// The configuration directory as people use it: what is a configuration, when it is taken, what survives a fault.

import { appendFileSync } from 'node:fs'
import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import test from 'ava'
import { bootloader, builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { decide } from '../../src/boot/decide.ts'
import { applyDelta, emptyTable, registeredHost } from '../../src/boot/table.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { tree, watched, within } from './tree.ts'

const conf = 'pxelinux.cfg/conf'

test("the use case's flat files and the folders of bootloaders are configurations, in order", async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/ubuntu-16.04`, 'DEFAULT a\n', 'old')
  await at.put(`${conf}/Zebra`, 'DEFAULT z\n', 'old')
  await at.put(`${conf}/syslinux-efi64/ubuntu-16.04`, 'DEFAULT b\n', 'old')
  await at.put(`${conf}/pxelinux/grml`, 'DEFAULT c\n', 'old')
  await at.put(`${conf}/grub/grml`, 'DEFAULT although pxelinux\n', 'old')
  await at.put(`${conf}/script`, '#!ipxe\n', 'old')
  const { catalog, emitted } = watched(t, at)
  await catalog.start()
  t.is(emitted.length, 1)
  t.deepEqual(
    emitted[0]?.configurations.map(({ name, forms }) => [name, ...forms.map((form) => form.file)]),
    [
      ['Zebra', 'Zebra'],
      ['grml', 'pxelinux/grml', 'grub/grml'],
      ['ubuntu-16.04', 'ubuntu-16.04', 'syslinux-efi64/ubuntu-16.04'],
      ['script', 'script'],
    ],
  )
  t.deepEqual(
    emitted[0]?.configurations.flatMap(({ forms }) => forms.map(({ language }) => language)),
    ['pxelinux', 'pxelinux', 'grub', 'pxelinux', 'pxelinux', 'ipxe'],
  )
})

test('the folder of a bootloader has its language, and the settings give the order', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/efi/x`, 'menu', 'old')
  await at.put(`${conf}/bios/x`, 'menu', 'old')
  await at.put(`${conf}/bios/a`, 'menu', 'old')
  const bootloaders = [
    bootloader({ name: 'efi', file: 'grubx64.efi' }),
    bootloader({ name: 'bios', file: 'pxelinux.0' }),
  ]
  const { catalog } = watched(t, at, { bootloaders })
  await catalog.start()
  const { configurations } = await catalog.look()
  t.deepEqual(
    configurations.map(({ name, forms }) => [name, ...forms.map(({ language }) => language)]),
    [
      ['x', 'grub', 'pxelinux'],
      ['a', 'pxelinux'],
    ],
  )
})

test('backups, dot-files, folders below folders and folders of no bootloader are no configurations', async (t) => {
  const at = await tree(t)
  const names = ['.hidden', '.x.swp', 'x~', 'x.swp', '#x#', '.#x', 'pxelinux/deep/x', 'unknown/x']
  for (const name of names) await at.put(`${conf}/${name}`, 'DEFAULT x\n', 'old')
  const { catalog, emitted, told } = watched(t, at)
  await catalog.start()
  t.deepEqual(emitted[0]?.configurations, [])
  const strangers = told('warn').filter((text) => text.includes('the folder of no bootloader'))
  t.is(strangers.length, 1)
  t.regex(strangers[0] ?? '', /conf\/unknown is the folder of no bootloader \(pxelinux, grub, ipxe, /)
})

test('the folder of a language that no bootloader of the settings speaks is none, but for iPXE, which machines bring', async (t) => {
  const at = await tree(t)
  for (const folder of ['pxelinux', 'grub', 'ipxe'])
    await at.put(`${conf}/${folder}/of-${folder}`, 'x\n', 'old')
  const { catalog, told } = watched(t, at, {
    bootloaders: [bootloader({ name: 'bios', file: 'pxelinux.0' })],
  })
  await catalog.start()
  const { configurations } = await catalog.look()
  t.deepEqual(
    configurations.map(({ name }) => name),
    ['of-pxelinux', 'of-ipxe'],
  )
  t.regex(
    told('warn').join('\n'),
    /conf\/grub is the folder of no bootloader \(pxelinux, ipxe, bios\); nothing in it can be deployed/,
  )
})

test('a template can be deployed as soon as a host declares the variable that it names', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/a.tmpl`, 'APPEND rack=${rack}\n', 'old')
  await at.put(`${conf}/pxelinux/b.tmpl`, 'APPEND rack=${rack}\n', 'old')
  await at.put(`${conf}/c.yml`, 'kernel: linux\narguments: rack=${rack}\n', 'old')
  let variables: readonly string[] = ['disk']
  const { catalog, told } = watched(t, at, { variables: () => variables })
  await catalog.start()
  const names = async () => (await catalog.look('configurations')).configurations.map(({ name }) => name)
  t.deepEqual(await names(), [])
  t.is(told('warn').filter((text) => text.includes('${rack}')).length, 3)
  variables = ['disk', 'rack']
  t.deepEqual((await names()).toSorted(), ['a', 'b', 'c'])
  t.is(told('info').filter((text) => /no longer so: .*\$\{rack\}/.test(text)).length, 3)
  variables = []
  t.deepEqual((await names()).toSorted(), ['a', 'b', 'c'], 'the last good version stays')
})

test('NAME.tmpl is served as NAME; a plain NAME beside it wins, and that is told', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/a.tmpl`, 'DEFAULT ${server}\n', 'old')
  await at.put(`${conf}/b.tmpl`, 'DEFAULT ${server}\n', 'old')
  await at.put(`${conf}/b`, 'DEFAULT plain ${server}\n', 'old')
  const { catalog, emitted, told } = watched(t, at)
  await catalog.start()
  t.deepEqual(
    emitted[0]?.configurations.map(({ name, forms }) => [name, forms.length, forms[0]?.template]),
    [
      ['a', 1, true],
      ['b', 1, false],
    ],
  )
  t.true(told('warn').some((text) => /conf\/b\.tmpl is not served/.test(text)))
})

test('what cannot be served is a warning and no configuration', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/nul`, 'a\0b', 'old')
  await at.put(`${conf}/big`, 'x'.repeat(1024 * 1024 + 1), 'old')
  await at.put(`${conf}/biggest`, 'x'.repeat(1024 * 1024), 'old')
  await at.put(`${conf}/empty`, '', 'old')
  await symlink('nowhere', join(at.conf, 'dangling'))
  await symlink('/etc/os-release', join(at.conf, 'out'))
  await symlink('empty', join(at.conf, 'alias'))
  const { catalog, emitted, told } = watched(t, at)
  await catalog.start()
  t.deepEqual(
    emitted[0]?.configurations.map(({ name }) => name),
    ['alias', 'biggest', 'empty'],
  )
  const warnings = told('warn').join('\n')
  t.regex(warnings, /conf\/nul holds NUL bytes/)
  t.regex(warnings, /conf\/big is bigger than 1 MiB; it is no configuration/)
  t.regex(warnings, /conf\/dangling is a link that leads nowhere/)
  t.regex(warnings, /conf\/out is not taken \(a link leads out of the root\)/)
})

test('links: elsewhere in tftproot, out of it when that is allowed, and a whole folder out of it', async (t) => {
  const at = await tree(t)
  const outside = await tree(t)
  await at.put('menus/x', 'DEFAULT x\n', 'old')
  await outside.put('y', 'DEFAULT y\n', 'old')
  await symlink('../../menus/x', join(at.conf, 'x'))
  await symlink(join(outside.root, 'y'), join(at.conf, 'y'))
  await symlink(outside.root, join(at.conf, 'grub'))
  const names = async (links: 'inside' | 'anywhere') => {
    const { catalog } = watched(t, at, { links })
    await catalog.start()
    const { configurations } = await catalog.look()
    return configurations.flatMap(({ forms }) => forms.map((form) => form.file)).toSorted()
  }
  t.deepEqual(await names('inside'), ['x'])
  t.deepEqual(await names('anywhere'), ['grub/y', 'x', 'y'])
})

const asRoot = process.getuid?.() === 0
test(
  asRoot ? 'a file that is no file is no configuration' : 'a file we may not read is no configuration',
  async (t) => {
    const at = await tree(t)
    await at.put(`${conf}/secret`, 'DEFAULT x\n', 'old')
    await chmod(join(at.conf, 'secret'), 0)
    // Root reads everything; a link in a circle is its unreadable file.
    if (asRoot) {
      await rm(join(at.conf, 'secret'))
      await symlink('secret', join(at.conf, 'secret'))
    }
    const { catalog, emitted, told } = watched(t, at)
    await catalog.start()
    t.deepEqual(emitted[0]?.configurations, [])
    t.true(told('warn').some((text) => /conf\/secret .*; it is no configuration/.test(text)))
  },
)

test('a script writes a file and deploys it at once: look() waits for it, and changed() is done by then', async (t) => {
  const at = await tree(t)
  const { catalog, emitted } = watched(t, at)
  await catalog.start()
  await at.put(`${conf}/fresh`, 'DEFAULT x\n')
  const { configurations } = await catalog.look()
  t.deepEqual(
    configurations.map(({ name }) => name),
    ['fresh'],
  )
  t.is(emitted.at(-1)?.configurations.length, 1)
})

test('a file that is being written is not served half: the old version stays until it is still', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/x`, 'old\n', 'old')
  const { catalog, emitted } = watched(t, at)
  await catalog.start()
  const texts = () => emitted.map(({ configurations }) => configurations[0]?.forms[0]?.text)
  await writeFile(join(at.conf, 'x'), 'line\n')
  for (let line = 1; line < 12; line++) {
    await sleep(50)
    // At once: however slow the disk is, the file is not still in between.
    appendFileSync(join(at.conf, 'x'), 'line\n')
  }
  t.deepEqual(texts(), ['old\n'])
  t.true(await within(20_000, () => texts().length > 1))
  t.deepEqual(texts(), ['old\n', 'line\n'.repeat(12)])
})

test('a change is taken within 2 s without being asked for, and nothing is emitted when nothing changed', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/x`, 'one\n', 'old')
  const { catalog, emitted, told } = watched(t, at)
  await catalog.start()
  await Promise.all(Array.from({ length: 20 }, () => catalog.look()))
  await utimes(join(at.conf, 'x'), 2_000_000, 2_000_000)
  await catalog.look()
  t.is(emitted.length, 1)
  await writeFile(join(at.conf, 'x'), 'two\n')
  t.true(await within(3000, () => emitted.length === 2))
  t.is(emitted[1]?.configurations[0]?.forms[0]?.text, 'two\n')
  await rm(join(at.conf, 'x'))
  t.true(await within(3000, () => emitted.length === 3))
  t.deepEqual(told('info'), [
    'configuration x can be deployed (x)',
    'configuration x changed (x)',
    'configuration x is gone',
  ])
})

test('a broken template keeps its last good version in force, and is told once, with its line', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/x.tmpl`, 'APPEND ${http}/seed\n', 'old')
  const { catalog, emitted, told } = watched(t, at)
  await catalog.start()
  await at.put(`${conf}/x.tmpl`, 'DEFAULT x\nAPPEND ${htpt}/seed\n')
  for (let again = 0; again < 3; again++) await catalog.look()
  t.is(emitted.length, 1)
  const warnings = told('warn').filter((text) => text.includes('x.tmpl'))
  t.is(warnings.length, 1)
  t.regex(
    warnings[0] ?? '',
    /conf\/x\.tmpl line 2: \$\{htpt\} is no variable of ours .*; its last good version stays in force/,
  )
  await at.put(`${conf}/x.tmpl`, 'APPEND ${api}/seed\n')
  await catalog.look()
  t.is(emitted.at(-1)?.configurations[0]?.forms[0]?.text, 'APPEND ${api}/seed\n')
  t.true(told('info').some((text) => text.startsWith('no longer so: ')))
})

test('a file with a fault and no good version is known by its fault, and no longer than it has it', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/grub/x.tmpl`, 'linux ${htpt}/linux\n', 'old')
  const { catalog, emitted } = watched(t, at)
  await catalog.start()
  const [name, fault] = emitted[0]?.broken?.[0] ?? []
  t.is(name, 'x')
  t.regex(fault ?? '', /^grub\/x\.tmpl line 1: \$\{htpt\} is no variable of ours/)
  await at.put(`${conf}/grub/x.tmpl`, 'linux ${http}/linux\n', 'old')
  await catalog.look()
  t.deepEqual(emitted.at(-1)?.broken, [])
})

test('a directory that fails keeps the last good catalog, is told once, and recovers by itself', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/x`, 'one\n', 'old')
  const { catalog, emitted, told } = watched(t, at)
  await catalog.start()
  await rename(at.conf, `${at.conf}.away`)
  for (let again = 0; again < 3; again++) await catalog.look()
  t.is((await catalog.look()).configurations.length, 1)
  t.is(emitted.length, 1)
  const failures = told('warn').filter((text) => text.includes('cannot be read'))
  t.is(failures.length, 1)
  t.regex(
    failures[0] ?? '',
    /conf cannot be read \(it is not there\); what was last read there stays in force/,
  )
  await rename(`${at.conf}.away`, at.conf)
  await at.put(`${conf}/x`, 'two\n', 'old')
  await catalog.look()
  t.is(emitted.at(-1)?.configurations[0]?.forms[0]?.text, 'two\n')
})

test('a directory that is not there at first is told, and taken when it comes', async (t) => {
  const at = await tree(t)
  await rm(at.conf, { recursive: true })
  const { catalog, emitted, told } = watched(t, at)
  await catalog.start()
  t.is(emitted.length, 1)
  t.true(told('warn').some((text) => /no configuration of it can be deployed/.test(text)))
  await mkdir(at.conf)
  await at.put(`${conf}/x`, 'one\n')
  t.true(await within(20_000, () => emitted.at(-1)?.configurations.length === 1))
})

test('what changed() could not bring into force is handed to it again', async (t) => {
  const at = await tree(t)
  let failures = 1
  const { catalog, emitted, told } = watched(t, at, {
    changed: (contents) => {
      if (failures-- > 0) throw new Error('the worker is being restarted')
      emitted.push(contents)
    },
  })
  await catalog.start()
  t.is(emitted.length, 0)
  t.true(told('error')[0]?.includes('the worker is being restarted'))
  await catalog.look()
  t.is(emitted.length, 1)
})

test('real per-host files are menus; links of the original are kept apart for the import', async (t) => {
  const at = await tree(t)
  await at.put(`${conf}/pxelinux/grml`, 'DEFAULT x\n', 'old')
  for (const path of [
    'pxelinux.cfg/default',
    'pxelinux.cfg/01-52-54-00-00-00-01',
    'pxelinux.cfg/0A4D',
    'pxelinux.cfg/README',
    'efi64/pxelinux.cfg/default',
    'grub/grub.cfg-01-52-54-00-00-00-01',
    'grub/grub.cfg',
  ]) {
    await at.put(path, 'DEFAULT x\n')
  }
  const link = (name: string, target: string) => symlink(target, join(at.root, 'pxelinux.cfg', name))
  await link('01-00-00-00-00-00-01', 'pxelinux.cfg/conf/grml-2017.05')
  await link('01-00-00-00-00-00-02', join(at.conf, 'pxelinux/grml'))
  await link('01-00-00-00-00-00-03', '/var/tftp/pxelinux.cfg/01-00-00-00-00-00-02')
  await link('01-00-00-00-00-00-04', 'default')
  const { catalog, emitted } = watched(t, at)
  await catalog.start()
  t.deepEqual([...(emitted[0]?.menus ?? [])].toSorted(), [
    'efi64/pxelinux.cfg/default',
    'grub/grub.cfg',
    'grub/grub.cfg-01-52-54-00-00-00-01',
    'pxelinux.cfg/01-00-00-00-00-00-04',
    'pxelinux.cfg/01-52-54-00-00-00-01',
    'pxelinux.cfg/0A4D',
    'pxelinux.cfg/default',
  ])
  const { imported } = await catalog.look()
  t.deepEqual(imported.map(({ mac, configuration }) => `${mac} ${configuration}`).toSorted(), [
    '00:00:00:00:00:01 grml-2017.05',
    '00:00:00:00:00:02 grml',
    '00:00:00:00:00:03 grml',
  ])
})

test('a menu in code page 437 reaches the machine byte for byte', async (t) => {
  const at = await tree(t)
  const bytes = Buffer.from([0x4d, 0xc9, 0xcd, 0xbb, 0xff, 0x0a])
  await at.put(`${conf}/x`, bytes, 'old')
  const { catalog } = watched(t, at)
  await catalog.start()
  const mac = parseMac('52:54:00:00:00:01') ?? ('' as Mac)
  const host = registeredHost(mac)
  const table = emptyTable()
  applyDelta(table, {
    revision: 1,
    changes: [
      { kind: 'catalog', catalog: await catalog.look() },
      { kind: 'host', host },
      { kind: 'assignment', host: host.name, configuration: 'x' },
    ],
  })
  const facts = {
    via: 'tftp',
    server: parseIpv4('10.0.0.1') ?? (0 as Ipv4),
    archs: [],
    agent: 'unknown',
    asks: { kind: 'path', path: 'pxelinux.cfg/01-52-54-00-00-00-01' },
  } as const
  const site = { bootloaders: builtInBootloaders, default: null, localMethod: 'auto', apiPort: 3478 } as const
  const [answer] = decide(facts, table, site).answers
  if (answer?.kind !== 'text') return t.fail()
  t.deepEqual(Buffer.from(answer.body, answer.encoding ?? 'utf8'), bytes)
})

test('a missing loader is told once at start, with its package', async (t) => {
  const at = await tree(t)
  const { catalog, told, emitted } = watched(t, at)
  await catalog.start()
  await catalog.look()
  t.is(told('warn').filter((text) => text.startsWith('pxelinux.0 is missing: ')).length, 1)
  await at.put('pxelinux.0', 'PXELINUX 6.04 ')
  await at.put('ldlinux.c32', '')
  await catalog.look()
  t.deepEqual(new Map(emitted.at(-1)?.loaders).get('pxelinux.0'), { from: 'tftproot' })
})

test('nothing is told or emitted after stop()', async (t) => {
  const at = await tree(t)
  const { catalog, emitted, events } = watched(t, at)
  await catalog.start()
  const told = events.length
  await catalog.stop()
  await at.put(`${conf}/x`, 'one\n', 'old')
  await sleep(300)
  t.is(emitted.length, 1)
  t.is(events.length, told)
})
