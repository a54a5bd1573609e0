// What the journal's changes come to in SQLite: a part of them at a time leaves the tables as one by one would.

import test from 'ava'
import * as fc from 'fast-check'
import { sliceOf } from '../../src/store/slice.ts'
import { State } from '../../src/store/state.ts'
import type { StoreChange, StoredState } from '../../src/store/store.ts'
import { leaseOf } from './crash.ts'

const empty: StoredState = { leases: [], assignments: [], hosts: [], audit: [], hold: null, imported: false }

function after(changes: readonly StoreChange[]) {
  const state = new State(empty)
  for (const change of changes) state.make(change)
  const { leases, assignments, hosts, ...rest } = state.snapshot()
  return {
    ...rest,
    leases: leases.toSorted((a, b) => a.ip - b.ip),
    assignments: assignments.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    hosts: hosts.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

const audit = (id: number, oldest: number): StoreChange => ({
  kind: 'audit',
  entry: { id, at: 0, action: 'deploy', by: '', from: '', changes: [] },
  oldest,
})

const few = fc.integer({ min: 0, max: 3 })
const hostOf = (number: number, vars: Readonly<Record<string, string>>) => {
  const { mac } = leaseOf(number)
  return { name: `h${number}`, macs: [mac], origin: 'added', locked: false, vars, options: [] } as const
}
const change = fc.oneof(
  few.map((number): StoreChange => ({ kind: 'lease', lease: leaseOf(number, 1), now: 0 })),
  fc.tuple(few, fc.constantFrom('a', 'b', null)).map(([number, configuration]): StoreChange => ({
    kind: 'assignment',
    host: `h${number}`,
    configuration,
  })),
  fc
    .tuple(few, fc.constantFrom('a', 'b'))
    .map(([number, a]): StoreChange => ({ kind: 'host', host: hostOf(number, { a }) })),
  few.map((number): StoreChange => ({ kind: 'host-removed', name: `h${number}` })),
  fc.constant<StoreChange>({ kind: 'hold', hold: null }),
)

test('any changes, moved by slices of any size, are the same as one by one', (t) => {
  const property = fc.property(
    fc.array(change, { maxLength: 60 }),
    fc.integer({ min: 1, max: 9 }),
    (all, most) => {
      const audited = all.flatMap((each, index) => [each, audit(index + 1, Math.max(1, index - 2))])
      const oldest = Math.max(1, all.length - 3)
      const written: StoreChange[] = []
      for (let left = audited; left.length > 0;) {
        const slice = sliceOf(left, most, oldest)
        if (slice.changes.length > most) return false
        written.push(...slice.changes)
        left = left.slice(slice.moved)
      }
      t.deepEqual(after(written), after(audited))
      return true
    },
  )
  t.notThrows(() => fc.assert(property, { numRuns: 300 }))
})

test('a host that is deployed to again and again is written once', (t) => {
  const all = Array.from({ length: 15 }, (_, number): StoreChange[] => [
    { kind: 'assignment', host: 'h', configuration: `c${number}` },
    audit(number, 14),
  ]).flat()
  t.deepEqual(sliceOf(all, 5, 14), { moved: 30, changes: all.slice(-2) })
})
