// TFTP clients on a real link, packet by packet: what they send, and all that comes back, with its time and sender.

import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { decode, encode, type Malformed, type Packet } from '../../src/tftp/packet.ts'
import { Download, type Asked } from '../tftp/download.ts'
import type { Namespace } from './harness.ts'
import type { Incoming, Outgoing } from './tftp-client.ts'

const program = fileURLToPath(new URL('tftp-client.ts', import.meta.url))

/** How long an answer may take on a machine that does other things, too. */
const patienceMs = 10_000

export type Got = { readonly packet: Packet | Malformed; readonly bytes: Buffer } & Omit<Incoming, 'bytes'>

/** A machine with an address, and as many sockets as it likes. */
export class Peer {
  readonly #child: ChildProcess
  readonly #clients: Client[] = []
  #done: (() => void) | undefined

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(namespace: Namespace): Promise<Peer> {
    const command = ['ip', 'netns', 'exec', namespace.name, process.execPath, '--import=tsx', program]
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const peer = new Peer(child)
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the client ended')))
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'ready') resolve()
        else if (line === 'done') peer.#done?.()
        else peer.#hear(JSON.parse(line) as Incoming)
      })
    })
    return peer
  }

  #hear(incoming: Incoming): void {
    const bytes = Buffer.from(incoming.bytes, 'base64')
    this.#clients[incoming.id]?.got.push({ ...incoming, bytes, packet: decode(bytes) })
  }

  /** On a port of its own. */
  client(server: string): Client {
    const client = new Client((bytes, port) => {
      const outgoing: Outgoing = { id, bytes: bytes.toString('base64'), to: server, port }
      this.#child.stdin?.write(`${JSON.stringify(outgoing)}\n`)
    })
    const id = this.#clients.push(client) - 1
    return client
  }

  /** The same request from so many ports, of `addresses` in turn, without a word to any answer. */
  async flood(
    server: string,
    bytes: Buffer,
    times: number,
    addresses: readonly string[] = [],
  ): Promise<void> {
    const outgoing: Outgoing = {
      id: -1,
      bytes: bytes.toString('base64'),
      to: server,
      port: 69,
      times,
      addresses,
    }
    const done = new Promise<void>((resolve) => (this.#done = resolve))
    this.#child.stdin?.write(`${JSON.stringify(outgoing)}\n`)
    await done
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}

export class Client {
  readonly got: Got[] = []
  readonly #send: (bytes: Buffer, port: number) => void

  constructor(send: (bytes: Buffer, port: number) => void) {
    this.#send = send
  }

  send(bytes: Buffer, port = 69): void {
    this.#send(bytes, port)
  }

  ask(asked: Asked): void {
    this.send(new Download(asked).request)
  }

  /** To where the last packet came from. */
  ack(block: number): void {
    this.send(encode({ kind: 'ack', block }), this.got.at(-1)?.port ?? 0)
  }

  /** The packet of this number, counted from 1. @throws when it does not come */
  async nth(count: number): Promise<Got> {
    for (let waited = 0; waited < patienceMs; waited += 5) {
      const got = this.got[count - 1]
      if (got !== undefined) return got
      await sleep(5)
    }
    throw new Error(`packet ${count} did not come; there were ${this.got.length}`)
  }

  /** Asks, and takes everything to its end; asks again where nothing comes. */
  async fetch(asked: Asked): Promise<Download> {
    const download = new Download(asked)
    let taken = this.got.length
    let last = { bytes: download.request, port: 69 }
    let quietSince = performance.now()
    const began = quietSince
    this.send(last.bytes)
    while (!download.isOver) {
      const got = this.got[taken]
      if (got !== undefined) {
        taken++
        quietSince = performance.now()
        const bytes = download.take(got.bytes)
        if (bytes !== undefined) this.send((last = { bytes, port: got.port }).bytes, got.port)
        continue
      }
      const now = performance.now()
      if (now - began > 3 * patienceMs) throw new Error(`${asked.file} did not come`)
      if (now - quietSince > 1000) {
        this.send(last.bytes, last.port)
        quietSince = now
      }
      await sleep(1)
    }
    return download
  }
}
