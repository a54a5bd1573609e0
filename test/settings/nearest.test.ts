// What is suggested for a word that was mistyped.

import test from 'ava'
import { nearest } from '../../src/settings/nearest.ts'

const known = ['server', 'subnets', 'subnet', 'tftp', 'http', 'ip', 'lease_time']

const rows: readonly (readonly [written: string, suggested: string | undefined, why: string])[] = [
  ['serve', 'server', 'a letter is missing'],
  ['serverr', 'server', 'one too many'],
  ['sevrer', 'server', 'two are swapped'],
  ['leese_tine', 'lease_time', 'two are wrong'],
  ['subnetz', 'subnets', 'the nearer of two'],
  ['Server', 'server', 'another case'],
  ['lease-time', 'lease_time', 'another joint'],
  ['hptp', 'http', 'a short word, one wrong'],
  ['htpx', undefined, 'a short word, two wrong: that may be anything'],
  ['discovery', undefined, 'another word'],
  ['', undefined, 'nothing'],
]

for (const [written, suggested, why] of rows) {
  test(`${JSON.stringify(written)}: ${why}`, (t) => {
    t.is(nearest(written, known), suggested)
  })
}

test('a very long word is no trouble', (t) => {
  t.is(nearest('x'.repeat(100_000), known), undefined)
})

test('a thousand long words are compared', (t) => {
  const long = Array.from({ length: 1000 }, (_, index) => `${'x'.repeat(250)}${index + 1000}`)
  t.is(nearest(`${'x'.repeat(250)}1oo0`, long), `${'x'.repeat(250)}1000`)
  t.is(nearest(`${'y'.repeat(250)}1000`, long), undefined)
})

test('words a megabyte long are not compared at all: that would take minutes, and all memory', (t) => {
  t.is(nearest('x'.repeat(1_000_000), ['x'.repeat(1_000_001)]), undefined)
})

test('the edits beside the diagonal are those of the whole table', (t) => {
  const near: readonly (readonly [string, string])[] = [
    ['abcdef', 'badcef'],
    ['abcdef', 'abdcfe'],
    ['abcdef', 'cdef'],
    ['cdefg', 'abcdefg'],
    ['aabbc', 'aabb'],
    ['abcde', 'xabcd'],
  ]
  for (const [written, meant] of near) t.is(nearest(written, [meant]), meant, `${written} ${meant}`)
  t.is(nearest('abcdef', ['badcfe']), undefined)
})
