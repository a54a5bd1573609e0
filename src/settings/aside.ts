// Reads the settings in a thread of its own, while the server goes on: thousands of hosts take seconds where there is
// something to say of them.

import { once } from 'node:events'
import { startWorker } from '../threads.ts'
import type { Environment, ReadResult } from './read.ts'

/** To the thread that reads. */
export type ReadOrder = { readonly file: string; readonly environment: Environment }

/** As readSettings() does it, but not frozen. */
export async function readSettingsAside(order: ReadOrder): Promise<ReadResult> {
  const worker = startWorker(import.meta.url, 'settings', order)
  worker.unref()
  try {
    const [result] = (await once(worker, 'message')) as [ReadResult]
    return result
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { faults: [{ line: 0, text: `cannot be read: ${why}` }], warnings: [] }
  }
}
