// The order of a crowd: who is amid an exchange goes first, and what is left out is told.

import test from 'ava'
import type { Event } from '../../src/events.ts'
import { Inbox } from '../../src/dhcp/inbox.ts'
import type { Receive } from '../../src/dhcp/request.ts'
import { ipv4 } from '../../src/net/ipv4.ts'
import { parseMac } from '../../src/net/mac.ts'
import { DECLINE, DISCOVER, RELEASE, REQUEST, write } from './wire.ts'

const hardware = parseMac('525400000001')
if (hardware === undefined) throw new Error('no MAC')
const arrival = {
  link: { name: 'eth1', mac: hardware, addresses: [] },
  to: undefined,
  from: ipv4(0),
  fromPort: 68,
}

function make() {
  const seen: string[] = []
  const events: Event[] = []
  const receive: Receive = (_, bytes) => void seen.push(`${bytes[242]} ${bytes.readUInt32BE(4)}`)
  const inbox = new Inbox(receive, (event) => void events.push(event))
  const put = (type: number, xid: number) => inbox.put('dhcp', write({ type, xid }), arrival, () => undefined)
  return { seen, events, inbox, put }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what came in together: DISCOVERs last, both kinds in their order', async (t) => {
  const { seen, put } = make()
  put(DISCOVER, 1)
  put(REQUEST, 2)
  put(DISCOVER, 3)
  put(RELEASE, 4)
  put(DECLINE, 5)
  await turn()
  t.deepEqual(seen, ['3 2', '7 4', '4 5', '1 1', '1 3'])
})

test('a DISCOVER alone waits for nothing but the end of the reading', async (t) => {
  const { seen, put } = make()
  put(DISCOVER, 1)
  await Promise.resolve()
  t.deepEqual(seen, ['1 1'])
})

test('of a crowd that is too big, all REQUESTs and as many DISCOVERs as wait are dealt with; one line tells it', async (t) => {
  const { seen, events, put } = make()
  for (let xid = 1; xid <= 2000; xid++) put(xid % 2 === 0 ? REQUEST : DISCOVER, xid)
  for (let tries = 0; tries < 1000 && seen.length < 1512; tries++) await turn()
  t.is(seen.length, 1512)
  t.is(seen.filter((entry) => entry.startsWith('3')).length, 1000)
  t.deepEqual(
    events.map(({ level, step }) => `${level} ${step}`),
    ['warn dhcp.crowded'],
  )
  put(DISCOVER, 5000)
  await turn()
  t.is(seen.at(-1), '1 5000')
})

test('bytes that are no message at all are handed on', (t) => {
  const { seen, inbox } = make()
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(240), Buffer.alloc(241, 53)]) {
    t.notThrows(() => inbox.put('dhcp', Buffer.concat([bytes, Buffer.alloc(10)]), arrival, () => undefined))
  }
  t.is(seen.length, 3)
})
