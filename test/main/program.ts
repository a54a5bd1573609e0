// The built program as a user starts it: a process with a settings file, on free ports of 127.0.0.1.

import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { Daemon } from '../net/harness.ts'
import { freeTcp, freeUdp } from '../ports.ts'

export const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export type Ports = { readonly tftp: number; readonly http: number; readonly api: number }

/** What a test, or a hook before several, has for a site. */
export type Keeper = Pick<ExecutionContext, 'teardown' | 'passed' | 'log'>

/** A folder with roots, in which the program is started as often as the test likes. */
export class Site {
  readonly folder: string
  readonly ports: Ports
  readonly #t: Keeper

  private constructor(t: Keeper, folder: string, ports: Ports) {
    this.#t = t
    this.folder = folder
    this.ports = ports
  }

  static async make(t: Keeper): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-main-'))
    t.teardown(() => rm(folder, { recursive: true }))
    for (const name of ['tftproot/conf', 'httproot']) await mkdir(join(folder, name), { recursive: true })
    return new Site(t, folder, { tftp: await freeUdp(), http: await freeTcp(), api: await freeTcp() })
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(join(this.folder, name), content)
    return join(this.folder, name)
  }

  /** `pxe-pilot ARGUMENTS` in the folder, by `wrapper` if there is one: a program that starts programs. */
  run(argv: readonly string[], wrapper: readonly string[] = []): Daemon {
    const [command = '', ...rest] = [...wrapper, process.execPath, program, ...argv]
    const child = spawn(command, rest, {
      cwd: this.folder,
      // A group of its own, as the harness ends groups.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const daemon = new Daemon(child, 'pxe-pilot')
    this.#t.teardown(async () => {
      if (!this.#t.passed) this.#t.log(daemon.transcript.text)
      daemon.kill()
      await daemon.exited
    })
    return daemon
  }

  /** Starts the server with these ports, and waits until it says that it is ready. */
  async start(more = ''): Promise<Daemon> {
    const daemon = this.run(['server', '-c', await this.write('pxe-pilot.yml', this.settings(more))])
    await daemon.transcript.waitFor(/PXE Pilot is ready:[^]*Next:/, 30)
    return daemon
  }

  settings(more = '', ports: Partial<Ports> = {}): string {
    const { tftp, http, api } = { ...this.ports, ...ports }
    return `tftp: { root: ./tftproot, bind: 127.0.0.1, port: ${tftp} }
http: { root: ./httproot, bind: 127.0.0.1, port: ${http} }
server: { bind: 127.0.0.1, port: ${api} }
configuration: { directory: ./tftproot/conf }
store: ./var/pxe-pilot.db
${more}`
  }

  /** The status of the deploy's answer; rejects where there is none. */
  async deploy(configuration: string, mac: string): Promise<number> {
    const url = `http://127.0.0.1:${this.ports.api}/v1/configurations/${configuration}/deploy`
    const body = JSON.stringify({ hosts: [{ macAddress: mac }] })
    const response = await fetch(url, { method: 'PUT', body })
    await response.text()
    return response.status
  }

  /** What GET /v1/hosts says each card boots. */
  async assigned(): Promise<ReadonlyMap<string, string | undefined>> {
    const response = await fetch(`http://127.0.0.1:${this.ports.api}/v1/hosts`)
    const hosts = (await response.json()) as {
      macAddresses: string[]
      configuration: { name: string } | null
    }[]
    return new Map(
      hosts.flatMap(({ macAddresses, configuration }) =>
        macAddresses.map((mac) => [mac, configuration?.name]),
      ),
    )
  }
}

/** A card's address, another for each number up to 65535. */
export function macOf(number: number): string {
  const digits = number.toString(16).padStart(4, '0')
  return `52:54:00:00:${digits.slice(0, 2)}:${digits.slice(2)}`
}
