// The built appliance in a network of a test's own: settings, its folder, its log; ended and removed with the test.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { Network, type Daemon } from './harness.ts'

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** A network that is gone at the end of the test. */
export async function makeNetwork(t: ExecutionContext): Promise<Network> {
  const network = await Network.make()
  t.teardown(() => network.close())
  return network
}

/** Starts `pxe-pilot server` with `settings`, to which roots, store and log are added; resolves when it is ready. */
export async function startAppliance(
  t: ExecutionContext,
  network: Network,
  settings: string,
  command: readonly string[] = [],
): Promise<Daemon> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-net-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const name of ['tftproot/pxelinux.cfg/conf', 'httproot']) {
    await mkdir(join(folder, name), { recursive: true })
  }
  const file = join(folder, 'pxe-pilot.yml')
  const roots = 'tftp: { root: ./tftproot }\nconfiguration: { directory: ./tftproot/pxelinux.cfg/conf }\n'
  await writeFile(file, `${settings}\n${roots}store: ./var/pxe-pilot.db\nlog: { level: debug }\n`)
  const argv = [...command, process.execPath, program, 'server', '-c', file]
  const daemon = network.server.start(argv, { cwd: folder, name: 'the appliance' })
  t.teardown(async () => {
    if (!t.passed) t.log(daemon.transcript.text)
    await daemon.stop()
  })
  await daemon.transcript.waitFor(/API +tcp/, 20)
  return daemon
}

/** Resolves when `holds`, or after `seconds`. */
export async function within(seconds: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < seconds && !(await holds()); waited += 0.1) await sleep(100)
}
