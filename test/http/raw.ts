// A bare TCP client for the tests: sends bytes as they are, reads until the server closes or a condition holds.

import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type Exchange = { readonly text: string; readonly closed: boolean }

/** Resolves when the server closed, `until` is satisfied, or `ms` passed. */
export async function exchange(
  port: number,
  sends: string | ((socket: Socket) => void),
  { until = () => false, ms = 15_000 }: { until?: (text: string) => boolean; ms?: number } = {},
): Promise<Exchange> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  return await new Promise((resolve) => {
    const done = (closed: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, closed })
    }
    const timer = setTimeout(() => done(false), ms)
    socket.setEncoding('latin1')
    socket.on('connect', () =>
      typeof sends === 'string' ? void socket.write(sends, 'latin1') : sends(socket),
    )
    socket.on('data', (chunk: string) => {
      text += chunk
      if (until(text)) done(false)
    })
    socket.on('error', () => {})
    socket.on('close', () => done(true))
  })
}

/**
 * `answered`: a request by a connection of its own, whose answer tells that those before it were accepted. Of more than
 * wait to be, which are a thousand, the kernel lets some believe for ever that they are connected.
 */
export async function connectMany<T>(
  count: number,
  connectOne: () => Promise<T>,
  answered: () => Promise<unknown>,
): Promise<readonly T[]> {
  const all: T[] = []
  while (all.length < count) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(200, count - all.length) }, connectOne))))
    await answered()
  }
  return all
}

export function countOf(text: string, part: string): number {
  return text.split(part).length - 1
}

/** Resolves when `holds`, or after `ms`. */
export async function within(ms: number, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds() && waited < ms; waited += 10) await sleep(10)
}

export type Reply = {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Buffer
}

/** fetch() would tidy the path up, follow redirects and forbid caches. */
export async function ask(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Reply> {
  const { hostname, port } = new URL(url)
  return await new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers, method }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}
