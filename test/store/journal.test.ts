// The journal's file alone: what is replayed is what was appended in its generation, up to the first damage.

import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import test from 'ava'
import { openJournal } from '../../src/store/journal.ts'
import { freshPath } from './crash.ts'

const size = 4096

function written(path: string, generation: number, texts: readonly string[]): void {
  const journal = openJournal(path, size)
  journal.restart(generation)
  for (const text of texts) journal.append(Buffer.from(text))
  journal.close()
}

function replayed(path: string, generation: number): readonly string[] {
  const journal = openJournal(path, size)
  const texts = journal.replay(generation).map(String)
  journal.close()
  return texts
}

function flip(path: string, at: number, bit: number): void {
  const fd = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  writeSync(
    fd,
    byte.map((value) => value ^ (1 << bit)),
    0,
    1,
    at,
  )
  closeSync(fd)
}

test('what was appended is replayed in order, and appending goes on behind it', (t) => {
  const path = freshPath()
  written(path, 7, ['a', '', 'längere Sätze'])
  const journal = openJournal(path, size)
  t.deepEqual(journal.replay(7).map(String), ['a', '', 'längere Sätze'])
  journal.append(Buffer.from('d'))
  journal.close()
  t.deepEqual(replayed(path, 7), ['a', '', 'längere Sätze', 'd'])
})

test('the file has its full size from the start and keeps it', (t) => {
  const path = freshPath()
  written(path, 7, ['a', 'b'])
  t.is(statSync(path).size, size)
})

test('a file whose making was cut short is made whole', (t) => {
  const path = freshPath()
  closeSync(openSync(path, 'w'))
  written(path, 7, ['a'])
  t.is(statSync(path).size, size)
  t.deepEqual(replayed(path, 7), ['a'])
})

test('each single bit of the last record, flipped, ends the replay before it', (t) => {
  const path = freshPath()
  written(path, 7, ['first', 'last'])
  const from = 12 + 'first'.length
  for (let at = from; at < from + 12 + 'last'.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      flip(path, at, bit)
      t.deepEqual(replayed(path, 7), ['first'], `bit ${bit} of byte ${at}`)
      flip(path, at, bit)
    }
  }
  t.deepEqual(replayed(path, 7), ['first', 'last'])
})

test('a record torn at any byte ends the replay before it', (t) => {
  const path = freshPath()
  written(path, 7, ['first', 'last'])
  const from = 12 + 'first'.length
  for (let at = from + 12 + 'last'.length - 1; at >= from; at--) {
    const fd = openSync(path, 'r+')
    writeSync(fd, Buffer.alloc(1), 0, 1, at)
    closeSync(fd)
    t.deepEqual(replayed(path, 7), ['first'], `from byte ${at}`)
  }
})

test('an older generation behind a newer one is garbage, even where its record begins right there', (t) => {
  const path = freshPath()
  written(path, 7, ['old1', 'old2', 'old3'])
  written(path, 8, ['new1'])
  t.deepEqual(replayed(path, 8), ['new1'])
  t.deepEqual(replayed(path, 7), [])
})

test('it is full when a record does not fit to the byte', (t) => {
  const journal = openJournal(freshPath(), size)
  journal.restart(7)
  t.true(journal.fits(Buffer.alloc(size - 12)))
  t.false(journal.fits(Buffer.alloc(size - 11)))
  journal.append(Buffer.alloc(size / 2))
  t.true(journal.isHalfFull)
  journal.append(Buffer.alloc(size / 2 - 24))
  t.false(journal.fits(Buffer.alloc(0)))
  journal.restart(8)
  t.false(journal.isHalfFull)
  journal.close()
})

test('an append that fails throws', (t) => {
  const journal = openJournal(freshPath(), size)
  journal.close()
  t.throws(() => journal.append(Buffer.from('a')), { code: 'EBADF' })
})

const full = existsSync('/dev/full') ? test : test.skip

full('where there is no room for it, the error names the file and the cause', (t) => {
  const path = freshPath()
  symlinkSync('/dev/full', path)
  t.throws(() => openJournal(path, size), { message: new RegExp(`${path}.*ENOSPC`) })
})

test('a good journal needs no room to be opened', (t) => {
  const path = freshPath()
  written(path, 7, ['a'])
  const before = readFileSync(path)
  t.deepEqual(replayed(path, 7), ['a'])
  t.deepEqual(readFileSync(path), before)
})
