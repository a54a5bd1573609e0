// A mount that takes the place, and the numbers, of another one: TFTP does not go on to think of it what it thought of that.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openLibc } from '../../src/net/libc.ts'
import { CachedFiles } from '../../src/tftp/cached.ts'

test('what a file system is, is asked again within seconds', async (t) => {
  const libc = await openLibc()
  if ('unavailable' in libc) return t.fail(libc.unavailable)
  let time = 0
  const files = new CachedFiles(libc, () => time)
  const root = mkdtempSync(join(tmpdir(), 'pxe-pilot-mounts-'))
  t.teardown(() => rmdirSync(root))
  const open = (): string | undefined => {
    const known = files.open(root, 'file', 'inside')
    if (known?.kind === 'opened') libc.close(known.fd)
    return known?.kind
  }
  const mounted = (type: string, check: (numbers: string) => void) => {
    execFileSync('mount', ['-t', type, 'none', root])
    try {
      writeFileSync(join(root, 'file'), 'x')
      readFileSync(join(root, 'file'))
      const line = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .find((one) => one.includes(` ${root} `))
      check(
        /^(\d+) \d+ (\S+)/
          .exec(line ?? '')
          ?.slice(1)
          .join(' ') ?? '',
      )
    } finally {
      execFileSync('umount', ['-l', root])
    }
  }
  let before = ''
  mounted('tmpfs', (numbers) => {
    before = numbers
    t.is(open(), 'opened')
  })
  time += 5001
  // A type that is not on the list of those whose open() never hangs.
  mounted('ramfs', (numbers) => {
    t.log(`numbers before: ${before}, now: ${numbers}`)
    t.is(open(), undefined)
  })
})
