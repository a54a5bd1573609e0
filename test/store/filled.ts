// A store with some of all that one can hold.

import type { Host } from '../../src/model.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { openStore } from '../../src/store/open.ts'
import type { StoredState } from '../../src/store/store.ts'
import { claim, leaseOf, upTo } from './crash.ts'

const host: Host = {
  name: 'h1',
  macs: [parseMac('52:54:00:00:00:01') as Mac],
  origin: 'added',
  locked: true,
  firmware: 'uefi-x64',
  vars: { rack: '7' },
  options: [],
}

/** Fills the store at `where`; yields what it holds. */
export async function filled(where: string, leases = 3): Promise<StoredState> {
  const store = await openStore(where)
  const change = { host: 'h1', configuration: { before: 'ubuntu', after: 'local' } }
  const made = { at: 1_000, action: 'deploy', by: 'ci', from: '10.77.0.9', changes: [change] } as const
  await store.apply([
    { kind: 'host', host },
    { kind: 'assignment', host: 'h1', configuration: 'local' },
    { kind: 'assignment', host: 'h2', configuration: 'ubuntu' },
    ...upTo(leases).map((id) => claim({ ...leaseOf(id), clientId: `01${id}`, hostname: `n${id}` })),
    // The entries before are forgotten already.
    ...upTo(2, 7).map((id) => ({ kind: 'audit', entry: { id, ...made }, oldest: 7 }) as const),
    { kind: 'hold', hold: { since: 1_000, by: 'ci', from: '10.77.0.9', reason: 'a wrong seed' } },
    { kind: 'imported' },
  ])
  await store.close()
  return await heldBy(where)
}

export async function heldBy(where: string): Promise<StoredState> {
  const store = await openStore(where)
  const state = await store.load()
  await store.close()
  return { ...state, leases: state.leases.toSorted((a, b) => a.ip - b.ip) }
}
