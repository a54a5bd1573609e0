// `store copy` into PostgreSQL and out of it again.

import test from 'ava'
import { copyStore } from '../../src/store-copy.ts'
import { freshPath } from '../store/crash.ts'
import { filled, heldBy } from '../store/filled.ts'
import { PostgresServer } from './server.ts'

test('from a file to PostgreSQL and back nothing is lost, and no password is told', async (t) => {
  const server = await PostgresServer.start()
  const [from, back] = [freshPath(), freshPath()]
  const state = await filled(from, 20_000)
  const url = (await server.fresh()).replace('postgres@', 'postgres:hush@')
  const said: string[] = []
  const copy = (source: string, store: string) => copyStore(source, { store }, (line) => said.push(line))
  await copy(from, url)
  t.deepEqual(await heldBy(url), state)
  const refused = await t.throwsAsync(copy(from, url), { message: /not empty: it holds 1 hosts, .* 20000/ })
  const owner = await server.sql('pxe1', 'select generation from journal')
  await copy(url, back)
  t.deepEqual(await server.sql('pxe1', 'select generation from journal'), owner, 'it is read alone')
  t.deepEqual(await heldBy(back), state)
  t.is(said.length, 2)
  const unused = await server.fresh()
  await t.throwsAsync(copy(unused, freshPath()), { message: /^There is no store postgres:/ })
  t.deepEqual(await server.sql(unused, "select 1 from pg_tables where schemaname = 'public'"), [])
  t.notRegex([...said, refused?.message].join('\n'), /hush/)
})
