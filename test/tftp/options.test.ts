// Option negotiation, row by row: what is asked, what the OACK says, what the transfer keeps to.

import test from 'ava'
import * as fc from 'fast-check'
import { mostUnacknowledged, negotiate } from '../../src/tftp/options.ts'
import type { Option } from '../../src/tftp/packet.ts'

const rows: readonly (readonly [asked: string, oack: string, size?: number])[] = [
  ['', ''],
  ['blksize=1432 tsize=0', 'blksize=1432 tsize=42430', 42430],
  ['tsize=0 blksize=1408', 'tsize=42430 blksize=1408', 42430],
  ['tsize=0 blksize=1468 windowsize=4', 'tsize=7 blksize=1468 windowsize=4', 7],
  ['blksize=8', 'blksize=8'],
  ['blksize=65464', 'blksize=65464'],
  // T10
  ['blksize=65465', 'blksize=65464'],
  ['blksize=7', ''],
  ['blksize=0', ''],
  ['blksize=-1', ''],
  ['blksize=abc', ''],
  ['blksize=', ''],
  ['blksize=1e3', ''],
  ['blksize= 512', ''],
  // T11
  ['timeout=1', 'timeout=1'],
  ['timeout=255', 'timeout=255'],
  ['timeout=0', ''],
  ['timeout=256', ''],
  // RFC 7440 3
  ['windowsize=1', 'windowsize=1'],
  ['windowsize=0', ''],
  ['windowsize=65536', ''],
  ['windowsize=65535', 'windowsize=122'],
  ['windowsize=64 blksize=1468', 'windowsize=38 blksize=1468'],
  ['blksize=65464 windowsize=8', 'blksize=65464 windowsize=1'],
  // T27
  ['tsize=0', 'tsize=5000000000', 5_000_000_000],
  // curl 7.88 breaks off at a size of 0.
  ['tsize=0', '', 0],
  ['tsize=0', ''],
  ['tsize=x', '', 5],
  // Unknown ones, and one twice: the first counts.
  ['multicast= rollover=1 __proto__=1 constructor=2', ''],
  ['blksize=600 blksize=700', 'blksize=600'],
]

for (const [asked, oack, size] of rows) {
  test(`"${asked}"${size === undefined ? '' : ` of ${size} octets`} -> "${oack}"`, (t) => {
    const terms = negotiate(options(asked), size)
    t.is(terms.oack.map((option) => option.join('=')).join(' '), oack)
    const kept = new Map(terms.oack)
    t.is(terms.blksize, Number(kept.get('blksize') ?? 512))
    t.is(terms.windowsize, Number(kept.get('windowsize') ?? 1))
    t.is(terms.timeoutMs, kept.has('timeout') ? Number(kept.get('timeout')) * 1000 : undefined)
  })
}

test('never an option that was not asked for, never more than 64 KiB without an ACK', (t) => {
  const name = fc.constantFrom('blksize', 'tsize', 'timeout', 'windowsize', 'x')
  const value = fc.oneof(fc.integer().map(String), fc.string())
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (asked) => {
      const { oack, blksize, windowsize } = negotiate(asked, 1000)
      const names = new Set<string>(asked.map(([entry]) => entry))
      return oack.every(([entry]) => names.has(entry)) && blksize * windowsize <= mostUnacknowledged
    }),
  )
  t.pass()
})

function options(text: string): Option[] {
  return text
    .split(/ (?=[a-z_]+=)/)
    .filter((pair) => pair !== '')
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
}
