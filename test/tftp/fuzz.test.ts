// A hundred thousand datagrams that nobody sane sends, from seeds that can be repeated: nothing is thrown, nothing grows.

import test from 'ava'
import { Disk } from '../../src/disk.ts'
import { encode, type Option, type Packet } from '../../src/tftp/packet.ts'
import { tree } from '../folder.ts'
import { catalogOf, h1, h1Menu, openFiles, pattern, serve, turns, until } from './memory.ts'
import { generator } from './simulation.ts'

const files = [
  'file',
  '/file',
  'folder',
  'none',
  '..\\file',
  h1Menu,
  'pxelinux.cfg/default',
  '\u0000',
  '',
  'é'.repeat(90),
]
const names = ['blksize', 'tsize', 'timeout', 'windowsize', 'BLKSIZE', '__proto__', '']
const values = ['0', '8', '512', '1468', '65464', '65535', '-1', '9'.repeat(20), '1e9', '', 'x', '\u0000']

for (const seed of [1, 2, 3, 4]) {
  test(`25 000 mutated datagrams, seed ${seed}`, async (t) => {
    const content = pattern(3000)
    const root = tree({ file: content, 'folder/x': 'x' })
    const limits = { maxTransfers: 40, maxPerClient: 5 }
    const { client, clock, engine, events, listening, table } = serve({
      root,
      // By its own clock: real reads take real time, however far the test's clock goes forward meanwhile.
      disk: new Disk(4, 60_000, () => performance.now()),
      limits,
      changes: [catalogOf({ ubuntu: 'DEFAULT ubuntu' })],
    })
    table.assignments.set(h1.name, 'ubuntu')
    const random = generator(seed)
    const below = (count: number) => Math.floor(random() * count)
    const pick = <T>(among: readonly T[]) => among.at(below(among.length)) as T
    const peers = Array.from({ length: 60 }, (_, index) => client(1000 + index, `10.0.0.${index % 20}`))
    const options = () => Array.from({ length: below(4) }, (): Option => [pick(names), pick(values)])
    const packets: readonly (() => Packet)[] = [
      () => ({
        kind: 'rrq',
        file: pick(files),
        mode: pick(['octet', 'netascii', 'mail']),
        options: options(),
      }),
      () => ({ kind: 'wrq', file: pick(files), mode: 'octet', options: options() }),
      () => ({ kind: 'ack', block: below(9) }),
      () => ({ kind: 'ack', block: below(65536) }),
      () => ({ kind: 'data', block: below(4), data: pattern(below(20)) }),
      () => ({ kind: 'error', code: below(9), message: pick(values) }),
      () => ({ kind: 'oack', options: options() }),
    ]
    for (let count = 0; count < 25_000; count++) {
      const wire = encode(pick(packets)())
      for (let change = below(4) - 1; change > 0; change--) wire[below(wire.length)] = below(256)
      const peer = pick(peers)
      const to = random() < 0.5 ? listening : (peer.got.at(-1)?.from ?? listening)
      peer.send(random() < 0.1 ? wire.subarray(0, below(wire.length)) : wire, to)
      if (engine.open > limits.maxTransfers) t.fail(`${engine.open} transfers`)
      if (count % 100 === 0) await turns(1)
      if (count % 100 === 0) clock.forward(below(400))
      if (count % 1000 === 0) for (const { got } of peers) got.splice(0, got.length - 1)
    }
    t.deepEqual(
      events.filter(({ step, text }) => step === 'tftp.fault' || /TypeError|RangeError/.test(text)),
      [],
    )
    clock.forward(300)
    t.deepEqual((await client(9, '10.0.1.1').fetch({ file: 'file' })).bytes, content)
    // The most patient client may have asked for twice 255 seconds.
    clock.forward(600_000)
    await turns()
    t.is(engine.open, 0)
    t.is(clock.pending, 0)
    await until(() => openFiles(root) === 0)
  })
}
