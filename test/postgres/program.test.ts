// The whole appliance with its store in PostgreSQL: a deploy is answered when it is on disk there, or says why it is not.

import { readlinkSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { macOf, Site } from '../main/program.ts'
import { PostgresServer } from './server.ts'

const mac = macOf(1)

async function siteWith(t: ExecutionContext, url: string) {
  const site = await Site.make(t)
  await site.write('tftproot/conf/x', 'DEFAULT x\nLABEL x\n  LOCALBOOT 0\n')
  const settings = site.settings().replace('./var/pxe-pilot.db', url)
  const file = await site.write('pxe-pilot.yml', settings)
  const start = async () => {
    const daemon = site.run(['server', '-c', file])
    await daemon.transcript.waitFor(/PXE Pilot is ready:[^]*Next:/, 30)
    return daemon
  }
  return { site, file, start }
}

test('a deploy outlives kill -9; without PostgreSQL it is 503 and changes nothing, and with it again 200', async (t) => {
  const server = await PostgresServer.start()
  const url = (await server.fresh()).replace('postgres@', 'postgres:hush@')
  const { site, file, start } = await siteWith(t, url)
  const first = await start()
  t.is(await site.deploy('x', mac), 200)
  first.kill()
  await first.exited
  const daemon = await start()
  t.is((await site.assigned()).get(mac), 'x')
  const second = site.run(['server', '-c', file])
  t.is(await second.exited, 1)
  t.regex(
    second.transcript.text,
    /The store postgres:\/\/postgres@\S+ cannot be opened: another PXE Pilot has it/,
  )
  server.stop()
  const answer = await fetch(`http://127.0.0.1:${site.ports.api}/v1/configurations/local/deploy`, {
    method: 'PUT',
    body: JSON.stringify({ hosts: [{ macAddress: mac }] }),
  })
  t.is(answer.status, 503)
  const { Message } = (await answer.json()) as { Message: string }
  t.regex(Message, /^The database of the store is out of reach/)
  t.is((await site.assigned()).get(mac), 'x')
  await daemon.transcript.waitFor(/The store postgres.* cannot be used: .*ECONNREFUSED/, 10)
  server.run()
  await daemon.transcript.waitFor(/The store postgres.* can be used again/, 10)
  t.is(await site.deploy('local', mac), 200)
  t.is(await daemon.stop(), 0)
  t.notRegex(daemon.transcript.text, /hush|Deprecation/)
})

test('where PostgreSQL is not there at the start, one line says so', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  server.stop()
  const { site, file } = await siteWith(t, url)
  const daemon = site.run(['server', '-c', file])
  t.is(await daemon.exited, 1)
  t.regex(
    daemon.transcript.text,
    /The store postgres.* cannot be opened: connect ECONNREFUSED.*; see that PostgreSQL runs/,
  )
  t.notRegex(daemon.transcript.text, /\n\s+at /)
})

test('an appliance whose database hangs ends in time all the same', async (t) => {
  const server = await PostgresServer.start()
  const { site, start } = await siteWith(t, await server.fresh())
  const daemon = await start()
  const database = server.url('pxe1')
  const held = server
    .sql(database, 'begin; lock table assignment; select pg_sleep(30)')
    .catch(() => undefined)
  const isHeld =
    "select 1 from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'assignment'::regclass"
  while ((await server.sql(database, isHeld)).length === 0);
  const asked = site.deploy('x', mac).catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.is(await daemon.stop(5), 0)
  server.stop('immediate')
  await Promise.all([asked, held])
})

test('an appliance that finds that another has used its database says so, and ends', async (t) => {
  const server = await PostgresServer.start()
  const { start } = await siteWith(t, await server.fresh())
  const daemon = await start()
  await server.sql('pxe1', 'update journal set generation = 7')
  await server.sql(
    'pxe1',
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^pxe-pilot'",
  )
  t.is(await daemon.exited, 1)
  t.regex(daemon.transcript.text, /Another PXE Pilot has used the store postgres.*: this one ends/)
})

test('export writes the links of what the stopped appliance had deployed, and leaves the database as it is', async (t) => {
  const server = await PostgresServer.start()
  const { site, file, start } = await siteWith(t, await server.fresh())
  t.is(await site.run(['export', '-c', file]).exited, 0)
  t.deepEqual(await server.sql('pxe1', "select 1 from pg_tables where schemaname = 'public'"), [])
  const daemon = await start()
  t.is(await site.deploy('x', mac), 200)
  await daemon.stop()
  const owner = await server.sql('pxe1', 'select generation from journal')
  const command = site.run(['export', '-c', file])
  t.is(await command.exited, 0, command.transcript.text)
  t.deepEqual(await server.sql('pxe1', 'select generation from journal'), owner)
  const link = join(site.folder, 'tftproot/pxelinux.cfg', `01-${mac.replaceAll(':', '-')}`)
  t.is(readlinkSync(link), join(site.folder, 'tftproot/conf/x'))
})
