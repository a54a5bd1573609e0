// Names that are not there, and how much looking they cost.

import test from 'ava'
import { builtInBootloaders } from '../../src/boot/bootloaders.ts'
import { applyDelta, emptyTable } from '../../src/boot/table.ts'
import type { Form } from '../../src/model.ts'
import { lackOf } from '../../src/boot/lack.ts'
import { site } from '../tftp/memory.ts'

/** A configuration's text that counts how often it is looked at. */
class Counting implements Form {
  readonly language = 'pxelinux'
  readonly file = 'conf/x'
  readonly template = false
  looks = 0
  get text(): string {
    this.looks++
    return 'KERNEL /ubuntu/vmlinuz\nAPPEND initrd=ubuntu/initrd,extra.img file=a:b.cfg timeout=30'
  }
}

function make() {
  const form = new Counting()
  const table = emptyTable()
  const configurations = [{ name: 'ubuntu', forms: [form] }]
  applyDelta(table, {
    revision: 1,
    changes: [{ kind: 'catalog', catalog: { configurations, menus: [], loaders: [] } }],
  })
  const lack = (file: string) =>
    lackOf(file, undefined, table, { ...site, bootloaders: builtInBootloaders, default: 'ubuntu' })
  return { form, lack }
}

test('a flood of made-up names does not have a long text searched for each', (t) => {
  const { form, lack } = make()
  for (let count = 0; count < 1000; count++) t.is(lack(`made/up/${count}x`), undefined)
  t.true(form.looks <= 1, `${form.looks} looks`)
})

test('every name that a text holds is found', (t) => {
  const { lack } = make()
  for (const name of [
    'ubuntu/vmlinuz',
    '/ubuntu/vmlinuz',
    'vmlinuz',
    'ubuntu/initrd',
    'extra.img',
    'b.cfg',
    'a:b.cfg',
  ])
    t.regex(lack(name) ?? '', /configuration ubuntu names it/, name)
  for (const name of ['ubuntu', 'untu/vmlinuz', 'x/extra.img', 'initrd=', '', '/'])
    t.is(lack(name), undefined, name)
})
