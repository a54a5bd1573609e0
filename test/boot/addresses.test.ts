// Who holds which address: against a Map that does the same, and from another thread.

import test from 'ava'
import * as fc from 'fast-check'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Addresses } from '../../src/boot/addresses.ts'
import { ipv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { macFromBytes, type Mac } from '../../src/net/mac.ts'

const anyMac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => macFromBytes(bytes))
const anyIp = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 0xffffffff })).map(ipv4)

const sorted = (pairs: Iterable<readonly [Ipv4, Mac]>) => [...pairs].toSorted(([a], [b]) => a - b)

test('it holds what a Map would, whatever is set, given up, and grown over', (t) => {
  const step = fc.tuple(anyIp, fc.option(anyMac, { nil: undefined }), fc.boolean())
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      // So small that addresses meet, and that it must grow.
      let addresses = new Addresses(new SharedArrayBuffer(16 * 12))
      const map = new Map<Ipv4, Mac>()
      for (const [ip, mac, afresh] of steps) {
        addresses = addresses.grown() ?? addresses
        addresses.set(ip, mac)
        if (mac === undefined) map.delete(ip)
        else map.set(ip, mac)
        if (afresh) addresses = new Addresses(addresses.shared)
      }
      t.deepEqual(sorted(addresses), sorted(map))
      for (const mac of new Set(map.values())) t.is(map.get(addresses.of(mac) ?? ipv4(0)), mac)
      for (const [ip] of steps) t.is(addresses.get(ip), map.get(ip))
    }),
  )
})

test('a thread that reads all the while sees whole MACs only, and finds each address that is held', async (t) => {
  const addresses = new Addresses(new SharedArrayBuffer(2 ** 10 * 12))
  const even = '00:00:00:00:00:00' as Mac
  const odd = 'ff:ff:ff:ff:ff:ff' as Mac
  for (let ip = 1; ip <= 100; ip++) addresses.set(ipv4(ip), even)
  const reader = new Worker(new URL('reader.mjs', import.meta.url), { workerData: addresses.shared })
  t.deepEqual(await once(reader, 'message'), ['reading'])
  const ended = once(reader, 'message')
  for (let round = 0; round < 2000; round++) {
    for (let ip = 1; ip <= 100; ip++) addresses.set(ipv4(ip), round % 2 === 0 ? odd : even)
  }
  addresses.set(ipv4(500), even)
  const [seen]: readonly (readonly (Mac | undefined)[])[] = await ended
  t.true(seen?.every((mac) => mac === even || mac === odd))
})
