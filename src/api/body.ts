// Reads a deploy's body: JSON whatever its Content-Type (curl -d says form), keys in any case, MACs in any notation.

import type { IncomingMessage } from 'node:http'
import type { Fault } from '../faults.ts'
import type { DeployTarget } from '../registry.ts'

export type DeployOrder = DeployTarget & { readonly reboot: boolean }

/** Bytes. A thousand hosts take 50 KiB. */
export const biggestBody = 1024 * 1024

/**
 * The body as text (a byte order mark is dropped). One that is too big is read to its end all the same, within
 * the listener's time for a request: a client that is cut off while it sends never sees why.
 */
export async function readBody(request: IncomingMessage): Promise<string | Fault> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= biggestBody) chunks.push(chunk)
  }
  if (size > biggestBody) {
    return { code: 'body_too_big', message: `The body has ${size} bytes; at most ${biggestBody} are read` }
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

/** What the body orders, in its order, or what is wrong with it. Nothing of it is checked against the table. */
export function readDeploy(text: string): readonly DeployOrder[] | Fault {
  let body: unknown
  try {
    body = firstJsonValue(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { code: 'body_not_json', message: `The body is not JSON: ${why}` }
  }
  if (body === null) return []
  if (!isObject(body)) return invalid('The body', 'an object such as {"hosts":[{"name":"h1"}]}')
  const hosts = field(body, 'hosts') ?? []
  if (!Array.isArray(hosts)) return invalid('hosts', 'a list')
  const orders: DeployOrder[] = []
  for (const [index, host] of hosts.entries()) {
    const order = readOrder(host ?? {}, `hosts[${index}]`)
    if ('code' in order) return order
    orders.push(order)
  }
  return orders
}

function readOrder(host: unknown, where: string): DeployOrder | Fault {
  if (!isObject(host)) return invalid(where, 'an object')
  const name = field(host, 'name')
  const mac = field(host, 'macaddress', 'mac_address')
  const reboot = field(host, 'reboot')
  const configuration = field(host, 'configuration')
  if (name !== undefined && typeof name !== 'string') return invalid(`${where}.name`, 'a text')
  if (mac !== undefined && typeof mac !== 'string') return invalid(`${where}.macAddress`, 'a text')
  if (reboot !== undefined && typeof reboot !== 'boolean') return invalid(`${where}.reboot`, 'true or false')
  return {
    name,
    mac,
    reboot: reboot ?? false,
    configuration:
      typeof configuration === 'string' || configuration === undefined
        ? configuration
        : JSON.stringify(configuration),
  }
}

/** encoding/json matches keys in any case, the last one wins, and null is as good as absent. */
function field(object: Readonly<Record<string, unknown>>, ...names: readonly string[]): unknown {
  let value: unknown
  for (const [key, entry] of Object.entries(object)) {
    if (names.includes(key.toLowerCase()) && entry !== null) value = entry
  }
  return value
}

/** Go's decoder stops behind the first value: what follows it was never read, so it may be anything. */
function firstJsonValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const end = endOfFirstObject(text)
    if (end === undefined) throw error
    return JSON.parse(text.slice(0, end))
  }
}

function endOfFirstObject(text: string): number | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (quoted && character === '\\') at++
    else if (character === '"') quoted = !quoted
    else if (!quoted && character === '{') depth++
    else if (!quoted && character === '}' && --depth === 0) return at + 1
  }
  return undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(where: string, what: string): Fault {
  return { code: 'body_invalid', message: `${where} must be ${what}` }
}
