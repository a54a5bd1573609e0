// Option negotiation: what a client asked for, and what of it a transfer keeps to (RFC 2347, 2348, 2349, 7440).

import type { Option } from './packet.ts'

export type Terms = {
  /** Octets of a full block. */
  readonly blksize: number
  /** Blocks that may be on their way without an ACK. */
  readonly windowsize: number
  /** Milliseconds before a packet is sent again, where the client said. */
  readonly timeoutMs?: number | undefined
  /** The OACK, in the client's order; empty: none is sent. PXELINUX aborts on an option it did not ask for. */
  readonly oack: readonly Option[]
}

/** RFC 2348: what the block of a 16-bit UDP length holds. */
const biggestBlock = 65464
const smallestBlock = 8

/**
 * At most this many octets leave without an ACK, repetitions and all, whatever window is asked for: a spoofed request
 * is cheap.
 */
export const mostUnacknowledged = 65536
/** Times that something is sent again. */
export const mostTries = 6

/**
 * A value out of its range, or no number, leaves its option out: the client then has the default.
 * `size`: octets that will be sent; undefined where that is not known beforehand.
 */
export function negotiate(options: readonly Option[], size: number | undefined): Terms {
  // RFC 2347: an option may be specified once; the first counts.
  const asked = new Map(options.toReversed())
  const block = number(asked.get('blksize'))
  const blksize = block === undefined || block < smallestBlock ? undefined : Math.min(block, biggestBlock)
  const timeout = within(number(asked.get('timeout')), 1, 255)
  const window = within(number(asked.get('windowsize')), 1, 65535)
  const most = Math.max(1, Math.floor(mostUnacknowledged / (blksize ?? 512)) - mostTries)
  const windowsize = window === undefined ? undefined : Math.min(window, most)
  const kept: Readonly<Record<string, number | undefined>> = {
    blksize,
    timeout,
    windowsize,
    // curl takes a size of 0 for a fault and leaves; to all others, none is as good.
    tsize: number(asked.get('tsize')) === undefined || size === 0 ? undefined : size,
  }
  const oack: Option[] = []
  for (const name of new Set(options.map(([asking]) => asking))) {
    const value = Object.hasOwn(kept, name) ? kept[name] : undefined
    if (value !== undefined) oack.push([name, String(value)])
  }
  return {
    blksize: blksize ?? 512,
    windowsize: windowsize ?? 1,
    timeoutMs: timeout === undefined ? undefined : timeout * 1000,
    oack,
  }
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function within(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined
}
