// Looks a file up in what the kernel holds in memory: no thread is needed, nothing is ever waited for, nothing is stale.
// What it does not hold is left to files.ts and a thread. Linux 5.12 and later (openat2(2), RESOLVE_CACHED).

import { readFileSync } from 'node:fs'
import type { Links } from '../files.ts'
import type { Libc } from '../net/libc.ts'

export type Known =
  | {
      readonly kind: 'opened'
      /** The caller closes it. */
      readonly fd: number
      readonly size: number
      /** Tells the file, and any later content of it from this one; undefined: it cannot be told yet. */
      readonly state: string | undefined
    }
  | { readonly kind: 'missing' }

const O_NONBLOCK = 0o4000
const O_CLOEXEC = 0o2000000
const O_PATH = 0o10000000
const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_NO_SYMLINKS = 0x04
const RESOLVE_BENEATH = 0x08
const RESOLVE_CACHED = 0x20
const AT_FDCWD = -100
const ENOENT = 2
const ENOTDIR = 20

/** PATH_MAX is 4096: the kernel refuses what is cut off here. */
const longestPath = 8192
const statusSize = 256
/** Type, times of change, size, inode and mount. */
const statusMask = 0x1 | 0x40 | 0x80 | 0x200 | 0x100 | 0x1000
const S_IFMT = 0o170000
const S_IFREG = 0o100000

/** File systems whose open() asks nobody else: a network's, or a program's, may hang. */
const local: ReadonlySet<string> = new Set(
  'ext2 ext3 ext4 xfs btrfs f2fs zfs bcachefs tmpfs vfat exfat ntfs3 iso9660 udf squashfs erofs overlay'.split(
    ' ',
  ),
)

/** Within one tick of the file system's clock, 2 s on vfat, a file can change without a trace. */
const settledMs = 3000

/** The numbers of a mount that is gone are given to the next. */
const mountsForMs = 5000

type Status = {
  readonly isFile: boolean
  readonly size: number
  readonly inode: bigint
  readonly mount: string
}

export class CachedFiles {
  private readonly libc: Libc
  private readonly into = Buffer.alloc(statusSize)
  private readonly path = Buffer.alloc(longestPath)
  /** Whether files of a mount, by its number and device, may be opened here. */
  private readonly mounts = new Map<string, boolean>()
  private mountsSince = -Infinity
  private readonly now: () => number
  private readonly folder = how(O_PATH | O_CLOEXEC, RESOLVE_CACHED)
  private readonly straight = ways(RESOLVE_NO_SYMLINKS)
  private readonly anywhere = ways(RESOLVE_NO_MAGICLINKS)
  private readonly inside = ways(RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH)

  /** `now`: milliseconds, monotonic. */
  constructor(libc: Libc, now: () => number) {
    this.libc = libc
    this.now = now
  }

  /** `path` under `root` as openUnder() would judge it, or undefined: that has to tell. */
  open(root: string, path: string, links: Links): Known | undefined {
    if (path.includes('\0') || path.includes('..')) return undefined
    // Without a link and a ".." on the way, what is found lies where its name says.
    const known = this.openIn(AT_FDCWD, this.written(`${root}/${path}`), this.straight)
    if (known !== undefined) return known
    const folder = this.libc.openAt(AT_FDCWD, this.written(root), this.folder)
    if (folder < 0) return undefined
    try {
      return this.openIn(folder, this.written(path), links === 'inside' ? this.inside : this.anywhere)
    } finally {
      this.libc.close(folder)
    }
  }

  /** As C reads it; good until the next one. What does not fit names nothing. */
  private written(path: string): Buffer {
    const length = this.path.write(path, 0, this.path.length - 1)
    this.path[length] = 0
    return this.path
  }

  // Looked at before it is opened: to open a device may do something, and some other file system may hang.
  private openIn(folder: number, path: Buffer, { look, open }: Ways): Known | undefined {
    const found = this.libc.openAt(folder, path, look)
    if (found === -ENOENT || found === -ENOTDIR) return { kind: 'missing' }
    if (found < 0) return undefined
    const judged = this.status(found)
    this.libc.close(found)
    if (judged?.isFile !== true || !this.isLocal(judged.mount)) return undefined
    const fd = this.libc.openAt(folder, path, open)
    if (fd < 0) return undefined
    const opened = this.status(fd)
    if (opened?.isFile === true && opened.inode === judged.inode && opened.mount === judged.mount) {
      return { kind: 'opened', fd, size: opened.size, state: this.state() }
    }
    this.libc.close(fd)
    return undefined
  }

  // struct statx (statx(2)).
  private status(fd: number): Status | undefined {
    const { into } = this
    if (!this.libc.status(fd, statusMask, into)) return undefined
    if ((into.readUInt32LE(0) & statusMask) !== statusMask) return undefined
    return {
      isFile: (into.readUInt16LE(28) & S_IFMT) === S_IFREG,
      size: Number(into.readBigUInt64LE(40)),
      inode: into.readBigUInt64LE(32),
      mount: `${into.readUInt32LE(144)} ${into.readUInt32LE(136)}:${into.readUInt32LE(140)}`,
    }
  }

  /** Of what was looked at last. */
  private state(): string | undefined {
    const { into } = this
    const isSettled = Date.now() - Number(into.readBigInt64LE(96)) * 1000 > settledMs
    return isSettled ? into.toString('latin1', 32, 48) + into.toString('latin1', 96, 144) : undefined
  }

  private isLocal(mount: string): boolean {
    const now = this.now()
    if (now - this.mountsSince > mountsForMs) {
      this.mounts.clear()
      this.mountsSince = now
    }
    const known = this.mounts.get(mount)
    if (known !== undefined) return known
    const isLocal = local.has(typeOf(mount.slice(0, mount.indexOf(' '))) ?? '')
    this.mounts.set(mount, isLocal)
    return isLocal
  }
}

/** How a name is looked at, and how it is opened. */
type Ways = { readonly look: Buffer; readonly open: Buffer }

function ways(resolve: number): Ways {
  return {
    look: how(O_PATH | O_CLOEXEC, resolve | RESOLVE_CACHED),
    open: how(O_NONBLOCK | O_CLOEXEC, resolve | RESOLVE_CACHED),
  }
}

/** struct open_how. */
function how(flags: number, resolve: number): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeBigUInt64LE(BigInt(flags), 0)
  bytes.writeBigUInt64LE(BigInt(resolve), 16)
  return bytes
}

/** proc(5): "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw". */
function typeOf(mountId: string): string | undefined {
  try {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
    return lines
      .find((line) => line.startsWith(`${mountId} `))
      ?.split(' - ')[1]
      ?.split(' ')[0]
  } catch {
    return undefined
  }
}
