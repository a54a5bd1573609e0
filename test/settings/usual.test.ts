// What the quick parser reads is what the exact one reads, which knows lines.

import test from 'ava'
import * as fc from 'fast-check'
import { parseDocument } from 'yaml'
import { readUsual } from '../../src/settings/yaml.ts'

/** By the exact parser, as settings are; undefined where anything is wrong. */
function parsed(text: string): unknown {
  const document = parseDocument(text, { merge: true, logLevel: 'error' })
  return document.errors.length > 0 ? undefined : document.toJS()
}

const sites = `---
# A site.
dhcp:
  mode: server # as the router gives none
  subnets:
    - subnet: 10.77.0.0/24
      ranges: ['10.77.0.100-10.77.0.199', 10.77.0.201-10.77.0.209]
      lease_time: 3600
      options: { mtu: 1400, 26: 0.5, ntp-servers: [10.77.0.254] }
    - {subnet: 10.78.0.0/24, router: "10.78.0.1"}
tftp:
hosts:
- name: h1

  mac_addresses:
  - 22:34:a3:e9:09:cc
  -   '22-34-a3-e9-09-cd'
  locked: true
  vars: {}
  ipmi:
    password: a#b "c" [d]   # said
    username: ''
- name: h2
  mac_addresses: [ ]
host_management_adapters:
  - name: pdu
    power_on: { cmd: 'pdu on {{.plug}}' }
    power_off:
      cmd: /usr/bin/pdu off {{.plug}} -v, and wait
`

for (const [name, text] of [
  ['of Linux', sites],
  ['of Windows', sites.replaceAll('\n', '\r\n')],
]) {
  test(`a usual file ${name} is read by the quick parser as the exact one reads it`, (t) => {
    t.deepEqual(readUsual(text ?? ''), parsed(text ?? ''))
  })
}

for (const text of [
  '',
  '# nothing',
  'a: &x 1\nb: *x',
  '<<: { a: 1 }',
  'a: |\n  b',
  'a: b\n  c',
  'a: "b\n  c"',
  'a: "\\x41"',
  "a: 'it''s'",
  'a: [1,\n  2]',
  'a: [b] c: d',
  "a:\n- 'b' c: d",
  '...\na: b',
  'a: "b\\\n\n  c"',
  'a: >+\n\n   \n',
  '|2\n  a',
  'a: 0123',
  'a: 0x1f',
  'a: 1e3',
  'a: 52540e000001',
  'a: .inf',
  'a: ~',
  'a: Null',
  'a: True',
  'a: !!str 1',
  'a: 1\na: 2',
  '? a\n: b',
  'null: 1',
  '__proto__: 1',
  'a: 1\n---\nb: 2',
  'a: 1\n...\n',
  '%YAML 1.1\n---\na: yes',
  '- a',
  'a',
  ' a: 1\nb: 2',
  'a:\n   b: 1\n  c: 2',
  'a:\n\tb: 1',
  'a: b: c',
  'a: [b: c]',
  'a: { b }',
  'a: [b,]',
  'a: [b',
  'a: b\u00a0c',
  `a: ${'['.repeat(100_000)}`,
  `a:\n  ${'- '.repeat(100_000)}b`,
]) {
  test(`it is read as the exact parser reads it, or left to that: ${JSON.stringify(text).slice(0, 40)}`, (t) => {
    t.deepEqual(readUsual(text) ?? parsed(text), parsed(text))
  })
}

const structure = [
  'a',
  'b:',
  'c: ',
  'd: e',
  '- ',
  '-',
  ' ',
  '  ',
  '    ',
  '\n',
  '\n  ',
  '\n- ',
  '\n  - ',
  '#',
  ' # f',
]
const brackets = [
  '[',
  ']',
  '{',
  '}',
  ', ',
  ',',
  "'g'",
  '"h"',
  "'",
  '"',
  '[a, b]',
  '{ k: v }',
  '()',
  '[a] b: ',
]
const scalars = [
  '1',
  '1.50',
  '010',
  '1:2',
  '::',
  'true',
  'null',
  '+1',
  '.5',
  '10.0.0.1',
  '22:34:a3:e9:09:cc',
  'i j',
]
const odd = [
  ':',
  '&k',
  '*k',
  '<<',
  '|',
  '>',
  '!',
  '%',
  '@',
  '\\',
  '?',
  '~',
  'é',
  '\u00a0',
  '\u2028',
  '\t',
  '\r',
  '\ufeff',
]
const ends = ['---', '...', 'x/y', '$l', '^m(', '\0']
const pieces = fc.constantFrom(...structure, ...brackets, ...scalars, ...odd, ...ends)

test('whatever the quick parser reads is what the exact one reads', (t) => {
  const texts = fc.array(pieces, { maxLength: 14 }).map((all) => all.join(''))
  let read = 0
  fc.assert(
    fc.property(texts, (end) => {
      const text = `a: 1\n${end}`
      const usual = readUsual(text)
      if (usual === undefined) return
      read++
      t.deepEqual(usual, parsed(text), JSON.stringify(text))
    }),
    { numRuns: 20_000 },
  )
  t.true(read > 100, String(read))
})
