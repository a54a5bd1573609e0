// The built appliance in a namespace with its links, and DHCP clients and a relay on them, for tests of DHCP's rows.

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  INFORM,
  ip,
  OFFER,
  read,
  REQUEST,
  write,
  type Option,
  type Read,
  type Written,
} from '../dhcp/wire.ts'
import type { Incoming, Outgoing } from './dhcp-client.ts'
import { Network, serverAddress, type Daemon, type Namespace } from './harness.ts'

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const clientProgram = fileURLToPath(new URL('dhcp-client.ts', import.meta.url))

export const relayAddress = '10.77.0.250'
export const broadcast = '255.255.255.255'

/** How long an answer may take on a machine that does other things, too. */
const patienceMs = 5000

export type Got = Read & { readonly datagram: Incoming }

/** The program of dhcp-client.ts in a namespace: all that reaches its link is kept. */
export class Peer {
  readonly namespace: Namespace
  private readonly child: ChildProcess
  private readonly seen: Incoming[] = []
  private readonly waiters = new Set<() => void>()
  private errors = ''

  private constructor(namespace: Namespace, child: ChildProcess) {
    this.namespace = namespace
    this.child = child
  }

  static async start(namespace: Namespace): Promise<Peer> {
    const command = ['ip', 'netns', 'exec', namespace.name, process.execPath, '--import=tsx', clientProgram]
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: 'pipe' })
    const peer = new Peer(namespace, child)
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (peer.errors += chunk))
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the client ended: ${peer.errors}`)))
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'ready') return resolve()
        peer.seen.push(JSON.parse(line) as Incoming)
        for (const look of peer.waiters) look()
      })
    })
    return peer
  }

  send(outgoing: Outgoing): void {
    this.child.stdin?.write(`${JSON.stringify(outgoing)}\n`)
  }

  /** The first datagram that was seen or will be and `fits`. */
  async waitFor(fits: (datagram: Incoming) => boolean, what: string): Promise<Incoming> {
    return await new Promise((resolve, reject) => {
      const look = () => {
        const found = this.seen.find(fits)
        if (found === undefined) return
        clearTimeout(timer)
        this.waiters.delete(look)
        resolve(found)
      }
      const timer = setTimeout(() => {
        this.waiters.delete(look)
        reject(new Error(`no answer to ${what}${this.errors === '' ? '' : `; ${this.errors}`}`))
      }, patienceMs)
      this.waiters.add(look)
      look()
    })
  }

  all(fits: (datagram: Incoming) => boolean): readonly Incoming[] {
    return this.seen.filter(fits)
  }

  stop(): void {
    this.child.removeAllListeners('exit')
    this.child.kill('SIGKILL')
  }
}

let lastXid = 0x1000
let lastMac = 0

/** A place from which clients speak: a link, or behind a relay. */
export class Station {
  readonly peer: Peer
  /** What every client here sends, such as `giaddr`. */
  readonly always: Written
  private readonly fence: () => Promise<unknown>

  /** `fence`: something that is answered, over the same link; by default a client here that boots. */
  constructor(peer: Peer, always: Written = {}, fence?: () => Promise<unknown>) {
    this.peer = peer
    this.always = always
    const client = this.client()
    this.fence = fence ?? (() => client.boot())
  }

  /** With a MAC that no other has. */
  client(more: Written = {}): Client {
    const tail = (++lastMac).toString(16).padStart(6, '0')
    const mac = `52:54:01:${tail.slice(0, 2)}:${tail.slice(2, 4)}:${tail.slice(4)}`
    return new Client(this, {
      mac,
      ...this.always,
      ...more,
      options: [...(more.options ?? []), ...(this.always.options ?? [])],
    })
  }

  /**
   * Resolves when everything sent from here before was dealt with: the server takes one datagram after the other, and
   * writes one lease after the other, so that behind the ACK of a REQUEST nothing is due any more.
   */
  async barrier(): Promise<void> {
    await this.fence()
  }
}

export class Client {
  readonly mac: string
  readonly station: Station
  private readonly always: Written

  constructor(station: Station, always: Written) {
    this.station = station
    this.always = always
    this.mac = always.mac ?? ''
  }

  /** Sends one message; yields its xid. `to`: by unicast, from the client's own address. */
  send(
    type: number | undefined,
    list: readonly Option[] = [],
    more: Written = {},
    to = broadcast,
    port = 67,
  ): number {
    const xid = more.xid ?? ++lastXid
    const bytes = this.bytes(type, list, { ...more, xid })
    const isRelayed = this.always.giaddr !== undefined && this.always.giaddr !== '0.0.0.0' && to === broadcast
    // A relay sends by unicast from its server port; a client asks 4011 from its client port.
    const [from, target] = isRelayed ? [67, serverAddress] : [68, to]
    this.station.peer.send({ port: from, to: target, toPort: port, hex: bytes.toString('hex') })
    return xid
  }

  bytes(type: number | undefined, list: readonly Option[] = [], more: Written = {}): Buffer {
    const all = [...list, ...(this.always.options ?? [])]
    return write({ ...this.always, ...more, type, options: all })
  }

  /** The answer to one message. */
  async ask(
    type: number,
    list: readonly Option[] = [],
    more: Written = {},
    to = broadcast,
    port = 67,
  ): Promise<Got> {
    const xid = this.send(type, list, more, to, port)
    return await this.answer(xid, `message ${type} of ${this.mac}`)
  }

  async answer(xid: number, what = `message ${xid}`): Promise<Got> {
    const datagram = await this.station.peer.waitFor((seen) => isReply(seen, xid), what)
    return { ...read(Buffer.from(datagram.hex, 'hex')), datagram }
  }

  /** How many answers this message gets, all of them waited for. */
  async countAnswers(xid: number): Promise<number> {
    await this.station.barrier()
    return this.station.peer.all((seen) => isReply(seen, xid)).length
  }

  /** Whether a message is met with silence. */
  async isIgnored(
    type: number | undefined,
    list: readonly Option[] = [],
    more: Written = {},
    to = broadcast,
  ): Promise<boolean> {
    return (await this.countAnswers(this.send(type, list, more, to))) === 0
  }

  async offer(list: readonly Option[] = [], more: Written = {}): Promise<Got> {
    const got = await this.ask(1, list, more)
    if (got.type !== OFFER) throw new Error(`${got.type} in answer to a DISCOVER`)
    return got
  }

  /** SELECTING. */
  async select(address: string, list: readonly Option[] = [], server = serverAddress): Promise<Got> {
    return await this.ask(REQUEST, [[50, ip(address)], [54, ip(server)], ...list])
  }

  /** DISCOVER and REQUEST; the address it has then. */
  async boot(list: readonly Option[] = []): Promise<string> {
    const { yiaddr, options } = await this.offer(list)
    const server = [...(options.get(54) ?? [])].join('.')
    const got = await this.select(yiaddr, list, server)
    if (got.type !== 5 || got.yiaddr !== yiaddr)
      throw new Error(`${got.type} ${got.yiaddr} in answer to a REQUEST of ${yiaddr}`)
    return yiaddr
  }

  /** RELEASE, and everything behind it, is dealt with when it resolves. */
  async release(address: string, server = serverAddress): Promise<void> {
    await this.quietly(7, [[54, ip(server)]], { ciaddr: address })
  }

  async decline(list: readonly Option[]): Promise<void> {
    await this.quietly(4, list)
  }

  async inform(address: string, list: readonly Option[]): Promise<Got> {
    return await this.ask(INFORM, list, { ciaddr: address })
  }

  private async quietly(type: number, list: readonly Option[], more: Written = {}): Promise<void> {
    if (!(await this.isIgnored(type, list, more))) throw new Error(`message ${type} was answered`)
  }
}

function isReply({ hex }: Incoming, xid: number): boolean {
  return hex.startsWith('02') && Number.parseInt(hex.slice(8, 16), 16) === xid
}

/** A network with the appliance, a client's namespace on each of its two links, and a relay's. */
export class Site {
  readonly network: Network
  readonly folder: string
  private readonly settings: string
  private readonly peers: Peer[] = []
  private daemon: Daemon | undefined

  private constructor(network: Network, folder: string, settings: string) {
    this.network = network
    this.folder = folder
    this.settings = settings
  }

  /** `settings`: pxe-pilot.yml; `files`: what lies in the folder beside it. */
  static async make(settings: string, files: Readonly<Record<string, string>> = {}): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-dhcp-'))
    const site = new Site(await Network.make(), folder, join(folder, 'pxe-pilot.yml'))
    await writeFile(site.settings, settings)
    for (const [name, text] of Object.entries({
      'tftproot/pxelinux.cfg/conf/.keep': '',
      'httproot/.keep': '',
      ...files,
    })) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    return site
  }

  /** A namespace on the bridge, with the program that speaks for clients in it. */
  async peer(): Promise<Peer> {
    const peer = await Peer.start(await this.network.client())
    this.peers.push(peer)
    return peer
  }

  /** A second link of the appliance, and a peer on it. */
  async secondLink(address: string): Promise<Peer> {
    const { server } = this.network
    const namespace = await this.network.client()
    const ports = JSON.parse(await server.must(['ip', '-j', 'link', 'show', 'master', 'br0'])) as {
      ifname: string
    }[]
    const last =
      ports
        .map(({ ifname }) => ifname)
        .toSorted()
        .at(-1) ?? ''
    await server.must(['ip', 'link', 'add', 'br1', 'type', 'bridge', 'mcast_snooping', '0'])
    await server.must(['ip', 'link', 'set', last, 'master', 'br1'])
    await server.must(['ip', 'link', 'set', 'br1', 'up'])
    await server.must(['ip', 'address', 'add', `${address}/24`, 'dev', 'br1'])
    const peer = await Peer.start(namespace)
    this.peers.push(peer)
    return peer
  }

  /** A relay on the bridge; everything that is not local is routed to it. */
  async relay(): Promise<Peer> {
    const namespace = await this.network.client()
    await namespace.must(['ip', 'address', 'add', `${relayAddress}/24`, 'dev', 'eth0'])
    await this.network.server.must(['ip', 'route', 'add', 'default', 'via', relayAddress])
    const peer = await Peer.start(namespace)
    this.peers.push(peer)
    return peer
  }

  /** Also again, after `kill`: with what it has in its store. */
  async start(): Promise<void> {
    const argv = [process.execPath, program, 'server', '-c', this.settings]
    this.daemon = this.network.server.start(argv, { cwd: this.folder, name: 'the appliance' })
    await this.daemon.transcript.waitFor(/is ready/, 20)
  }

  /** With SIGKILL: nothing is written any more. */
  async kill(): Promise<void> {
    this.daemon?.kill()
    await this.daemon?.exited
  }

  get log(): string {
    return this.daemon?.transcript.text ?? ''
  }

  /** With the control characters in it. */
  get rawLog(): string {
    return this.daemon?.transcript.raw ?? ''
  }

  /** Waits until it logs this, behind what was waited for last: its log may come later than its answers. */
  async logs(pattern: RegExp): Promise<void> {
    await this.daemon?.transcript.waitFor(pattern, patienceMs / 1000)
  }

  /** The API, as a script calls it. */
  async curl(...argv: readonly string[]): Promise<string> {
    return await this.network.server.must(['curl', '-sS', ...argv])
  }

  /** Our own command line, as a person runs it. */
  async cli(...argv: readonly string[]): Promise<string> {
    return await this.network.server.must([
      process.execPath,
      program,
      '-s',
      `http://${serverAddress}:3478`,
      ...argv,
    ])
  }

  /** The addresses that this card holds, as the API says. */
  async leasesOf(mac: string): Promise<readonly string[]> {
    const leases = JSON.parse(await this.curl('-f', `http://${serverAddress}:3478/v1/leases`)) as readonly {
      readonly ip: string
      readonly mac: string
    }[]
    return leases.filter((lease) => lease.mac === mac).map((lease) => lease.ip)
  }

  async deploy(configuration: string, mac: string): Promise<void> {
    const body = JSON.stringify({ hosts: [{ macAddress: mac }] })
    const url = `http://${serverAddress}:3478/v1/configurations/${configuration}/deploy`
    await this.curl('-f', '-X', 'PUT', '-d', body, url)
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.stop()
    await this.daemon?.stop()
    this.network.close()
    await rm(this.folder, { recursive: true })
  }
}
