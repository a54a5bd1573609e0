// The order of a crowd: who is amid an exchange goes first, and what is left out is told.

import { createSocket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Commits } from '../../src/dhcp/commits.ts'
import type { Event } from '../../src/events.ts'
import { Inbox } from '../../src/dhcp/inbox.ts'
import type { Receive } from '../../src/dhcp/request.ts'
import { ipv4 } from '../../src/net/ipv4.ts'
import { openLibc } from '../../src/net/libc.ts'
import { parseMac } from '../../src/net/mac.ts'
import { DevicePorts, openOnAddress, type UdpPort } from '../../src/net/udp.ts'
import { DECLINE, DISCOVER, RELEASE, REQUEST, write } from './wire.ts'

const hardware = parseMac('525400000001')
if (hardware === undefined) throw new Error('no MAC')
const arrival = {
  link: { name: 'eth1', mac: hardware, addresses: [] },
  to: undefined,
  from: ipv4(0),
  fromPort: 68,
}

const lease = { ip: ipv4(1), mac: hardware, state: 'bound', since: 0, expires: 1 } as const

function make() {
  const seen: string[] = []
  const events: Event[] = []
  const receive: Receive = (_, bytes) => void seen.push(`${bytes[242]} ${bytes.readUInt32BE(4)}`)
  const first = () => void seen.push('commit')
  const inbox = new Inbox(receive, first, (event) => void events.push(event))
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
  t.deepEqual(seen, ['3 2', '7 4', '4 5', 'commit', '1 1', '1 3'])
})

test('a DISCOVER alone waits for nothing but the end of the reading', async (t) => {
  const { seen, put } = make()
  put(DISCOVER, 1)
  await turn()
  t.deepEqual(seen, ['commit', '1 1'])
})

test('of a crowd that is too big, all REQUESTs and as many DISCOVERs as wait are dealt with; one line tells it', async (t) => {
  const { seen, events, put } = make()
  const answered = () => seen.filter((entry) => entry !== 'commit')
  for (let xid = 1; xid <= 2000; xid++) put(xid % 2 === 0 ? REQUEST : DISCOVER, xid)
  for (let tries = 0; tries < 1000 && answered().length < 1512; tries++) await turn()
  t.is(answered().length, 1512)
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

type Open = () => Promise<UdpPort>

const inTurn = test.macro(async (t, open: Open) => {
  const seen: string[] = []
  const commits: number[] = []
  const commit = new Commits((leases) => {
    commits.push(leases.length)
    return leases.map(() => 'ok' as const)
  })
  const receive: Receive = (_, bytes) => {
    seen.push(`${bytes[242]} ${bytes.readUInt32BE(4)}`)
    if (bytes[242] === REQUEST) void commit.add([lease])
  }
  const inbox = new Inbox(receive, commit.flush, () => undefined)
  const port = await open()
  port.hear((bytes) => inbox.put('dhcp', bytes, arrival, () => undefined))
  const client = createSocket('udp4')
  await new Promise<void>((resolve) => client.connect(port.socket.address().port, '127.0.0.1', resolve))
  t.teardown(() => {
    client.close()
    port.close()
  })
  // All wait in the kernel before the first is read.
  for (const [type, xid] of crowd) client.send(write({ type, xid }))
  for (let waited = 0; waited < 10_000 && seen.length < crowd.length; waited += 10) await sleep(10)
  t.deepEqual(seen, ['3 3', '3 4', '3 6', '1 1', '1 2', '1 5'])
  t.deepEqual(commits, [3])
})

const inOrder = 'REQUESTs that came in behind DISCOVERs go first, and share one commit'
test(`over a socket that Node reads: ${inOrder}`, inTurn, () =>
  openOnAddress(ipv4(0x7f000001), 0, false, () => undefined),
)
test(`over a socket read in batches: ${inOrder}`, inTurn, async () => {
  const libc = await openLibc()
  if ('unavailable' in libc) throw new Error(libc.unavailable)
  return await new DevicePorts(libc).open('lo', 0, () => undefined)
})

const crowd = [
  [DISCOVER, 1],
  [DISCOVER, 2],
  [REQUEST, 3],
  [REQUEST, 4],
  [DISCOVER, 5],
  [REQUEST, 6],
] as const
