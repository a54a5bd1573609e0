// The man page that ships is that of the commands there are.

import { readFileSync } from 'node:fs'
import test from 'ava'
import { run } from './run.ts'

test('docs/pxe-pilot.1 is what the commands say of themselves; npm run manual writes it', async (t) => {
  const { code, stdout } = await run('manual')
  t.is(code, 0)
  t.is(stdout, readFileSync('docs/pxe-pilot.1', 'utf8'))
})

test('every command that docs/cli.md shows is there', async (t) => {
  const manual = readFileSync('docs/pxe-pilot.1', 'utf8').replaceAll('\\-', '-')
  const shown = [...readFileSync('docs/cli.md', 'utf8').matchAll(/^ {4}\$ pxe-pilot ([a-z]+(?: [a-z]+)?)/gm)]
  t.true(shown.length > 4)
  for (const [, words = ''] of shown) t.true(new RegExp(`fB${words.split(' ')[0]}\\b`).test(manual), words)
})
