// An engine on ports in memory, with a clock turned by hand: real files and real packets, no socket and no waiting.

import { readdirSync, readlinkSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { bootloader } from '../../src/boot/bootloaders.ts'
import type { Site } from '../../src/boot/decide.ts'
import { Recent } from '../../src/boot/recent.ts'
import { applyDelta, emptyTable, type Change } from '../../src/boot/table.ts'
import type { Event } from '../../src/events.ts'
import type { Form, Host } from '../../src/model.ts'
import { formatIpv4, parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { Files } from '../../src/tftp/answer.ts'
import type { Clock } from '../../src/tftp/clock.ts'
import { Disk } from '../../src/disk.ts'
import { Engine, type EngineParts } from '../../src/tftp/engine.ts'
import { decode, encode, type Malformed, type Packet } from '../../src/tftp/packet.ts'
import { putBlock, type Port } from '../../src/tftp/port.ts'
import { Download, type Asked } from './download.ts'

export const mac = (text: string) => parseMac(text) as Mac
export const ip = (text: string) => parseIpv4(text) as Ipv4

export const site: Site = {
  bootloaders: [bootloader({ name: 'pxelinux', file: 'pxelinux.0' })],
  default: null,
  localMethod: 'auto',
  httpPort: 80,
  apiPort: 3478,
}

export const h1: Host = {
  name: 'h1',
  macs: [mac('52:54:00:00:00:01')],
  origin: 'settings',
  locked: false,
  vars: {},
  options: [],
}
export const h1Menu = 'pxelinux.cfg/01-52-54-00-00-00-01'

/** Configurations of one form each, by their texts. */
export function catalogOf(texts: Readonly<Record<string, string>>, more: Partial<Form> = {}): Change {
  const form = { language: 'pxelinux', file: 'conf/x', template: false } as const
  const configurations = Object.entries(texts).map(([name, text]) => ({
    name,
    forms: [{ ...form, text, ...more }],
  }))
  return { kind: 'catalog', catalog: { configurations, menus: [], loaders: [] } }
}

/** Octets that show when one is missing, twice there or in the wrong place. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[at] = state >>> 24
  }
  return bytes
}

/** Waits for what real reads and sockets bring about. @throws after 40 seconds, as a busy machine may need some */
export async function until(condition: () => boolean, what = 'what was waited for'): Promise<void> {
  const limit = performance.now() + 40_000
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`${what} did not happen`)
    await turn()
  }
}

/** Lets everything run that needs no time but its turn. */
export async function turns(count = 20): Promise<void> {
  for (let left = count; left > 0; left--) await turn()
}

/** Descriptors of this process that have a file under `root` open. */
export function openFiles(root: string): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(root)
    } catch {
      return false
    }
  }).length
}

type Job = { readonly at: number; readonly run: () => void }

export class HandClock implements Clock {
  private time = 0
  private readonly jobs = new Set<Job>()

  readonly now = () => this.time

  readonly after = (ms: number, run: () => void) => {
    const job = { at: this.time + ms, run }
    this.jobs.add(job)
    return () => void this.jobs.delete(job)
  }

  get pending(): number {
    return this.jobs.size
  }

  /** Lets `ms` go by, and all that falls due in them happen in its order. */
  forward(ms: number): void {
    const end = this.time + ms
    for (;;) {
      let first: Job | undefined
      for (const job of this.jobs) if (job.at <= end && job.at < (first?.at ?? Infinity)) first = job
      if (first === undefined) break
      this.jobs.delete(first)
      this.time = Math.max(this.time, first.at)
      first.run()
    }
    this.time = end
  }
}

/** What a client got, and from which port of ours. */
export type Got = { readonly packet: Packet | Malformed; readonly bytes: Buffer; readonly from: Port }

export class Client {
  readonly got: Got[] = []
  private readonly engine: Engine
  private readonly listening: Port
  readonly address: string
  readonly port: number

  constructor(engine: Engine, listening: Port, address: string, port: number) {
    this.engine = engine
    this.listening = listening
    this.address = address
    this.port = port
  }

  send(bytes: Buffer, to = this.listening): void {
    this.engine.receive(to, bytes, ip(this.address), this.port)
  }

  ask(asked: Asked, to = this.listening): void {
    this.send(new Download(asked).request, to)
  }

  ack(block: number, to = this.last.from): void {
    this.send(encode({ kind: 'ack', block }), to)
  }

  get last(): Got {
    const last = this.got.at(-1)
    if (last === undefined) throw new Error('nothing came')
    return last
  }

  /** The packet of this number, counted from 1. */
  async nth(count: number): Promise<Got> {
    await until(() => this.got.length >= count, `packet ${count}`)
    return this.got.at(count - 1) as Got
  }

  /** Asks, and takes everything to its end. */
  async fetch(asked: Asked): Promise<Download> {
    const download = new Download(asked)
    let taken = this.got.length
    this.send(download.request)
    while (!download.isOver) {
      await until(() => this.got.length > taken, `an answer to ${asked.file}`)
      const got = this.got.at(taken++) as Got
      const answer = download.take(got.bytes)
      if (answer !== undefined) this.send(answer, got.from)
    }
    return download
  }
}

type Options = Partial<Omit<EngineParts, 'table' | 'tell'>> & {
  readonly root?: string
  readonly links?: 'inside' | 'anywhere'
  readonly disk?: Disk
  readonly changes?: readonly Change[]
  /** Ports of ours that transfers share; 0: one port does everything. */
  readonly transferPorts?: number
}

export function serve({ changes = [], transferPorts = 2, ...options }: Options = {}) {
  const clock = new HandClock()
  const events: Event[] = []
  const tell = (event: Event) => void events.push(event)
  const table = emptyTable()
  applyDelta(table, { revision: 1, changes: [{ kind: 'host', host: h1 }, ...changes] })
  const engine = new Engine({
    table,
    recent: new Recent(table),
    site,
    files: new Files({
      root: options.root ?? '/nonexistent',
      links: options.links ?? 'inside',
      disk: options.disk ?? new Disk(4, 1000, clock.now),
    }),
    macOf: (address) => table.addresses.get(address),
    clients: [],
    limits: { maxTransfers: 1000, maxPerClient: 64 },
    tell,
    tellSparingly: tell,
    clock,
    ...options,
  })
  const clients = new Map<string, Client>()
  const makePort = (address: string, transfers: readonly Port[] | undefined): Port => {
    let turnOf = 0
    const port: Port = {
      address: ip(address),
      isListening: transfers !== undefined,
      send(bytes, to, toPort) {
        clients.get(`${formatIpv4(to)}:${toPort}`)?.got.push({ packet: decode(bytes), bytes, from: port })
      },
      sendBlocks(blocks, to, toPort) {
        for (let block = blocks.first; block <= blocks.last; block++) {
          const bytes = Buffer.alloc(4 + blocks.blksize)
          port.send(bytes.subarray(0, putBlock(blocks, block, bytes, 0)), to, toPort)
        }
      },
      flush: () => undefined,
      forTransfer(unlike) {
        const choice = (transfers ?? []).filter((other) => other !== unlike)
        return choice[turnOf++ % choice.length] ?? port
      },
    }
    return port
  }
  const listen = (address: string) => {
    const transfers = Array.from({ length: transferPorts }, () => makePort(address, undefined))
    return makePort(address, transfers)
  }
  const listening = listen('127.0.0.1')
  const client = (port = 40_000, address = '127.0.0.1') => {
    const made = new Client(engine, listening, address, port)
    clients.set(`${address}:${port}`, made)
    return made
  }
  return { engine, table, clock, events, listening, listen, client }
}
