// The TFTP thread: a replica of the table, the engine and its sockets. It knows nothing of the store or the API.

import { Disk, readsPerRoot } from '../disk.ts'
import { canBatch } from '../net/batch.ts'
import { openLibc } from '../net/libc.ts'
import { ownersOf } from '../net/neighbours.ts'
import { openReplica, serve } from '../worker/replica.ts'
import { Files } from './answer.ts'
import { realClock } from './clock.ts'
import { Engine } from './engine.ts'
import { openBatch } from './io-batch.ts'
import { openDgram } from './io-dgram.ts'
import { isRequest } from './packet.ts'
import type { Receive } from './port.ts'
import { localAddresses, Sockets } from './sockets.ts'
import type { TftpOwn } from './thread.ts'

const replica = await openReplica<TftpOwn>()
const { site, table, recent, tell, tellSparingly } = replica
const { settings, clients, advertise } = replica.own

const called = await openLibc()
const libc = 'unavailable' in called || !canBatch() ? undefined : called

const engine = new Engine({
  table,
  recent,
  site,
  files: new Files({
    root: settings.root,
    links: settings.follow_links,
    disk: new Disk(readsPerRoot, 1000, realClock.now),
    libc,
  }),
  macOf: ownersOf((ip) => table.addresses.get(ip)),
  clients,
  advertise,
  limits: { maxTransfers: settings.max_transfers, maxPerClient: settings.max_per_client },
  tell,
  tellSparingly,
  clock: realClock,
})

const receive: Receive = (port, bytes, ...from) => {
  if (isRequest(bytes)) replica.catchUp()
  engine.receive(port, bytes, ...from)
}
const io = new Sockets(
  {
    bind: settings.bind,
    port: settings.port,
    singlePort: settings.single_port,
    addresses: localAddresses,
    rescanMs: 2000,
    tellSparingly,
  },
  libc === undefined ? openDgram(receive, tellSparingly) : openBatch(libc, receive, tellSparingly),
)

await serve(replica, {
  start: () => io.start(),
  stop: () => {
    engine.stop()
    io.stop()
  },
})
