// A worker of the program for its tests: the table it follows, deploys as the registry makes them, and what it told.

import type { Worker } from 'node:worker_threads'
import type { ExecutionContext } from 'ava'
import { applyDelta, emptyTable, snapshotOf, type Change, type Delta } from '../src/boot/table.ts'
import type { Event } from '../src/events.ts'
import type { Fed, ServerThread } from '../src/worker/thread.ts'
import { h1, site } from './tftp/memory.ts'

/** What `open` makes, not started yet, with h1 and `changes` in its table; it ends with the test. */
export function feed<Own>(
  t: ExecutionContext,
  open: (fed: Fed) => ServerThread<Own>,
  changes: readonly Change[] = [],
) {
  const table = emptyTable()
  applyDelta(table, { revision: 1, changes: [{ kind: 'host', host: h1 }, ...changes] })
  const events: Event[] = []
  const host = open({ site, snapshot: () => snapshotOf(table), tell: (event) => void events.push(event) })
  t.teardown(() => host.stop())
  const deploy = async (configuration: string, name = h1.name) => {
    const wanted: Change = { kind: 'assignment', host: name, configuration }
    const delta: Delta = { revision: table.revision + 1, changes: [wanted] }
    applyDelta(table, delta)
    host.follow(delta)
  }
  return { host, table, events, deploy }
}

/** The thread itself: what tests break. */
export function threadOf<Own>(host: ServerThread<Own>): Worker {
  return (host as unknown as { worker: Worker }).worker
}
