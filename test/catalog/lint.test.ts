// config lint: what would stop a machine is said before it boots, with its line and what was probably meant.

import { once } from 'node:events'
import { truncate } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bootloader } from '../../src/boot/bootloaders.ts'
import { applyDelta, emptyTable, type Change } from '../../src/boot/table.ts'
import { Linter, type Finding } from '../../src/catalog/lint.ts'
import type { Event } from '../../src/events.ts'
import type { Host } from '../../src/model.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { freeTcp } from '../ports.ts'
import { tree, watched, type Tree } from './tree.ts'

const bootloaders = [
  bootloader({ name: 'pxelinux', file: 'pxelinux.0' }),
  bootloader({ name: 'lpxelinux', file: 'lpxelinux.0' }),
  bootloader({ name: 'grub', file: 'grub/grubx64.efi' }),
  bootloader({ name: 'ipxe', file: 'ipxe.efi' }),
  bootloader({ name: 'rpi', file: 'bootcode.bin' }),
]

const h1: Host = {
  name: 'h1',
  macs: [parseMac('52:54:00:00:00:01') as Mac],
  origin: 'settings',
  locked: false,
  vars: { rack: '7', join_token: 'tell-nobody' },
  options: [],
}

type Lint = {
  readonly at: Tree
  readonly linter: Linter
  readonly events: Event[]
  readonly deploy: (name: string) => Promise<void>
}

/** A tftproot with `files`, and the linter over it. `httproot` lies in its folder http. */
async function lint(
  t: ExecutionContext,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<Lint> {
  const at = await tree(t)
  for (const [path, content] of Object.entries(files)) await at.put(path, content, 'old')
  const table = emptyTable()
  const events: Event[] = []
  const change = (changes: readonly Change[]) => applyDelta(table, { revision: table.revision + 1, changes })
  const variables = ['rack', 'disk', 'join_token']
  const { catalog } = watched(t, at, {
    bootloaders,
    variables: () => variables,
    changed: (contents) => change([{ kind: 'catalog', catalog: contents }]),
  })
  // A busy machine's first look may take longer than look() waits.
  for (let looks = 0; looks < 20 && table.configurations.size + catalog.wrong.size === 0; looks++)
    await catalog.look()
  const h2: Host = { ...h1, name: 'h2', macs: [], vars: { disk: 'vda' } }
  change([
    { kind: 'host', host: h1 },
    { kind: 'host', host: h2 },
  ])
  const linter = new Linter({
    directory: at.conf,
    tftproot: at.root,
    httproot: join(at.root, 'http'),
    links: 'inside',
    wrong: () => catalog.wrong,
    names: ['pxe-server'],
    table,
    site: { bootloaders, default: null, localMethod: 'auto', httpPort: 80, apiPort: 3478 },
    tell: (event) => void events.push(event),
  })
  const deploy = async (configuration: string) => {
    const changes: Change[] = [{ kind: 'assignment', host: 'h1', configuration }]
    change(changes)
    linter.follow({ revision: table.revision, changes })
    await linter.told()
  }
  return { at, linter, events, deploy }
}

const conf = 'pxelinux.cfg/conf/'

function said(findings: readonly Finding[] | undefined, { conf: folder }: Tree): string[] {
  return (findings ?? []).map(
    ({ file, line, level, text }) => `${file.slice(folder.length + 1)}:${line} ${level}: ${text}`,
  )
}

async function saidOf(
  t: ExecutionContext,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string[]> {
  const { at, linter } = await lint(t, files)
  return said(await linter.all(), at)
}

test('PXELINUX puts endings behind the names of DEFAULT, UI and COM32, and before 5.00 behind that of KERNEL', async (t) => {
  t.deepEqual(
    await saidOf(t, {
      'menu.c32': 'm',
      [`${conf}a`]: 'DEFAULT /menu\n',
      [`${conf}b`]: 'UI menu\nLABEL a\n  COM32 /menu\n',
      [`${conf}c`]: 'DEFAULT c\nLABEL c\n  LINUX /menu\n',
      [`${conf}d`]: 'DEFAULT d\nLABEL d\n  KERNEL /menu\n',
    }),
    [
      'c:3 fault: the kernel /menu is not there in tftproot; did you mean menu.c32?',
      'd:3 warning: the kernel /menu is not there: PXELINUX before 5.00 alone takes /menu.c32 for it',
    ],
  )
})

test('a configuration in good order has nothing said of it, in each language', async (t) => {
  t.deepEqual(
    await saidOf(t, {
      'debian/linux': 'k',
      'debian/initrd.gz': 'i',
      'http/debian.seed.tmpl': 'd-i ${http} ${rack|none}',
      'http/mirror/dists/x': '',
      [`${conf}flat`]: `# a comment
UI menu.c32
MENU TITLE Boot
PROMPT 0
LABEL one
  MENU LABEL ^One
  KERNEL debian/linux
  INITRD debian/initrd.gz,/debian/initrd.gz
  APPEND url=http://pxe-server/debian.seed mirror=http://pxe-server/mirror/
  TEXT HELP
    kernle is no keyword here
  ENDTEXT
LABEL disk
  LOCALBOOT 0
`,
      'menu.c32': '',
      [`${conf}grub/g.tmpl`]: `set timeout=5
function say { echo "$1"; }
if [ "$grub_platform" = efi ]; then insmod efinet; say 'done'; fi
for x in a b; do
  echo $x
done
menuentry "It's \\"Debian\\"" --class debian {
  set kernel=/debian/linux
  linux (http,\${http_host})$kernel auto \\
    url=\${http}/debian.seed
  initrd ($root)/debian/initrd.gz
}
menuentry disk {
  search --no-floppy --set=root --file /EFI/BOOT/BOOTX64.EFI
  chainloader /EFI/BOOT/BOOTX64.EFI
}
`.replaceAll('\\$', '$'),
      [`${conf}ipxe/i`]: `#!ipxe
set base http://\${next-server}/debian
:again
kernel --timeout 3000 \${base}/linux initrd=initrd.gz || goto again
initrd --name initrd.gz /debian/initrd.gz
iseq \${platform} efi && boot || boot
`,
      [`${conf}one.yml`]:
        'kernel: { x64: debian/linux, arm64: "${http}/debian/linux" }\ninitrd: debian/initrd.gz\n',
    }),
    [],
  )
})

test('files that are not there are told with their line, and what was probably meant', async (t) => {
  const list = await saidOf(t, {
    'debian/12/linux': 'k',
    'debian/12/vmlinuz-6.1.0-40': 'k',
    'debian/12/initrd.gz': 'i',
    'debian/12/initrd.gz.sig': 's',
    'http/big.iso': '',
    [`${conf}a`]: `DEFAULT l
LABEL l
  LINUX debian/12/linus
  INITRD debain/12/linux,nothing,debian/12/initrd
  APPEND url=http://pxe-server/big.iso2 root=tftp://pxe-server/big.iso
`,
    [`${conf}grub/b`]: 'linux /Debian/12/linux\ninitrd (tftp)/debian/12\n',
    [`${conf}ipxe/c`]: '#!ipxe\nkernel /debian/12/vmlinuz-6.1.0-50\n',
    [`${conf}one.yml`]: 'arguments: quiet\nkernel:\n  x64: debian/12/linux\n  arm64: debian/12/linux-arm\n',
  })
  t.deepEqual(list, [
    'a:3 fault: the kernel debian/12/linus is not there in tftproot; did you mean debian/12/linux?',
    'a:4 fault: the initrd debain/12/linux is not there in tftproot; did you mean debian/12/linux?',
    'a:4 fault: the initrd nothing is not there in tftproot',
    'a:4 fault: the initrd debian/12/initrd is not there in tftproot; did you mean debian/12/initrd.gz?',
    'a:5 fault: the URL http://pxe-server/big.iso2 is not there in httproot and tftproot; did you mean big.iso?',
    'a:5 fault: the URL tftp://pxe-server/big.iso is not there in tftproot, but in httproot, which only HTTP serves',
    'one.yml:4 fault: the kernel debian/12/linux-arm is not there in tftproot',
    'grub/b:1 fault: the kernel /Debian/12/linux is not there in tftproot; did you mean debian/12/linux?',
    'grub/b:2 fault: the initrd /debian/12 is a folder',
    'ipxe/c:2 fault: the kernel /debian/12/vmlinuz-6.1.0-50 is not there in httproot and tftproot; did you mean debian/12/vmlinuz-6.1.0-40?',
  ])
})

for (const [what, path, text, expected] of [
  [
    'a keyword',
    'a',
    'DEFAULT x\nLABEL x\n  KERNLE vmlinuz\n  KERNEL vmlinuz\n',
    'a:3 fault: KERNLE is no keyword of PXELINUX; did you mean kernel?',
  ],
  [
    'a label',
    'a',
    'DEFAULT lunix\nLABEL linux\n  KERNEL vmlinuz\n',
    'a:1 fault: DEFAULT names lunix, and no LABEL is so called; did you mean linux?',
  ],
  [
    'a label without a kernel',
    'a',
    'DEFAULT x\nLABEL x\n APPEND y\n',
    'a:2 fault: LABEL x has no KERNEL, LINUX or LOCALBOOT line',
  ],
  [
    'a command of GRUB',
    'grub/a',
    'menuentry x {\n  linx /vmlinuz\n}\n',
    'grub/a:2 fault: linx is no command of GRUB; did you mean linux?',
  ],
  [
    'a word that every object has',
    'grub/a',
    'menuentry x {\n  linux /vmlinuz\n  constructor\n}\n',
    'grub/a:3 warning: constructor is no command of GRUB',
  ],
  ['an open bracket', 'grub/a', 'menuentry x {\n  linux /vmlinuz\n', 'grub/a:1 fault: { is not closed'],
  ['an open if', 'grub/a', 'if [ -e /x ]; then\n  linux /vmlinuz\n', 'grub/a:1 fault: if is not closed'],
  [
    'a quote',
    'grub/a',
    "set x=1\nmenuentry 'x {\n  linux /vmlinuz\n}\n",
    "grub/a:2 fault: the quote ' is not closed",
  ],
  [
    'a command of iPXE',
    'ipxe/a',
    '#!ipxe\nkernl /vmlinuz\n',
    'ipxe/a:2 fault: kernl is no command of iPXE; did you mean kernel?',
  ],
  [
    'a label of iPXE',
    'ipxe/a',
    '#!ipxe\n:again\nkernel /vmlinuz || goto agian\n',
    'ipxe/a:3 fault: goto names agian, and no label is so called; did you mean again?',
  ],
  [
    'no #!ipxe',
    'ipxe/a',
    'kernel /vmlinuz\n',
    'ipxe/a:1 fault: the first line must be #!ipxe, or iPXE takes the file for no script of its own',
  ],
  [
    'PXELINUX under grub/',
    'grub/grml',
    'default grml\nlabel grml\n kernel vmlinuz\n',
    'grub/grml:1 fault: is written for PXELINUX, and grub/ is for GRUB: move it to pxelinux/',
  ],
  [
    'GRUB under pxelinux/',
    'pxelinux/x',
    'set timeout=3\nmenuentry x { linux /vmlinuz; }\n',
    'pxelinux/x:1 fault: is written for GRUB, and pxelinux/ is for PXELINUX: move it to grub/',
  ],
  [
    'a URL for pxelinux.0',
    'x',
    'DEFAULT x\nLABEL x\nKERNEL http://pxe-server/vmlinuz\n',
    'x:3 warning: the kernel is a URL, which pxelinux.0 cannot fetch: lpxelinux.0 can',
  ],
] as const) {
  test(`told with its line: ${what}`, async (t) => {
    t.deepEqual(await saidOf(t, { vmlinuz: 'k', [conf + path]: text }), [expected])
  })
}

test('what is big and goes by TFTP is worth a warning, over HTTP it is not', async (t) => {
  const { at, linter } = await lint(t, {
    big: '',
    [`${conf}a`]: 'DEFAULT x\nLABEL x\nKERNEL big\n',
    [`${conf}ipxe/b`]: '#!ipxe\nkernel /big\n',
    'http/initrd': 'i',
    [`${conf}lpxelinux/c`]: 'DEFAULT x\nLABEL x\nKERNEL big\nINITRD initrd,http://pxe-server/initrd\n',
  })
  await truncate(join(at.root, 'big'), 33 * 1024 * 1024)
  t.deepEqual(said(await linter.all(), at), [
    'a:3 warning: the kernel big has 33 MB and goes by TFTP; lpxelinux.0 and iPXE fetch it over HTTP, several times faster',
  ])
})

test('a kernel or an initrd that is empty is worth a warning, over TFTP and HTTP; a seed that a URL names may be', async (t) => {
  const files = {
    linux: '',
    'http/linux': '',
    'http/meta-data': '',
    [`${conf}a`]: 'DEFAULT x\nLABEL x\nKERNEL linux\nAPPEND url=http://pxe-server/meta-data\n',
    [`${conf}ipxe/b`]: '#!ipxe\nkernel http://pxe-server/linux\n',
  }
  t.deepEqual(await saidOf(t, files), [
    'a:3 warning: the kernel linux is empty: was its download cut off?',
    'ipxe/b:2 warning: the kernel http://pxe-server/linux is empty: was its download cut off?',
  ])
})

test('of one text it is said, too, what PXELINUX needs and cannot do', async (t) => {
  const files = {
    'http/debian/linux': 'k',
    'debian/initrd.gz': 'i',
    [`${conf}one.yml`]: 'initrd: debian/initrd.gz\nkernel: ${http}/debian/linux\n',
    [`${conf}two.yml`]: 'kernel:\n  x64: debian/initrd.gz\n  ia32: debian/initrd\n',
  }
  const missing =
    'two.yml:3 fault: the kernel debian/initrd is not there in tftproot; did you mean debian/initrd.gz?'
  t.deepEqual(await saidOf(t, files), [missing])
  t.deepEqual(await saidOf(t, { ...files, 'pxelinux.0': 'PXELINUX 4.05' }), [
    'one.yml:2 warning: the kernel is a URL, which pxelinux.0 cannot fetch: lpxelinux.0 can',
    'two.yml:1 fault: the module ifcpu64.c32 is not there in tftproot',
    missing,
  ])
  const both = { 'pxelinux.0': 'PXELINUX 4.05', 'lpxelinux.0': 'PXELINUX 4.05' }
  const withBoth = await saidOf(t, { ...files, ...both })
  t.deepEqual(
    withBoth.filter((line) => line.startsWith('one')),
    [],
    'BIOS machines are sent lpxelinux.0',
  )
})

test('a Raspberry Pi’s config.txt: its kernel, its initrd, and what it includes, at the top or below a serial number', async (t) => {
  const config =
    '# kernel=x\n[pi4]\nkernel=kernel8.img\ninitramfs initrd.gz,more followkernel\ninclude extra.txt\n'
  t.deepEqual(await saidOf(t, { 'initrd.gz.old': '', [`${conf}rpi/pi`]: config }), [
    'rpi/pi:3 fault: the kernel kernel8.img is not there in tftproot',
    'rpi/pi:4 fault: the initrd initrd.gz is not there in tftproot; did you mean initrd.gz.old?',
    'rpi/pi:4 fault: the initrd more is not there in tftproot',
    'rpi/pi:5 fault: the file extra.txt is not there in tftproot',
  ])
  const files = { 'kernel8.img': 'k', '1234abcd/initrd.gz': 'i', 'dc-a6-32-00-00-01/more': 'i', 'os/k': 'k' }
  t.deepEqual(await saidOf(t, { ...files, 'extra.txt': '', [`${conf}rpi/pi`]: config }), [])
  t.deepEqual(await saidOf(t, { ...files, [`${conf}rpi/pi`]: 'os_prefix=os/\nkernel=k\n' }), [])
})

test('URLs of other servers are asked for, and one that says no is a fault', async (t) => {
  const server = createServer((request, response) => {
    response.statusCode = request.method === 'HEAD' && request.url === '/linux' ? 200 : 404
    response.end()
  }).listen(0, '127.0.0.2')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const away = `http://127.0.0.2:${(server.address() as AddressInfo).port}`
  const closed = await freeTcp()
  const list = await saidOf(t, {
    [`${conf}ipxe/a`]: `#!ipxe\nkernel ${away}/linux\ninitrd http://user:hunter2@${away.slice(7)}/initrd.gz\n`,
    [`${conf}ipxe/b`]: `#!ipxe\nkernel http://127.0.0.2:${closed}/linux\n`,
  })
  t.deepEqual(list, [
    `ipxe/a:3 fault: the initrd ${away}/initrd.gz is answered with 404 by its server`,
    `ipxe/b:2 warning: the kernel http://127.0.0.2:${closed}/linux cannot be asked for from here (connect ECONNREFUSED 127.0.0.2:${closed})`,
  ])
})

test('a template is read for each host that boots it; a seed it names is read, too', async (t) => {
  const { at, linter, deploy, events } = await lint(t, {
    'rack7/vmlinuz': 'k',
    'http/seed.tmpl': '${disk}',
    [`${conf}a.tmpl`]: 'DEFAULT x\nLABEL x\nKERNEL rack${rack}/vmlinuz\nAPPEND url=${http}/seed\n',
    [`${conf}b.tmpl`]: 'DEFAULT x\nLABEL x\nKERNEL rack7/vmlinuz\nAPPEND disk=${disk}\n',
  })
  t.deepEqual(said(await linter.all(), at), [])
  await deploy('a')
  t.deepEqual(said(await linter.one('a'), at), [
    `a.tmpl:4 fault: ${at.root}/http/seed.tmpl line 1: \${disk} is no variable of ours (write $\${disk} for the text itself, \${disk|default} to stand in for it)`,
  ])
  await deploy('b')
  t.regex(
    said(await linter.one('b'), at).join('\n'),
    /^b\.tmpl:4 fault: for h1: \$\{disk\} is no variable of ours/,
  )
  t.regex(events.at(-1)?.text ?? '', /^h1 was given b, which has a fault: .*\/b\.tmpl:4: for h1: \$\{disk\}/)
})

test('a deploy of what cannot boot is told at once; of what can, nothing', async (t) => {
  const { events, deploy } = await lint(t, {
    'debian/linux': 'k',
    [`${conf}good`]: 'DEFAULT x\nLABEL x\nKERNEL debian/linux\n',
    [`${conf}bad`]: 'DEFAULT x\nLABEL x\nKERNEL debian/linus\n',
  })
  await deploy('good')
  t.deepEqual(events, [])
  await deploy('bad')
  t.like(events[0], { level: 'warn', step: 'deploy.lint', client: { host: 'h1' } })
  t.regex(
    events[0]?.text ?? '',
    /^h1 was given bad, which has a fault: .*\/bad:3: the kernel debian\/linus is not there/,
  )
})

test('what only lies there under the name of a configuration is no fault of it, and nothing a deploy tells', async (t) => {
  const { linter, deploy, events } = await lint(t, {
    [`${conf}plain`]: 'DEFAULT x\nLABEL x\nLOCALBOOT 0\n',
    [`${conf}plain.tmpl`]: 'DEFAULT x\n',
    [`${conf}seed.tmpl`]: 'DEFAULT x\nLABEL x\nLOCALBOOT 0\n',
    [`${conf}seed/preseed.cfg`]: 'd-i\n',
  })
  for (const name of ['plain', 'seed']) {
    t.is(linter.faultOf(name), undefined)
    await deploy(name)
  }
  t.deepEqual(events, [])
})

test('a file of a configuration that cannot be taken is a fault of it, also where it has another', async (t) => {
  const { linter, deploy, events, at } = await lint(t, {
    [`${conf}two`]: 'DEFAULT x\nLABEL x\nLOCALBOOT 0\n',
    [`${conf}grub/two.tmpl`]: 'set x=${typo}\n',
    [`${conf}none.tmpl`]: 'DEFAULT ${typo}\n',
  })
  t.true(linter.faultOf('two')?.startsWith(`${at.conf}/grub/two.tmpl:1: `))
  t.true(linter.faultOf('none')?.startsWith(`${at.conf}/none.tmpl:1: `))
  await deploy('two')
  t.regex(events.map(({ text }) => text).join(), /h1 was given two, which has a fault: .*grub\/two\.tmpl:1: /)
})

test('a name that is never served is told to be that, and not to be missing in a folder', async (t) => {
  const { at, linter } = await lint(t, { [`${conf}up`]: 'LABEL x\nKERNEL ../x\n' })
  t.regex(said(await linter.one('up'), at).join('\n'), /\.\.\/x is not served: .* climbs out with "\.\."$/)
})

test('an empty file is worth a warning', async (t) => {
  const { at, linter } = await lint(t, { [`${conf}none`]: '\n' })
  t.deepEqual(said(await linter.one('none'), at), [
    'none:1 warning: is empty: a machine that boots it gets no further',
  ])
})

test('a path of NAME.yml is told as it stands there, with a slash in front or without', async (t) => {
  const { at, linter } = await lint(t, { [`${conf}one.yml`]: 'kernel: deb/linux\ninitrd: [/deb/initrd]\n' })
  const all = said(await linter.one('one'), at)
  t.true(all.some((line) => line.includes('1 fault: the kernel deb/linux is not there')))
  t.true(all.some((line) => line.includes('2 fault: the initrd /deb/initrd is not there')))
})

test('a file that is no configuration is told as well; a name that nothing has is unknown', async (t) => {
  const { at, linter } = await lint(t, {
    [`${conf}a.tmpl`]: 'APPEND ${htpt}',
    [`${conf}b.yml`]: 'kernle: x\n',
  })
  t.regex(said(await linter.one('a'), at).join('\n'), /^a\.tmpl:1 fault: \$\{htpt\} is no variable of ours/)
  t.regex(said(await linter.one('b'), at).join('\n'), /^b\.yml:1 fault: `kernel: PATH` is missing/)
  t.is(await linter.one('c'), undefined)
  t.deepEqual(await linter.one('local'), [])
})

test('a path that holds a secret of a host is told without it', async (t) => {
  const { at, linter, deploy, events } = await lint(t, {
    [`${conf}a.tmpl`]: 'DEFAULT x\nLABEL x\nKERNEL ${join_token}/vmlinuz\n',
  })
  await deploy('a')
  t.regex(said(await linter.all(), at).join('\n'), /the kernel \*\*\*\/vmlinuz is not there/)
  t.regex(events.at(-1)?.text ?? '', /the kernel \*\*\*\/vmlinuz is not there/)
})

test('a template of httproot that is too big to be served is not read', async (t) => {
  const { at, linter } = await lint(t, {
    vmlinuz: 'k',
    'http/seed.tmpl': '${nothing}',
    [`${conf}a.tmpl`]: 'DEFAULT x\nLABEL x\nKERNEL vmlinuz\nAPPEND url=${http}/seed\n',
  })
  await truncate(join(at.root, 'http/seed.tmpl'), 1024 * 1024 + 1)
  t.regex(said(await linter.all(), at).join(), /^a\.tmpl:4 fault: .*seed\.tmpl is too big for a template$/)
})
