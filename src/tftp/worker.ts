// The TFTP thread: a replica of the table, the engine and its sockets. It knows nothing of the store or the API.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { applyDelta, emptyTable, type Delta } from '../boot/table.ts'
import { Disk, readsPerRoot } from '../disk.ts'
import { hushed, type Tell } from '../events.ts'
import { canBatch } from '../net/batch.ts'
import { openLibc } from '../net/libc.ts'
import { ownersOf } from '../net/neighbours.ts'
import { Files } from './answer.ts'
import { realClock } from './clock.ts'
import { Engine } from './engine.ts'
import { openBatch } from './io-batch.ts'
import { openDgram } from './io-dgram.ts'
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts'
import { isRequest } from './packet.ts'
import type { Receive } from './port.ts'
import { localAddresses, Sockets } from './sockets.ts'

const { settings, clients, advertise, site, snapshot, deltas } = workerData as WorkerStart
const say = (message: FromWorker): void => parentPort?.postMessage(message)
const post: Tell = (event) => say({ kind: 'event', event })
// A storm of honest clients is told in full, a flood of forged requests is not.
const tell = hushed(post, 500, realClock.now)
const tellSparingly = hushed(post, 20, realClock.now)

const called = await openLibc()
const libc = 'unavailable' in called || !canBatch() ? undefined : called

const table = emptyTable()
applyDelta(table, snapshot)

/**
 * The other thread posts a delta before it answers a deploy or sends an ACK. Whoever asks here because of that answer
 * comes later, so that it is enough to read the post before a request is decided; nobody has to wait for us.
 */
function catchUp(): void {
  for (let mail = receiveMessageOnPort(deltas); mail !== undefined; mail = receiveMessageOnPort(deltas)) {
    const delta = mail.message as Delta
    // The snapshot may hold the first of them already.
    if (delta.revision > table.revision) applyDelta(table, delta)
  }
}

const engine = new Engine({
  table,
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
  if (isRequest(bytes)) catchUp()
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

parentPort?.on('message', ({ kind }: ToWorker) => {
  if (kind === 'ping') {
    // Also where nobody asks for anything, the post does not pile up.
    catchUp()
    say({ kind: 'alive' })
    return
  }
  engine.stop()
  io.stop()
  parentPort?.close()
})

try {
  say({ kind: 'listening', where: await io.start() })
} catch (error) {
  say({ kind: 'failed', because: error instanceof Error ? error.message : String(error) })
  parentPort?.close()
}
