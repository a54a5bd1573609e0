// The store in PostgreSQL keeps the contract, and kill -9 of ours at any instant loses nothing.

import test from 'ava'
import { openStore } from '../../src/store/open.ts'
import { holdsContract } from '../store/contract.ts'
import { idsOf } from '../store/crash.ts'
import { killed } from '../store/killed.ts'
import { PostgresServer } from './server.ts'

let server: PostgresServer

test.before(async () => {
  server = await PostgresServer.start()
})

holdsContract(() => server.fresh())

test('10 kills: nothing acknowledged is lost', async (t) => {
  const url = await server.fresh()
  const acknowledged = new Set<number>()
  let first = 0
  for (let round = 0; round < 10; round++) {
    const said = await killed(url, first, Math.random() * 100)
    t.true(said.length > 0, `round ${round}`)
    for (const id of said) acknowledged.add(id)
    const store = await openStore(url)
    const state = await store.load()
    const held = new Set(idsOf(state))
    t.deepEqual(
      [...acknowledged].filter((id) => !held.has(id)),
      [],
      `round ${round}`,
    )
    t.true(Number(state.assignments[0]?.[1]) >= Math.max(...said), `round ${round}`)
    first = Math.max(...held) + 1
    await store.close()
  }
  t.log(`${acknowledged.size} changes were acknowledged`)
})
