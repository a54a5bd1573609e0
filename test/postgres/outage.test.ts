// PostgreSQL goes away amid changes, in every way it can: nothing acknowledged is lost, nothing refused comes back.

import { createServer, connect, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import type { Event } from '../../src/events.ts'
import { faults } from '../../src/faults.ts'
import { openStore } from '../../src/store/open.ts'
import type { Outcome, Store, StoreChange } from '../../src/store/store.ts'
import { freeTcp } from '../ports.ts'
import { claim, idsOf, leaseOf, upTo } from '../store/crash.ts'
import { PostgresServer } from './server.ts'

const assign = (configuration: string): StoreChange => ({ kind: 'assignment', host: 'h', configuration })

/** A store, and what it tells. */
async function opened(t: ExecutionContext, url: string) {
  const events: Event[] = []
  const waiting: (() => void)[] = []
  const store = await openStore(url, (event) => {
    events.push(event)
    for (const wake of waiting.splice(0)) wake()
  })
  t.teardown(() => store.close())
  /** The text of the next event of this kind that fits. */
  const told = async (step: string, pattern = /^/): Promise<string> => {
    for (;;) {
      const at = events.findIndex((event) => event.step === step && pattern.test(event.text))
      if (at >= 0) return events.splice(0, at + 1).at(-1)?.text ?? ''
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return { store, told }
}

/** Claims one address after the other, eight at a time, until `stop` is called, which yields those that were given. */
function load(store: Store) {
  const given: number[] = []
  const outcomes = new Set<Outcome>()
  let next = 0
  const over = new AbortController()
  const one = async () => {
    while (!over.signal.aborted) {
      const id = next++
      const [outcome] = await store.apply([claim(leaseOf(id))])
      if (outcome !== undefined) outcomes.add(outcome)
      if (outcome === 'ok') given.push(id)
      else await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const all = Promise.all(Array.from({ length: 8 }, one))
  return {
    outcomes,
    given: () => given.length,
    stop: async () => {
      over.abort()
      await all
      return given
    },
  }
}

for (const mode of ['fast', 'immediate'] as const) {
  test(`a restart of PostgreSQL under load (${mode}) is waited for, and nothing given is lost`, async (t) => {
    const server = await PostgresServer.start()
    const url = await server.fresh()
    const { store, told } = await opened(t, url)
    const work = load(store)
    for (let round = 0; round < 3; round++) {
      const before = work.given()
      while (work.given() < before + 200) await new Promise((resolve) => setTimeout(resolve, 5))
      server.stop(mode)
      server.run()
      t.regex(
        await told('store.back'),
        /^The store postgres:.*pxe1 can be used again, after \d+ s; it was lost: /,
      )
    }
    const given = await work.stop()
    t.false(work.outcomes.has('conflict'), 'what was tried again was no second claim')
    await store.close()
    const again = await openStore(url)
    const held = new Set(idsOf(await again.load()))
    t.deepEqual(
      given.filter((id) => !held.has(id)),
      [],
    )
    await again.close()
    t.log(`${given.length} leases`)
  })
}

test('while it is away changes are refused, with the reason in the log; what is refused never comes back', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  const { store, told } = await opened(t, url)
  t.deepEqual(await store.apply([assign('local'), claim(leaseOf(1))]), ['ok', 'ok'])
  server.stop()
  t.regex(await told('store.lost'), /cannot be used: .*terminat.* boot as before/)
  await told('store.lost', /cannot be used: .*ECONNREFUSED.*see that PostgreSQL runs there.* boot as before/)
  t.deepEqual(await store.apply([assign('ubuntu'), claim(leaseOf(2))]), ['unavailable', 'unavailable'])
  t.deepEqual(await store.commit([claim(leaseOf(3))]), ['unavailable'])
  t.deepEqual((await store.load()).assignments, [['h', 'local']])
  server.run()
  await told('store.back')
  t.deepEqual(await store.apply([claim(leaseOf(2, 9))]), ['ok'], 'nobody holds what was refused')
  await store.close()
  const again = await openStore(url)
  const state = await again.load()
  t.deepEqual([idsOf(state), state.assignments], [[1, 2], [['h', 'local']]])
  await again.close()
})

function pass(from: Socket, to: Socket, isOpen: () => boolean): void {
  from.on('error', () => undefined)
  from.on('data', (bytes) => {
    if (isOpen()) to.write(bytes)
  })
  from.on('close', () => {
    if (isOpen()) to.destroy()
  })
}

/** A network between us and PostgreSQL, which can swallow what comes while all connections stand. */
async function networkTo(port: number) {
  const pairs: (readonly [near: Socket, far: Socket])[] = []
  let swallowed: 'nothing' | 'answers' | 'all' = 'nothing'
  const listener = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    pairs.push([near, far])
    pass(near, far, () => swallowed !== 'all')
    pass(far, near, () => swallowed === 'nothing')
  })
  const own = await freeTcp()
  await new Promise<void>((resolve) => {
    listener.listen(own, '127.0.0.1', resolve)
  })
  const cut = () => {
    for (const pair of pairs.splice(0)) for (const socket of pair) socket.destroy()
  }
  return {
    port: own,
    cut,
    swallow: (what: 'answers' | 'all') => void (swallowed = what),
    /** For new connections: what went astray on the old ones never comes. */
    heal: () => void (swallowed = 'nothing'),
    end: () => {
      listener.close()
      cut()
    },
  }
}

test('a network that falls silent is given up, and our own dead connection does not keep us out afterwards', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  const network = await networkTo(server.port)
  t.teardown(network.end)
  const { store, told } = await opened(t, url.replace(`:${server.port}/`, `:${network.port}/`))
  t.deepEqual(await store.apply([assign('local')]), ['ok'])
  network.swallow('all')
  t.deepEqual(await store.apply([assign('ubuntu')]), ['unknown'])
  network.heal()
  await told('store.back')
  t.deepEqual(await store.apply([claim(leaseOf(1))]), ['ok'])
  await store.close()
  const again = await openStore(url)
  t.deepEqual((await again.load()).assignments, [['h', 'local']])
  await again.close()
})

test('a commit whose answer is lost is an ok, and no conflict with itself', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  const network = await networkTo(server.port)
  t.teardown(network.end)
  const { store } = await opened(t, url.replace(`:${server.port}/`, `:${network.port}/`))
  network.swallow('answers')
  const asked = store.apply([claim(leaseOf(1))])
  while ((await server.sql(url, 'select 1 from lease')).length === 0);
  network.heal()
  network.cut()
  t.deepEqual(await asked, ['ok'])
  t.deepEqual(await store.apply([claim(leaseOf(1, 2))]), ['conflict'])
})

test('a change that was refused with its commit in doubt is taken back before the store is closed', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  const network = await networkTo(server.port)
  t.teardown(network.end)
  const { store, told } = await opened(t, url.replace(`:${server.port}/`, `:${network.port}/`))
  network.swallow('answers')
  const asked = store.apply([assign('ubuntu')])
  while ((await server.sql(url, 'select 1 from assignment')).length === 0);
  network.heal()
  network.cut()
  server.stop('immediate')
  t.deepEqual(await asked, ['unknown'])
  t.regex(faults.notStored('unknown').message, /may have been made there.* Look again/)
  t.deepEqual(await store.apply([assign('local')]), ['unavailable'], 'which was never sent')
  await told('store.lost')
  server.run()
  await store.close()
  t.deepEqual(await server.sql(url, 'select * from assignment'), [])
})

test('whoever takes the database while the connection is lost has it: the first makes no change any more', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  const network = await networkTo(server.port)
  t.teardown(network.end)
  const first = await opened(t, url.replace(`:${server.port}/`, `:${network.port}/`))
  t.deepEqual(await first.store.apply([assign('a')]), ['ok'])
  network.swallow('all')
  await server.sql(
    url,
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
  )
  const second = await openStore(url)
  t.deepEqual(await second.apply([assign('b')]), ['ok'])
  network.heal()
  t.deepEqual(await first.store.apply([assign('c')]), ['unknown'])
  await first.store.ended
  await first.told('store.lost', /^Another PXE Pilot has used the store .* this one ends/)
  t.deepEqual(await first.store.apply([assign('d')]), ['unavailable'])
  await second.close()
  const third = await openStore(url)
  t.deepEqual((await third.load()).assignments, [['h', 'b']])
  await third.close()
})

/** What a trigger on leases says for one that it is to refuse. */
const refusing = (code: string) => `create function refuse() returns trigger language plpgsql as
  $$ begin raise exception 'no lease' using errcode = '${code}'; end $$;
  create trigger refuse before insert on lease for each row execute function refuse()`

test('a full disk refuses what needs room at once, and room brings it back', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  const { store } = await opened(t, url)
  t.deepEqual(await store.apply([claim(leaseOf(1))]), ['ok'])
  await server.sql(url, refusing('53100'))
  t.deepEqual(await store.apply([claim(leaseOf(2)), assign('x')]), ['full', 'full'])
  t.deepEqual(await store.apply([claim(leaseOf(3))]), ['full'])
  await server.sql(url, 'drop trigger refuse on lease')
  t.deepEqual(await store.apply([claim(leaseOf(2, 7)), claim(leaseOf(1, 7))]), ['ok', 'conflict'])
  const state = await store.load()
  t.deepEqual([idsOf(state), state.assignments], [[1, 2], []])
})

test('a machine that dies amid a write keeps its lock no longer than one that dies idle', async (t) => {
  const server = await PostgresServer.start()
  const url = await server.fresh()
  const { store } = await opened(t, url)
  await server.sql(
    url,
    `create table seen as select ''::text as idle, ''::text as busy;
    create function look() returns trigger language plpgsql as $$ begin
      update seen set idle = current_setting('tcp_keepalives_idle'), busy = current_setting('tcp_user_timeout');
      return new; end $$;
    create trigger look before insert on lease for each row execute function look()`,
  )
  t.deepEqual(await store.apply([claim(leaseOf(1))]), ['ok'])
  t.deepEqual(await server.sql(url, 'select * from seen'), [{ idle: '10', busy: '25000' }])
})

test('a permission that was taken away is told with what to do, and given back it goes on', async (t) => {
  const server = await PostgresServer.start()
  await server.sql('postgres', 'create role pxe login')
  await server.sql('postgres', 'create database own owner pxe')
  const url = server.url('own', 'pxe')
  const { store, told } = await opened(t, url)
  t.deepEqual(await store.apply(upTo(3).map((id) => claim(leaseOf(id)))), ['ok', 'ok', 'ok'])
  await server.sql('own', 'revoke all on lease from pxe')
  t.deepEqual(await store.apply([claim(leaseOf(4))]), ['unavailable'])
  t.regex(await told('store.lost'), /permission denied for table lease; let the database be that of its user/)
  await server.sql('own', 'grant all on lease to pxe')
  await told('store.back')
  t.deepEqual(await store.apply([claim(leaseOf(4))]), ['ok'])
})
