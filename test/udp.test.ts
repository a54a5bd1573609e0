// UDP ports by Node and by libc, in batches: what comes in is heard once and whole, and what is sent leaves, or is told.

import { createSocket, type Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { ipv4 } from '../src/net/ipv4.ts'
import { openLibc, type Libc } from '../src/net/libc.ts'
import { DevicePorts, openOnAddress, type UdpPort, type Unsent } from '../src/net/udp.ts'

/** More than two batches; the kernel keeps so many for a socket everywhere. */
const crowd = 150

const loopback = ipv4(0x7f000001)

type Open = (unsent: Unsent) => Promise<UdpPort>

async function devicePorts(inBatches?: boolean, change: Partial<Libc> = {}): Promise<DevicePorts> {
  const libc = await openLibc()
  if ('unavailable' in libc) throw new Error(libc.unavailable)
  return new DevicePorts({ ...libc, ...change }, inBatches)
}

/** EAGAIN. */
const isFull: Partial<Libc> = { sendMany: () => -11 }

const kinds: Readonly<Record<string, Open>> = {
  'on an address': (unsent) => openOnAddress(loopback, 0, false, unsent),
  'on a device, in batches': async (unsent) => (await devicePorts()).open('lo', 0, unsent),
  'on a device, by Node': async (unsent) => (await devicePorts(false)).open('lo', 0, unsent),
}

function each(title: string, run: (t: ExecutionContext, open: Open) => Promise<void>): void {
  for (const [kind, open] of Object.entries(kinds)) test(`${title} (${kind})`, run, open)
}

async function make(t: ExecutionContext, open: Open) {
  const unsent: string[] = []
  const port = await open((why) => void unsent.push(why))
  t.teardown(() => port.close())
  return { port, unsent }
}

async function makeClient(t: ExecutionContext): Promise<Socket> {
  const client = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
  await new Promise<void>((resolve) => client.bind(0, '127.0.0.1', resolve))
  t.teardown(() => client.close())
  return client
}

/** For 20 s; what was waited for is asserted by who waits. */
async function until(done: () => boolean): Promise<void> {
  for (let waited = 0; waited < 20_000 && !done(); waited += 5) await sleep(5)
}

/** As long as its number, and recognised by each octet. */
const numbered = (number: number) => Buffer.alloc(number, number)

each('a crowd is heard in its order, each datagram whole, and kept as it came', async (t, open) => {
  const { port } = await make(t, open)
  const client = await makeClient(t)
  const heard: { readonly bytes: Buffer; readonly from: number; readonly fromPort: number }[] = []
  port.hear((bytes, from, fromPort) => void heard.push({ bytes, from, fromPort }))
  const to = port.socket.address().port
  // All wait in the kernel before the first is read.
  for (let number = 0; number < crowd; number++) client.send(numbered(number), to, '127.0.0.1')
  await until(() => heard.length >= crowd)
  t.is(heard.length, crowd)
  t.true(heard.every(({ bytes }, number) => bytes.equals(numbered(number))))
  const { port: own } = client.address()
  t.true(heard.every(({ from, fromPort }) => from === loopback && fromPort === own))
})

each('several hear each datagram of a crowd, as long as they want to', async (t, open) => {
  const { port } = await make(t, open)
  const client = await makeClient(t)
  const heard = [0, 0]
  const stops = heard.map((_, which) => port.hear(() => void (heard[which] = (heard[which] ?? 0) + 1)))
  const send = () => {
    for (let number = 0; number < crowd; number++) {
      client.send(numbered(9), port.socket.address().port, '127.0.0.1')
    }
  }
  send()
  await until(() => heard.every((count) => count >= crowd))
  t.deepEqual(heard, [crowd, crowd])
  stops[1]?.()
  send()
  await until(() => (heard[0] ?? 0) >= 2 * crowd)
  t.deepEqual(heard, [2 * crowd, crowd])
})

each('the longest datagram comes and goes whole', async (t, open) => {
  const { port, unsent } = await make(t, open)
  const client = await makeClient(t)
  const answers: Buffer[] = []
  client.on('message', (bytes) => void answers.push(bytes))
  port.hear((bytes, from, fromPort) => port.send(bytes, from, fromPort))
  const longest = Buffer.alloc(65_507, 7)
  client.send(longest, port.socket.address().port, '127.0.0.1')
  await until(() => answers.length > 0)
  t.true(answers[0]?.equals(longest))
  t.deepEqual(unsent, [])
})

each('many answers of one turn reach whom they are for', async (t, open) => {
  const { port, unsent } = await make(t, open)
  const clients = await Promise.all(Array.from({ length: 3 }, () => makeClient(t)))
  const answers = clients.map((client) => {
    const got: number[] = []
    client.on('message', (bytes) => void got.push(bytes.length))
    return got
  })
  const buffer = Buffer.alloc(200)
  for (let number = 0; number < 200; number++) {
    const client = clients[number % clients.length]
    if (client !== undefined) port.send(buffer.subarray(0, number), loopback, client.address().port)
  }
  await until(() => answers.flat().length >= 200)
  t.deepEqual(
    answers.map((got) => got.length),
    [67, 67, 66],
  )
  t.true(answers.every((got, which) => got.every((length, index) => length === which + 3 * index)))
  t.deepEqual(unsent, [])
})

each('two ports answer in turn, each from its own number', async (t, open) => {
  const [first, second] = [await make(t, open), await make(t, open)]
  const client = await makeClient(t)
  const from: number[] = []
  client.on('message', (_, { port }) => void from.push(port))
  for (let round = 0; round < 5; round++) {
    for (const { port } of [first, second]) port.send(numbered(9), loopback, client.address().port)
  }
  await until(() => from.length >= 10)
  const numbers = [first, second].map(({ port }) => port.socket.address().port)
  t.deepEqual(
    numbers.map((number) => from.filter((other) => other === number).length),
    [5, 5],
  )
})

each('what cannot be sent is told, also when the port is closed', async (t, open) => {
  const { port, unsent } = await make(t, open)
  const client = await makeClient(t)
  port.send(Buffer.alloc(65_508), loopback, client.address().port)
  await until(() => unsent.length > 0)
  t.is(unsent.length, 1)
  const closing = await open((why) => void unsent.push(why))
  closing.close()
  t.notThrows(() => closing.send(numbered(5), loopback, client.address().port))
  t.is(unsent.length, 2)
})

test('in batches: in a flood others have their turn', async (t) => {
  const port = await (await devicePorts()).open('lo', 0, (why) => t.fail(why))
  t.teardown(() => port.close())
  const client = await makeClient(t)
  let heard = 0
  const inTurn: number[] = []
  port.hear(() => {
    if (heard++ === 0) setImmediate(() => void inTurn.push(heard))
  })
  const flood = 450
  for (let number = 0; number < flood; number++) {
    client.send(numbered(9), port.socket.address().port, '127.0.0.1')
  }
  await until(() => heard >= flood)
  t.is(heard, flood)
  t.true((inTurn[0] ?? flood) < 300, `${inTurn[0]} in one turn`)
})

test('in batches: what was sent leaves before the port is closed', async (t) => {
  const port = await (await devicePorts()).open('lo', 0, (why) => t.fail(why))
  const client = await makeClient(t)
  const got: number[] = []
  client.on('message', (bytes) => void got.push(bytes.length))
  for (const number of [5, 6]) port.send(numbered(number), loopback, client.address().port)
  port.close()
  await until(() => got.length >= 2)
  t.deepEqual(got, [5, 6])
})

test('in batches: what finds no room to be sent waits for it', async (t) => {
  const { port, unsent } = await make(t, async (told) =>
    (await devicePorts(true, isFull)).open('lo', 0, told),
  )
  const client = await makeClient(t)
  const got: Buffer[] = []
  client.on('message', (bytes) => void got.push(bytes))
  // Whoever sends may use its octets again.
  const buffer = Buffer.alloc(crowd)
  for (let number = 0; number < crowd; number++) {
    port.send(buffer.fill(number).subarray(0, number), loopback, client.address().port)
  }
  await until(() => got.length + unsent.length >= crowd)
  t.deepEqual(unsent, [])
  t.true(got.every((bytes, number) => bytes.equals(numbered(number))))
})

test('in batches: what waits for room is bounded, and what has left makes room again', async (t) => {
  const { port, unsent } = await make(t, async (told) =>
    (await devicePorts(true, isFull)).open('lo', 0, told),
  )
  const client = await makeClient(t)
  const got: number[] = []
  client.on('message', (bytes) => void got.push(bytes.length))
  for (let count = 0; count < 20; count++) port.send(Buffer.alloc(65_000), loopback, client.address().port)
  await until(() => got.length > 0)
  // A mebibyte waits.
  t.is(unsent.length, 4)
  port.send(numbered(7), loopback, client.address().port)
  await until(() => got.includes(7))
  t.true(got.includes(7))
  t.is(unsent.length, 4)
})
