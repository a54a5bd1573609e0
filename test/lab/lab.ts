// What every test with real machines starts from: a network, our appliance as a user starts it, machines, and all of
// it gone again at the end of the test, its logs shown when the test failed.

import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { bridge, Network, serverAddress, type Daemon, type Namespace } from '../net/harness.ts'
import { linuxInitrd } from './images.ts'
import { kernel } from './kernel.ts'
import { answerRouterSolicitations, Machine, type MachineOptions, type Segment } from './machine.ts'

export const repository = fileURLToPath(new URL('../..', import.meta.url))
const program = join(repository, 'dist/main.js')

export type DhcpMode = 'server' | 'proxy'

export class Lab {
  readonly network: Network
  /** A scratch folder; its `tftproot` and `httproot` are what the appliance serves. */
  readonly folder: string
  readonly #t: ExecutionContext

  private constructor(t: ExecutionContext, network: Network, folder: string) {
    this.#t = t
    this.network = network
    this.folder = folder
  }

  /** A network with nothing on it but the answer that spares iPXE its wait for IPv6. */
  static async make(t: ExecutionContext): Promise<Lab> {
    const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-lab-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const network = await Network.make()
    t.teardown(() => network.close())
    const advertiser = answerRouterSolicitations(network)
    t.teardown(() => advertiser.stop())
    const lab = new Lab(t, network, folder)
    for (const name of ['tftproot/pxelinux.cfg/conf', 'httproot']) {
      await mkdir(join(folder, name), { recursive: true })
    }
    return lab
  }

  /** Puts a file into one of the roots: a copy of `source`. */
  async place(source: string, path: string): Promise<void> {
    await mkdir(dirname(join(this.folder, path)), { recursive: true })
    await copyFile(source, join(this.folder, path))
  }

  /** Puts a configuration of the user's own there: the lab's Linux, which prints LAB-LINUX and `word`. */
  async placeLinux(configuration: string, word: string): Promise<void> {
    await this.placeLinuxFiles()
    const lines = ['DEFAULT linux', 'LABEL linux', 'KERNEL /vmlinuz', `APPEND initrd=/initrd.gz ${word}`]
    await this.placeConfiguration(configuration, lines)
  }

  /** The lab's Linux as /vmlinuz and /initrd.gz; with url= on its command line it installs what boots on `firmware`. */
  async placeLinuxFiles(firmware: 'bios' | 'uefi' = 'bios'): Promise<void> {
    await this.place((await kernel()).image, 'tftproot/vmlinuz')
    await this.place(await linuxInitrd(this.folder, firmware), 'tftproot/initrd.gz')
  }

  /** Starts the appliance, in a mode or with a dhcp section of its own; again after a `kill` it finds what it left in the store. */
  async appliance(mode: DhcpMode | { readonly dhcp: string }, bootloaders = ''): Promise<Appliance> {
    const file = join(this.folder, 'pxe-pilot.yml')
    await writeFile(file, settings(mode, bootloaders))
    const argv = [process.execPath, program, 'server', '-c', file]
    const daemon = this.network.server.start(argv, { cwd: this.folder, name: 'the appliance' })
    this.#endWithTest(daemon, () => daemon.transcript.text)
    const appliance = new Appliance(this.network, daemon)
    await appliance.isUp(20)
    return appliance
  }

  /** Switches a BIOS machine on. */
  async bios(options: MachineOptions, segment: Segment = this.network): Promise<Machine> {
    const machine = await Machine.bios(segment, options)
    this.#t.teardown(() => machine.unplug())
    return machine
  }

  /** Switches a UEFI machine on. */
  async uefi(options: MachineOptions, segment: Segment = this.network): Promise<Machine> {
    const machine = await Machine.uefi(segment, options, this.folder)
    this.#t.teardown(() => machine.unplug())
    return machine
  }

  /** Switches an arm64 UEFI machine on. */
  async arm64(options: MachineOptions, segment: Segment = this.network): Promise<Machine> {
    const machine = await Machine.arm64(segment, options, this.folder)
    this.#t.teardown(() => machine.unplug())
    return machine
  }

  /** Puts a configuration of the user's own there, `conf/NAME`, as it stands. */
  async placeConfiguration(name: string, lines: readonly string[]): Promise<void> {
    const file = join(this.folder, 'tftproot/pxelinux.cfg/conf', name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${lines.join('\n')}\n`)
  }

  /** A second link, 10.78.0.0/24, behind a router at 10.77.0.2 that relays DHCP to each of `servers`. */
  async behindRelay(servers: readonly string[]): Promise<Segment> {
    const router = await this.network.client()
    await router.must(['ip', 'address', 'add', '10.77.0.2/24', 'dev', 'eth0'])
    await router.must(['ip', 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0'])
    await router.must(['ip', 'link', 'set', bridge, 'addrgenmode', 'eui64', 'up'])
    await router.must(['ip', 'address', 'add', '10.78.0.1/24', 'dev', bridge])
    await router.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
    await this.network.server.must(['ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
    const segment = segmentIn(router)
    const advertiser = answerRouterSolicitations(segment)
    this.#t.teardown(() => advertiser.stop())
    await this.dnsmasq(
      router,
      servers.map((server) => `--dhcp-relay=10.78.0.1,${server}`),
      /DHCP relay/,
    )
    return segment
  }

  /** dnsmasq in a namespace, with what `words` make of it; resolves when it has printed `ready`. */
  async dnsmasq(namespace: Namespace, words: readonly string[], ready = /DHCP, IP range/): Promise<Daemon> {
    const leases = join(this.folder, `dnsmasq-${namespace.name}`)
    await writeFile(leases, '')
    const argv = [
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--user=root',
      '--log-facility=-',
    ]
    const own = ['--port=0', '--log-dhcp', '--pid-file', `--dhcp-leasefile=${leases}`]
    const daemon = namespace.start([...argv, ...own, ...words], { name: 'dnsmasq' })
    this.#endWithTest(daemon, () => daemon.transcript.text)
    await daemon.transcript.waitFor(ready, 10)
    return daemon
  }

  /** Somebody else's DHCP server on the same link, a router's say: it gives addresses and knows nothing of boots. */
  async router(): Promise<void> {
    const router = await this.network.client()
    await router.must(['ip', 'address', 'add', '10.77.0.254/24', 'dev', 'eth0'])
    const file = join(this.folder, 'udhcpd.conf')
    const range = ['start 10.77.0.50', 'end 10.77.0.59', 'interface eth0', 'option subnet 255.255.255.0']
    const leases = [`lease_file ${join(this.folder, 'udhcpd.leases')}`, 'option router 10.77.0.254', '']
    await writeFile(file, [...range, ...leases].join('\n'))
    await writeFile(join(this.folder, 'udhcpd.leases'), '')
    const daemon = router.start(['busybox', 'udhcpd', '-f', file], { name: 'the router' })
    this.#endWithTest(daemon, () => daemon.transcript.text)
    await daemon.transcript.waitFor(/started/, 10)
  }

  #endWithTest(daemon: Daemon, log: () => string): void {
    this.#t.teardown(async () => {
      if (!this.#t.passed) this.#t.log(log())
      await daemon.stop()
    })
  }
}

export type Explained = {
  readonly offer: { readonly server: string; readonly file: string; readonly url: string | null } | null
  readonly asks: readonly { readonly path: string }[]
}

/** `pxe-pilot server` as a process of its own, and its API as a user calls it. */
export class Appliance {
  readonly #network: Network
  readonly #daemon: Daemon

  constructor(network: Network, daemon: Daemon) {
    this.#network = network
    this.#daemon = daemon
  }

  get pid(): number | undefined {
    return this.#daemon.pid
  }

  get running(): boolean {
    return this.#daemon.running
  }

  /** Its log so far. */
  get log(): string {
    return this.#daemon.transcript.text
  }

  /** The log, when it says so, or after 5 s: a thread's lines come some milliseconds behind what they tell of. */
  async logWith(pattern: RegExp): Promise<string> {
    for (let tries = 0; tries < 50 && !pattern.test(this.log); tries++) await sleep(100)
    return this.log
  }

  /** Waits until the API answers; throws with the log when it does not. */
  async isUp(seconds: number): Promise<void> {
    const over = Date.now() + seconds * 1000
    while (this.#daemon.running && Date.now() < over) {
      const { code } = await this.#curl(['-f'], '/v1/healthcheck')
      if (code === 0) return
      await sleep(200)
    }
    throw new Error(`the appliance does not answer; it printed:\n${this.log}`)
  }

  /** The use case's PUT, word for word: curl's own Content-Type, the machine named by its MAC. */
  async deploy(configuration: string, mac: string): Promise<void> {
    const body = JSON.stringify({ hosts: [{ macAddress: mac }] })
    const { stdout } = await this.#curl(
      ['-i', '-X', 'PUT', '-d', body],
      `/configurations/${configuration}/deploy`,
    )
    if (!stdout.startsWith('HTTP/1.1 200 '))
      throw new Error(`deploy of ${configuration}: ${stdout}\n${this.log}`)
  }

  /** What `GET /v1/explain` says beforehand of the last program that this machine is sent, and of what it asks for. */
  async explained(mac: string, more: string): Promise<Explained> {
    const { stdout } = await this.#curl(['-f'], `/v1/explain?mac=${mac}&${more}`)
    const { boots } = JSON.parse(stdout) as { boots: readonly { stages: readonly Explained[] }[] }
    const stage = boots[0]?.stages.at(-1)
    if (stage === undefined) throw new Error(`nothing is explained: ${stdout}`)
    return stage
  }

  /** What `GET /v1/hosts` says this machine boots; undefined when it knows none such. */
  async assigned(mac: string): Promise<string | undefined> {
    const { stdout } = await this.#curl(['-f'], '/v1/hosts')
    const hosts = JSON.parse(stdout) as { macAddresses: string[]; configuration: { name: string } | null }[]
    return hosts.find(({ macAddresses }) => macAddresses.includes(mac))?.configuration?.name
  }

  /** Ends it with SIGKILL: no handler runs, nothing is written any more. */
  async kill(): Promise<void> {
    this.#daemon.kill()
    await this.#daemon.exited
  }

  #curl(options: readonly string[], path: string) {
    return this.#network.server.run(['curl', '-sS', ...options, `http://${serverAddress}:3478${path}`])
  }
}

/** Taps on the bridge of a namespace other than the server's. */
function segmentIn(namespace: Namespace): Segment {
  let taps = 0
  return {
    server: namespace,
    tap: async () => {
      const name = `tap${taps++}`
      await namespace.must(['ip', 'tuntap', 'add', name, 'mode', 'tap'])
      await namespace.must(['ip', 'link', 'set', name, 'master', bridge, 'up'])
      return name
    },
  }
}

function settings(mode: DhcpMode | { readonly dhcp: string }, bootloaders: string): string {
  const subnets = `
  subnets:
    - subnet: 10.77.0.0/24
      ranges: ["10.77.0.100-10.77.0.199"]`
  const dhcp =
    typeof mode === 'string' ? `dhcp:\n  mode: ${mode}${mode === 'server' ? subnets : ''}` : mode.dhcp
  return `${dhcp}
tftp: { root: ./tftproot }
http: { root: ./httproot }
configuration:
  directory: ./tftproot/pxelinux.cfg/conf
${bootloaders}
server: { port: 3478 }
store: ./store/pxe-pilot.db
log: { level: debug }
`
}
