// What no store can be made of, or must not be, is refused with its name, the reason and what to do; never with a password.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openStore } from '../../src/store/open.ts'
import { reasonOf } from '../../src/store/postgres.ts'
import { newFolder } from '../folder.ts'
import { freeTcp } from '../ports.ts'
import { PostgresServer } from './server.ts'

let server: PostgresServer

test.before(async () => {
  server = await PostgresServer.start()
})

async function refused(t: ExecutionContext, url: string, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(openStore(url), { message })
  t.regex(error.message, /^The store postgres:\/\/\S+ cannot be opened: /)
}

test('where nobody listens', async (t) => {
  const url = `postgres://pxe:hush@127.0.0.1:${await freeTcp()}/pxe?password=hush`
  await refused(t, url, /^(?!.*hush).*postgres:\/\/pxe@127.*ECONNREFUSED.*; see that PostgreSQL runs there/)
})

test('a database or a user that is not there', async (t) => {
  await refused(t, server.url('nowhere'), /database "nowhere" does not exist; make it: createdb/)
  await refused(t, server.url('postgres', 'nobody'), /role "nobody" does not exist; make it: createuser/)
})

test('a server without TLS, and what of an address cannot be read', async (t) => {
  const warnings: string[] = []
  const warned = ({ message }: Error) => void warnings.push(message)
  process.on('warning', warned)
  t.teardown(() => process.off('warning', warned))
  const url = server.url('postgres')
  await refused(
    t,
    `${url}?sslmode=require`,
    /does not support SSL connections; switch ssl on there, or leave/,
  )
  await refused(t, `${url}?sslmode=verify-full&sslrootcert=/no/ca.pem`, /ENOENT.*open '\/no\/ca\.pem'$/)
  await refused(t, url.replace('@', ':%e9@'), /URI malformed; .* is written %25/)
  await refused(
    t,
    'postgres://pxe@localhost/pxe?host=/no',
    /connect ENOENT \/no\/.*; see that PostgreSQL runs/,
  )
  t.false(warnings.some((text) => text.includes('SECURITY')))
})

const coded = (code: string) => reasonOf(Object.assign(new Error('no'), { code }))

test('a certificate that proves nothing', (t) => {
  t.regex(
    coded('DEPTH_ZERO_SELF_SIGNED_CERT'),
    /^no; name the authority of its certificate: sslrootcert=FILE/,
  )
  t.regex(coded('ERR_TLS_CERT_ALTNAME_INVALID'), /^no; name the server as its certificate does/)
})

test('a user who may make no tables', async (t) => {
  await server.sql('postgres', 'create role guest login')
  await server.sql('postgres', 'create database others')
  await server.sql('others', 'revoke create on schema public from public')
  await refused(
    t,
    server.url('others', 'guest'),
    /permission denied for schema public; let the database be that of/,
  )
})

test('an encoding that cannot hold every name', async (t) => {
  const url = await server.fresh("encoding latin1 lc_collate 'C' lc_ctype 'C' template template0")
  await refused(t, url, /its encoding is LATIN1: make it with UTF8/)
})

test('tables of a later version, which are left as they are', async (t) => {
  const url = await server.fresh()
  await (await openStore(url)).close()
  await server.sql(url, 'update store_version set version = 99; update journal set generation = 7')
  await refused(t, url, /a later version of PXE Pilot made it \(99, and this one knows \d+\)/)
  const left = await server.sql(url, 'select version, generation from store_version, journal')
  t.deepEqual(left, [{ version: 99, generation: 7 }])
})

test('tables that are damaged, or somebody else’s', async (t) => {
  const damaged = await server.fresh()
  await (await openStore(damaged)).close()
  await server.sql(damaged, 'drop table lease')
  await refused(t, damaged, /relation "lease" does not exist/)
  const others = await server.fresh()
  await server.sql(others, 'create table host (number int)')
  await refused(t, others, /relation "host" already exists/)
  t.deepEqual(
    await server.sql(others, "select 1 from pg_tables where tablename = 'lease'"),
    [],
    'none is made',
  )
})

const opens = async (at: string) => (await openStore(at)).close()

test('a password comes from the address, from PGPASSWORD or from ~/.pgpass, and where none is that is said', async (t) => {
  const strict = await PostgresServer.start('scram-sha-256')
  const url = await strict.fresh()
  const file = join(newFolder('pgpass'), 'pgpass')
  process.env['PGPASSFILE'] = file
  await refused(t, url, /it asks for a password; .*PGPASSWORD.*\.pgpass/)
  writeFileSync(file, `127.0.0.1:${strict.port}:*:postgres:a secret\n`, { mode: 0o600 })
  await t.notThrowsAsync(opens(url))
  process.env['PGPASSWORD'] = 'wrong'
  await refused(
    t,
    url,
    /^(?!.*wrong).*password authentication failed for user "postgres"; the password comes from/,
  )
  process.env['PGPASSWORD'] = 'a secret'
  await t.notThrowsAsync(opens(url))
  delete process.env['PGPASSWORD']
  delete process.env['PGPASSFILE']
  await t.notThrowsAsync(opens(url.replace('postgres@', 'postgres:a%20secret@')))
})
