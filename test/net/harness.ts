// A network of its own for a test: a server's namespace with a bridge, clients on it, and every process in them
// ended and every namespace removed whatever happens to the test.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Transcript } from './transcript.ts'

/** The server's address on the bridge; its network is 10.77.0.0/24. */
export const serverAddress = '10.77.0.1'
export const bridge = 'br0'

/** Names carry the test's process id, so that what a killed test left can be told from what one still uses. */
const namePattern = /^pxe-(\d+)-\d+$/
const namespacesFolder = '/run/netns'

export type Output = { readonly code: number; readonly stdout: string; readonly stderr: string }
export type RunOptions = { readonly seconds?: number | undefined; readonly input?: string | undefined }
export type StartOptions = {
  readonly cwd?: string | undefined
  /** What failure messages call it; by default the program's name. */
  readonly name?: string | undefined
}

const liveDaemons = new Set<Daemon>()
const liveNamespaces = new Set<string>()
let count = 0

// A test that fails, times out or is interrupted leaves by process.exit without its teardowns.
process.once('exit', () => {
  for (const daemon of liveDaemons) daemon.kill()
  for (const name of liveNamespaces) removeNamespace(name)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

/** A long-running process in a namespace, with all it printed on stdout and stderr. */
export class Daemon {
  readonly transcript: Transcript
  /** Its exit status; null when a signal ended it. */
  readonly exited: Promise<number | null>
  readonly #child: ChildProcess

  constructor(child: ChildProcess, name: string) {
    this.#child = child
    this.transcript = new Transcript(name)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => this.transcript.append(chunk))
    }
    child.once('error', (error) => this.transcript.append(`${error.message}\n`))
    this.exited = new Promise((resolve) => {
      child.once('close', (code) => {
        liveDaemons.delete(this)
        this.transcript.end()
        resolve(code)
      })
    })
    liveDaemons.add(this)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get running(): boolean {
    const { pid, exitCode, signalCode } = this.#child
    return pid !== undefined && exitCode === null && signalCode === null
  }

  /** Asks it to end, and ends its whole group when it takes longer than `seconds`. */
  async stop(seconds = 5): Promise<number | null> {
    this.#signal('SIGTERM')
    const timer = setTimeout(() => this.kill(), seconds * 1000)
    const code = await this.exited
    clearTimeout(timer)
    return code
  }

  /** Ends it and all it started with SIGKILL, at once. */
  kill(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined || !this.running) return
    try {
      process.kill(-pid, signal)
    } catch {
      // Gone between the check and the signal.
    }
  }
}

/** A network namespace, and commands run in it. */
export class Namespace {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /**
   * Runs a command to its end; a non-zero exit is an answer, not an error.
   * @throws Error when it takes longer than `seconds` (30 if not given)
   */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
    const { seconds = 30, input = '' } = options
    const child = spawn('ip', ['netns', 'exec', this.name, ...argv], { detached: true })
    const daemon = new Daemon(child, argv.join(' '))
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: string) => (stdout += chunk))
    child.stderr.on('data', (chunk: string) => (stderr += chunk))
    child.stdin.on('error', () => undefined).end(input)
    let late = false
    const timer = setTimeout(() => {
      late = true
      daemon.kill()
    }, seconds * 1000)
    const code = await daemon.exited
    clearTimeout(timer)
    if (late) throw new Error(`${argv.join(' ')} took longer than ${seconds} s:\n${stdout}${stderr}`)
    return { code: code ?? -1, stdout, stderr }
  }

  /** As `run`, for commands that have to succeed: gives stdout. */
  async must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(argv, options)
    if (code !== 0) throw new Error(`${argv.join(' ')} exited with ${code}:\n${stdout}${stderr}`)
    return stdout
  }

  /** Starts a process that runs until it is stopped, or until this one ends. */
  start(argv: readonly string[], options: StartOptions = {}): Daemon {
    // The kernel ends it with us, also when we are killed and no handler runs.
    const command = ['--pdeathsig', 'KILL', 'ip', 'netns', 'exec', this.name, ...argv]
    const child = spawn('setpriv', command, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
    })
    return new Daemon(child, options.name ?? argv[0] ?? 'process')
  }
}

/** One link: the server's namespace with the bridge, and whatever was put on it. */
export class Network {
  readonly server: Namespace
  readonly #namespaces: string[]
  #ports = 0

  private constructor(server: Namespace) {
    this.server = server
    this.#namespaces = [server.name]
  }

  /** Makes the bridge, with `serverAddress` on it. `close` it when done. */
  static async make(): Promise<Network> {
    sweep()
    const network = new Network(makeNamespace())
    const { server } = network
    // Multicast snooping would hold back router advertisements nobody has subscribed to yet.
    await server.must(['ip', 'link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0'])
    await server.must(['ip', 'link', 'set', bridge, 'addrgenmode', 'eui64', 'up'])
    await server.must(['ip', 'address', 'add', `${serverAddress}/24`, 'dev', bridge])
    return network
  }

  /** A client on the link: its own namespace with `eth0`, up, with no IPv4 address. */
  async client(mac?: string): Promise<Namespace> {
    const client = makeNamespace()
    this.#namespaces.push(client.name)
    const port = `port${this.#ports++}`
    const address = mac === undefined ? [] : ['address', mac]
    const peer = ['peer', 'name', 'eth0', ...address, 'netns', client.name]
    await this.server.must(['ip', 'link', 'add', port, 'type', 'veth', ...peer])
    await this.server.must(['ip', 'link', 'set', port, 'master', bridge, 'up'])
    await client.must(['ip', 'link', 'set', 'eth0', 'up'])
    return client
  }

  /** A tap for a machine's network card, on the bridge; its name in the server's namespace. */
  async tap(): Promise<string> {
    const name = `tap${this.#ports++}`
    await this.server.must(['ip', 'tuntap', 'add', name, 'mode', 'tap'])
    await this.server.must(['ip', 'link', 'set', name, 'master', bridge, 'up'])
    return name
  }

  /** Removes the namespaces; the processes in them have to be stopped before. */
  close(): void {
    for (const name of this.#namespaces) removeNamespace(name)
  }
}

function makeNamespace(): Namespace {
  const name = `pxe-${process.pid}-${count++}`
  execFileSync('ip', ['netns', 'add', name])
  liveNamespaces.add(name)
  execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  return new Namespace(name)
}

function removeNamespace(name: string): void {
  liveNamespaces.delete(name)
  try {
    execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' })
  } catch {
    // Already removed.
  }
}

/** Removes what tests left whose process was killed before it could tidy up. */
function sweep(): void {
  for (const name of namespaceNames()) {
    const owner = namePattern.exec(name)?.[1]
    if (owner !== undefined && !isAlive(Number(owner))) removeNamespace(name)
  }
}

function namespaceNames(): string[] {
  try {
    return readdirSync(namespacesFolder)
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
