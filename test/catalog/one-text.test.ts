// NAME.yml: one text for all loaders, each in its language; what is wrong with it is told with its line.

import test from 'ava'
import { readOneText } from '../../src/catalog/one-text.ts'
import { tree, watched } from './tree.ts'

function formsOf(text: string, variables: readonly string[] = []): Record<string, string> {
  const forms = readOneText(Buffer.from(text), { file: 'debian.yml', name: 'debian' }, variables)
  if ('fault' in forms) throw new Error(forms.fault)
  return Object.fromEntries(forms.map(({ language, text: written }) => [language, written]))
}

test('one kernel for all machines', (t) => {
  t.deepEqual(
    formsOf(`
kernel: debian/12/linux
initrd: [debian/12/initrd.gz, "\${http}/firmware.cpio"]
arguments:
  - auto=true url=\${http}/debian-12.seed
  - label="two words" it's
`),
    {
      pxelinux: `DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  LINUX /debian/12/linux
  INITRD /debian/12/initrd.gz,\${http}/firmware.cpio
  APPEND auto=true url=\${http}/debian-12.seed label="two words" it's
`,
      grub: `set timeout=0
menuentry 'debian' {
  linux /debian/12/linux 'auto=true' 'url=\${http}/debian-12.seed' 'label=two words' 'it'\\''s'
  initrd /debian/12/initrd.gz (http,\${http_host})/firmware.cpio
}
`,
      ipxe: `#!ipxe
kernel /debian/12/linux initrd=initrd0 initrd=initrd1 auto=true url=\${http}/debian-12.seed label="two words" it's
initrd --name initrd0 /debian/12/initrd.gz
initrd --name initrd1 \${http}/firmware.cpio
boot
`,
    },
  )
})

test('a kernel for each architecture: each loader chooses', (t) => {
  const { pxelinux, grub, ipxe } = formsOf(`
kernel: { x64: a/linux, ia32: i/linux, arm64: "http://10.0.0.9:81/linux" }
initrd: { every: initrd.gz, arm64: arm.gz }
arguments: { arm64: console=ttyAMA0 }
`)
  t.regex(pxelinux ?? '', /COM32 ifcpu64\.c32\n {2}APPEND x64 -- ia32\nLABEL x64\n {2}LINUX \/a\/linux\n/)
  t.regex(
    grub ?? '',
    /elif \[ "\$arch" = arm64 \]; then\n {4}linux \(http,10\.0\.0\.9:81\)\/linux 'console=ttyAMA0'\n {4}initrd \/arm\.gz\n {2}else/,
  )
  t.regex(
    ipxe ?? '',
    /:x64\nkernel \/a\/linux initrd=initrd0\ninitrd --name initrd0 \/initrd\.gz\nboot\n:ia32\n/,
  )
  // What is iPXE's own stays iPXE's when variables are filled in.
  t.regex(ipxe ?? '', /^goto \$\$\{arch\} \|\|$/m)
})

test('for arm64 alone: what U-Boot reads of it is in the language of PXELINUX', (t) => {
  t.regex(formsOf('kernel: { arm64: arm/linux }')['pxelinux'] ?? '', /^ {2}LINUX \/arm\/linux$/m)
})

for (const [what, text, fault] of [
  ['a key', 'kernel: x\ninitrds: y', /^line 2: initrds is unknown; did you mean initrd\?/],
  ['an architecture', 'kernel:\n  x65: a', /^line 2: kernel\.x65 is unknown; did you mean x64\?/],
  ['no kernel', 'initrd: x', /^line 1: `kernel: PATH` is missing/],
  ['no kernel for anything', 'initrd: x\nkernel: {}', /^line 2: kernel names none/],
  ['a space in a path', 'kernel: a b', /^line 1: kernel must be a path without spaces/],
  [
    'a comma in a path',
    'kernel: x\ninitrd:\n  - a\n  - b,c',
    /^line 4: initrd\[1\] must be a path without spaces/,
  ],
  ['..', 'kernel: ../x', /^line 1: kernel must not climb/],
  ['a line break', 'kernel: x\narguments: |\n  a\n  b', /^line 2: arguments must not hold line breaks/],
  [
    'a control character',
    'kernel: x\narguments: "a\\ab"',
    /^line 2: arguments must not hold line breaks or control/,
  ],
  ['a command of the loader', 'kernel: x\narguments: a && b', /^line 2: arguments must not hold && \|\| ;/],
  ['an open quote', 'kernel: x\narguments: a="b', /^line 2: arguments must close its double quotes/],
  ['a number', 'kernel: 3', /^line 1: kernel must be a path below tftproot, or a URL, not 3/],
  [
    'an unknown variable',
    'kernel: x\narguments:\n  - a\n  - ${htpt}',
    /^line 4: \$\{htpt\} is no variable of ours/,
  ],
  ['an open variable', 'kernel: x\narguments: a ${http/x', /^line 2: \$\{http is not closed/],
  ['a variable in brackets', 'kernel: { x64: ${http}/x }', /^line 1: .*put quotes around what holds/],
  ['a key twice', 'kernel: x\nkernel: y', /^line 2: /],
  ['no YAML', 'kernel: "x', /^line 1: /],
  ['a list', '- x', /^line 1: /],
  ['aliases without end', 'a: &a [x]\nkernel: *b', /^line \d: /],
] as const) {
  test(`refused with its line: ${what}`, (t) => {
    t.throws(() => formsOf(text), { message: fault })
  })
}

test("the loader's own text wins; a slip leaves the last good version in force", async (t) => {
  const at = await tree(t)
  const { catalog, emitted, told } = watched(t, at)
  await at.put('pxelinux.cfg/conf/debian.yml', 'kernel: linux\n', 'old')
  await at.put('pxelinux.cfg/conf/grub/debian', 'linux /own\n', 'old')
  await at.put('pxelinux.cfg/conf/pxelinux/x.yml', 'DEFAULT x\n', 'old')
  await catalog.look()
  const forms = (name: string) =>
    emitted.at(-1)?.configurations.find((entry) => entry.name === name)?.forms ?? []
  t.deepEqual(
    forms('debian').map(({ file, language }) => [file, language]),
    [
      ['debian.yml', 'pxelinux'],
      ['grub/debian', 'grub'],
      ['debian.yml', 'grub'],
      ['debian.yml', 'ipxe'],
    ],
  )
  // In a bootloader's folder it is a file like every other.
  t.is(forms('x.yml')[0]?.text, 'DEFAULT x\n')
  const before = forms('debian')
  await at.put('pxelinux.cfg/conf/debian.yml', 'kernle: linux\n', 'old')
  await catalog.look()
  t.deepEqual(forms('debian'), before)
  t.regex(told('warn').join('\n'), /debian\.yml line 1: .*; its last good version stays in force/)
})
