// docs/api.md against the code: every route and every code of a fault, and no other.

import { readFileSync } from 'node:fs'
import test from 'ava'
import { routes } from '../../src/api/routes.ts'
import { faultStatus } from '../../src/faults.ts'

const docs = readFileSync('docs/api.md', 'utf8')
test('docs/api.md has a row for each route, and none for another', (t) => {
  const documented = routes.map(
    ({ method, path }) =>
      `${method.toUpperCase()} /v1${path.replaceAll(/:\w+/g, (name) => name.slice(1).toUpperCase())}`,
  )
  const rows = [...docs.matchAll(/^\| `([A-Z]+ \/[^`]*)` +\|/gm)].map(([, row]) => row)
  t.true(routes.length > 5)
  t.deepEqual(rows.toSorted(), documented.toSorted())
})

test('docs/api.md calls no path that is not there', (t) => {
  const called = [...docs.matchAll(/curl .*http:\/\/pxe-server:3478(?:\/v1)?(\/[a-z]+)/g)].map(
    ([, path]) => path,
  )
  t.true(called.length > 5)
  for (const start of called)
    t.true(
      routes.some(({ path }) => path.startsWith(start ?? '?')),
      start,
    )
})

test('docs/api.md has a row for each code, with its status', (t) => {
  const rows = [...docs.matchAll(/^\| (\d{3}) +\| `(\w+)`/gm)].map(([, status, code]) => `${status} ${code}`)
  const codes = Object.entries(faultStatus).map(([code, status]) => `${status} ${code}`)
  t.deepEqual(rows.toSorted(), codes.toSorted())
})
