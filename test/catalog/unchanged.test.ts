// That nothing changed is said without asking the disk, and only while nothing did.

import { writeFileSync } from 'node:fs'
import { chmod, mkdir, rename, rm, symlink, unlink, utimes } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Scanner } from '../../src/catalog/scan.ts'
import { Unchanged } from '../../src/catalog/unchanged.ts'
import { builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { emptyTable } from '../../src/boot/table.ts'
import type { Host } from '../../src/model.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { Registry } from '../../src/registry.ts'
import { ourselves } from '../../src/registry/caller.ts'
import { openStore } from '../../src/store/open.ts'
import { newFolder } from '../folder.ts'
import { tree, watched, type Tree } from './tree.ts'

const none = () => noVariables
const noVariables: readonly string[] = []

/** Everything that was written is long still by it. */
const later = () => Date.now() + 60_000

async function looked(t: ExecutionContext, fill: (at: Tree) => Promise<unknown>) {
  const at = await tree(t)
  await fill(at)
  let variables: readonly string[] = ['rack']
  const scanner = new Scanner({
    directory: at.conf,
    tftproot: at.root,
    bootloaders: builtInBootloaders,
    links: 'inside',
    variables: () => variables,
    system: join(at.root, 'no-system'),
    now: later,
  })
  const unchanged = new Unchanged(later, () => variables)
  await unchanged.open()
  const declare = (names: readonly string[]) => (variables = names)
  const look = async () => {
    const before = unchanged.before()
    await scanner.scan(false)
    await unchanged.after(before, scanner.paths())
  }
  return { at, unchanged, look, declare }
}

const usual = async ({ put }: Tree) => {
  await put('pxelinux.cfg/conf/ubuntu', 'DEFAULT u\n')
  await put('pxelinux.cfg/conf/grub/grml', 'menuentry\n')
  await put('images/shared', 'DEFAULT s\n')
  await put('pxelinux.cfg/conf/t.tmpl', 'DEFAULT ${rack}\n')
  await put('pxelinux.cfg/conf/y.yml', 'kernel: ${rack}/linux\n')
}

test('what the second look finds as the first one did needs no third', async (t) => {
  const { unchanged, look } = await looked(t, usual)
  t.false(await unchanged.holds())
  await look()
  t.false(await unchanged.holds())
  await look()
  t.true(await unchanged.holds())
  await look()
  t.true(await unchanged.holds())
})

const changes: Readonly<Record<string, (at: Tree) => Promise<unknown>>> = {
  'a file is written anew': ({ put }) => put('pxelinux.cfg/conf/ubuntu', 'DEFAULT v\n'),
  'a file of a bootloader is written anew': ({ put }) => put('pxelinux.cfg/conf/grub/grml', 'menuentrz\n'),
  'and has its old time again': async ({ put, conf }) => {
    await put('pxelinux.cfg/conf/ubuntu', 'DEFAULT v\n')
    await utimes(join(conf, 'ubuntu'), 1_000_000, 1_000_000)
  },
  'a template is written anew': ({ put }) => put('pxelinux.cfg/conf/t.tmpl', 'DEFAULT ${disk}\n'),
  'another one is renamed onto it': async ({ put, conf }) => {
    await put('elsewhere', 'DEFAULT w\n')
    await rename(join(conf, '../../elsewhere'), join(conf, 'ubuntu'))
  },
  'one comes': ({ put }) => put('pxelinux.cfg/conf/new', 'DEFAULT n\n'),
  'one comes in a folder': ({ put }) => put('pxelinux.cfg/conf/grub/new', 'menuentry\n'),
  'one goes': ({ conf }) => unlink(join(conf, 'ubuntu')),
  'a folder comes': ({ conf }) => mkdir(join(conf, 'pxelinux')),
  'a folder is replaced': async ({ conf, root }) => {
    await rename(join(conf, 'grub'), join(root, 'away'))
    await mkdir(join(conf, 'grub'))
  },
  'all goes': ({ conf }) => rm(conf, { recursive: true }),
  'a file may be read by nobody': ({ conf }) => chmod(join(conf, 'ubuntu'), 0),
}

for (const [what, change] of Object.entries(changes)) {
  test(`${what}: seen`, async (t) => {
    const { at, unchanged, look } = await looked(t, usual)
    await look()
    await look()
    t.true(await unchanged.holds())
    await sleep(20)
    await change(at)
    t.false(await unchanged.holds())
  })
}

test('the target of a link is written anew, or the link leads elsewhere: seen', async (t) => {
  const { at, unchanged, look } = await looked(t, async (site) => {
    await usual(site)
    await symlink('../../images/shared', join(site.conf, 'linked'))
  })
  await look()
  await look()
  t.true(await unchanged.holds())
  await sleep(20)
  await at.put('images/shared', 'DEFAULT t\n')
  t.false(await unchanged.holds())
  await look()
  await look()
  t.true(await unchanged.holds())
  await unlink(join(at.conf, 'linked'))
  await symlink('ubuntu', join(at.conf, 'linked'))
  t.false(await unchanged.holds())
})

for (const [what, fill] of Object.entries<(at: Tree) => Promise<unknown>>({
  'a link that leads nowhere yet': ({ conf }) => symlink('../../later', join(conf, 'loose')),
  'a file that is none': ({ conf }) => symlink('/dev/null', join(conf, 'null')),
  'a link that is not followed': ({ conf }) => symlink('/etc/passwd', join(conf, 'outside')),
})) {
  test(`${what}: every look asks the disk`, async (t) => {
    const { unchanged, look } = await looked(t, async (at) => {
      await usual(at)
      await fill(at)
    })
    await look()
    await look()
    await look()
    t.false(await unchanged.holds())
  })
}

test('a variable that hosts declare comes or goes: seen', async (t) => {
  const { unchanged, look, declare } = await looked(t, usual)
  await look()
  await look()
  t.true(await unchanged.holds())
  declare(['rack', 'disk'])
  t.false(await unchanged.holds())
  await look()
  t.true(await unchanged.holds())
})

test('also while a look is under way', async (t) => {
  const { unchanged, look, declare } = await looked(t, usual)
  await look()
  const looking = look()
  declare([])
  await looking
  t.false(await unchanged.holds())
  await look()
  t.true(await unchanged.holds())
})

test('what is wrong with the text of a file is no reason to read it again', async (t) => {
  const { unchanged, look, at } = await looked(t, async (site) => {
    await usual(site)
    await site.put('pxelinux.cfg/conf/bytes', Uint8Array.of(0, 1, 255, 0))
    await site.put('pxelinux.cfg/conf/of-nobody.tmpl', 'DEFAULT ${typo}\n')
    await site.put('pxelinux.cfg/conf/grub/of-nobody.tmpl', 'menuentry ${typo}\n')
    await site.put('pxelinux.cfg/conf/no-kernel.yml', 'initrd: x\n')
  })
  await look()
  await look()
  t.true(await unchanged.holds())
  await sleep(20)
  await at.put('pxelinux.cfg/conf/no-kernel.yml', 'kernel: x\n')
  t.false(await unchanged.holds())
})

function host(name: string, ...declares: readonly string[]): Host {
  return {
    name,
    macs: [parseMac(`52540000000${name}`) as Mac],
    origin: 'settings',
    locked: false,
    vars: Object.fromEntries(declares.map((variable) => [variable, '1'])),
    options: [],
  }
}

test('whatever changes the variables of hosts, the next look knows which templates can be deployed', async (t) => {
  const at = await tree(t)
  const named = ['rack', 'disk', 'console']
  for (const name of named) {
    await at.put(`pxelinux.cfg/conf/${name}.tmpl`, `DEFAULT \${${name}}\n`)
    await at.put(`pxelinux.cfg/conf/grub/${name}.tmpl`, `menuentry \${${name}}\n`)
  }
  const store = await openStore(join(newFolder('variables'), 'p.db'))
  t.teardown(() => store.close())
  const table = emptyTable()
  const guards = { policy: 'register' } as const
  const registry = new Registry({ table, store, guards, tell: () => {}, now: later })
  await registry.load([host('1', 'rack')])
  const { catalog } = watched(t, at, { now: later, variables: () => table.variables.names })
  await catalog.start()
  const how = { caller: ourselves, confirm: 1 }
  const steps: readonly (readonly [what: string, run: () => Promise<unknown>, declared: string])[] = [
    ['nothing', async () => {}, 'rack'],
    ['add', () => registry.addHost(host('2', 'disk'), 'add', how), 'disk rack'],
    ['adopt', () => registry.addHost(host('3', 'disk'), 'adopt', how), 'disk rack'],
    ['change', () => registry.changeHost('2', () => host('2', 'console'), how), 'console disk rack'],
    ['register', () => registry.deploy('local', [{ mac: '52:54:00:00:00:09' }]), 'console disk rack'],
    ['remove', () => registry.removeHost('3', how), 'console rack'],
    ['undo', () => registry.undo(how, ourselves), 'console disk rack'],
    [
      'reload',
      () => registry.reload([host('1')], guards, { file: '', takenBy: () => undefined }),
      'console disk',
    ],
    ['rename', () => registry.changeHost('2', () => host('4', 'rack'), how), 'disk rack'],
  ]
  for (const [what, run, declared] of steps) {
    await run()
    await catalog.look('configurations')
    const lacks = named.filter((name) => catalog.wrong.has(join(at.conf, 'grub', `${name}.tmpl`)))
    const known = named.filter((name) => !lacks.includes(name)).toSorted()
    t.is(known.join(' '), declared, what)
    await catalog.look('configurations')
  }
})

test('what changed less than a second ago may do so again without a trace', async (t) => {
  let now = Date.now()
  const at = await tree(t)
  const unchanged = new Unchanged(() => now, none)
  await unchanged.open()
  const look = () => unchanged.after(unchanged.before(), [at.conf])
  await look()
  await look()
  t.false(await unchanged.holds())
  now = Date.now() + 1_000
  await look()
  t.true(await unchanged.holds())
})

test('nor is it told from how long a look took', async (t) => {
  let now = Date.now()
  const at = await tree(t)
  const unchanged = new Unchanged(() => now, none)
  await unchanged.open()
  await unchanged.after(unchanged.before(), [at.conf])
  const before = unchanged.before()
  now += 1_500
  await unchanged.after(before, [at.conf])
  t.false(await unchanged.holds())
})

test('what is written while others are being answered is there for who asks then', async (t) => {
  const at = await tree(t)
  await at.put('pxelinux.cfg/conf/first', 'DEFAULT f\n')
  const { catalog } = watched(t, at, { now: later })
  await catalog.start()
  for (let round = 0; round < 2; round++) await catalog.look('configurations')
  const others = catalog.look('configurations')
  writeFileSync(join(at.conf, 'own'), 'DEFAULT o\n')
  const { configurations } = await catalog.look('configurations')
  t.true(configurations.some(({ name }) => name === 'own'))
  await others
})

test('whoever writes a file and deploys it at once has it, however often', async (t) => {
  const at = await tree(t)
  await at.put('pxelinux.cfg/conf/first', 'DEFAULT f\n')
  const { catalog } = watched(t, at, { now: later })
  await catalog.start()
  for (let round = 0; round < 30; round++) {
    const names = async () => (await catalog.look('configurations')).configurations.map(({ name }) => name)
    await names()
    await names()
    const own = `own-${round}`
    await at.put(`pxelinux.cfg/conf/${own}`, `DEFAULT ${round}\n`)
    t.true((await names()).includes(own))
    await unlink(join(at.conf, own))
    t.false((await names()).includes(own))
  }
})
