// Floods, hung disks and clients that leave: what is open stays bounded, every file is closed, and real clients are served.

import { EventEmitter, once } from 'node:events'
import { rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { encode } from '../../src/tftp/packet.ts'
import { Disk } from '../../src/disk.ts'
import { tree } from '../folder.ts'
import { catalogOf, h1, h1Menu, openFiles, pattern, serve, turns, until } from './memory.ts'

test('T32 10 000 requests of one address without an ACK: 64 are open, and its real transfer still completes', async (t) => {
  const content = pattern(100_000)
  const root = tree({ file: content })
  const { client, clock, engine } = serve({ root })
  const before = memory()
  const flood = Array.from({ length: 10_000 }, (_, index) => client(1024 + index))
  for (const [index, peer] of flood.entries()) {
    peer.ask({ file: 'file' })
    t.true(engine.open <= 64)
    if (index % 500 === 0) await turns(2)
  }
  t.true(memory() - before < 100e6)
  await until(() => flood.filter((peer) => peer.got.length > 0).length >= 64)
  // The first attempt of the real one may fall into the flood: it is met by silence, and the next is served.
  const real = client(60_000)
  real.ask({ file: 'file' })
  await turns()
  t.is(real.got.length, 0)
  clock.forward(300)
  t.deepEqual((await real.fetch({ file: 'file' })).bytes, content)
  t.true(engine.open <= 64)
  clock.forward(30_000)
  t.is(engine.open, 0)
  t.is(clock.pending, 0)
  await until(() => openFiles(root) === 0)
})

test('T32 10 000 requests of 200 addresses: 1000 are open, and a real transfer still completes', async (t) => {
  const content = pattern(100_000)
  const root = tree({ file: content })
  const { client, clock, engine } = serve({ root })
  const before = memory()
  for (let index = 0; index < 10_000; index++) {
    client(1024 + Math.floor(index / 200), `10.0.0.${index % 200}`).ask({ file: 'file' })
    t.true(engine.open <= 1000)
    if (index % 500 === 0) await turns(2)
    if (index % 1000 === 0) clock.forward(100)
  }
  t.true(memory() - before < 100e6)
  clock.forward(300)
  await turns()
  const real = client(60_000)
  t.deepEqual((await real.fetch({ file: 'file' })).bytes, content)
  clock.forward(30_000)
  t.is(engine.open, 0)
  await until(() => openFiles(root) === 0)
})

function memory(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('transfers that are under way are never given up for new ones; who has to wait is told nothing', async (t) => {
  const root = tree({ file: pattern(5000) })
  const { client, clock, engine, events } = serve({ root, limits: { maxTransfers: 2, maxPerClient: 1 } })
  const [first, second] = [client(1, '10.0.0.1'), client(1, '10.0.0.2')]
  for (const peer of [first, second]) {
    peer.ask({ file: 'file' })
    await peer.nth(1)
    peer.ack(1)
  }
  clock.forward(300)
  const own = client(2, '10.0.0.1')
  const third = client(1, '10.0.0.3')
  own.ask({ file: 'file' })
  third.ask({ file: 'file' })
  await turns()
  t.is(own.got.length + third.got.length, 0)
  t.is(engine.open, 2)
  t.deepEqual(
    events.filter(({ step }) => step === 'tftp.full').map(({ text }) => text),
    [
      '10.0.0.1 asks for file and has to wait: too many transfers from this address (tftp.max_per_client is 1)',
      '10.0.0.3 asks for file and has to wait: too many transfers at once (tftp.max_transfers is 2)',
    ],
  )
  for (let block = 2; block <= 10; block++) first.ack(block)
  third.ask({ file: 'file' })
  await third.nth(1)
  t.like(third.last.packet, { kind: 'data', block: 1 })
})

test('who has had no time to answer is not given up for who comes next; who let it pass is', async (t) => {
  const root = tree({ file: pattern(5000) })
  const { client, clock, engine } = serve({ root, limits: { maxTransfers: 1, maxPerClient: 64 } })
  const [first, second] = [client(1, '10.0.0.1'), client(1, '10.0.0.2')]
  first.ask({ file: 'file' })
  await first.nth(1)
  second.ask({ file: 'file' })
  await turns()
  t.is(second.got.length, 0)
  t.is(engine.open, 1)
  clock.forward(300)
  second.ask({ file: 'file' })
  await second.nth(1)
  t.like(second.last.packet, { kind: 'data', block: 1 })
  t.is(engine.open, 1)
})

test('a client that leaves while its file is opened, or read: the file is closed', async (t) => {
  const root = tree({ file: pattern(2_000_000) })
  const { client, engine } = serve({ root, transferPorts: 0 })
  const bye = encode({ kind: 'error', code: 0, message: 'bye' })
  for (let port = 1; port <= 40; port++) {
    const peer = client(port)
    peer.ask({ file: 'file', options: [['blksize', 60_000]] })
    if (port > 20) {
      await peer.nth(1)
      peer.ack(0)
    }
    t.is(engine.open, 1)
    peer.send(bye)
    t.is(engine.open, 0)
  }
  await until(() => openFiles(root) === 0, 'the end of every handle')
  const stopped = client(50)
  stopped.ask({ file: 'file' })
  engine.stop()
  t.is(engine.open, 0)
  await turns()
  await until(() => openFiles(root) === 0)
  t.is(stopped.got.length, 0)
})

test('a disk that hangs: ERROR after five seconds, texts from memory all the while, and no more reads than allowed', async (t) => {
  const root = tree({ file: pattern(5000) })
  let time = 0
  const disk = new Disk(2, 1000, () => time)
  const hung = new EventEmitter()
  const stuck = [1, 2].map(() => disk.run(() => once(hung, 'end')))
  const { client, clock, engine, table } = serve({ root, disk, changes: [catalogOf({ ubuntu: 'text' })] })
  table.assignments.set(h1.name, 'ubuntu')
  const early = client(1)
  early.ask({ file: 'file' })
  await turns()
  t.is(early.got.length, 0)
  t.is((await client(2).fetch({ file: h1Menu })).bytes.toString(), 'text')
  clock.forward(5000)
  t.like(early.last.packet, { kind: 'error', code: 0 })
  time = 1500
  const late = client(3)
  t.is((await late.fetch({ file: 'file' })).error?.message, 'the disk does not answer')
  t.is(engine.open, 0)
  hung.emit('end')
  await Promise.all(stuck)
  t.deepEqual((await client(4).fetch({ file: 'file' })).bytes, pattern(5000))
  // A thread closes it, after its last octet left.
  await until(() => openFiles(root) === 0)
})

test('a file that is removed or replaced in mid-transfer goes on; one that is cut short ends with an ERROR', async (t) => {
  const content = pattern(2_000_000)
  const root = tree({ removed: content, short: content })
  const { client, engine } = serve({ root })
  const peer = client(1)
  peer.ask({ file: 'removed', options: [['blksize', 1024]] })
  await peer.nth(1)
  rmSync(join(root, 'removed'))
  const pieces: Buffer[] = []
  for (let block = 0; ; block++) {
    peer.ack(block)
    const { bytes } = await peer.nth(block + 2)
    pieces.push(bytes.subarray(4))
    if (bytes.length < 1028) {
      peer.ack(block + 1)
      break
    }
  }
  t.true(Buffer.concat(pieces).equals(content))
  t.is(engine.open, 0)
  await until(() => openFiles(root) === 0)

  const other = client(2)
  other.ask({ file: 'short', options: [['blksize', 1024]] })
  await other.nth(1)
  truncateSync(join(root, 'short'), 40_000)
  for (let block = 0; other.last.packet.kind !== 'error'; block++) {
    t.true(block < 300)
    other.ack(block)
    await other.nth(block + 2)
  }
  t.like(other.last.packet, { kind: 'error', code: 0, message: 'the file became shorter while it was sent' })
  t.is(engine.open, 0)
  await until(() => openFiles(root) === 0)
})
