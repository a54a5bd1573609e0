// A Docker daemon of a test's own: its images, containers and sockets lie in the test's folder and end with it, beside
// whatever Docker the machine runs.

import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Daemon, type Namespace, type Output } from '../net/harness.ts'

const run = promisify(execFile)

/** Names carry the test's process id. */
const cgroupPattern = /^pxe-pilot-\d+$/
const cgroupRoot = '/sys/fs/cgroup'

/** Masks the sockets of a containerd that the machine may run, which dockerd would take for its own. */
const maskedStart = 'mount -t tmpfs none /run/containerd && exec dockerd "$@"'

export class DockerDaemon {
  readonly #folder: string
  readonly #daemon: Daemon

  private constructor(folder: string, daemon: Daemon) {
    this.#folder = folder
    this.#daemon = daemon
  }

  /**
   * Starts it on `folder`, which keeps its images. Containers on the host's network are in `namespace`, or on the
   * machine's own network where none is given.
   */
  static async start(folder: string, namespace?: Namespace): Promise<DockerDaemon> {
    removeCgroups()
    mkdirSync('/run/containerd', { recursive: true })
    const options = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')]
    options.push(
      '--pidfile',
      '/run/containerd/dockerd.pid',
      '--host',
      `unix://${join(folder, 'docker.sock')}`,
    )
    options.push('--iptables=false', '--ip6tables=false', '--bridge=none')
    options.push('--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `pxe-pilot-${process.pid}`)
    // `ip netns exec` would mount a /sys of its own, without the cgroups that dockerd needs. The process and mount
    // namespaces end every container with the daemon, and undo its mounts, also when we are killed.
    const enter = namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace.name}`]
    const own = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc']
    const argv = ['--pdeathsig', 'KILL', ...enter, ...own, 'sh', '-c', maskedStart, 'sh', ...options]
    const child = spawn('setpriv', argv, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const docker = new DockerDaemon(folder, new Daemon(child, 'dockerd'))
    await docker.#daemon.transcript.waitFor(/API listen on/, 60)
    return docker
  }

  /**
   * Runs a command that speaks with this daemon, such as `docker`, to its end.
   * @throws Error with all it printed, when it fails
   */
  async run(argv: readonly string[], cwd?: string): Promise<string> {
    const [command = '', ...rest] = argv
    try {
      const { stdout } = await run(command, rest, { cwd, env: this.#environment, maxBuffer: 64 << 20 })
      return stdout
    } catch (error) {
      const { stdout = '', stderr = '' } = error as Partial<Output>
      throw new Error(`${argv.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
    }
  }

  /** Starts such a command that runs until it is stopped. */
  start(argv: readonly string[], cwd: string): Daemon {
    const options = { cwd, env: this.#environment, detached: true } as const
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new Daemon(child, argv.join(' '))
  }

  /** Stops every container, then itself. */
  async stop(): Promise<void> {
    await this.#daemon.stop(20)
    removeCgroups()
  }

  /** The classic builder, as BuildKit needs a plugin that Debian 12 does not have. */
  get #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      DOCKER_HOST: `unix://${join(this.#folder, 'docker.sock')}`,
      DOCKER_BUILDKIT: '0',
    }
  }
}

/** Removes what daemons that have ended left below /sys: with either version of cgroups, folders nobody is in. */
function removeCgroups(): void {
  const roots = [cgroupRoot, ...folders(cgroupRoot).map((name) => join(cgroupRoot, name))]
  for (const root of roots) {
    for (const name of folders(root)) if (cgroupPattern.test(name)) removeCgroup(join(root, name))
  }
}

function removeCgroup(path: string): void {
  for (const name of folders(path)) removeCgroup(join(path, name))
  try {
    rmdirSync(path)
  } catch {
    // Somebody is in it.
  }
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  )
}
