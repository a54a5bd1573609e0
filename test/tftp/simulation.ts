// A client, a network that loses, repeats and reorders, and a clock that costs no time, around the state machine.

import { negotiate, type Terms } from '../../src/tftp/options.ts'
import type { Option } from '../../src/tftp/packet.ts'
import type { End, Event, Step, Transfer } from '../../src/tftp/state.ts'
import { begin, step } from '../../src/tftp/transfer.ts'

export type Network = {
  /** Of each packet, either way. */
  readonly loss: number
  readonly duplicates: number
  /** Milliseconds one way, and at most that much more at random. */
  readonly delay: number
  readonly jitter: number
}

export type Peer = {
  readonly options: readonly Option[]
  /** Milliseconds until it repeats its last ACK; EDK2 and GRUB never do. */
  readonly repeatsAckMs?: number | undefined
  /** Until it repeats its request (EDK2: 4000). */
  readonly repeatsRequestMs: number
}

export type Outcome = {
  /** Blocks the client took, in order; `undefined` where it has not the whole file. */
  readonly received: readonly number[] | undefined
  readonly end: End | undefined
  readonly sentBlocks: number
  readonly ms: number
}

type Job = { readonly at: number; readonly run: () => void }

/** A transfer of `size` octets; the disk gives `readChunk` of them in `readMs`. */
export function simulate(
  size: number,
  peer: Peer,
  network: Network,
  seed: number,
  limitMs = 600_000,
): Outcome {
  const random = generator(seed)
  const jobs = new Set<Job>()
  let now = 0
  const at = (delay: number, run: () => void): Job => {
    const job = { at: now + delay, run }
    jobs.add(job)
    return job
  }
  const travel = (run: () => void) => {
    if (random() < network.loss) return
    at(network.delay + random() * network.jitter, run)
    if (random() < network.duplicates) at(network.delay + random() * network.jitter, run)
  }

  const terms: Terms = negotiate(peer.options, size)
  const readChunk = 256 * 1024
  let state: Transfer | undefined
  let end: End | undefined
  let timer: Job | undefined
  let sentBlocks = 0
  const serve = (next: Step) => {
    state = next.state
    const { send } = next
    if (send === 'oack') travel(() => client.oack())
    else if (send !== undefined) {
      for (let block = send.first; block <= send.last; block++) {
        sentBlocks++
        const isLast = next.state.ended && block === Math.floor(size / terms.blksize) + 1
        travel(() => client.data(block, isLast))
      }
    }
    if (next.end !== undefined) {
      end = next.end
      return
    }
    if (next.read === true) {
      const ready = Math.min(size, next.state.ready + readChunk)
      at(1, () => serverEvent({ kind: 'data', ready, ended: ready === size }))
    }
    if (next.timer !== undefined) {
      if (timer !== undefined) jobs.delete(timer)
      timer = at(next.timer, () => serverEvent({ kind: 'timeout' }))
    }
  }
  const serverEvent = (event: Event) => {
    if (state !== undefined && end === undefined) serve(step(state, event, now))
  }

  const received: number[] = []
  let expected = terms.oack.length > 0 ? 0 : 1
  let ackedByClient = 0
  let hasAll = false
  let clientTimer: Job | undefined
  const ack = (block: number) => {
    ackedByClient = block
    travel(() => serverEvent({ kind: 'ack', block: block & 0xffff }))
    if (clientTimer !== undefined) jobs.delete(clientTimer)
    const { repeatsAckMs } = peer
    if (repeatsAckMs !== undefined && !hasAll) clientTimer = at(repeatsAckMs, () => ack(received.length))
  }
  const client = {
    request() {
      travel(() => {
        if (end !== undefined) return
        if (state === undefined) serve(begin(terms, Math.min(size, 32 * 1024), size <= 32 * 1024, now))
        else serverEvent({ kind: 'repeat' })
      })
      at(peer.repeatsRequestMs, () => {
        if (received.length === 0 && expected === (terms.oack.length > 0 ? 0 : 1)) client.request()
      })
    },
    oack() {
      if (received.length > 0) return
      expected = 1
      ack(0)
    },
    // RFC 7440 4, as EDK2 reads it: what does not fit is answered by the last block that did.
    data(block: number, isLast: boolean) {
      if (expected === 0) return
      if (block !== expected) return ack(received.length)
      received.push(block)
      expected++
      hasAll = isLast
      if (isLast || block - ackedByClient >= terms.windowsize) ack(block)
    },
  }

  client.request()
  for (;;) {
    if (now >= limitMs || end !== undefined) break
    let first: Job | undefined
    for (const job of jobs) if (first === undefined || job.at < first.at) first = job
    if (first === undefined) break
    jobs.delete(first)
    now = first.at
    first.run()
  }
  return { received: hasAll ? received : undefined, end, sentBlocks, ms: now }
}

/** mulberry32: the same numbers for the same seed. */
export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
