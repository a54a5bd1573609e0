// Says why a port could not be bound: who holds it, or what privilege is missing and how to get it.

import { realpathSync } from 'node:fs'
import { holderOf } from '../holders.ts'

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
