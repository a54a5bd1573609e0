// kill -9 at any instant, of a real process: whatever it printed as acknowledged is there afterwards.

import test from 'ava'
import { openFile } from '../../src/store/open.ts'
import { freshPath, limits } from './crash.ts'
import { killed } from './killed.ts'

const rounds = 25
test(`${rounds} kills: nothing acknowledged is lost`, async (t) => {
  const path = freshPath()
  const acknowledged = new Set<number>()
  let first = 0
  for (let round = 0; round < rounds; round++) {
    const said = await killed(path, first, Math.random() * 60)
    t.true(said.length > 0, `round ${round}`)
    for (const id of said) acknowledged.add(id)
    const store = await openFile(path, { ...limits, journal: 16 * 1024 })
    const { leases, assignments } = await store.load()
    const held = new Set(leases.map(({ ip }) => ip - 0x0a000000))
    const lost = [...acknowledged].filter((id) => !held.has(id))
    t.deepEqual(lost, [], `round ${round}`)
    // The last of a host is never older than what was acknowledged last.
    t.true(Number(assignments[0]?.[1]) >= Math.max(...said), `round ${round}`)
    first = Math.max(...held) + 1
    await store.close()
  }
  t.log(`${acknowledged.size} changes were acknowledged`)
})
