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
