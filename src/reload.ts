// Reads the settings again on SIGHUP and when their file changes; a fault in them leaves everything as it is, and is told.

import { stat } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { printable, type Tell } from './events.ts'
import { readOwn } from './files.ts'
import { readSettingsAside } from './settings/aside.ts'
import { mostOfSettings, type Environment, type ReadResult, type Remark } from './settings/read.ts'
import type { Settings } from './settings/schema.ts'
import { isWider, writersOf } from './site.ts'
import { losesTerminal } from './terminal.ts'

/** How often, in milliseconds, the file is looked at: that works over NFS and for a file that is replaced, too. */
const lookMs = 1000

export type ReloadParts = {
  readonly file: string
  readonly environment: Environment
  /** Those that are so now. */
  readonly inForce: () => Settings
  /** Brings them into force. */
  readonly take: (settings: Settings) => Promise<void>
  readonly tell: Tell
}

type Why = 'SIGHUP' | 'its change'

/** As long as the process runs. */
export function followSettings(parts: ReloadParts): void {
  let working = Promise.resolve()
  let taken = signatureOf(parts.file)
  const reload = (why: Why) => {
    taken = signatureOf(parts.file)
    working = working.then(() => reread(parts, why))
    return working
  }
  const isLost = losesTerminal()
  let isEnding = false
  process.on('SIGHUP', () => {
    if (!isLost()) return void reload('SIGHUP')
    // Who closes the terminal ends what runs in it: its shell says so, and the kernel once more behind a slow shell. A
    // second SIGTERM would cut off what the first one began.
    if (!isEnding) process.kill(process.pid, 'SIGTERM')
    isEnding = true
  })
  const changed = async (now: Signature) => {
    if (now !== (await taken)) await reload('its change')
  }
  void watch(parts.file, changed)
}

/** Not before it was the same at two looks: whoever writes it has done so then. Never resolves, and never rejects. */
async function watch(file: string, stands: (now: Signature) => Promise<void>): Promise<never> {
  let before = await signatureOf(file)
  for (;;) {
    await setTimeout(lookMs, undefined, { ref: false })
    const now = await signatureOf(file)
    // An editor may take it away for a moment, too.
    if (now === before) await stands(now)
    before = now
  }
}

/** Undefined where there is none. */
type Signature = string | undefined

async function signatureOf(file: string): Promise<Signature> {
  const found = await stat(file).catch(() => undefined)
  return found && `${found.mtimeMs} ${found.size} ${found.ino}`
}

/** Never rejects. */
async function reread(parts: ReloadParts, why: Why): Promise<void> {
  const { file, take, tell } = parts
  const say = (level: 'warn' | 'error', { line, text }: Remark, end = '') =>
    tell({ level, step: 'settings', text: printable(`${file}${line > 0 ? `:${line}` : ''}: ${text}`) + end })
  const result = await readAgain(parts, why)
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

async function readAgain({ file, environment, inForce }: ReloadParts, why: Why): Promise<ReadResult> {
  const result = isEmpty(file) ? empty : await readSettingsAside({ file, environment })
  if ('faults' in result || why === 'SIGHUP') return result
  const text = cutOff(inForce(), result.settings)
  return text === undefined ? result : { faults: [{ line: 0, text }], warnings: [] }
}

/**
 * What the beginning of a file lacks, which is good YAML, too, and may be all that a slow writer has written: taken for
 * the whole, it would let anybody write. `log` is there for a while only, and harms nobody.
 */
function cutOff(before: Settings, after: Settings): string | undefined {
  const gone = before.sections.filter((name) => name !== 'log' && !after.sections.includes(name))
  const meant = `if that is meant, kill -HUP ${process.pid} takes it`
  if (gone.length > 0) return `has no section ${gone.join(', ')} any more: ${meant}`
  const writers = writersOf({ server: after.server, dhcp: before.dhcp })
  if (isWider(writersOf(before), writers))
    return `server.allow lets more addresses write than before: ${meant}`
  return undefined
}

/** What stands for every default at a start is, under a server that runs, a file that was cut off. */
const empty: ReadResult = {
  faults: [{ line: 0, text: 'is empty: was it cut off?' }],
  warnings: [],
}

function isEmpty(file: string): boolean {
  try {
    return readOwn(file, mostOfSettings).trim() === ''
  } catch {
    return false
  }
}
