// One transfer as a state machine: (state, event) -> state, what to send, when to be called again. It does nothing itself.
// Blocks are counted from 1 without end; only 16 bits of the count are on the wire (65535 is followed by 0).

import { mostTries, mostUnacknowledged, type Terms } from './options.ts'
import { copy, type Draft, type Event, type Step, type Transfer } from './state.ts'

export const firstTimerMs = 250
const leastRto = 20
const mostRto = 4000

// What each further repetition waits at least. EDK2 waits 4 s before it repeats a request and never repeats an
// ACK, so that the server's six must reach over 15 s however short the round trip is; the seventh is the end.
const patience = [0, 50, 300, 1500, 4500, 9000, 6000] as const
const mostPatience = 30_000

/** A root that does not answer for this long fails the transfers that wait for it, and nothing else: told within 5 s. */
export const readLimitMs = 4500

/** Octets read ahead of the client: twice what may be on its way, and no more, for each of a thousand transfers. */
export const readAhead = 128 * 1024

/** The first answer to a request; `now` is in milliseconds and only ever compared. */
export function begin(terms: Terms, ready: number, ended: boolean, now: number): Step {
  const state: Draft = {
    terms,
    phase: terms.oack.length > 0 ? 'oack' : 'data',
    acked: 0,
    next: 1,
    sent: 0,
    restarted: 0,
    ready,
    ended,
    readingSince: undefined,
    rto: timerFor(terms, undefined),
    srtt: undefined,
    timedBlock: undefined,
    timedAt: 0,
    sentAt: now,
    spent: 0,
    tries: 0,
    progressAt: now,
    hurried: false,
    retransmissions: 0,
  }
  if (state.phase === 'data') return advance(state, now)
  state.timedBlock = 0
  state.timedAt = now
  return { state, send: 'oack', timer: state.rto }
}

export function step(state: Transfer, event: Event, now: number): Step {
  const draft = copy(state)
  switch (event.kind) {
    case 'ack':
      return acknowledged(draft, event.block, now)
    case 'timeout':
      return timedOut(draft, now)
    case 'data':
      draft.readingSince = undefined
      draft.ready = event.ready
      draft.ended = event.ended
      return advance(draft, now)
    case 'repeat':
      return repeated(draft)
    case 'error':
      return {
        state,
        end: state.phase === 'oack' && event.code === 8 ? { kind: 'probed' } : { ...event, kind: 'aborted' },
      }
  }
}

function acknowledged(state: Draft, block: number, now: number): Step {
  if (state.phase === 'oack') {
    if (block !== 0) return { state }
    progress(state, 0, now)
    state.phase = 'data'
    return advance(state, now)
  }
  // What lies outside the window is old, or for a block not yet sent: not answered, like a second ACK of the
  // same block (RFC 1123 4.2.3.1, Sorcerer's Apprentice).
  const ahead = (block - state.acked) & 0xffff
  if (ahead === 0) return hurry(state, now)
  if (ahead > state.sent - state.acked) return { state }
  const acked = state.acked + ahead
  progress(state, acked, now)
  if (state.ended && acked === lastBlock(state)) return { state, end: { kind: 'done' } }
  const isInside = acked + 1 < state.next
  if (isInside && acked < state.restarted) return slide(state, now)
  state.next = acked + 1
  state.restarted = isInside ? state.sent : 0
  return advance(state, now)
}

/**
 * RFC 7440 4 starts a window again behind an ACK from inside it. EDK2 acknowledges every copy of a block that way, so
 * that a network that repeats packets would get a window for each: after one restart the others only move the window
 * on, and what is really lost is sent again when no progress follows within two round trips.
 */
function slide(state: Draft, now: number): Step {
  const timer = twoRoundTrips(state)
  const moved = advance(state, now)
  state.hurried = true
  return { ...moved, timer }
}

function twoRoundTrips({ srtt }: Transfer): number {
  return srtt === undefined ? firstTimerMs : 2 * srtt + 1
}

function progress(state: Draft, acked: number, now: number): void {
  if (state.timedBlock !== undefined && state.timedBlock <= acked) {
    const sample = now - state.timedAt
    state.timedBlock = undefined
    state.srtt = state.srtt === undefined ? sample : state.srtt + (sample - state.srtt) / 8
    state.rto = timerFor(state.terms, state.srtt)
  } else if (state.terms.windowsize > 1) {
    // A timer that was doubled stays so until something is measured (Karn): the next block is. Of windows that meet
    // one loss after another none may be measured for long, and a timer too short for them costs one block.
    state.rto = timerFor(state.terms, state.srtt)
  }
  state.acked = acked
  state.spent = 0
  state.tries = 0
  state.progressAt = now
  state.hurried = false
}

function timerFor(terms: Terms, srtt: number | undefined): number {
  return terms.timeoutMs ?? (srtt === undefined ? firstTimerMs : clamp(4 * srtt, leastRto, mostRto))
}

/** Sends what the window and the data at hand allow; RFC 7440 4: a window starts behind the block acknowledged. */
function advance(state: Draft, now: number): Step {
  if (state.phase === 'oack') return { state }
  const { acked, next, sent } = state
  const { blksize, windowsize } = state.terms
  const known = state.ended ? lastBlock(state) : Math.floor(state.ready / blksize)
  const last = Math.min(acked + windowsize, known)
  const read = !state.ended && state.readingSince === undefined && state.ready - acked * blksize < readAhead
  if (read) state.readingSince = now
  if (last < next) {
    // Only when nothing is on its way do we wait for the disk, and not for the client.
    return { state, read, timer: next > acked + 1 ? undefined : readLimitMs }
  }
  // Where blocks go once more, only one that was not among them says how long the way is. The first: its ACK is the
  // first to come, whatever else of the window is lost.
  if (state.timedBlock === undefined || state.timedBlock >= next) {
    state.timedBlock = last > sent ? Math.max(next, sent + 1) : undefined
    state.timedAt = now
  }
  state.next = last + 1
  state.sent = Math.max(sent, last)
  state.sentAt = now
  state.spent += last - next + 1
  state.retransmissions += Math.max(0, Math.min(sent, last) - next + 1)
  return { state, send: { first: next, last }, timer: delay(state, now), read }
}

function timedOut(state: Draft, now: number): Step {
  const { acked, next, tries, hurried, spent } = state
  if (isUnread(state, now)) return { state, end: { kind: 'unread' } }
  if (tries >= mostTries || now - state.progressAt >= longestSilence(state)) {
    return { state, end: { kind: 'silent' } }
  }
  // A window sent again by the word of its client says nothing of the timer.
  state.rto = state.terms.timeoutMs ?? Math.min(state.rto * (hurried ? 1 : 2), mostRto)
  state.timedBlock = undefined
  state.tries = tries + 1
  state.hurried = false
  state.sentAt = now
  const timer = delay(state, now)
  if (state.phase === 'oack') {
    state.retransmissions++
    return { state, send: 'oack', timer }
  }
  // One block first: whoever is gone costs little, and the answer of whoever is there restarts the window.
  const { blksize, windowsize } = state.terms
  const left = Math.floor(mostUnacknowledged / blksize) - spent - (mostTries - state.tries)
  const most = tries === 0 && !hurried ? 1 : Math.max(1, left)
  const last = Math.min(next - 1, acked + Math.min(windowsize, most))
  const count = last - acked
  state.restarted = count > 1 ? state.sent : 0
  state.spent = spent + count
  state.retransmissions += count
  return { state, send: { first: acked + 1, last }, timer }
}

/** Nothing can be sent for want of a read, or the rest of a window has been wanting for too long. */
function isUnread(state: Transfer, now: number): boolean {
  const { phase, acked, next, terms, readingSince } = state
  if (phase === 'oack' || readingSince === undefined || next > acked + terms.windowsize) return false
  return next === acked + 1 || now - readingSince >= readLimitMs
}

/**
 * With windows a client acknowledges the block before a gap (RFC 7440 4), which is the last one again where the
 * window's start was lost. The window is sent again if no progress follows within two round trips: at once would
 * answer every duplicate by a window of duplicates.
 */
function hurry(state: Draft, now: number): Step {
  const { terms, acked, next, tries, hurried } = state
  const isLost = terms.windowsize > 1 && next > acked + 1 && tries === 0 && !hurried
  if (!isLost) return { state }
  state.hurried = true
  state.spent = 0
  return { state, timer: Math.max(1, state.sentAt + twoRoundTrips(state) - now) }
}

/** A repeated request joins its transfer: the same first answer, as long as the client shows no sign of having it. */
function repeated(state: Draft): Step {
  const isFirst = state.acked === 0 && state.sent > 0 && state.terms.oack.length === 0
  if (state.phase === 'data' && !isFirst) return { state }
  state.timedBlock = undefined
  state.retransmissions++
  return { state, send: state.phase === 'oack' ? 'oack' : { first: 1, last: 1 } }
}

function delay(state: Transfer, now: number): number {
  const wait = Math.max(state.rto, patience[state.tries] ?? 0)
  return clamp(wait, 1, Math.max(1, state.progressAt + longestSilence(state) - now))
}

function longestSilence(state: Transfer): number {
  return Math.max(mostPatience, 2 * (state.terms.timeoutMs ?? 0))
}

/** RFC 1350 6: the first block shorter than a full one, empty where the size is a multiple. */
function lastBlock(state: Transfer): number {
  return Math.floor(state.ready / state.terms.blksize) + 1
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}
