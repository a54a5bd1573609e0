// Files under a root and nowhere else, also while somebody changes the tree under our hands.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { findUnder, openFound, openUnder, readOwn } from '../src/files.ts'
import { newFolder } from './folder.ts'

function folder(): string {
  const base = newFolder('files')
  mkdirSync(join(base, 'root/sub'), { recursive: true })
  mkdirSync(join(base, 'root-evil'))
  writeFileSync(join(base, 'root/file'), 'file')
  writeFileSync(join(base, 'root/sub/inner'), 'inner')
  writeFileSync(join(base, 'root-evil/secret'), 'secret')
  return base
}

test('a regular file, its size and where it really lies', async (t) => {
  const base = folder()
  const root = join(base, 'root')
  symlinkSync('sub/inner', join(root, 'link'))
  t.like(await findUnder(root, 'file', 'inside'), { kind: 'found', path: join(root, 'file'), size: 4 })
  t.like(await findUnder(root, '/sub//inner', 'inside'), { kind: 'found', path: join(root, 'sub/inner') })
  t.like(await findUnder(root, 'link', 'inside'), { kind: 'found', path: join(root, 'sub/inner') })
  symlinkSync(root, join(base, 'root-link'))
  t.like(
    await findUnder(join(base, 'root-link'), 'file', 'inside'),
    { kind: 'found' },
    'a root that is a link',
  )
})

test('what is not there is missing; what leads out or is no file is refused with its reason', async (t) => {
  const base = folder()
  const root = join(base, 'root')
  symlinkSync('../root-evil/secret', join(root, 'out'))
  symlinkSync(join(base, 'root-evil'), join(root, 'evil'))
  symlinkSync('loop', join(root, 'loop'))
  symlinkSync('/dev/zero', join(root, 'zero'))
  symlinkSync('nowhere', join(root, 'dangling'))
  execFileSync('mkfifo', [join(root, 'fifo')])
  for (const path of ['none', 'none/file', 'file/below', 'dangling', 'n'.repeat(300), 'n/'.repeat(3000)]) {
    t.is((await findUnder(root, path, 'inside')).kind, 'missing', path.slice(0, 20))
  }
  const refused: readonly (readonly [string, 'inside' | 'anywhere', RegExp])[] = [
    ['../root-evil/secret', 'anywhere', /climbs out/],
    ['sub/../../root-evil/secret', 'anywhere', /climbs out/],
    ['sub/..', 'anywhere', /climbs out/],
    ['fi\0le', 'anywhere', /NUL/],
    ['out', 'inside', /link leads out/],
    ['evil/secret', 'inside', /link leads out/],
    ['loop', 'inside', /circle/],
    ['sub', 'inside', /no regular file/],
    ['', 'inside', /no regular file/],
    ['fifo', 'inside', /no regular file/],
    ['zero', 'anywhere', /no regular file/],
  ]
  for (const [path, links, because] of refused) {
    const found = await findUnder(root, path, links)
    t.is(found.kind, 'refused', path)
    if (found.kind === 'refused') t.regex(found.because, because)
    t.is((await openUnder(root, path, links)).kind, 'refused', path)
  }
  t.like(await findUnder(root, 'out', 'anywhere'), { kind: 'found', path: join(base, 'root-evil/secret') })
})

test('openFound follows no link and waits for no FIFO', async (t) => {
  const root = join(folder(), 'root')
  symlinkSync('file', join(root, 'link'))
  await t.throwsAsync(openFound(join(root, 'link')), { code: 'ELOOP' })
  execFileSync('mkfifo', [join(root, 'fifo')])
  const handle = await openFound(join(root, 'fifo'))
  await handle.close()
})

test('a file of the settings is a regular one, and of some size: a FIFO holds nobody up', (t) => {
  const base = folder()
  execFileSync('mkfifo', [join(base, 'fifo')])
  writeFileSync(join(base, 'big'), '')
  truncateSync(join(base, 'big'), 1024 * 1024 + 1)
  symlinkSync('root/file', join(base, 'link'))
  for (const [name, message] of [
    ['fifo', /no regular file/],
    ['root', /no regular file/],
    ['big', /larger than 1 MiB/],
    ['none', /ENOENT/],
  ] as const) {
    t.throws(() => readOwn(join(base, name), 1024 * 1024), { message }, name)
  }
  t.is(readOwn(join(base, 'link'), 1024 * 1024), readOwn(join(base, 'root/file'), 1024 * 1024))
})

test('a folder that turns into a link out of the root while files are opened: never the file outside', async (t) => {
  const base = folder()
  const root = join(base, 'root')
  writeFileSync(join(base, 'root-evil/inner'), 'secret')
  symlinkSync(join(base, 'root-evil'), join(base, 'link'))
  const control = new AbortController()
  const swap = async () => {
    while (!control.signal.aborted) {
      renameSync(join(root, 'sub'), join(base, 'away'))
      renameSync(join(base, 'link'), join(root, 'sub'))
      await new Promise((resolve) => setImmediate(resolve))
      renameSync(join(root, 'sub'), join(base, 'link'))
      renameSync(join(base, 'away'), join(root, 'sub'))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const swapping = swap()
  const texts = new Set<string>()
  for (let count = 0; count < 500; count++) {
    const opened = await openUnder(root, 'sub/inner', 'inside')
    if (opened.kind !== 'opened') continue
    texts.add((await opened.handle.readFile()).toString())
    await opened.handle.close()
  }
  control.abort()
  await swapping
  t.deepEqual([...texts], ['inner'])
})

test('a file that editors replace by a rename all the time is always there, whole', async (t) => {
  const root = join(folder(), 'root')
  const control = new AbortController()
  const replace = async () => {
    for (let count = 0; !control.signal.aborted; count++) {
      writeFileSync(join(root, '.new'), `version ${count}`)
      renameSync(join(root, '.new'), join(root, 'file'))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  writeFileSync(join(root, 'file'), 'version 0')
  const replacing = replace()
  for (let count = 0; count < 300; count++) {
    const opened = await openUnder(root, 'file', 'inside')
    t.is(opened.kind, 'opened')
    if (opened.kind !== 'opened') break
    t.regex((await opened.handle.readFile()).toString(), /^version \d+$/)
    await opened.handle.close()
  }
  control.abort()
  await replacing
  rmSync(join(root, 'file'))
  t.is((await openUnder(root, 'file', 'inside')).kind, 'missing')
  t.false(readdirSync('/proc/self/fd').length > 100)
})
