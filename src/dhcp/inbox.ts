// The order in which datagrams are dealt with: whoever was offered an address goes before those who ask for one.

import type { Tell } from '../events.ts'
import { isDiscover } from './packet.ts'
import type { Receive } from './request.ts'

type Datagram = Parameters<Receive>

/** DISCOVERs are answered for so many milliseconds at a stretch: a REQUEST waits no longer than that, and a commit. */
const stretchMs = 2
/** So many DISCOVERs wait; whoever is not among them asks again (RFC 2131 4.1: after 4 s, and PXE ROMs the same). */
const mostWaiting = 512
const toldEveryMs = 60_000

/**
 * More DISCOVERs than can be answered must not keep a machine from the end of its exchange: each OFFER whose REQUEST is
 * lost in the crowd was for nothing. So DISCOVERs wait until all that has come in is seen, and the rest goes first.
 */
export class Inbox {
  private readonly receive: Receive
  private readonly first: () => void
  private readonly tell: Tell
  private readonly waiting: Datagram[] = []
  private isScheduled = false
  private dropped = 0
  private toldAt = -Infinity

  /** `first`: what goes before the DISCOVERs that wait. */
  constructor(receive: Receive, first: () => void, tell: Tell) {
    this.receive = receive
    this.first = first
    this.tell = tell
  }

  readonly put: Receive = (...datagram) => {
    const [, bytes] = datagram
    if (!isDiscover(bytes)) return this.receive(...datagram)
    if (this.waiting.length >= mostWaiting) return this.drop()
    this.waiting.push(datagram)
    if (this.isScheduled) return
    this.isScheduled = true
    // After all that is read from the sockets now: Node runs microtasks after each datagram that it reads itself.
    this.schedule()
  }

  private schedule(): void {
    setImmediate(() => {
      this.first()
      // Behind those who wait for that, and behind the sending of their ACKs (udp.ts).
      queueMicrotask(() => queueMicrotask(() => this.work()))
    })
  }

  private work(): void {
    const end = performance.now() + stretchMs
    let done = 0
    for (const datagram of this.waiting) {
      this.receive(...datagram)
      done++
      if (performance.now() > end) break
    }
    this.waiting.splice(0, done)
    this.isScheduled = this.waiting.length > 0
    if (this.isScheduled) this.schedule()
  }

  private drop(): void {
    this.dropped++
    const now = performance.now()
    if (now - this.toldAt < toldEveryMs) return
    const text =
      'more machines ask for an address than can be answered now: some of their DISCOVERs are left out, and come again'
    this.tell({ level: 'warn', step: 'dhcp.crowded', text, data: { dropped: this.dropped } })
    this.toldAt = now
    this.dropped = 0
  }
}
