// The store in a file keeps the contract, and takes no other file for one.

import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'ava'
import { openStore } from '../../src/store/open.ts'
import { newFolder } from '../folder.ts'
import { holdsContract } from './contract.ts'

holdsContract(() => join(newFolder('store'), 'sub', 'pxe-pilot.db'))

test('a file that is no database is refused with its path', async (t) => {
  const path = join(newFolder('store'), 'x.db')
  writeFileSync(path, 'this is no database, and it is longer than the header of one would be')
  await t.throwsAsync(openStore(path), { message: new RegExp(path) })
})

test('a file that a misspelled setting names stays as it is: others go on reading it', async (t) => {
  const path = join(newFolder('store'), 'passwd')
  const text = 'root:x:0:0:root:/root:/bin/bash\n'
  writeFileSync(path, text)
  chmodSync(path, 0o644)
  await t.throwsAsync(openStore(path), { message: new RegExp(path) })
  t.is(readFileSync(path, 'utf8'), text)
  t.is(statSync(path).mode & 0o777, 0o644)
  t.deepEqual(readdirSync(dirname(path)), ['passwd'], 'and nothing is left beside it')
})
