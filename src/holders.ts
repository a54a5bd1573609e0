// Which program holds a port or the lock of a file, as far as /proc shows it to us.

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

/** The program that has `port` open, such as `dnsmasq (pid 812)`. */
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
