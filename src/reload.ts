// Reads the settings again on SIGHUP and when their file changes; a fault in them leaves everything as it is, and is told.

import { watchFile } from 'node:fs'
import { printable, type Tell } from './events.ts'
import { readSettings, type Remark } from './settings/read.ts'
import type { Settings } from './settings/schema.ts'

/** How often, in milliseconds, the file is looked at: that works over NFS and for a file that is replaced, too. */
const lookMs = 1000

export type ReloadParts = {
  readonly file: string
  readonly environment: { readonly STATE_DIRECTORY?: string | undefined }
  /** Brings them into force. */
  readonly take: (settings: Settings) => Promise<void>
  readonly tell: Tell
}

/** As long as the process runs. */
export function followSettings(parts: ReloadParts): void {
  let working = Promise.resolve()
  const reload = (why: string) => {
    working = working.then(() => reread(parts, why))
  }
  process.on('SIGHUP', () => reload('SIGHUP'))
  watchFile(parts.file, { interval: lookMs, persistent: false }, (now, before) => {
    // An editor may take it away for a moment, and a touch changes nothing.
    if (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino) {
      if (now.nlink > 0) reload('its change')
    }
  })
}

/** Never rejects. */
async function reread({ file, environment, take, tell }: ReloadParts, why: string): Promise<void> {
  const say = (level: 'warn' | 'error', { line, text }: Remark, end = '') =>
    tell({ level, step: 'settings', text: printable(`${file}${line > 0 ? `:${line}` : ''}: ${text}`) + end })
  const result = readSettings(file, environment)
  if ('faults' in result) {
    for (const fault of result.faults) say('error', fault, `; after ${why}, the settings stay as they were`)
    return
  }
  for (const warning of result.warnings) say('warn', warning)
  try {
    await take(result.settings)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    say('error', { line: 0, text: `the settings could not be taken over: ${message}` })
  }
}
