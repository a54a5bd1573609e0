// The search for other DHCP servers, where a link goes and comes back while it runs.

import { createSocket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Rivals } from '../../src/dhcp/rivals.ts'
import { openLibc } from '../../src/net/libc.ts'
import { parseMac } from '../../src/net/mac.ts'
import { ipv4 } from '../../src/net/ipv4.ts'
import { DevicePorts, openOnAddress, type UdpPort } from '../../src/net/udp.ts'
import { ip, OFFER, write } from './wire.ts'

const hardware = parseMac('525400000001')
if (hardware === undefined) throw new Error('no MAC')
// What is sent into it reaches nobody.
const link = { name: 'lo', mac: hardware, addresses: [] }

/** Calls `asked` with each question before it is sent. */
function listen({ socket }: UdpPort, asked: (question: Buffer) => void): void {
  const send = socket.send.bind(socket) as (...message: unknown[]) => void
  Object.assign(socket, {
    send: (question: Buffer, ...rest: unknown[]) => {
      asked(question)
      send(question, ...rest)
    },
  })
}

async function open(): Promise<{ port: UdpPort; asked: () => number }> {
  const port = await openOnAddress(ipv4(0x7f000001), 0, false, () => undefined)
  port.socket.setBroadcast(false)
  let asked = 0
  listen(port, () => asked++)
  return { port, asked: () => asked }
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
  rivals.watch(link, first.port)
  for (let waited = 0; waited < 10_000 && first.asked() === 0; waited += 10) await sleep(10)
  rivals.forget(link.name)
  first.port.close()
  rivals.watch(link, second.port)
  for (let waited = 0; waited < 30_000 && rivals.verdictOf(link.name) === 'checking'; waited += 10)
    await sleep(10)
  t.is(rivals.verdictOf(link.name), 'clear')
  t.is(second.asked(), 3, 'not before the last question of its own')
  t.is(first.asked(), 1, 'nothing is asked on a socket that is closed')
  second.port.close()
  t.deepEqual(told, ['no other DHCP server answers on lo: it is served'])
})

/** As bind(2) of a port that another program has. */
const isTaken = () => {
  throw new Error('EADDRINUSE')
}

test('where port 68 is taken, an OFFER is heard that waits behind other datagrams', async (t) => {
  const libc = await openLibc()
  if ('unavailable' in libc) return t.fail(libc.unavailable)
  const main = await new DevicePorts(libc).open('lo', 0, () => undefined)
  const stranger = createSocket('udp4')
  t.teardown(() => [main, stranger].forEach((each) => each.close()))
  main.hear(() => undefined)
  const rivals = new Rivals(
    { ...libc, bind: isTaken },
    () => false,
    () => undefined,
  )
  t.teardown(() => rivals.stop())
  const server: [number, Buffer] = [54, ip('10.77.0.254')]
  listen(main, (question) => {
    const xid = question.readUInt32BE(4)
    const offer = write({ op: 2, xid, type: OFFER, yiaddr: '10.77.0.10', options: [server] })
    // A boot server, which gives no address, is no rival.
    const proxy = write({ op: 2, xid, type: OFFER, options: [[54, ip('10.77.0.253')]] })
    // All wait in the kernel before the first is read.
    for (const bytes of [Buffer.from('garbage'), proxy, offer]) {
      stranger.send(bytes, main.socket.address().port, '127.0.0.1')
    }
  })
  rivals.watch(link, main)
  for (let waited = 0; waited < 30_000 && rivals.verdictOf(link.name) === 'checking'; waited += 10)
    await sleep(10)
  t.deepEqual(rivals.verdictOf(link.name), { server: ipv4(0x0a4d00fe), offered: ipv4(0x0a4d000a) })
})
