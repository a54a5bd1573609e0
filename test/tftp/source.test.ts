// What a transfer sends, and where it comes from: texts, files read ahead, loaders, and whichever of several is there.

import { openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import * as fc from 'fast-check'
import type { Answer, Decision } from '../../src/boot/decide.ts'
import { findSource } from '../../src/tftp/answer.ts'
import { Disk } from '../../src/tftp/disk.ts'
import { toNetascii } from '../../src/tftp/netascii.ts'
import { FileSource, firstRead, textSource } from '../../src/tftp/source.ts'
import { readAhead } from '../../src/tftp/transfer.ts'
import { openFiles, pattern, tree, until } from './memory.ts'

const disk = new Disk(4, 1000, () => 0)

test('a file is read piece by piece, each only once, and closed at its end', async (t) => {
  const content = pattern(firstRead + 2 * readAhead + 5)
  const root = tree({ file: content })
  const handle = await open(join(root, 'file'))
  const source = new FileSource(handle, content.length, false, disk)
  await source.open()
  t.is(source.ready, firstRead)
  t.is(source.size, content.length)
  t.false(source.ended)
  t.true(source.slice(100, 700).equals(content.subarray(100, 700)))
  await source.more(0)
  t.true(
    source.slice(firstRead - 10, firstRead + 10).equals(content.subarray(firstRead - 10, firstRead + 10)),
  )
  await source.more(firstRead)
  t.is(source.slice(0, 10).length, 0, 'what the client has is given up')
  await source.more(firstRead + readAhead)
  t.true(source.ended)
  t.is(source.ready, content.length)
  t.true(source.slice(content.length - 20, content.length).equals(content.subarray(content.length - 20)))
  await until(() => openFiles(root) === 0)
  t.notThrows(() => source.close())
})

test('a file that grows keeps the size it began with', async (t) => {
  const root = tree({ file: pattern(firstRead + 100) })
  const source = new FileSource(await open(join(root, 'file')), firstRead + 100, false, disk)
  await source.open()
  writeFileSync(join(root, 'file'), pattern(firstRead + 5000))
  await source.more(0)
  t.true(source.ended)
  t.is(source.ready, firstRead + 100)
})

test('closing while a read is under way lets it end, and closes once', async (t) => {
  const root = tree({ file: pattern(2_000_000) })
  const source = new FileSource(await open(join(root, 'file')), 2_000_000, false, disk)
  await source.open()
  const read = source.more(0)
  source.close()
  source.close()
  // The number of the descriptor must not be given to another file while the read is still on it.
  const other = openSync(join(root, 'file'), 'r')
  t.true(readFileSync(other).equals(pattern(2_000_000)))
  await read.catch(() => undefined)
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
  const found = await findSource(decision(...answers), false, { root, links: 'inside', disk }, () => true)
  if (found.kind !== 'found') return found.kind
  const { source } = found
  const text = source.slice(0, source.ready).toString('latin1')
  source.close()
  return text
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
  t.is(openFiles(root), 0)
})

test('a text keeps the encoding it was read in', async (t) => {
  const body = '# \u00e9\u00ff'
  const latin = await findSource(
    decision({ kind: 'text', body, encoding: 'latin1' }),
    false,
    { root: '/', links: 'inside', disk },
    () => true,
  )
  t.is(latin.kind, 'found')
  if (latin.kind === 'found') t.deepEqual(latin.source.slice(0, 9), Buffer.from(body, 'latin1'))
  t.is(await find('/', { kind: 'text', body }), Buffer.from(body).toString('latin1'))
})
