// The search for other DHCP servers, where a link goes and comes back while it runs.

import { createSocket, type Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Rivals } from '../../src/dhcp/rivals.ts'
import { openLibc } from '../../src/net/libc.ts'
import { parseMac } from '../../src/net/mac.ts'

const hardware = parseMac('525400000001')
if (hardware === undefined) throw new Error('no MAC')
// What is sent into it reaches nobody.
const link = { name: 'lo', mac: hardware, addresses: [] }

async function open(): Promise<{ socket: Socket; asked: () => number }> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  let asked = 0
  const send = socket.send.bind(socket) as (...message: unknown[]) => void
  Object.assign(socket, {
    send: (...message: unknown[]) => {
      asked++
      send(...message)
    },
  })
  return { socket, asked: () => asked }
}

test('a link that goes and comes back is clear when its own search has ended, whatever becomes of the one before', async (t) => {
  const libc = await openLibc()
  if ('unavailable' in libc) return t.fail(libc.unavailable)
  const told: string[] = []
  const rivals = new Rivals(
    libc,
    () => false,
    ({ text }) => void told.push(text),
  )
  t.teardown(() => rivals.stop())
  const [first, second] = [await open(), await open()]
  rivals.watch(link, first.socket)
  for (let waited = 0; waited < 10_000 && first.asked() === 0; waited += 10) await sleep(10)
  rivals.forget(link.name)
  first.socket.close()
  rivals.watch(link, second.socket)
  for (let waited = 0; waited < 30_000 && rivals.verdictOf(link.name) === 'checking'; waited += 10)
    await sleep(10)
  t.is(rivals.verdictOf(link.name), 'clear')
  t.is(second.asked(), 3, 'not before the last question of its own')
  t.is(first.asked(), 1, 'nothing is asked on a socket that is closed')
  second.socket.close()
  t.deepEqual(told, ['no other DHCP server answers on lo: it is served'])
})
