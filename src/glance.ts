// What the kernel has in memory of a file, told without asking any disk or file server: so it never waits.

import { statfs, type FileHandle } from 'node:fs/promises'

/** A file's inode, size, device and times of change. */
export type State = Uint32Array

/** `path`, with a NUL at its end, led to a file of that state. */
export type Seen = { readonly path: Buffer; readonly state: State }

/** A folder, or a file, and what was in it: each by its name, with a NUL at its end, too. */
export type SeenFolder = Seen & { readonly files: readonly (Seen & { readonly name: Buffer })[] }

export type Glance = {
  /** Whether `path`, with a NUL at its end, leads to that file, unchanged. False also where the kernel would have to ask. */
  readonly isAs: (path: Buffer, state: State) => boolean
  /** The same of a folder and of its files, by a third of the calls. The disk of a folder that is the same may be asked. */
  readonly areAs: (folder: SeenFolder) => boolean
  readonly stateOf: (handle: FileHandle) => State | undefined
  /** Of what `path` leads to. Undefined also where the kernel would have to ask. */
  readonly stateAt: (path: Buffer) => State | undefined
}

/**
 * Where the kernel is the only one to change a file, and so knows its state: ext4, xfs, btrfs, tmpfs, overlayfs, f2fs,
 * zfs (linux/magic.h). What a file server changes, it hears of later.
 */
const localKinds: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1,
])

/** Asks the disk: to be asked each time, as another file system may be mounted there by now, with the number of this one. */
export async function isLocal(path: string): Promise<boolean> {
  return localKinds.has((await statfs(path)).type)
}

// Linux, all architectures: linux/openat2.h, linux/stat.h, asm-generic/fcntl.h; the call's number is one everywhere.
const SYS_openat2 = 437
const AT_FDCWD = -100
const O_PATH = 0o10000000
const O_CLOEXEC = 0o2000000
const RESOLVE_CACHED = 0x20
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_EMPTY_PATH = 0x1000
const AT_STATX_DONT_SYNC = 0x4000
const STATX_BASIC_STATS = 0x7ff

/** Undefined where the kernel (before 5.12), a container or a missing koffi does not let us. */
export async function openGlance(): Promise<Glance | undefined> {
  try {
    const { default: koffi } = await import('koffi')
    const libc = koffi.load(null)
    const syscall = libc.func('int syscall(long number, int folder, void *path, void *how, size_t size)')
    const statx = libc.func('int statx(int fd, void *path, int flags, uint32_t mask, void *status)')
    const close = libc.func('int close(int fd)')
    const how = Buffer.alloc(24)
    how.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC), 0)
    how.writeBigUInt64LE(BigInt(RESOLVE_CACHED), 16)
    const itself = Buffer.alloc(1)
    const status = new Uint32Array(64)
    const look = (fd: number): boolean =>
      Number(statx(fd, itself, AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, status)) === 0
    const at = (path: Buffer, found: (fd: number) => boolean): boolean => {
      const fd = Number(syscall(SYS_openat2, AT_FDCWD, path, how, how.length))
      if (fd < 0) return false
      try {
        return found(fd)
      } finally {
        close(fd)
      }
    }
    const lookAt = (path: Buffer): boolean => at(path, look)
    const isAs: Glance['isAs'] = (path, state) => lookAt(path) && isSame(state, status)
    // What leads elsewhere is another file than the one it leads to, and its path is followed.
    const noFollow = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC
    const isIn = (fd: number, { name, path, state }: SeenFolder['files'][number]): boolean =>
      (Number(statx(fd, name, noFollow, STATX_BASIC_STATS, status)) === 0 && isSame(state, status)) ||
      isAs(path, state)
    if (!lookAt(Buffer.from('/\0'))) return undefined
    return {
      isAs,
      areAs: ({ path, state, files }) =>
        at(path, (fd) => look(fd) && isSame(state, status) && files.every((file) => isIn(fd, file))),
      stateOf: ({ fd }) => (look(fd) ? status.slice() : undefined),
      stateAt: (path) => (lookAt(path) ? status.slice() : undefined),
    }
  } catch {
    return undefined
  }
}

/** Twice within one tick of the kernel's clock, a file or a folder can change without a trace. */
const settledMs = 1_000

/** Whether the next change will show in its state. `now`: milliseconds since 1970, when the state was taken or before. */
export function isSettled(state: State, now: number): boolean {
  // stx_ctime.
  const [low = 0, high = 0, nanoseconds = 0] = state.subarray(24, 27)
  const changed = (low + high * 2 ** 32) * 1000 + nanoseconds / 1e6
  return now - changed >= settledMs
}

/** Of struct statx: inode and size; the times of change, and the device. That it was read does not count. */
function isSame(state: State, status: Uint32Array): boolean {
  for (let word = 8; word < 36; word++) {
    if ((word < 12 || word >= 24) && state[word] !== status[word]) return false
  }
  return true
}
