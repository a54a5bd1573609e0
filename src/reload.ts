// Reads the settings again on SIGHUP and when their file changes; a fault in them leaves everything as it is, and is told.

import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { printable, type Tell } from './events.ts'
import { readSettings, type ReadResult, type Remark } from './settings/read.ts'
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
    return working
  }
  process.on('SIGHUP', () => void reload('SIGHUP'))
  void watch(parts.file, () => reload('its change'))
}

/** Not before it was the same at two looks: whoever writes it has done so then. Never resolves, and never rejects. */
async function watch(file: string, changed: () => Promise<void>): Promise<never> {
  let taken = await signatureOf(file)
  let before = taken
  for (;;) {
    await setTimeout(lookMs, undefined, { ref: false })
    const now = await signatureOf(file)
    // An editor may take it away for a moment.
    if (now !== undefined && now === before && now !== taken) {
      taken = now
      await changed()
    }
    before = now
  }
}

/** Undefined where there is none. */
async function signatureOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch(() => undefined)
  return found && `${found.mtimeMs} ${found.size} ${found.ino}`
}

/** Never rejects. */
async function reread({ file, environment, take, tell }: ReloadParts, why: string): Promise<void> {
  const say = (level: 'warn' | 'error', { line, text }: Remark, end = '') =>
    tell({ level, step: 'settings', text: printable(`${file}${line > 0 ? `:${line}` : ''}: ${text}`) + end })
  const result = isEmpty(file) ? empty : readSettings(file, environment)
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

/** What stands for every default at a start is, under a server that runs, a file that was cut off. */
const empty: ReadResult = {
  faults: [{ line: 0, text: 'is empty: was it cut off?' }],
  warnings: [],
}

function isEmpty(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').trim() === ''
  } catch {
    return false
  }
}
