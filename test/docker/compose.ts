// docker-compose.yml as a user runs it, from a copy of the repository, with a Docker daemon of the test's own.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { Appliance, Lab, repository } from '../lab/lab.ts'
import { DockerDaemon } from './daemon.ts'

const run = promisify(execFile)

/** The program of its own where there is one: Debian 12 has no other. */
const isProgram = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'docker-compose')))
const compose = isProgram ? ['docker-compose'] : ['docker', 'compose']

/** What is different in the test: no bridge to build on, and no half a minute until the first health check. */
const overrides = `services:
  pxe-pilot:
    build: { context: ., network: host }
    healthcheck: { interval: 1s }
`

/** Builds the image from the repository's files alone, on a base made without any registry of images. */
export async function buildImage(folder: string): Promise<void> {
  const checkout = join(folder, 'checkout')
  await mkdir(checkout)
  const copy = 'git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$1"'
  await run('bash', ['-o', 'pipefail', '-c', copy, 'bash', checkout], { cwd: repository })
  await writeFile(join(checkout, 'docker-compose.override.yml'), overrides)
  const base = join(folder, 'base.tar')
  await run(join(repository, 'test/docker/base-image.sh'), [base])
  const daemon = await DockerDaemon.start(folder)
  try {
    const settings = ['CMD ["node"]', 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt']
    const changes = settings.flatMap((setting) => ['--change', setting])
    await daemon.run(['docker', 'import', ...changes, base, 'node:24-bookworm-slim'])
    await daemon.run([...compose, 'build'], checkout)
  } finally {
    await daemon.stop()
  }
}

/** The service, in the lab's network. */
export class Composed {
  readonly #t: ExecutionContext
  readonly #lab: Lab
  readonly #daemon: DockerDaemon

  private constructor(t: ExecutionContext, lab: Lab, daemon: DockerDaemon) {
    this.#t = t
    this.#lab = lab
    this.#daemon = daemon
  }

  /** Puts what docker-compose.yml mounts into the lab's folder, as the repository has it. */
  static async make(t: ExecutionContext, lab: Lab, folder: string): Promise<Composed> {
    for (const name of [
      'docker-compose.yml',
      'docker-compose.override.yml',
      'pxe-pilot.yml',
      'tftproot',
      'httproot',
    ]) {
      await cp(join(folder, 'checkout', name), join(lab.folder, name), { recursive: true })
    }
    const daemon = await DockerDaemon.start(folder, lab.network.server)
    t.teardown(() => daemon.stop())
    return new Composed(t, lab, daemon)
  }

  /** Starts the service, and waits until it answers. */
  async up(): Promise<Appliance> {
    await this.compose('up', '-d', '--no-build')
    const logs = this.#daemon.start([...compose, 'logs', '--follow', '--no-color'], this.#lab.folder)
    this.#t.teardown(async () => {
      if (!this.#t.passed) this.#t.log(logs.transcript.text)
      await logs.stop()
    })
    const appliance = new Appliance(this.#lab.network, logs)
    await appliance.isUp(30)
    return appliance
  }

  /**
   * Waits until the health check has passed.
   * @throws Error with what the checks said
   */
  async isHealthy(seconds: number): Promise<void> {
    const over = Date.now() + seconds * 1000
    while ((await this.inspect('{{.State.Health.Status}}')) !== 'healthy') {
      if (Date.now() > over) throw new Error(`not healthy: ${await this.inspect('{{json .State.Health}}')}`)
      await sleep(500)
    }
  }

  compose(...argv: string[]): Promise<string> {
    return this.#daemon.run([...compose, ...argv], this.#lab.folder)
  }

  /** Something that `docker inspect` tells about the container, as Go's templates name it. */
  async inspect(what: string): Promise<string> {
    const container = (await this.compose('ps', '--quiet')).trim()
    return (await this.#daemon.run(['docker', 'inspect', '--format', what, container])).trim()
  }

  /** Runs a command in the container. */
  inside(...argv: string[]): Promise<string> {
    return this.compose('exec', '-T', 'pxe-pilot', ...argv)
  }
}
