// kill -9 at any instant, of a real process: whatever it printed as acknowledged is there afterwards.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { openStore } from '../../src/store/open.ts'
import { freshPath, limits } from './crash.ts'

const rounds = 25
const writer = fileURLToPath(new URL('writer.mjs', import.meta.url))

/** Yields the numbers that the writer had acknowledged when it was killed. */
async function killed(path: string, first: number, after: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [writer, path, String(first)])
  let said = ''
  let errors = ''
  child.stderr.on('data', (bytes) => (errors += String(bytes)))
  const begun = new Promise<void>((resolve) => {
    child.stdout.on('data', (bytes) => {
      said += String(bytes)
      resolve()
    })
  })
  await Promise.race([begun, once(child, 'close')])
  await new Promise((resolve) => setTimeout(resolve, after))
  child.kill('SIGKILL')
  await once(child, 'close')
  if (errors !== '') throw new Error(errors)
  // The last line may be torn, as any other write.
  return said.split('\n').slice(0, -1).map(Number)
}

test(`${rounds} kills: nothing acknowledged is lost`, async (t) => {
  const path = freshPath()
  const acknowledged = new Set<number>()
  let first = 0
  for (let round = 0; round < rounds; round++) {
    const said = await killed(path, first, Math.random() * 60)
    t.true(said.length > 0, `round ${round}`)
    for (const id of said) acknowledged.add(id)
    const store = await openStore(path, { ...limits, journal: 16 * 1024 })
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
