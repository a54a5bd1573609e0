// Stores that earlier versions made are brought up to date; one of a later version is left alone.

import { readFileSync } from 'node:fs'
import test from 'ava'
import Database from 'libsql'
import { openFile } from '../../src/store/open.ts'
import { freshPath } from './crash.ts'

/** As the first version to have a store left one, counted by the library it used. */
function oldStore(path: string): void {
  const database = new Database(path)
  database.exec(`
    create table kysely_migration (name text primary key, timestamp text not null);
    insert into kysely_migration values ('0001-leases-and-assignments', ''), ('0002-journal', '');
    create table lease (ip bigint primary key, mac text not null, client_id text, hostname text, state text not null,
      since bigint not null, expires bigint not null);
    create table assignment (host text primary key, configuration text not null);
    create table registered_host (name text primary key, mac text not null unique);
    create table journal (generation bigint not null, moved bigint not null);
    insert into lease values (172818561, '52:54:00:00:00:01', null, 'h1', 'bound', 1, 2);
    insert into assignment values ('52-54-00-00-00-01', 'ubuntu');
    insert into registered_host values ('52-54-00-00-00-01', '52:54:00:00:00:01')`)
  database.close()
}

test('what an old store holds is there in the new one, and a second opening changes nothing', async (t) => {
  const path = freshPath()
  oldStore(path)
  for (let times = 0; times < 2; times++) {
    const store = await openFile(path)
    const { leases, assignments, hosts } = await store.load()
    t.is(leases[0]?.mac, '52:54:00:00:00:01' as never)
    t.deepEqual(assignments, [['52-54-00-00-00-01', 'ubuntu']])
    t.like(hosts[0], { name: '52-54-00-00-00-01', origin: 'registered', locked: false, vars: {} })
    t.deepEqual(hosts[0]?.macs, ['52:54:00:00:00:01' as never])
    await store.close()
  }
})

test('a store of a later version is refused, and left as it is', async (t) => {
  const path = freshPath()
  await (await openFile(path)).close()
  const database = new Database(path)
  database.exec('pragma user_version = 99')
  database.close()
  const before = readFileSync(path)
  await t.throwsAsync(openFile(path), { message: /later version of PXE Pilot/ })
  t.deepEqual(readFileSync(path), before)
})
