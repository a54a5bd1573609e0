// One file -> a form: languages told by content, bytes kept, templates checked.

import { readFileSync } from 'node:fs'
import test from 'ava'
import { variablesFor } from '../../src/boot/fetch.ts'
import { render, templateVariables } from '../../src/boot/render.ts'
import { languageOf, readForm } from '../../src/catalog/read.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'

const about = { file: 'x', folder: undefined, language: undefined, template: false }

for (const [given, text, language] of [
  ['a PXELINUX menu', 'DEFAULT linux\nLABEL linux\n  KERNEL /vmlinuz\n', 'pxelinux'],
  ['PXELINUX in lower case with linux and initrd', 'label x\n linux /vmlinuz\n initrd /i.gz\n', 'pxelinux'],
  ['PXELINUX with a comment first', '# set default=0 later\nserial 0 115200\nprompt 0\n', 'pxelinux'],
  ['a GRUB menu entry', 'set timeout=5\nmenuentry "x" {\n  linux /vmlinuz\n}\n', 'grub'],
  ['GRUB commands without an entry', 'linux /vmlinuz root=/dev/ram0\ninitrd /initrd.gz\nboot\n', 'grub'],
  ['a GRUB setting', '  set default="0"\n', 'grub'],
  ['GRUB that chains', 'chainloader /EFI/BOOT/BOOTX64.EFI\n', 'grub'],
  ['an iPXE script', '#!ipxe\nkernel http://x/vmlinuz\n', 'ipxe'],
  ['nothing at all', '', 'pxelinux'],
] as const) {
  test(`language: ${given} is ${language}`, (t) => {
    t.is(languageOf(text), language)
  })
}

test('the folder says the language where it has one', (t) => {
  const form = readForm(Buffer.from('DEFAULT x'), { ...about, folder: 'grub', language: 'grub' }, [])
  t.like(form, { language: 'grub', folder: 'grub', text: 'DEFAULT x', template: false })
})

for (const [text, byUrl] of [
  ['LABEL x\n  KERNEL http://10.0.0.9/linux', true],
  ['label x\n linux /l\n initrd /a.gz,${http}/b.gz', true],
  ['LABEL x\n  APPEND quiet initrd=https://10.0.0.9/i.gz', true],
  ['LABEL x\n  LINUX /l\n  APPEND initrd=/i.gz url=http://10.0.0.9/seed', false],
] as const) {
  test(`whether PXELINUX fetches a URL before the kernel starts: ${JSON.stringify(text)}`, (t) => {
    const form = readForm(Buffer.from(text), about, [])
    t.is('byUrl' in form, byUrl)
  })
}

test('bytes that are not UTF-8 come back as they are', (t) => {
  const bytes = Buffer.from([...Buffer.from('MENU TITLE '), 0xc9, 0xcd, 0xbb, 0x80, 0xff, 0x0a])
  const form = readForm(bytes, about, [])
  if ('fault' in form) return t.fail(form.fault)
  t.is(form.encoding, 'latin1')
  t.deepEqual(Buffer.from(form.text, form.encoding), bytes)
})

test('a byte order mark and umlauts in UTF-8 come back as they are', (t) => {
  const bytes = Buffer.from('\ufeffMENU TITLE Größe ✓ \r\n')
  const form = readForm(bytes, about, [])
  if ('fault' in form) return t.fail(form.fault)
  t.is(form.encoding, undefined)
  t.deepEqual(Buffer.from(form.text), bytes)
})

test('NUL bytes are no text', (t) => {
  t.deepEqual(readForm(Buffer.from('a\0b'), about, []), { fault: 'holds NUL bytes, so it is no text' })
})

test('a template that names an unknown variable is refused with its line; hosts may declare more', (t) => {
  const template = { ...about, template: true }
  const text = Buffer.from('DEFAULT x\nAPPEND url=${http}/s rack=${rack} $${literal} ${net0/mac}\n')
  const refused = readForm(text, template, [])
  t.regex('fault' in refused ? refused.fault : '', /^line 2: \$\{rack\} is no variable of ours/)
  t.like(readForm(text, template, ['rack']), { template: true })
  t.true('fault' in readForm(Buffer.from([0x61, 0xff]), template, []))
})

test('the variables a template may name are those that serving fills in', (t) => {
  const facts = {
    via: 'tftp',
    server: parseIpv4('10.0.0.1') ?? (0 as Ipv4),
    archs: [],
    agent: 'unknown',
    asks: { kind: 'loader' },
  } as const
  const site = { bootloaders: [], default: null, localMethod: 'auto', apiPort: 3478 } as const
  const filled = Object.keys(variablesFor(facts, undefined, undefined, site))
  t.deepEqual(filled.toSorted(), [...templateVariables].toSorted())
})

test('the configurations that ship name only variables that exist', (t) => {
  for (const name of ['ubuntu-16.04', 'debian-12', 'grml-2017.05']) {
    const bytes = readFileSync(`tftproot/pxelinux.cfg/conf/${name}.tmpl`)
    t.like(readForm(bytes, { ...about, template: true }, []), { language: 'pxelinux' }, name)
  }
  for (const name of ['ubuntu-16.04.seed', 'ubuntu-16.04.sh', 'debian-12.seed', 'debian-12.sh']) {
    const bytes = readFileSync(`httproot/${name}.tmpl`)
    t.false('fault' in readForm(bytes, { ...about, template: true }, []), name)
  }
})

test('a default stands in for what a host does not have; a literal stays', (t) => {
  const template = { ...about, template: true }
  const text = 'APPEND console=${console|ttyS0} rack=${rack|} $${rack|7} ${mac:-x} ${net0/mac}\n'
  t.like(readForm(Buffer.from(text), template, []), { template: true })
  t.deepEqual(render(text, { rack: '9' }), {
    text: 'APPEND console=ttyS0 rack=9 ${rack|7} ${mac:-x} ${net0/mac}\n',
  })
})

for (const [what, text] of [
  ['a space behind', 'one\nAPPEND url=${http /x}\n'],
  ['nothing behind', 'one\nAPPEND url=${http'],
  ['a path behind', 'one\nAPPEND url=${http/seed rack\n'],
  ['an open default', 'one\nAPPEND url=${http|x\n}'],
] as const) {
  test(`a variable that is not closed is refused with its line: ${what}`, (t) => {
    const form = readForm(Buffer.from(text), { ...about, template: true }, [])
    t.deepEqual(form, { fault: 'line 2: ${http is not closed by "}"' })
  })
}

test("the shell's own expansions are none of ours", (t) => {
  const text = 'a=${mac:-none} b=${mac//:/-} c=${mac#52:} d=${#mac} e=$mac f=${server%%.*}\n'
  t.like(readForm(Buffer.from(text), { ...about, template: true }, []), { text, template: true })
})
