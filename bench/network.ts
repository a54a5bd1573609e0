// Two network namespaces joined by a cable: a server in one, its load in the other. Needs root.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const ip = (...words: string[]) => exec('ip', words)

/** The server's address, and the load's. */
export const [server, relay] = ['10.77.0.1', '10.77.0.2']

export type Network = {
  readonly serverSpace: string
  readonly clientSpace: string
  readonly make: () => Promise<void>
  /** Also where only a part of it was made. */
  readonly remove: () => Promise<void>
}

/** `name`: of the benchmark; `prefix`: of the subnet. */
export function networkOf(name: string, prefix: number): Network {
  const serverSpace = `pxe-${name}-${process.pid}-s`
  const clientSpace = `pxe-${name}-${process.pid}-c`
  const spaces = [serverSpace, clientSpace]
  const make = async () => {
    for (const space of spaces) await ip('netns', 'add', space)
    const peer = ['peer', 'name', 'eth0', 'netns', clientSpace]
    await ip('-n', serverSpace, 'link', 'add', 'eth0', 'type', 'veth', ...peer)
    for (const [space, address] of [
      [serverSpace, server],
      [clientSpace, relay],
    ] as const) {
      await ip('-n', space, 'link', 'set', 'lo', 'up')
      await ip('-n', space, 'address', 'add', `${address}/${prefix}`, 'dev', 'eth0')
      await ip('-n', space, 'link', 'set', 'eth0', 'up')
    }
  }
  const remove = async () => {
    for (const space of spaces) await ip('netns', 'delete', space).catch(() => undefined)
  }
  return { serverSpace, clientSpace, make, remove }
}
