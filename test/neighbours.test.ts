// Whose address it is: the kernel's table for our own links, then who holds it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parseIpv4, type Ipv4 } from '../src/net/ipv4.ts'
import { parseMac, type Mac } from '../src/net/mac.ts'
import { ownersOf } from '../src/net/neighbours.ts'
import { until } from './tftp/memory.ts'
import { newFolder } from './folder.ts'

const ip = (text: string) => parseIpv4(text) as Ipv4
const mac = (text: string) => parseMac(text) as Mac
const near = ip('10.77.0.129')
const far = ip('10.99.0.5')
const [first, second] = [mac('52:54:00:00:00:01'), mac('52:54:00:00:00:02')]

/** /proc/net/arp as a file. */
function make(held: ReadonlyMap<Ipv4, Mac>) {
  const table = join(newFolder('neighbours'), 'arp')
  const answers = (...lines: readonly string[]) =>
    writeFileSync(
      table,
      ['IP address HW type Flags HW address Mask Device', ...lines].map((line) => `${line}\n`).join(''),
    )
  answers()
  return { answers, ownerOf: ownersOf((address) => held.get(address), table) }
}

const line = (owner: Mac, flags = '0x2') => `10.77.0.129 0x1 ${flags} ${owner} * eth0`

test('who answers on our own link goes before who holds the address', async (t) => {
  const { answers, ownerOf } = make(
    new Map([
      [near, first],
      [far, first],
    ]),
  )
  t.is(ownerOf(near), first)
  answers(line(second))
  await until(() => ownerOf(near) === second)
  t.is(ownerOf(far), first, 'behind a relay it is who holds it')
  answers(line(second, '0x0'))
  await until(() => ownerOf(near) === first, 'an entry that nobody answered to say nothing')
})

test('an address that nobody holds is known by who answers for it, as soon as it does', async (t) => {
  const { answers, ownerOf } = make(new Map())
  t.is(ownerOf(near), undefined)
  answers(line(first))
  await until(() => ownerOf(near) === first)
  answers(line(second))
  await until(() => ownerOf(near) === second)
})

test('a lease that passes on is followed at once', async (t) => {
  const held = new Map([[near, first]])
  const { answers, ownerOf } = make(held)
  answers(line(first))
  t.is(ownerOf(near), first)
  held.set(near, second)
  answers(line(second))
  await until(() => ownerOf(near) === second)
})
