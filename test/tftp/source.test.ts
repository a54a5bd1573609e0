// What a transfer sends, and where it comes from: texts, files read ahead, loaders, and whichever of several is there.

import { openSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import * as fc from 'fast-check'
import type { Answer, Decision } from '../../src/boot/decide.ts'
import { openLibc, type Libc } from '../../src/net/libc.ts'
import { Files } from '../../src/tftp/answer.ts'
import { Disk } from '../../src/disk.ts'
import { toNetascii } from '../../src/tftp/netascii.ts'
import { fileOf } from '../../src/tftp/opened.ts'
import { firstRead } from '../../src/tftp/pieces.ts'
import { FileSource, textSource, type Source } from '../../src/tftp/source.ts'
import { readAhead } from '../../src/tftp/transfer.ts'
import { tree } from '../folder.ts'
import { openFiles, pattern, until } from './memory.ts'

const disk = new Disk(4, 1000, () => 0)
let libc: Libc | undefined
test.before(async (t) => {
  const called = await openLibc()
  if ('unavailable' in called) t.fail(called.unavailable)
  else libc = called
})

function copied(source: Source, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from)
  source.copy(bytes, 0, from, to)
  return bytes
}

async function openSource(path: string, size: number, withLibc: Libc | undefined): Promise<FileSource> {
  return new FileSource(fileOf(await open(path), size, disk, withLibc), false, disk)
}

for (const has of ['no libc', 'libc']) {
  test(`a file is read piece by piece, each only once, and closed at its end (${has})`, async (t) => {
    const content = pattern(firstRead + 2 * readAhead + 5)
    const root = tree({ file: content })
    const source = await openSource(join(root, 'file'), content.length, has === 'libc' ? libc : undefined)
    await source.open()
    t.is(source.ready, firstRead)
    t.is(source.size, content.length)
    t.false(source.ended)
    t.true(copied(source, 100, 700).equals(content.subarray(100, 700)))
    await source.more(0)
    t.true(
      copied(source, firstRead - 10, firstRead + 10).equals(content.subarray(firstRead - 10, firstRead + 10)),
    )
    await source.more(firstRead)
    t.deepEqual(copied(source, 0, 10), Buffer.alloc(10), 'what the client has is given up')
    await source.more(firstRead + readAhead)
    t.true(source.ended)
    t.is(source.ready, content.length)
    t.true(copied(source, content.length - 20, content.length).equals(content.subarray(content.length - 20)))
    await until(() => openFiles(root) === 0)
    t.notThrows(() => source.close())
  })
}

test('a read of what is in memory that yields nothing is no end: the disk is asked', async (t) => {
  const content = pattern(firstRead + 100)
  const root = tree({ file: content })
  const file = fileOf(await open(join(root, 'file')), content.length, disk, undefined)
  const source = new FileSource({ ...file, readNow: () => 0 }, false, disk)
  await source.open()
  await source.more(0)
  t.true(source.ended)
  t.true(copied(source, 0, content.length).equals(content))
})

test('a file that grows keeps the size it began with', async (t) => {
  const root = tree({ file: pattern(firstRead + 100) })
  const source = await openSource(join(root, 'file'), firstRead + 100, libc)
  await source.open()
  writeFileSync(join(root, 'file'), pattern(firstRead + 5000))
  await source.more(0)
  t.true(source.ended)
  t.is(source.ready, firstRead + 100)
})

test('closing while a read is under way lets it end, and closes once', async (t) => {
  const root = tree({ file: pattern(2_000_000) })
  const source = await openSource(join(root, 'file'), 2_000_000, undefined)
  await source.open()
  const read = source.more(0)
  source.close()
  source.close()
  // The number of the descriptor must not be given to another file while the read is still on it.
  const other = openSync(join(root, 'file'), 'r')
  t.true(readFileSync(other).equals(pattern(2_000_000)))
  await read?.catch(() => undefined)
  await until(() => openFiles(root) === 1)
})

test('netascii piece by piece is netascii of the whole', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.nat(100), (text, cut) => {
      const bytes = Buffer.from(`${text}\r\n\r\0\n`)
      const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)].map(toNetascii)
      const back = Buffer.concat(pieces).toString('latin1').replaceAll('\r\n', '\n').replaceAll('\r\0', '\r')
      return back === bytes.toString('latin1') && Buffer.concat(pieces).equals(toNetascii(bytes))
    }),
  )
  t.is(textSource(Buffer.from('a\n'), true).size, 3)
})

const decision = (...answers: Answer[]): Decision => ({ answers, reason: { rule: 'file', because: '' } })
const file = (path: string): Answer => ({ kind: 'file', root: 'tftp', path })

async function find(root: string, ...answers: Answer[]) {
  const texts = []
  // Without libc, with it, and with it when the kernel knows the names.
  for (const withLibc of [undefined, libc, libc]) {
    const files = new Files({ root, links: 'inside', disk, libc: withLibc })
    const found = await files.find(decision(...answers), false, () => true)
    if (found.kind === 'found') {
      texts.push(copied(found.source, 0, found.source.ready).toString('latin1'))
      found.source.close()
    } else texts.push(found.kind)
  }
  const [text, ...others] = texts
  return others.every((other) => other === text) ? text : texts.join(' or ')
}

test('the first of several answers that is there', async (t) => {
  const root = tree({ a: 'a', 'folder/x': 'x' })
  const system = join(tree({ loader: 'loader' }), 'loader')
  const text: Answer = { kind: 'text', body: 'text' }
  t.is(await find(root, file('a'), text), 'a')
  t.is(await find(root, file('none'), text), 'text')
  t.is(await find(root, file('folder'), text), 'text')
  t.is(await find(root, file('none'), file('a')), 'a')
  t.is(await find(root, file('none'), { kind: 'loader', path: system }), 'loader')
  t.is(await find(root, { kind: 'file', root: 'http', path: 'a' }), 'missing')
  t.is(await find(root), 'missing')
  t.is(await find(root, file('none'), file('other')), 'missing')
  t.is(await find(root, file('none'), file('folder'), file('other')), 'refused')
  symlinkSync('/etc/passwd', join(root, 'link'))
  t.is(await find(root, file('link')), 'refused')
  // A thread closes each.
  await until(() => openFiles(root) === 0)
  t.pass()
})

test('a text keeps the encoding it was read in', async (t) => {
  const body = '# \u00e9\u00ff'
  const files = new Files({ root: '/', links: 'inside', disk })
  const latin = await files.find(decision({ kind: 'text', body, encoding: 'latin1' }), false, () => true)
  t.is(latin.kind, 'found')
  if (latin.kind === 'found')
    t.deepEqual(copied(latin.source, 0, latin.source.ready), Buffer.from(body, 'latin1'))
  t.is(await find('/', { kind: 'text', body }), Buffer.from(body).toString('latin1'))
})

test('what changes on the disk is served changed by the very next request', async (t) => {
  const root = tree({ a: 'one' })
  t.is(await find(root, file('a')), 'one')
  for (let round = 0; round < 50; round++) {
    const [same, other] = [String(round).padStart(3, 'x'), String(round).padStart(3, 'y')]
    writeFileSync(join(root, 'a'), same)
    t.is(await find(root, file('a')), same)
    writeFileSync(join(root, 'b'), other)
    renameSync(join(root, 'b'), join(root, 'a'))
    t.is(await find(root, file('a')), other)
    t.is(await find(root, file('b')), 'missing')
    unlinkSync(join(root, 'a'))
    t.is(await find(root, file('a')), 'missing')
  }
})
