// Sends short answers by the kernel's own call: what Node's stream does around it takes a third as long again.

import type { Socket } from 'node:net'
import type { Libc } from '../net/libc.ts'

/** Sends `text`, in Latin-1, on a connection that has sent all it was given. */
export type Send = (socket: Socket, text: string) => void

/** The longest answer sent so, with its head. */
const longest = 16 * 1024

export const sendByNode: Send = (socket, text) => void socket.write(text, 'latin1')

export function sendBy(libc: Pick<Libc, 'send'>): Send {
  const octets = Buffer.alloc(longest)
  return (socket, text) => {
    const fd = descriptorOf(socket)
    const isShort = text.length <= longest && fd >= 0
    const sent = isShort ? libc.send(fd, octets, octets.write(text, 'latin1')) : 0
    // What the kernel has no room for waits with Node, which also finds a broken connection so.
    if (sent < text.length) sendByNode(socket, text.slice(sent))
  }
}

/** -1: it is closed. The property is Node's own, and undocumented. */
export function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle')
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined
  return typeof fd === 'number' ? fd : -1
}
