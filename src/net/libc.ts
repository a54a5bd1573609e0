// The few calls of libc that Node lacks, through koffi: sockets of one interface, and packet sockets. Linux only.

export type Libc = {
  /** A descriptor. Throws an error with the code of errno, like all of them: EACCES, EPERM, EADDRINUSE, ENODEV. */
  socket(domain: number, type: number, protocol: number): number
  setOption(fd: number, name: number, value: Buffer): void
  bind(fd: number, address: Buffer): void
  /** False where the kernel's buffer is full or the other side is known to be gone: as good as lost. */
  sendTo(fd: number, bytes: Buffer, address: Buffer): boolean
  /** How many of the first `count` octets a connection took without waiting; 0 also where it is broken. */
  send(fd: number, bytes: Buffer, count: number): number
  /** The octets that wait, cut to `into`, or undefined. For descriptors made with `nonBlocking`. */
  receive(fd: number, into: Buffer): Buffer | undefined
  /** As many datagrams as wait, up to `count`, into `messages` (batch.ts lays it out); 0: none waits. */
  receiveMany(fd: number, messages: Buffer, count: number): number
  /** How many of the first `count` of `messages` left, or -errno where the first of them could not. */
  sendMany(fd: number, messages: Buffer, count: number): number
  /** openat2(2) with a path that ends with a NUL and a struct open_how: a descriptor, or -errno. */
  openAt(folder: number, path: Buffer, how: Buffer): number
  /** statx(2) of what `fd` leads to, as far as it is known without asking anyone; false: it is not. */
  status(fd: number, mask: number, into: Buffer): boolean
  /** Octets read from `position` that are in memory; 0 or undefined: the end, or the disk would have to be asked. */
  readNow(fd: number, into: Buffer, position: number): number | undefined
  /** Another descriptor of the same file or socket, or -errno. */
  duplicate(fd: number): number
  /**
   * sendfile(2) on a thread of Node's pool: `count` octets of `file`, or as many as `socket` has room for. How many left,
   * or -errno. Both have to stay open until then.
   */
  sendFile(socket: number, file: number, position: number, count: number): Promise<number>
  /** Ends a connection both ways, whoever has descriptors of it. */
  shutDown(socket: number): void
  /** Where `buffer` lies; good as long as it is kept. */
  addressOf(buffer: Buffer): bigint
  close(fd: number): void
  /** 0: there is no such interface. It changes when an interface was removed and made anew. */
  interfaceIndex(name: string): number
}

// Linux, all architectures Node runs on: asm-generic/socket.h, bits/socket.h.
export const AF_INET = 2
export const AF_PACKET = 17
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const IPPROTO_ICMP = 1
export const SO_REUSEADDR = 2
export const SO_BROADCAST = 6
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_BINDTODEVICE = 25
const SOCK_CLOEXEC = 0o2000000
const SOCK_NONBLOCK = 0o4000
const SOL_SOCKET = 1
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const SHUT_RDWR = 2
const F_DUPFD_CLOEXEC = 1030

const AT_EMPTY_PATH = 0x1000
const AT_STATX_DONT_SYNC = 0x4000
const RWF_NOWAIT = 0x8
/** The same number on every architecture (linux/asm-generic/unistd.h): glibc has no function of the name. */
const SYS_openat2 = 437
const openHowSize = 24

let loaded: Promise<Libc | { readonly unavailable: string }> | undefined

/** Loaded once, or the reason why it cannot be. */
export function openLibc(): Promise<Libc | { readonly unavailable: string }> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<Libc | { readonly unavailable: string }> {
  try {
    const { default: koffi } = await import('koffi')
    const libc = koffi.load(null)
    const socket = libc.func('int socket(int domain, int type, int protocol)')
    const setsockopt = libc.func(
      'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
    )
    const bind = libc.func('int bind(int fd, const void *address, uint32_t length)')
    const sendto = libc.func(
      'intptr_t sendto(int fd, const void *bytes, size_t size, int flags, const void *address, uint32_t length)',
    )
    const send = libc.func('intptr_t send(int fd, const void *bytes, size_t size, int flags)')
    const recv = libc.func('intptr_t recv(int fd, void *bytes, size_t size, int flags)')
    const close = libc.func('int close(int fd)')
    const recvmmsg = libc.func(
      'int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)',
    )
    const sendmmsg = libc.func('int sendmmsg(int fd, void *messages, uint32_t count, int flags)')
    const syscall = libc.func('intptr_t syscall(long number, int folder, void *path, void *how, size_t size)')
    // Not every libc has these: without them, files are read by Node.
    const statx = optional(() =>
      libc.func('int statx(int folder, const void *path, int flags, uint32_t mask, void *into)'),
    )
    const preadv2 = optional(() =>
      libc.func('intptr_t preadv2(int fd, void *vectors, int count, int64_t offset, int flags)'),
    )
    const fcntl = libc.func('int fcntl(int fd, int command, ...)')
    const shutdown = libc.func('int shutdown(int fd, int how)')
    const sendfile = libc.func('intptr_t sendfile(int to, int from, void *position, size_t count)')
    const emptyPath = Buffer.alloc(1)
    const vector = Buffer.alloc(16)
    const indexOf = libc.func('uint32_t if_nametoindex(const char *name)')
    const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]))
    const checked = (what: string, result: unknown): number => {
      if (Number(result) >= 0) return Number(result)
      const code = names.get(koffi.errno()) ?? `errno ${koffi.errno()}`
      throw Object.assign(new Error(`${what}: ${code}`), { code })
    }
    return {
      socket: (domain, type, protocol) =>
        checked('socket', socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)),
      setOption: (fd, name, value) =>
        void checked('setsockopt', setsockopt(fd, SOL_SOCKET, name, value, value.length)),
      bind: (fd, address) => void checked('bind', bind(fd, address, address.length)),
      sendTo: (fd, bytes, address) =>
        Number(sendto(fd, bytes, bytes.length, 0, address, address.length)) >= 0,
      send: (fd, bytes, count) => Math.max(0, Number(send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL))),
      receive: (fd, into) => {
        const length = Number(recv(fd, into, into.length, 0))
        return length < 0 ? undefined : into.subarray(0, length)
      },
      receiveMany: (fd, messages, count) =>
        Math.max(0, Number(recvmmsg(fd, messages, count, MSG_DONTWAIT, null))),
      sendMany: (fd, messages, count) => {
        const sent = Number(sendmmsg(fd, messages, count, MSG_DONTWAIT))
        return sent < 0 ? -koffi.errno() : sent
      },
      openAt: (folder, path, how) => {
        const fd = Number(syscall(SYS_openat2, folder, path, how, openHowSize))
        return fd < 0 ? -koffi.errno() : fd
      },
      status: (fd, mask, into) =>
        statx?.(fd, emptyPath, AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, into) === 0,
      readNow: (fd, into, position) => {
        if (preadv2 === undefined) return undefined
        vector.writeBigUInt64LE(koffi.address(into), 0)
        vector.writeBigUInt64LE(BigInt(into.length), 8)
        const length = Number(preadv2(fd, vector, 1, position, RWF_NOWAIT))
        return length < 0 ? undefined : length
      },
      duplicate: (fd) => {
        const copy = Number(fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0))
        return copy < 0 ? -koffi.errno() : copy
      },
      sendFile: (to, file, position, count) => {
        const at = Buffer.alloc(8)
        at.writeBigInt64LE(BigInt(position))
        return new Promise((resolve) => {
          sendfile.async(to, file, at, count, (_: unknown, result: unknown) => {
            // Where it ended was written into `at`, which is kept for it only by being read here.
            resolve(Number(result) < 0 ? -koffi.errno() : Number(at.readBigInt64LE()) - position)
          })
        })
      },
      shutDown: (fd) => void shutdown(fd, SHUT_RDWR),
      addressOf: (buffer) => koffi.address(buffer),
      close: (fd) => void close(fd),
      interfaceIndex: (name) => Number(indexOf(name)),
    }
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) }
  }
}

function optional<T>(find: () => T): T | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}

/** A C int, as every Linux that Node runs on stores it. */
export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

/** struct sockaddr_in (ip(7)). */
export function inetAddress(ip: number, port: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16LE(AF_INET, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.writeUInt32BE(ip, 4)
  return bytes
}

/** struct sockaddr_ll (packet(7)). `hardware` empty: everyone's. */
export function linkAddress(etherType: number, interfaceIndex: number, hardware: Uint8Array): Buffer {
  const bytes = Buffer.alloc(20)
  bytes.writeUInt16LE(AF_PACKET, 0)
  bytes.writeUInt16BE(etherType, 2)
  bytes.writeInt32LE(interfaceIndex, 4)
  bytes.writeUInt8(hardware.length, 11)
  bytes.set(hardware, 12)
  return bytes
}

/** As socket(2) wants the protocol of a packet socket: in network order. */
export function networkOrder(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8)
}
