// The built appliance in a network of a test's own: settings, its folder, its log; ended and removed with the test.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { Network, type Daemon, type Namespace } from './harness.ts'

export const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** A network that is gone at the end of the test. */
export async function makeNetwork(t: ExecutionContext): Promise<Network> {
  const network = await Network.make()
  t.teardown(() => network.close())
  return network
}

/** An appliance's folder: settings, roots and store, which outlive its process. */
export class Site {
  readonly folder: string
  readonly #t: ExecutionContext
  readonly #network: Network
  #shown = false

  private constructor(t: ExecutionContext, network: Network, folder: string) {
    this.#t = t
    this.#network = network
    this.folder = folder
  }

  /** `settings` needs no roots, store or log. */
  static async make(t: ExecutionContext, network: Network, settings: string): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-net-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    for (const name of ['tftproot/pxelinux.cfg/conf', 'httproot']) {
      await mkdir(join(folder, name), { recursive: true })
    }
    const roots = 'tftp: { root: ./tftproot }\nconfiguration: { directory: ./tftproot/pxelinux.cfg/conf }\n'
    const rest = 'store: ./var/pxe-pilot.db\nlog: { level: debug }\n'
    await writeFile(join(folder, 'pxe-pilot.yml'), `${settings}\n${roots}${rest}`)
    return new Site(t, network, folder)
  }

  /** `pxe-pilot server`, behind `command`; resolves when it is ready. Its log is shown when the test fails. */
  async start(command: readonly string[] = []): Promise<Daemon> {
    const argv = [...command, process.execPath, program, 'server', '-c', join(this.folder, 'pxe-pilot.yml')]
    const daemon = this.#network.server.start(argv, { cwd: this.folder, name: 'the appliance' })
    this.#t.teardown(async () => {
      if (!this.#t.passed && !this.#shown) this.#t.log(daemon.transcript.text.slice(-20_000))
      this.#shown = true
      await daemon.stop()
    })
    await daemon.transcript.waitFor(/API +tcp/, 20)
    return daemon
  }
}

/** A site that is started once. */
export async function startAppliance(
  t: ExecutionContext,
  network: Network,
  settings: string,
  command: readonly string[] = [],
): Promise<Daemon> {
  const site = await Site.make(t, network, settings)
  return await site.start(command)
}

/** dnsmasq as a DHCP server, which pings an address for 3 s before it offers it; with `words` on its command line. */
export async function startDnsmasqIn(
  t: ExecutionContext,
  namespace: Namespace,
  words: readonly string[] = [],
): Promise<Daemon> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-dnsmasq-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'leases'), '')
  const files = [`--dhcp-leasefile=${join(folder, 'leases')}`, `--pid-file=${join(folder, 'pid')}`]
  const range = ['--port=0', '--log-dhcp', '--dhcp-range=10.77.0.10,10.77.0.20,1h']
  const argv = ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--log-facility=-']
  const daemon = namespace.start([...argv, ...files, ...range, ...words])
  t.teardown(() => daemon.stop())
  await daemon.transcript.waitFor(/DHCP, IP range/, 10)
  return daemon
}

/** Resolves when `holds`, or after `seconds`. */
export async function within(seconds: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < seconds && !(await holds()); waited += 0.1) await sleep(100)
}
