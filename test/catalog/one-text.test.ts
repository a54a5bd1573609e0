// NAME.yml: one text for all loaders, each in its language; what is wrong with it is told with its line.

import test from 'ava'
import { renderForm } from '../../src/boot/forms.ts'
import { readOneText } from '../../src/catalog/one-text.ts'
import type { Form, Processor } from '../../src/model.ts'
import { tree, watched } from './tree.ts'

const site = {
  server: '10.77.0.1',
  http: 'http://10.77.0.1:8080',
  http_host: '10.77.0.1:8080',
}

function formsOf(text: string, variables: readonly string[] = []): readonly Form[] {
  const forms = readOneText(Buffer.from(text), 'debian.yml', variables)
  if ('fault' in forms) throw new Error(forms.fault)
  return forms
}

/** What each loader is given for a host with these variables, or why it is given none. */
function given(text: string, vars: Record<string, string> = {}, processors?: readonly Processor[]) {
  const variables = { ...site, ...vars }
  const reader = { name: 'debian', variables, host: 'h1', processors }
  return Object.fromEntries(
    formsOf(text, Object.keys(vars)).map((form) => {
      const rendered = renderForm(form, reader)
      return [form.language, 'fault' in rendered ? rendered.fault : rendered.text]
    }),
  )
}

test('one kernel for all machines', (t) => {
  t.deepEqual(
    given(`
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
  INITRD /debian/12/initrd.gz,http://10.77.0.1:8080/firmware.cpio
  APPEND auto=true url=http://10.77.0.1:8080/debian-12.seed label="two words" it's
`,
      grub: `set timeout=0
menuentry 'debian' {
  linux /debian/12/linux 'auto=true' 'url=http://10.77.0.1:8080/debian-12.seed' 'label=two words' 'it'\\''s'
  initrd /debian/12/initrd.gz (http,10.77.0.1:8080)/firmware.cpio
}
`,
      ipxe: `#!ipxe
kernel /debian/12/linux initrd=initrd0 initrd=initrd1 auto=true url=http://10.77.0.1:8080/debian-12.seed label="two words" it's || goto failed
initrd --name initrd0 /debian/12/initrd.gz || goto failed
initrd --name initrd1 http://10.77.0.1:8080/firmware.cpio || goto failed
boot || goto failed
:failed
echo PXE Pilot: debian cannot be loaded
sleep 30 ||
iseq \${platform} efi && exit 1 || exit
`,
    },
  )
})

const eachItsOwn = `
kernel: { x64: a/linux, ia32: i/linux, arm64: "http://10.0.0.9:81/linux" }
initrd: { every: initrd.gz, arm64: arm.gz }
arguments: { arm64: console=ttyAMA0 }
`

test('a kernel for each architecture: each loader chooses', (t) => {
  const { pxelinux, grub, ipxe } = given(eachItsOwn)
  t.regex(pxelinux ?? '', /COM32 ifcpu64\.c32\n {2}APPEND x64 -- ia32\nLABEL x64\n {2}LINUX \/a\/linux\n/)
  t.regex(
    grub ?? '',
    /elif \[ "\$arch" = arm64 \]; then\n {4}linux \(http,10\.0\.0\.9:81\)\/linux 'console=ttyAMA0'\n {4}initrd \/arm\.gz\n {2}else/,
  )
  t.regex(
    ipxe ?? '',
    /:x64\nkernel \/a\/linux initrd=initrd0 \|\| goto failed\ninitrd --name initrd0 \/initrd\.gz \|\| goto failed\nboot \|\| goto failed\n:ia32\n/,
  )
  // What is iPXE's own stays iPXE's.
  t.regex(ipxe ?? '', /^goto \$\{arch\} \|\|$/m)
})

test('GRUB and iPXE without a kernel for the machine go on to its disk, and not to the menu of its firmware', (t) => {
  const { grub, ipxe } = given('kernel: { arm64: arm/linux }')
  t.regex(grub ?? '', /else\n {4}echo 'debian has no kernel for' "\$arch"\n[^]*chainloader \(hd0\)\+1/)
  t.regex(
    ipxe ?? '',
    /\necho debian has no kernel for \$\{arch\}\nsleep 30 \|\|\niseq \$\{platform\} efi && exit 1 \|\| exit\n/,
  )
})

test('the language of PXELINUX for the machine that asks, where that is known', (t) => {
  const linux = (processors?: readonly Processor[]) =>
    /^ {2}LINUX (.*)$/m.exec(given(eachItsOwn, {}, processors)['pxelinux'] ?? '')?.[1]
  t.is(linux(['arm64']), 'http://10.0.0.9:81/linux')
  t.is(linux(['ia32']), '/i/linux')
  t.is(linux(['x64', 'ia32']), '/a/linux')
  t.is(linux(), '/a/linux')
  t.regex(given('kernel: { arm64: arm/linux }')['pxelinux'] ?? '', /^ {2}LINUX \/arm\/linux$/m, 'U-Boot')
})

test("a host's values are the same arguments in every loader", (t) => {
  const { pxelinux, grub, ipxe } = given('kernel: linux\narguments: who=${who} ${extra}', {
    who: "it's",
    extra: 'quiet console=ttyS0',
  })
  t.regex(pxelinux ?? '', /^ {2}APPEND who=it's quiet console=ttyS0$/m)
  t.regex(grub ?? '', /^ {2}linux \/linux 'who=it'\\''s' 'quiet' 'console=ttyS0'$/m)
  t.regex(ipxe ?? '', /^kernel \/linux who=it's quiet console=ttyS0 \|\| goto failed$/m)
})

test("a path that begins with a host's value begins at the root, or is a URL", (t) => {
  const text = 'kernel: ${from}/linux'
  t.regex(given(text, { from: 'debian' })['pxelinux'] ?? '', /LINUX \/debian\/linux\n/)
  t.regex(given(text, { from: 'http://10.0.0.9' })['grub'] ?? '', /linux \(http,10\.0\.0\.9\)\/linux\n/)
})

for (const [what, key, value, fault] of [
  ['a command', 'arguments', 'splash && reboot', /^line 3: "splash && reboot" must not hold && \|\| ;/],
  ['an open quote', 'arguments', 'a="b', /^line 3: "a=\\"b" must close its double quotes/],
  ['two words of a path', 'initrd', 'a b', /^line 3: "a b" must be a path without spaces/],
  ['another folder', 'initrd', '../x', /^line 3: "..\/x" must not climb/],
] as const) {
  test(`what a host's value brings is told with its line: ${what}`, (t) => {
    const texts = given(`kernel: linux\n${key}:\n  - "\${it}"`, { it: value })
    for (const text of Object.values(texts)) t.regex(text, fault)
  })
}

test('what iPXE would fill in itself is given to the other loaders alone', (t) => {
  const { pxelinux, ipxe } = given('kernel: linux\narguments: ${it}', { it: 'a=${b}' })
  t.regex(pxelinux ?? '', /APPEND a=\$\{b\}$/m)
  t.regex(ipxe ?? '', /^line 2: "a=\$\{b\}" must not hold/)
})

const byUrl = (text: string) => formsOf(text).map((form) => form.byUrl)

test('a kernel or initrd that is a URL is told apart from one by path', (t) => {
  t.deepEqual(byUrl('kernel: linux\ninitrd: [a, "${http}/b"]'), [true, true, true])
  t.deepEqual(byUrl('kernel: linux\narguments: url=${http}/seed'), [undefined, undefined, undefined])
})

test('a variable that this host lacks is told with its line', (t) => {
  const forms = formsOf('kernel: linux\narguments: a ${rack}', ['rack'])
  for (const form of forms) {
    const rendered = renderForm(form, { name: 'debian', variables: site, host: 'h2' })
    t.regex('fault' in rendered ? rendered.fault : '', /^line 2: h2 has no variable rack/)
  }
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
  ['a key twice', 'kernel: x\nkernel: y', /^line 2: kernel stands there twice/],
  ['no YAML', 'kernel: "x', /^line 1: a " opens here, and no " closes it/],
  ['a tab', 'kernel: x\narguments:\n\t- a', /^line 3: tabs are not allowed as indentation/],
  ['no space', 'kernel: x\ninitrd:y', /^line 2: a name is followed by a colon and a space/],
  ['a *', 'kernel: x\ninitrd: *.gz', /^line 2: a text that begins with \* is put in quotes/],
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
