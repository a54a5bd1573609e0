// A database that is damaged: it is kept aside, its copy goes on, and nothing that was deployed wipes a machine meanwhile.

import { closeSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { openFile } from '../../src/store/open.ts'
import type { StoreChange } from '../../src/store/store.ts'
import { applyEach, claim, copied, freshPath, idsOf, leaseOf, limits, upTo } from './crash.ts'

const claims = (count: number) => upTo(count).map((id) => claim(leaseOf(id)))
const installer: StoreChange = { kind: 'assignment', host: 'h1', configuration: 'ubuntu' }

function damage(path: string, from: number, length: number): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.alloc(length, 0x5a), 0, length, from)
  closeSync(fd)
}

const asideOf = (path: string) =>
  readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.damaged-`))

test('the copy of the last stop goes on, held, and the damaged file is kept', async (t) => {
  const path = freshPath()
  const store = await openFile(path, limits)
  await applyEach(store, [...claims(500), installer])
  await store.close()
  t.is((statSync(`${path}.copy`).mode & 0o777).toString(8), '600')
  damage(path, 0, 4096)
  const again = await openFile(path, limits)
  t.regex(again.damage ?? '', /was damaged .* kept as .* copy of .*hold --release/)
  const state = await again.load()
  t.deepEqual(idsOf(state), upTo(500))
  t.deepEqual(state.assignments, [['h1', 'ubuntu']])
  t.is(state.hold?.reason, 'the store was damaged')
  t.true(asideOf(path).length > 0)
  t.deepEqual(await again.apply([claim(leaseOf(501))]), ['ok'])
  await again.close()
  const third = await openFile(path, limits)
  t.is(third.damage, undefined)
  t.not((await third.load()).hold, null, 'until somebody releases it')
  await third.close()
})

test('a damaged page in the middle is found at the start', async (t) => {
  const path = freshPath()
  const store = await openFile(path, limits)
  await store.apply(claims(3000))
  await store.close()
  damage(path, 4096 * 8, 4096)
  const again = await openFile(path, limits)
  t.regex(again.damage ?? '', /was damaged/)
  t.is((await again.load()).leases.length, 3000)
  await again.close()
})

test('a database that is damaged while it is open never takes the place of its copy', async (t) => {
  const path = freshPath()
  const first = await openFile(path, limits)
  // More than SQLite keeps in memory.
  const wide = upTo(2000).map((id): StoreChange => {
    return { kind: 'assignment', host: `h${id}`, configuration: 'x'.repeat(2000) }
  })
  await first.apply([...claims(500), ...wide])
  await first.close()
  const store = await openFile(path, { ...limits, quiet: 20 })
  damage(path, 4096 * 2, statSync(path).size - 4096 * 2)
  await store.apply([claim(leaseOf(501))])
  await sleep(500)
  await store.close()
  const again = await openFile(path, limits)
  t.regex(again.damage ?? '', /was damaged .* copy of /)
  const state = await again.load()
  t.deepEqual(idsOf(state).slice(0, 500), upTo(500))
  t.is(state.assignments.length, 2000)
  t.not(state.hold, null)
  await again.close()
})

test('without a copy, or with a damaged one, it begins anew, held, and all is kept aside', async (t) => {
  for (const hasCopy of [false, true]) {
    const path = freshPath()
    const store = await openFile(path, limits)
    await applyEach(store, claims(3))
    const left = copied(path)
    await store.close()
    // What a killed process left in its WAL would heal it.
    rmSync(`${left}-wal`)
    damage(left, 0, 4096)
    if (hasCopy) {
      damage(path, 0, 4096)
      damage(`${path}.copy`, 0, 4096)
    }
    const at = hasCopy ? path : left
    const again = await openFile(at, limits)
    t.regex(again.damage ?? '', /begins anew/)
    const state = await again.load()
    t.deepEqual(state.leases, [])
    t.not(state.hold, null)
    t.is(asideOf(at).filter((name) => !/(?:-wal|\.log)$/.test(name)).length, hasCopy ? 2 : 1)
    await again.close()
  }
})

test('a copy is made when nothing was changed for a while, without a stop', async (t) => {
  const path = freshPath()
  const store = await openFile(path, { ...limits, quiet: 20 })
  // At once: on a slow disk it may be quiet between two.
  await store.apply(claims(25))
  const hasCopy = () => readdirSync(dirname(path)).includes(`${basename(path)}.copy`)
  for (let tries = 0; tries < 500 && !hasCopy(); tries++) await sleep(20)
  const left = copied(path)
  rmSync(`${left}-wal`)
  damage(left, 0, 4096)
  const again = await openFile(left, limits)
  t.deepEqual(idsOf(await again.load()), upTo(25))
  await again.close()
  await store.close()
})
