// UDP sockets bound to one network interface, which Node cannot make: made by libc through koffi, then driven by Node.

import { createSocket, type Socket } from 'node:dgram'

/** Of one interface; Linux only. */
export type Devices = {
  /**
   * A bound socket that hears what comes in by `device`, broadcasts too, and sends 255.255.255.255 out of it.
   * Rejects with the code of bind(2): EADDRINUSE, EACCES, ENODEV.
   */
  bind(device: string, port: number): Promise<Socket>
  /** Changes when an interface was removed and made anew, whose old sockets are deaf; 0: there is none. */
  indexOf(device: string): number
}

/** A burst of DISCOVERs waits here while we answer. */
const receiveBuffer = 4 * 1024 * 1024

// Linux, all architectures Node runs on: asm-generic/socket.h, bits/socket.h.
const AF_INET = 2
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_BROADCAST = 6
const SO_RCVBUF = 8
const SO_BINDTODEVICE = 25
const sockaddrLength = 16

/** Undefined where there is no libc that koffi can load, with the reason. */
export async function openDevices(): Promise<Devices | { readonly unavailable: string }> {
  try {
    const { default: koffi } = await import('koffi')
    const libc = koffi.load(null)
    const socket = libc.func('int socket(int domain, int type, int protocol)')
    const setsockopt = libc.func(
      'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
    )
    const bind = libc.func('int bind(int fd, const void *address, uint32_t length)')
    const close = libc.func('int close(int fd)')
    const indexOf = libc.func('uint32_t if_nametoindex(const char *name)')
    const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]))

    const failed = (what: string) => {
      const code = names.get(koffi.errno()) ?? `errno ${koffi.errno()}`
      return Object.assign(new Error(`${what}: ${code}`), { code })
    }
    const set = (fd: number, name: number, value: Buffer) => {
      if (setsockopt(fd, SOL_SOCKET, name, value, value.length) !== 0) throw failed(`setsockopt ${name}`)
    }
    const make = (device: string, port: number): number => {
      const fd = Number(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
      if (fd < 0) throw failed('socket')
      try {
        set(fd, SO_BROADCAST, flag(1))
        set(fd, SO_RCVBUF, flag(receiveBuffer))
        set(fd, SO_BINDTODEVICE, Buffer.from(`${device}\0`))
        const address = Buffer.alloc(sockaddrLength)
        address.writeUInt16LE(AF_INET, 0)
        address.writeUInt16BE(port, 2)
        if (bind(fd, address, address.length) !== 0) throw failed('bind')
        return fd
      } catch (error) {
        close(fd)
        throw error
      }
    }

    return {
      bind: async (device, port) => {
        const fd = make(device, port)
        const node = createSocket('udp4')
        await new Promise<void>((resolve, reject) => {
          node.once('error', reject)
          node.bind({ fd }, resolve)
        })
        node.removeAllListeners('error')
        // libuv sets it on a descriptor it is handed; a second program could then bind the port without a word.
        set(fd, SO_REUSEADDR, flag(0))
        return node
      },
      indexOf: (device) => Number(indexOf(device)),
    }
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) }
  }
}

/** A C int, as every Linux that Node runs on stores it. */
function flag(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}
