// `--wait`: asks a machine's power again and again until it is as ordered, with a line that says so.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { ask, ClientError, read, type Client } from './client.ts'
import { hostPath } from './paths.ts'
import { Progress, wholeNumber, type Terminal } from './output.ts'

/** `timeout` is in seconds. */
export type Wait = { readonly wait?: true; readonly timeout?: number }

const usualSeconds = 300
const everyMs = 1_000

export const powerStatus = z.object({
  name: z.string(),
  powerState: z.string(),
  powerAskedAt: z.string().optional(),
  powerReason: z.string().optional(),
})

export type ApiPower = z.infer<typeof powerStatus>

/** Asks now. */
export async function powerOf(client: Client, name: string): Promise<ApiPower> {
  const path = `${hostPath(name)}/power`
  return read(client, await ask(client, 'GET', path), powerStatus)
}

/** The same of one of several: why it could not be asked stands in place of its state. */
export async function powerOrWhyNot(
  client: Client,
  name: string,
): Promise<ApiPower & { readonly failed?: true }> {
  try {
    return await powerOf(client, name)
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    return { name, powerState: 'Unknown', powerReason: error.message, failed: true }
  }
}

export function addWait(command: Command, what: string): void {
  command
    .option('--wait', `until they are ${what}`)
    .option('--timeout <seconds>', 'how long --wait waits', wholeNumber, usualSeconds)
}

/** Rejects when one of `names` is not so in time. */
export async function waitFor(
  state: 'On' | 'Off',
  names: readonly string[],
  { wait, timeout: seconds = usualSeconds }: Wait,
  client: Client,
  terminal: Terminal,
): Promise<void> {
  if (wait === undefined) return
  const start = performance.now()
  const progress = new Progress(terminal)
  let left = names
  while (left.length > 0) {
    const states = await Promise.all(left.map((name) => powerOrWhyNot(client, name)))
    const others = states.filter(({ powerState }) => powerState !== state)
    left = others.map(({ name }) => name)
    const passed = Math.round((performance.now() - start) / 1000)
    if (left.length === 0) break
    if (passed >= seconds) {
      progress.end()
      const [first] = others
      const why = first?.powerReason === undefined ? '' : ` (${first.powerReason})`
      throw new ClientError(
        `${left.join(', ')} not ${state} after ${seconds} s${why}; see pxe-pilot host status`,
      )
    }
    progress.say(`waiting until ${left.join(', ')} ${left.length > 1 ? 'are' : 'is'} ${state}: ${passed} s`)
    await sleep(everyMs)
  }
  progress.end()
}
