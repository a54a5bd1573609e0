// Says why a port could not be bound: who holds it, or what privilege is missing and how to get it.

import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'

export type Binding = {
  /** Named to the person who reads the error: DHCP, TFTP, HTTP, the API. */
  readonly service: string
  readonly protocol: 'udp' | 'tcp'
  readonly port: number
  /** The setting that moves it: `tftp.port`. */
  readonly setting: string
}

/** A port that could not be bound, as one line that says what to do. */
export class BindError extends Error {
  override readonly name = 'BindError'
}

/** What `error`, met while binding, means to a person. */
export function bindError(binding: Binding, error: unknown): BindError {
  const { service, protocol, port, setting } = binding
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const what = `${service} cannot listen on ${protocol.toUpperCase()} port ${port}`
  if (code === 'EADDRINUSE') {
    const letter = protocol === 'udp' ? 'u' : 't'
    const unseen = `another program holds it (sudo ss -l${letter}np 'sport = :${port}' names it)`
    const holder = holderOf(protocol, port)
    const by = holder === undefined ? unseen : `${holder} holds it`
    return new BindError(`${what}: ${by}. Stop that program${insteadOf(binding)}.`)
  }
  if (code === 'EACCES') {
    // cap_net_bind_service alone: with any other, Node ignores NODE_OPTIONS and NODE_EXTRA_CA_CERTS.
    return new BindError(
      `${what}: an ordinary user may not. Run \`sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${Math.min(67, port)}\` (every user, ` +
        `until the next boot) or \`sudo setcap cap_net_bind_service=ep ${quoted(nodePath())}\` (this Node, for good), then start again without sudo.`,
    )
  }
  const why = error instanceof Error ? error.message : String(error)
  return new BindError(`${what}: ${why}. See ${setting} in the settings file.`)
}

/** What else a person can do than to stop the program that holds the port. */
function insteadOf({ port, setting }: Binding): string {
  if (setting === 'tftp.port' && port === 69) {
    return ': machines ask port 69 and no other, whatever tftp.port says'
  }
  if (setting === 'dhcp.mode') {
    return ', or let it give the addresses and name this machine as boot server (docs/dhcp.md), and set dhcp.mode: off'
  }
  return `, or set ${setting} in the settings file`
}

/** The program that has `port` open, such as `dnsmasq (pid 812)`, as far as /proc shows it to us. */
export function holderOf(protocol: 'udp' | 'tcp', port: number): string | undefined {
  const inodes = new Set([
    ...inodesAt(`/proc/net/${protocol}`, port),
    ...inodesAt(`/proc/net/${protocol}6`, port),
  ])
  if (inodes.size === 0) return undefined
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${descriptor}`))?.[1]
      if (inode !== undefined && inodes.has(inode)) return programOf(pid)
    }
  }
  return undefined
}

// proc(5): "sl local_address rem_address st ... uid timeout inode", the port in hexadecimal behind the address.
// TCP also lists connections of the port: only state 0A, listening, holds it.
function inodesAt(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return read(table)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(
      (columns) => columns[1]?.endsWith(suffix) === true && (!table.includes('tcp') || columns[3] === '0A'),
    )
    .flatMap((columns) => columns[9] ?? [])
}

/** `dnsmasq (pid 812)`. */
function programOf(pid: string): string {
  return `${read(`/proc/${pid}/comm`).trim() || 'a program'} (pid ${pid})`
}

/** The program that has one of the files locked (proc(5), /proc/locks), where that is to be seen. */
export function lockerOf(files: readonly string[]): string | undefined {
  const known = new Set(files.map(lockedAs))
  for (const line of read('/proc/locks').split('\n')) {
    const [, pid = '', file] = /\sWRITE\s+(\d+)\s+(\w+:\w+:\d+)\s/.exec(line) ?? []
    if (file !== undefined && pid !== '0' && known.has(file)) return programOf(pid)
  }
  return undefined
}

/** `fe:00:2254409`. Inodes alone are those of other file systems' files, too. Of btrfs stat(2) tells other devices. */
function lockedAs(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  // makedev(3)
  const [major, minor] = [(found.dev >>> 8) & 0xfff, (found.dev & 0xff) | ((found.dev >>> 12) & 0xfff00)]
  const [first, second] = [major, minor].map((part) => part.toString(16).padStart(2, '0'))
  return `${first}:${second}:${found.ino}`
}

function nodePath(): string {
  try {
    return realpathSync(process.execPath)
  } catch {
    return process.execPath
  }
}

/** For a shell to copy. */
function quoted(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

// /proc changes while it is read, and hides other users' descriptors: what cannot be seen is not there.
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
