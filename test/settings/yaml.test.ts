// Files that are no settings, or hardly YAML: refused with a line and in words for a person, and quickly.

import test from 'ava'
import { faultsOf, settingsOf } from './written.ts'

const broken: readonly (readonly [what: string, text: string, ...faults: string[]])[] = [
  [
    'no settings at all',
    'hello',
    '1: the file must be a group of settings, each as `name: value`, not "hello"',
  ],
  ['a list', '- a\n- b', '1: the file must be a group of settings, each as `name: value`, not a list'],
  ['hosts as a map', 'hosts:\n  h1: {}', '1: hosts must be a list such as [a, b], not a group of settings'],
  ['a tab', 'dhcp:\n\tmode: proxy', '2: Tabs are not allowed as indentation'],
  ['a quote left open', 'store: "x\n', '2: Missing closing "quote'],
  ['a name without an anchor', 'store: *x', '1: *x stands for nothing: &x must stand before it'],
  ['a key twice', 'tftp:\n  root: a\nhttp:\n\n# again\ntftp:\n  root: b', '6: tftp stands there twice'],
  ['two documents', 'tftp:\n---\nhttp:', '2: a second document begins here ("---"); the settings are one'],
  [
    'Windows line ends',
    'tftp:\r\n  port: x\r\n',
    '2: tftp.port must be a port, a number from 1 to 65535, not "x"',
  ],
  [
    'a byte order mark',
    '\ufefftftp:\n  port: x',
    '2: tftp.port must be a port, a number from 1 to 65535, not "x"',
  ],
  ['a NUL in a path', 'store: "a\\0b"', '1: store must be a path, not "a\\u0000b"'],
  [
    'brackets without end',
    `store: ${'['.repeat(20_000)}`,
    '1: the file has too many brackets within brackets',
  ],
  [
    'a map that holds itself',
    'tftp: &a\n  <<: *a',
    '1: the file has too many aliases (*name) within aliases',
  ],
]

for (const [what, text, ...faults] of broken) {
  test(`refused: ${what}`, (t) => {
    t.deepEqual(faultsOf(text).slice(0, 1), faults)
  })
}

test('a bomb of aliases is refused at once', (t) => {
  const tens = ['b', 'c', 'd', 'e', 'f', 'g', 'h'].map(
    (name, index) => `${name}: &${name} [${Array<string>(10).fill(`*${'abcdefg'[index]}`).join(',')}]`,
  )
  const before = performance.now()
  t.deepEqual(faultsOf(['a: &a [x]', ...tens].join('\n')), [
    '1: the file has too many aliases (*name) within aliases',
  ])
  t.true(performance.now() - before < 1000)
})

test('hundreds of hosts may share their power control by an alias, its password as it is written', (t) => {
  const hosts = Array.from(
    { length: 300 },
    (_, index) => `  - { name: h${index}, ipmi: { <<: *bmc, hostname: 10.0.0.${index} } }`,
  )
  const text = ['defaults: &bmc { username: admin, password: 0123 }', 'hosts:', ...hosts].join('\n')
  const settings = settingsOf(text)
  t.is(settings.hosts.length, 300)
  t.deepEqual(settings.hosts[299]?.ipmi, { username: 'admin', password: '0123', hostname: '10.0.0.299' })
})
