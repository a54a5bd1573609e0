// A transfer at one moment, what can happen to it, and what it then wants done.

import type { Terms } from './options.ts'

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
  readonly readingSince: number | undefined
  /** Milliseconds before what was sent is sent again. */
  readonly rto: number
  /** Smoothed round trip in milliseconds. */
  readonly srtt: number | undefined
  /** A block sent once, at a time: its ACK gives a round trip (Karn: one sent twice gives none). */
  readonly timedBlock: number | undefined
  readonly timedAt: number
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

/** A step works on a copy of its own: an object is made once per event, not once per change. */
export type Draft = { -readonly [Key in keyof Transfer]: Transfer[Key] }

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

/** Field by field: a spread takes ten times as long here. */
export function copy(state: Transfer): Draft {
  return {
    terms: state.terms,
    phase: state.phase,
    acked: state.acked,
    next: state.next,
    sent: state.sent,
    restarted: state.restarted,
    ready: state.ready,
    ended: state.ended,
    readingSince: state.readingSince,
    rto: state.rto,
    srtt: state.srtt,
    timedBlock: state.timedBlock,
    timedAt: state.timedAt,
    sentAt: state.sentAt,
    spent: state.spent,
    tries: state.tries,
    progressAt: state.progressAt,
    hurried: state.hurried,
    retransmissions: state.retransmissions,
  }
}
