// The table format, as the original printed it.

import test from 'ava'
import { tableOf } from '../../src/cli/output.ts'
import { table } from '../../src/cli/table.ts'

test('a deploy of the original', (t) => {
  t.is(
    table(['Name', 'Configuration', 'Rebooted'], [['h1', 'sheep', 'NO']]),
    `+------+---------------+----------+
| NAME | CONFIGURATION | REBOOTED |
+------+---------------+----------+
| h1   | sheep         | NO       |
+------+---------------+----------+
`,
  )
})

test('no rows: two rules in a row', (t) => {
  t.is(
    table(['name', 'file', 'config path'], []),
    `+------+------+-------------+
| NAME | FILE | CONFIG PATH |
+------+------+-------------+
+------+------+-------------+
`,
  )
})

test('a header is centred, the odd space right of it', (t) => {
  t.is(
    table(['mac', 'refresh'], [['23:34:a3:e9:09:cc | 23:34:a3:e9:09:cd', 'OK']]),
    `+---------------------------------------+---------+
|                  MAC                  | REFRESH |
+---------------------------------------+---------+
| 23:34:a3:e9:09:cc | 23:34:a3:e9:09:cd | OK      |
+---------------------------------------+---------+
`,
  )
  t.is(
    table(['name', 'ip'], [['twelve', '10.77.0.1']]),
    `+--------+-----------+
|  NAME  |    IP     |
+--------+-----------+
| twelve | 10.77.0.1 |
+--------+-----------+
`,
  )
  t.is(table(['on'], [['x'.repeat(5)]]).split('\n')[1], '|  ON   |')
})

test('a cell that is only a number stands right, whatever its column holds else', (t) => {
  const cells = [
    'web',
    '42',
    '-1',
    '3.14',
    '1,000,000.5',
    '1000',
    '00',
    '4.',
    '.5',
    '1,00',
    '+1',
    '42%',
    '0x1',
    '',
  ]
  t.is(
    table(
      ['name'],
      cells.map((cell) => [cell]),
    ),
    `+-------------+
|    NAME     |
+-------------+
| web         |
|          42 |
|          -1 |
|        3.14 |
| 1,000,000.5 |
|        1000 |
|          00 |
| 4.          |
| .5          |
| 1,00        |
| +1          |
| 42%         |
| 0x1         |
|             |
+-------------+
`,
  )
})

test('characters that take two columns, or none', (t) => {
  t.is(
    table(['name'], [['服务器'], ['cafe\u0301'], ['abcdef']]),
    `+--------+
|  NAME  |
+--------+
| 服务器 |
| cafe\u0301   |
| abcdef |
+--------+
`,
  )
})

const broken = (...cells: readonly string[]) =>
  table(
    ['name', 'bootloader'],
    cells.map((cell) => [cell, 'x']),
    { wrapAt: 30 },
  )

test('a cell of more than 30 columns is broken at spaces, its last line apart as even as can be, and claims 30', (t) => {
  t.is(
    broken('a configuration of a rather long name', 'short'),
    `+--------------------------------+------------+
|              NAME              | BOOTLOADER |
+--------------------------------+------------+
| a configuration of a rather    | x          |
| long name                      |            |
| short                          | x          |
+--------------------------------+------------+
`,
  )
})

test('a word of more than 30 columns is not broken', (t) => {
  t.is(
    broken('one ubuntu-16.04-with-a-name-that-never-ends 2'),
    `+------------------------------------------+------------+
|                   NAME                   | BOOTLOADER |
+------------------------------------------+------------+
| one                                      | x          |
| ubuntu-16.04-with-a-name-that-never-ends |            |
|                                        2 |            |
+------------------------------------------+------------+
`,
  )
})

test('30 columns are not broken, and without a limit nothing is', (t) => {
  const name = 'thirty columns are one line ok'
  t.is(name.length, 30)
  t.true(broken(name).includes(`| ${name} | x`))
  t.true(table(['name'], [[`${name} and more of them`]]).includes(`| ${name} and more of them |`))
})

test('on a terminal the words that tell of a state are coloured, and no other word', (t) => {
  const terminal = { out: () => {}, err: () => {}, colours: true }
  const shown = tableOf(
    terminal,
    ['name', 'state'],
    [
      ['constructor', 'Off'],
      ['h1', 'On'],
    ],
  )
  t.true(shown.includes('| constructor | Off'))
  t.true(shown.includes('\u001b[32m'))
})
