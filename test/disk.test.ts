// The way to the disk: never more at a time than allowed, in order, and at once an error where nothing moves any more.

import { EventEmitter, once } from 'node:events'
import test from 'ava'
import { Disk, DiskStuck } from '../src/disk.ts'
import { turns } from './tftp/memory.ts'

const always = () => true

/** Work that ends when it is told to. */
function work() {
  const events = new EventEmitter()
  const promise = once(events, 'end')
  // Those that are never begun fail nobody.
  promise.catch(() => undefined)
  const state = {
    begun: false,
    end: () => events.emit('end'),
    fail: (error: Error) => events.emit('error', error),
  }
  const run = () => {
    state.begun = true
    return promise
  }
  return { state, run }
}

test('as many at a time as allowed, the others in their order; a failure makes room, too', async (t) => {
  const disk = new Disk(2, 1000, () => 0)
  const jobs = Array.from({ length: 5 }, () => work())
  const results = jobs.map(({ run }) => disk.run(run))
  const begun = () => jobs.map(({ state }) => (state.begun ? 'x' : '-')).join('')
  t.is(begun(), 'xx---')
  jobs[1]?.state.end()
  await results[1]
  await turns()
  t.is(begun(), 'xxx--')
  jobs[0]?.state.fail(new Error('EIO'))
  await t.throwsAsync(async () => await results[0], { message: 'EIO' })
  await turns()
  t.is(begun(), 'xxxx-')
  for (const { state } of jobs) state.end()
  await Promise.all(results.slice(1))
  t.is(begun(), 'xxxxx')
})

test('never more at a time, also when those that end ask for more in the same breath', async (t) => {
  const disk = new Disk(3, 1000, () => 0)
  let running = 0
  let most = 0
  const short = () =>
    disk.run(async () => {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
    })
  const chain = async () => {
    for (let count = 0; count < 200; count++) await short()
  }
  await Promise.all(Array.from({ length: 20 }, chain))
  t.is(most, 3)
  t.is(running, 0)
})

test('work that nobody wants any more when its turn comes is not begun', async (t) => {
  const disk = new Disk(1, 1000, () => 0)
  const [first, second, third] = [work(), work(), work()]
  let isWanted = true
  const one = disk.run(first.run)
  const two = disk.run(second.run, () => isWanted)
  const three = disk.run(third.run)
  isWanted = false
  first.state.end()
  await one
  await t.throwsAsync(two, { message: 'nobody waits for it any more' })
  t.false(second.state.begun)
  third.state.end()
  await three
  t.true(third.state.begun)
})

test('when all that runs has taken too long, what waits and what comes fails at once, until one ends', async (t) => {
  let time = 0
  const disk = new Disk(2, 1000, () => time)
  const [first, second, third] = [work(), work(), work()]
  const one = disk.run(first.run)
  time = 900
  const two = disk.run(second.run)
  const waiting = disk.run(third.run)
  time = 1500
  const also = disk.run(third.run)
  await turns()
  t.false(third.state.begun, 'the younger one is not late yet')
  time = 1900
  await t.throwsAsync(
    disk.run(() => Promise.resolve()),
    { instanceOf: DiskStuck },
  )
  await t.throwsAsync(waiting, { instanceOf: DiskStuck })
  await t.throwsAsync(also, { instanceOf: DiskStuck })
  first.state.end()
  await one
  t.is(await disk.run(() => Promise.resolve('served')), 'served')
  second.state.end()
  await two
})

test('who waits for the disk is told so in time, also in the queue; what comes too late is undone', async (t) => {
  const disk = new Disk(1, 20, () => performance.now())
  const [first, second] = [work(), work()]
  const undone: unknown[] = []
  const one = disk.runWithin(20, always, first.run, (late) => undone.push(late))
  const two = disk.runWithin(20, always, second.run, (late) => undone.push(late))
  await t.throwsAsync(one, { instanceOf: DiskStuck })
  await t.throwsAsync(two, { instanceOf: DiskStuck })
  first.state.end()
  await turns()
  t.is(undone.length, 1)
  t.false(second.state.begun)
  t.is(await disk.runWithin(1000, always, () => Promise.resolve('served')), 'served')
})

test('a long queue before a disk that works is no hang', async (t) => {
  const disk = new Disk(1, 2000, () => performance.now())
  const slow = () =>
    disk.runWithin(2000, always, () => new Promise<string>((done) => setTimeout(done, 150, 'served')))
  const served = await Promise.all(Array.from({ length: 20 }, slow))
  t.is(served.length, 20)
})

test('what nobody waits for, as a close, takes its turn, outlasts a hang, and harms nobody when it fails', async (t) => {
  let time = 0
  const disk = new Disk(1, 1000, () => time)
  const [hung, close] = [work(), work()]
  const read = disk.run(hung.run)
  disk.afterwards(close.run)
  time = 5000
  await t.throwsAsync(disk.run(close.run), { instanceOf: DiskStuck })
  t.false(close.state.begun)
  hung.state.end()
  await read
  await turns()
  t.true(close.state.begun)
  close.state.fail(new Error('EIO'))
  await turns()
  t.is(await disk.run(() => Promise.resolve('served')), 'served')
})
