// UDP sockets bound to one network interface, which Node cannot make: made by libc, then driven by Node.

import { createSocket, type Socket } from 'node:dgram'
import { AF_INET, inetAddress, int, SOCK_DGRAM, SO_BINDTODEVICE, SO_BROADCAST } from './libc.ts'
import { SO_RCVBUF, SO_REUSEADDR, type Libc } from './libc.ts'

/** A burst of DISCOVERs waits here while we answer. */
const receiveBuffer = 4 * 1024 * 1024

/** `fd` is the socket's own, and good until it is closed: for calls that Node makes at ten times the cost. */
export type DeviceSocket = { readonly socket: Socket; readonly fd: number }

/**
 * A bound socket that hears what comes in by `device`, broadcasts too, and sends 255.255.255.255 out of it.
 * Rejects with the code of bind(2): EADDRINUSE, EACCES, ENODEV.
 */
export async function bindToDevice(libc: Libc, device: string, port: number): Promise<DeviceSocket> {
  const fd = make(libc, device, port)
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ fd }, resolve)
  })
  socket.removeAllListeners('error')
  // libuv sets it on a descriptor it is handed; a second program could then bind the port without a word.
  libc.setOption(fd, SO_REUSEADDR, int(0))
  return { socket, fd }
}

function make(libc: Libc, device: string, port: number): number {
  const fd = libc.socket(AF_INET, SOCK_DGRAM, 0)
  try {
    libc.setOption(fd, SO_BROADCAST, int(1))
    libc.setOption(fd, SO_RCVBUF, int(receiveBuffer))
    libc.setOption(fd, SO_BINDTODEVICE, Buffer.from(`${device}\0`))
    libc.bind(fd, inetAddress(0, port))
    return fd
  } catch (error) {
    libc.close(fd)
    throw error
  }
}
