// Files as transfers read them: by Node's handle, or by a descriptor where all may be in memory already.

import { read } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { Disk } from '../disk.ts'
import type { Libc } from '../net/libc.ts'
import type { Shared } from './pieces.ts'
import type { OpenFile } from './source.ts'

/** `disk`: what closes it, as that may hang, too. */
export function fileOf(handle: FileHandle, size: number, disk: Disk, libc: Libc | undefined): OpenFile {
  return {
    size,
    readNow: (into, position) => libc?.readNow(handle.fd, into, position),
    read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
    close: () => disk.afterwards(() => handle.close()),
  }
}

/** Owns `shared`, and `fd`, which is a file's on a file system of this machine: it can be closed here and now. */
export function fileOfDescriptor(fd: number, size: number, libc: Libc, shared: Shared | undefined): OpenFile {
  let reading = 0
  let isClosed = false
  const closeIdle = () => {
    if (isClosed && reading === 0) libc.close(fd)
  }
  return {
    size,
    shared,
    readNow: (into, position) => libc.readNow(fd, into, position),
    read: (into, position) =>
      new Promise((resolve, reject) => {
        reading++
        read(fd, into, 0, into.length, position, (error, count) => {
          reading--
          closeIdle()
          if (error === null) resolve(count)
          else reject(error)
        })
      }),
    close: () => {
      isClosed = true
      shared?.leave()
      closeIdle()
    },
  }
}
