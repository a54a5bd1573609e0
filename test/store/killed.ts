// A real process that writes to a store until it is killed, and what it had acknowledged by then.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const writer = fileURLToPath(new URL('writer.mjs', import.meta.url))

/** Yields the numbers that the writer had acknowledged when it was killed. */
export async function killed(where: string, first: number, after: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [writer, where, String(first)])
  let said = ''
  let errors = ''
  child.stderr.on('data', (bytes) => (errors += String(bytes)))
  const begun = new Promise<void>((resolve) => {
    child.stdout.on('data', (bytes) => {
      said += String(bytes)
      resolve()
    })
  })
  await Promise.race([begun, once(child, 'close')])
  await new Promise((resolve) => setTimeout(resolve, after))
  child.kill('SIGKILL')
  await once(child, 'close')
  if (errors !== '') throw new Error(errors)
  // The last line may be torn, as any other write.
  return said.split('\n').slice(0, -1).map(Number)
}
