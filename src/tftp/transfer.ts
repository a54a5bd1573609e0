// One transfer as a state machine: (state, event) -> state, what to send, when to be called again. It does nothing itself.
// Blocks are counted from 1 without end; only 16 bits of the count are on the wire (65535 is followed by 0).

import { mostTries, mostUnacknowledged, type Terms } from './options.ts'

export type Transfer = {
  readonly terms: Terms
  /** `oack`: the options wait for their ACK 0. */
  readonly phase: 'oack' | 'data'
  /** Every block up to this one has arrived. */
  readonly acked: number
  /** The next block to send; those from acked + 1 up to it are on their way. */
  readonly next: number
  /** The highest block ever sent. */
  readonly sent: number
  /** ACKs below this block may be of copies: the window was started again when this was the highest. */
  readonly restarted: number
  /** Octets from the start that are known, and whether there are no more. */
  readonly ready: number
  readonly ended: boolean
  /** When the read that is under way began. */
  readonly readingSince?: number | undefined
  /** Milliseconds before what was sent is sent again. */
  readonly rto: number
  /** Smoothed round trip in milliseconds. */
  readonly srtt?: number | undefined
  /** A block sent once, at a time: its ACK gives a round trip (Karn: one sent twice gives none). */
  readonly timed?: { readonly block: number; readonly at: number } | undefined
  /** When blocks last left, and how many did since the last progress. */
  readonly sentAt: number
  readonly spent: number
  /** Times something was sent again since the last progress, and when that was. */
  readonly tries: number
  readonly progressAt: number
  /** A repeated ACK says that a window's start was lost. */
  readonly hurried: boolean
  /** Packets sent more than once, in all. */
  readonly retransmissions: number
}

export type Event =
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  /** A read ended: `ready` octets from the start are known; `ended`: that is the whole. */
  | { readonly kind: 'data'; readonly ready: number; readonly ended: boolean }
  /** The client's request came once more. */
  | { readonly kind: 'repeat' }

/** The OACK, or blocks `first` to `last`. */
export type Send = 'oack' | { readonly first: number; readonly last: number }

export type End =
  | { readonly kind: 'done' }
  /** EDK2 asks for the size only, and says ERROR 8 to the OACK (PxeBcTftpGetFileSize). */
  | { readonly kind: 'probed' }
  | { readonly kind: 'aborted'; readonly code: number; readonly message: string }
  | { readonly kind: 'silent' }
  /** A read took too long. */
  | { readonly kind: 'unread' }

export type Step = {
  readonly state: Transfer
  readonly send?: Send | undefined
  /** Milliseconds from now until a `timeout` event; undefined: as before. */
  readonly timer?: number | undefined
  /** More than `ready` octets will be needed: read on, and say so by a `data` event. */
  readonly read?: boolean | undefined
  readonly end?: End | undefined
}

export const firstTimerMs = 250
const leastRto = 20
const mostRto = 4000

// What each further repetition waits at least. EDK2 waits 4 s before it repeats a request and never repeats an
// ACK, so that the server's six must reach over 15 s however short the round trip is; the seventh is the end.
const patience = [0, 50, 300, 1500, 4500, 9000, 6000] as const
const mostPatience = 30_000

/** A root that does not answer for this long fails the transfers that wait for it, and nothing else. */
export const readLimitMs = 5000

/** Octets read ahead of the client: twice what may be on its way, and no more, for each of a thousand transfers. */
export const readAhead = 128 * 1024

/** The first answer to a request; `now` is in milliseconds and only ever compared. */
export function begin(terms: Terms, ready: number, ended: boolean, now: number): Step {
  const state: Transfer = {
    terms,
    phase: terms.oack.length > 0 ? 'oack' : 'data',
    acked: 0,
    next: 1,
    sent: 0,
    restarted: 0,
    ready,
    ended,
    rto: timerFor(terms, undefined),
    sentAt: now,
    spent: 0,
    tries: 0,
    progressAt: now,
    hurried: false,
    retransmissions: 0,
  }
  if (state.phase === 'data') return advance(state, now)
  return { state: { ...state, timed: { block: 0, at: now } }, send: 'oack', timer: state.rto }
}

export function step(state: Transfer, event: Event, now: number): Step {
  switch (event.kind) {
    case 'ack':
      return acknowledged(state, event.block, now)
    case 'timeout':
      return timedOut(state, now)
    case 'data':
      return advance({ ...state, readingSince: undefined, ready: event.ready, ended: event.ended }, now)
    case 'repeat':
      return repeated(state)
    case 'error':
      return {
        state,
        end: state.phase === 'oack' && event.code === 8 ? { kind: 'probed' } : { ...event, kind: 'aborted' },
      }
  }
}

function acknowledged(state: Transfer, block: number, now: number): Step {
  if (state.phase === 'oack') {
    if (block !== 0) return { state }
    return advance({ ...progressed(state, 0, now), phase: 'data' }, now)
  }
  // What lies outside the window is old, or for a block not yet sent: not answered, like a second ACK of the
  // same block (RFC 1123 4.2.3.1, Sorcerer's Apprentice).
  const ahead = (block - state.acked) & 0xffff
  if (ahead === 0) return hurry(state, now)
  if (ahead > state.sent - state.acked) return { state }
  const acked = state.acked + ahead
  const moved = progressed(state, acked, now)
  if (state.ended && acked === lastBlock(state)) return { state: moved, end: { kind: 'done' } }
  const isInside = acked + 1 < state.next
  if (isInside && acked < state.restarted) return slide(moved, now)
  return advance({ ...moved, next: acked + 1, restarted: isInside ? state.sent : 0 }, now)
}

/**
 * RFC 7440 4 starts a window again behind an ACK from inside it. EDK2 acknowledges every copy of a block that way, so
 * that a network that repeats packets would get a window for each: after one restart the others only move the window
 * on, and what is really lost is sent again when no progress follows within two round trips.
 */
function slide(state: Transfer, now: number): Step {
  const moved = advance(state, now)
  return { ...moved, state: { ...moved.state, hurried: true }, timer: twoRoundTrips(state) }
}

function twoRoundTrips({ srtt }: Transfer): number {
  return srtt === undefined ? firstTimerMs : 2 * srtt + 1
}

function progressed(state: Transfer, acked: number, now: number): Transfer {
  const { timed } = state
  const measured =
    timed === undefined || timed.block > acked
      ? unmeasured(state)
      : measure({ ...state, timed: undefined }, now - timed.at)
  return { ...measured, acked, spent: 0, tries: 0, progressAt: now, hurried: false }
}

function measure(state: Transfer, sample: number): Transfer {
  const srtt = state.srtt === undefined ? sample : state.srtt + (sample - state.srtt) / 8
  return { ...state, srtt, rto: timerFor(state.terms, srtt) }
}

/**
 * A timer that was doubled stays so until something is measured (Karn): the next block is. Of windows that meet one
 * loss after another none may be measured for long, and a timer too short for them costs one block.
 */
function unmeasured(state: Transfer): Transfer {
  return state.terms.windowsize === 1 ? state : { ...state, rto: timerFor(state.terms, state.srtt) }
}

function timerFor(terms: Terms, srtt: number | undefined): number {
  return terms.timeoutMs ?? (srtt === undefined ? firstTimerMs : clamp(4 * srtt, leastRto, mostRto))
}

/** Sends what the window and the data at hand allow; RFC 7440 4: a window starts behind the block acknowledged. */
function advance(state: Transfer, now: number): Step {
  if (state.phase === 'oack') return { state }
  const { acked, next, sent } = state
  const { blksize, windowsize } = state.terms
  const known = state.ended ? lastBlock(state) : Math.floor(state.ready / blksize)
  const last = Math.min(acked + windowsize, known)
  const read = !state.ended && state.readingSince === undefined && state.ready - acked * blksize < readAhead
  const waiting = read ? { ...state, readingSince: now } : state
  if (last < next) {
    // Only when nothing is on its way do we wait for the disk, and not for the client.
    return { state: waiting, read, timer: next > acked + 1 ? undefined : readLimitMs }
  }
  // Where blocks go once more, only one that was not among them says how long the way is. The first: its ACK is the
  // first to come, whatever else of the window is lost.
  const before = state.timed === undefined || state.timed.block >= next ? undefined : state.timed
  const timed = before ?? (last > sent ? { block: Math.max(next, sent + 1), at: now } : undefined)
  const sending = {
    ...waiting,
    next: last + 1,
    sent: Math.max(sent, last),
    timed,
    sentAt: now,
    spent: state.spent + last - next + 1,
    retransmissions: state.retransmissions + Math.max(0, Math.min(sent, last) - next + 1),
  }
  return { state: sending, send: { first: next, last }, timer: delay(sending, now), read }
}

function timedOut(state: Transfer, now: number): Step {
  const { acked, next, tries, hurried } = state
  if (isUnread(state, now)) return { state, end: { kind: 'unread' } }
  if (tries >= mostTries || now - state.progressAt >= longestSilence(state)) {
    return { state, end: { kind: 'silent' } }
  }
  // A window sent again by the word of its client says nothing of the timer.
  const rto = state.terms.timeoutMs ?? Math.min(state.rto * (hurried ? 1 : 2), mostRto)
  const again: Transfer = { ...state, rto, timed: undefined, tries: tries + 1, hurried: false, sentAt: now }
  if (state.phase === 'oack') {
    const resent = { ...again, retransmissions: state.retransmissions + 1 }
    return { state: resent, send: 'oack', timer: delay(again, now) }
  }
  // One block first: whoever is gone costs little, and the answer of whoever is there restarts the window.
  const { blksize, windowsize } = state.terms
  const left = Math.floor(mostUnacknowledged / blksize) - state.spent - (mostTries - again.tries)
  const most = tries === 0 && !hurried ? 1 : Math.max(1, left)
  const last = Math.min(next - 1, acked + Math.min(windowsize, most))
  const count = last - acked
  const resent = {
    ...again,
    restarted: count > 1 ? state.sent : 0,
    spent: state.spent + count,
    retransmissions: state.retransmissions + count,
  }
  return { state: resent, send: { first: acked + 1, last }, timer: delay(again, now) }
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
function hurry(state: Transfer, now: number): Step {
  const { terms, acked, next, tries, hurried } = state
  const isLost = terms.windowsize > 1 && next > acked + 1 && tries === 0 && !hurried
  if (!isLost) return { state }
  return {
    state: { ...state, hurried: true, spent: 0 },
    timer: Math.max(1, state.sentAt + twoRoundTrips(state) - now),
  }
}

/** A repeated request joins its transfer: the same first answer, as long as the client shows no sign of having it. */
function repeated(state: Transfer): Step {
  const again = { ...state, timed: undefined, retransmissions: state.retransmissions + 1 }
  if (state.phase === 'oack') return { state: again, send: 'oack' }
  return state.acked === 0 && state.sent > 0 && state.terms.oack.length === 0
    ? { state: again, send: { first: 1, last: 1 } }
    : { state }
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
