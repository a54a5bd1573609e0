// The HTTP thread: a replica of the table and the files. It knows nothing of the store or the API.

import { setFlagsFromString } from 'node:v8'
import { decide } from '../boot/decide.ts'
import { lackOf } from '../boot/lack.ts'
import { openGlance } from '../glance.ts'
import { canBatch } from '../net/batch.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { openLibc } from '../net/libc.ts'
import { ownersOf } from '../net/neighbours.ts'
import { openReplica, serve } from '../worker/replica.ts'
import { bootFiles } from './files.ts'
import { sendBy } from './sender.ts'
import { HttpListener } from './server.ts'
import type { HttpOwn } from './thread.ts'

// Each piece of a download is memory outside V8's heap, for which V8 would mark that small heap again every 20 ms: that
// takes half of what a core can send, and still a fifth where libc sends most of it. V8 knows this flag for the whole
// process alone; marking at once takes the main thread some 30 ms, and it is seldom due there.
setFlagsFromString('--no-incremental-marking')

const replica = await openReplica<HttpOwn>()
const { site, table, recent, tell } = replica
const { settings, tftproot, tftpLinks, clients, advertise } = replica.own
const { bind, port } = settings

const called = await openLibc()
const libc = 'unavailable' in called ? undefined : called

const handle = bootFiles({
  httproot: settings.root,
  tftproot,
  tftpLinks,
  clients,
  advertise,
  apiPort: site.apiPort,
  listing: settings.listing,
  catchUp: replica.catchUp,
  decide: (facts) => decide(facts, table, site),
  lackOf: (file, host) => lackOf(file, host, table, site),
  recent,
  macOf: ownersOf((ip) => table.addresses.get(ip)),
  tell,
  now: () => performance.now(),
  glance: await openGlance(),
  libc: canBatch() ? libc : undefined,
})

const listener = new HttpListener({
  service: 'HTTP',
  setting: 'http.port',
  bind,
  port,
  handle,
  tell,
  send: libc === undefined ? undefined : sendBy(libc),
})

await serve(replica, {
  start: async () => [`${formatIpv4(bind)}:${await listener.start()}`],
  stop: () => listener.stop(),
})
