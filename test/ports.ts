// Ports of 127.0.0.1 that are free, and no other test's until this process ends.

import { createSocket } from 'node:dgram'
import { createServer, type ListenOptions, type Server } from 'node:net'

export async function freeTcp(): Promise<number> {
  return await free(async (port) => {
    const server = await listening({ port, host: '127.0.0.1' })
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
    return server !== undefined
  })
}

export async function freeUdp(): Promise<number> {
  return await free(
    (port) =>
      new Promise((resolve) => {
        const socket = createSocket('udp4').once('error', () => resolve(false))
        socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
      }),
  )
}

/** Below those that the kernel hands out: one of them would be another program's until ours binds it. */
async function free(isFree: (port: number) => Promise<boolean>): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if ((await isOurs(port)) && (await isFree(port))) return port
  }
}

/** Until a program binds it some seconds pass, in which other tests look for theirs: a name that only one can have tells them. */
async function isOurs(port: number): Promise<boolean> {
  const holder = await listening({ path: `\0pxe-pilot-test-${port}` })
  holder?.unref()
  return holder !== undefined
}

/** Undefined where somebody else does. */
function listening(where: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined)).listen(where, () => resolve(server))
  })
}
