// The transfer as a state machine: single steps as the RFCs and the clients want them, and whole transfers on bad networks.

import test from 'ava'
import * as fc from 'fast-check'
import { negotiate } from '../../src/tftp/options.ts'
import type { Option } from '../../src/tftp/packet.ts'
import type { Event, Send, Step, Transfer } from '../../src/tftp/state.ts'
import { begin, step } from '../../src/tftp/transfer.ts'
import { simulate } from './simulation.ts'

/** A transfer of a file that is in memory, driven by hand. */
class Driven {
  state: Transfer
  last: Step
  now = 0

  constructor(size: number, options: readonly Option[] = []) {
    this.last = begin(negotiate(options, size), size, true, 0)
    this.state = this.last.state
  }

  /** What `event` makes it send, after `ms` have gone by. */
  on(event: Event, ms = 1): Send | undefined {
    this.now += ms
    this.last = step(this.state, event, this.now)
    this.state = this.last.state
    return this.last.send
  }

  ack(block: number, ms = 1): Send | undefined {
    return this.on({ kind: 'ack', block }, ms)
  }

  timeout(): Send | undefined {
    return this.on({ kind: 'timeout' }, this.last.timer ?? 1)
  }
}

const one = (block: number): Send => ({ first: block, last: block })

test('T01: without options 512 octets, block by block; a multiple of 512 ends with an empty block', (t) => {
  const transfer = new Driven(1024)
  t.deepEqual(transfer.last.send, one(1))
  t.deepEqual(transfer.ack(1), one(2))
  t.deepEqual(transfer.ack(2), one(3))
  t.is(transfer.ack(3), undefined)
  t.deepEqual(transfer.last.end, { kind: 'done' })
})

test('T02: an empty file is one empty block', (t) => {
  const transfer = new Driven(0)
  t.deepEqual(transfer.last.send, one(1))
  transfer.ack(1)
  t.deepEqual(transfer.last.end, { kind: 'done' })
})

test('options: the OACK first, data after its ACK 0', (t) => {
  const transfer = new Driven(100, [['tsize', '0']])
  t.is(transfer.last.send, 'oack')
  t.is(transfer.ack(1), undefined, 'an ACK of what was not sent')
  t.deepEqual(transfer.ack(0), one(1))
})

test('T17: a lost OACK is sent again', (t) => {
  const transfer = new Driven(100, [['tsize', '0']])
  t.true((transfer.last.timer ?? Infinity) <= 250)
  t.is(transfer.timeout(), 'oack')
})

test('ERROR 8 to the OACK is EDK2 asking for a size; other errors are told', (t) => {
  const probe = new Driven(100, [['tsize', '0']])
  probe.on({ kind: 'error', code: 8, message: 'User aborted the transfer' })
  t.deepEqual(probe.last.end, { kind: 'probed' })
  const full = new Driven(1000)
  full.on({ kind: 'error', code: 3, message: 'disk full' })
  t.deepEqual(full.last.end, { kind: 'aborted', code: 3, message: 'disk full' })
})

test('T25: an ACK of a block not yet sent is ignored, as is an old one', (t) => {
  const transfer = new Driven(5000)
  transfer.ack(1)
  for (const block of [3, 4, 9, 65535, 0]) t.is(transfer.ack(block), undefined, `${block}`)
  t.deepEqual(transfer.ack(2), one(3))
})

test('a duplicate ACK is not answered: no Sorcerer’s Apprentice', (t) => {
  const transfer = new Driven(5000)
  transfer.ack(1)
  for (let count = 0; count < 10; count++) t.is(transfer.ack(1), undefined)
  t.is(transfer.state.retransmissions, 0)
})

test('RFC 7440: a window at a time; an ACK inside it restarts behind the block it names', (t) => {
  const transfer = new Driven(20 * 512, [['windowsize', '4']])
  t.deepEqual(transfer.ack(0), { first: 1, last: 4 })
  t.deepEqual(transfer.ack(4), { first: 5, last: 8 })
  t.deepEqual(transfer.ack(6), { first: 7, last: 10 })
  t.deepEqual(transfer.ack(10), { first: 11, last: 14 })
})

test('RFC 7440: the ACK before a window, repeated: the window goes again after two round trips, and only once', (t) => {
  const transfer = new Driven(100 * 512, [['windowsize', '4']])
  transfer.ack(0, 2)
  transfer.ack(4, 2)
  t.is(transfer.ack(4, 2), undefined)
  t.true((transfer.last.timer ?? Infinity) <= 10)
  t.is(transfer.ack(4, 1), undefined)
  t.is(transfer.last.timer, undefined, 'the second repetition changes nothing')
  t.deepEqual(transfer.on({ kind: 'timeout' }, 2), { first: 5, last: 8 })
  t.is(transfer.ack(4, 1), undefined)
  t.is(transfer.last.timer, undefined)
})

test('a timeout sends one block first, then the window', (t) => {
  const transfer = new Driven(100 * 512, [['windowsize', '4']])
  transfer.ack(0)
  t.deepEqual(transfer.timeout(), one(1))
  t.deepEqual(transfer.timeout(), { first: 1, last: 4 })
})

test('T15: a client that vanished: six repetitions over 15 s at least, all over in 30 s, at most 64 KiB', (t) => {
  const asked: Option[][] = [
    [],
    [
      ['blksize', '1468'],
      ['windowsize', '4'],
    ],
    [['windowsize', '16']],
    [['windowsize', '65535']],
    [
      ['blksize', '1428'],
      ['windowsize', '16'],
    ],
    [['timeout', '1']],
  ]
  for (const options of asked) {
    for (const isProven of [false, true]) {
      const transfer = new Driven(10_000_000, options)
      if (isProven) transfer.ack(options.length > 0 ? 0 : 1, 0.1)
      const start = transfer.now
      let octets = sizeOf(transfer.last.send, transfer.state)
      let repetitions = 0
      let lastAt = 0
      while (transfer.last.end === undefined) {
        const sent = transfer.timeout()
        octets += sizeOf(sent, transfer.state)
        if (sent !== undefined) [repetitions, lastAt] = [repetitions + 1, transfer.now]
      }
      t.deepEqual(transfer.last.end, { kind: 'silent' })
      t.true(repetitions <= 6, `${repetitions} repetitions`)
      t.true(lastAt - start >= 15_000, `the last one after ${lastAt - start} ms`)
      t.true(transfer.now - start <= 30_000, `over after ${transfer.now - start} ms`)
      t.true(octets <= 65536, `${octets} octets`)
    }
  }
})

test('T11: the agreed timeout is the wait before each repetition', (t) => {
  const second = new Driven(100, [['timeout', '1']])
  t.is(second.last.timer, 1000)
  second.ack(0, 0.1)
  t.is(second.last.timer, 1000, 'whatever the round trip')
  const patient = new Driven(100, [['timeout', '255']])
  t.is(patient.last.timer, 255_000)
  t.is(patient.timeout(), 'oack')
})

test('the timer follows the round trip, from 20 ms on; what was sent twice measures nothing (Karn)', (t) => {
  const transfer = new Driven(1_000_000)
  t.is(transfer.last.timer, 250)
  transfer.ack(1, 0.2)
  t.is(transfer.last.timer, 20)
  for (let block = 2; block < 60; block++) transfer.ack(block, 100)
  t.true(Math.abs((transfer.last.timer ?? 0) - 400) < 10)
  transfer.timeout()
  transfer.ack(60, 1)
  t.is(transfer.state.srtt, transfer.state.srtt)
  t.true((transfer.last.timer ?? 0) >= 700, 'doubled until a new measure')
  transfer.ack(61, 100)
  t.true((transfer.last.timer ?? 0) < 450)
})

test('blocks roll over past 65535, and files may exceed 4 GiB', (t) => {
  const transfer = new Driven(9_000_000_000)
  transfer.state = { ...transfer.state, acked: 65534, next: 65536, sent: 65535 }
  t.deepEqual(transfer.ack(65535), one(65536))
  t.deepEqual(transfer.ack(0), one(65537))
  t.deepEqual(transfer.ack(1), one(65538))
  const last = Math.floor(9_000_000_000 / 512) + 1
  transfer.state = { ...transfer.state, acked: last - 1, next: last + 1, sent: last }
  transfer.ack(last & 0xffff)
  t.deepEqual(transfer.last.end, { kind: 'done' })
})

test('a repeated request gets the same first answer until the client has it', (t) => {
  const plain = new Driven(5000)
  t.deepEqual(plain.on({ kind: 'repeat' }), one(1))
  plain.ack(1)
  t.is(plain.on({ kind: 'repeat' }), undefined)
  const negotiated = new Driven(5000, [['blksize', '1432']])
  t.is(negotiated.on({ kind: 'repeat' }), 'oack')
  negotiated.ack(0)
  t.is(negotiated.on({ kind: 'repeat' }), undefined)
})

test('reads are asked for ahead of the client, and a read that takes too long ends the transfer', (t) => {
  const terms = negotiate([['blksize', '1024']], 1_000_000)
  let next = begin(terms, 32 * 1024, false, 0)
  t.falsy(next.read, 'nothing is read for a client that has not answered')
  next = step(next.state, { kind: 'ack', block: 0 }, 1)
  t.true(next.read)
  for (let block = 1; block <= 31; block++) next = step(next.state, { kind: 'ack', block }, 1 + block)
  t.falsy(next.read, 'one at a time')
  t.deepEqual(next.send, one(32))
  next = step(next.state, { kind: 'ack', block: 32 }, 40)
  t.is(next.send, undefined)
  t.is(next.timer, 4500)
  t.deepEqual(step(next.state, { kind: 'timeout' }, 4540).end, { kind: 'unread' })
  t.deepEqual(step(next.state, { kind: 'data', ready: 300_000, ended: false }, 50).send, one(33))
})

const network = fc.record({
  loss: fc.constantFrom(0, 0.01, 0.05),
  duplicates: fc.constantFrom(0, 0.01, 0.1),
  delay: fc.constantFrom(0.1, 1, 40),
  jitter: fc.constantFrom(0, 0.1, 5),
})
const peers = fc.record({
  options: fc.constantFrom<Option[][]>(
    [],
    [
      ['blksize', '1432'],
      ['tsize', '0'],
    ],
    [
      ['tsize', '0'],
      ['blksize', '1468'],
      ['windowsize', '4'],
    ],
    [
      ['blksize', '1428'],
      ['windowsize', '16'],
    ],
    [['windowsize', '64']],
  ),
  repeatsAckMs: fc.constantFrom(undefined, 110, 2000),
  repeatsRequestMs: fc.constantFrom(110, 500, 4000),
})

test('whatever the network loses, repeats and reorders, every client gets every block once and in order', (t) => {
  fc.assert(
    fc.property(fc.nat(400_000), peers, network, fc.nat(), (size, peer, weather, seed) => {
      const { received, end } = simulate(size, peer, weather, seed)
      const blksize = Number(new Map(peer.options).get('blksize') ?? 512)
      const blocks = Math.floor(size / blksize) + 1
      t.deepEqual(received?.length, blocks)
      t.true(received?.every((block, index) => block === index + 1))
      // A client that repeats nothing once it has all may leave us without its last ACK.
      t.true(
        end?.kind === 'done' ||
          (end?.kind === 'silent' && peer.repeatsAckMs === undefined) ||
          weather.loss > 0,
      )
    }),
    { numRuns: 200 },
  )
})

test('where hardly a round trip can be measured, a window still goes again soon', (t) => {
  const peer = { options: [['windowsize', '64']] as Option[], repeatsRequestMs: 500 }
  // So much in disorder that each window brings a block or two: at the longest timer each, it took ten minutes.
  for (const seed of [303411269, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    for (const loss of [0.01, 0.05]) {
      const { received, ms } = simulate(184_518, peer, { loss, duplicates: 0.1, delay: 1, jitter: 0.1 }, seed)
      t.is(received?.length, 361)
      t.true(ms < 15_000, `${ms} ms`)
    }
  }
})

test('duplicated packets never multiply what is sent', (t) => {
  const weather = { loss: 0, duplicates: 1, delay: 1, jitter: 0 }
  for (const options of [[], [['windowsize', '16']] as Option[]]) {
    const { received, sentBlocks } = simulate(300_000, { options, repeatsRequestMs: 4000 }, weather, 7)
    const blocks = received?.length ?? 0
    t.is(blocks, Math.floor(300_000 / 512) + 1)
    t.true(sentBlocks < blocks * 2.5, `${sentBlocks} for ${blocks}`)
  }
})

function sizeOf(send: Send | undefined, state: Transfer): number {
  if (send === undefined) return 0
  return send === 'oack' ? 50 : (send.last - send.first + 1) * state.terms.blksize
}
