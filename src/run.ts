// Runs what reads the settings file: the server, and commands that need none; ends the process when they are done.

import { Appliance } from './appliance.ts'
import { banner } from './banner.ts'
import { printableLine } from './events.ts'
import { logTo, type Log } from './log.ts'
import { BindError } from './net/ports.ts'
import { followSettings } from './reload.ts'
import { readSettings, type ReadResult, type Remark } from './settings/read.ts'
import type { Settings } from './settings/schema.ts'
import { exit } from './threads.ts'

const environment = { STATE_DIRECTORY: process.env['STATE_DIRECTORY'] }

/** How long the parts have to finish what they are doing when we are told to stop. */
const stopWithinMs = 5_000

/** Until the server is told to stop. */
export async function serve(file: string): Promise<void> {
  const { settings, warnings } = settingsOf(file)
  const log = logTo(settings.log)
  const { tell } = log
  for (const { line, text } of warnings) {
    tell({ level: 'warn', step: 'settings', text: printableLine(`${file}:${line}: ${text}`) })
  }
  const appliance = new Appliance(settings, tell)
  const start = async () => {
    const started = appliance.start()
    const take = async (changed: Settings) => {
      await started
      await appliance.reload(changed)
    }
    // Already now: a SIGHUP that nobody takes ends the process.
    followSettings({ file, environment, inForce: () => appliance.inForce, take, tell })
    await started
  }
  await run(settings, appliance, start, log)
}

async function run(
  settings: Settings,
  appliance: Appliance,
  start: () => Promise<void>,
  log: Log,
): Promise<void> {
  const stop = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  try {
    await start()
    if (settings.log.format === 'pretty') log.print(banner(settings, appliance.listeners(), appliance.table))
  } catch (error) {
    await appliance.stop()
    await log.flush()
    // A person reads this: what happened and what to do, not where in our code.
    const expected = error instanceof BindError || settings.log.level !== 'debug'
    process.stderr.write(`${expected && error instanceof Error ? error.message : inspect(error)}\n`)
    process.exit(1)
  }
  const code = await Promise.race([stop.then(() => 0), appliance.ended.then(() => 1)])
  setTimeout(() => void exit(1), stopWithinMs).unref()
  await appliance.stop()
  await log.flush()
  await exit(code)
}

/** Does what needs no server that runs. `say`: a line each. */
export async function offline(
  file: string,
  work: (settings: Settings, say: (line: string) => void) => Promise<void>,
): Promise<void> {
  const { settings } = settingsOf(file)
  try {
    await work(settings, (line) => process.stdout.write(`${printableLine(line)}\n`))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : inspect(error)}\n`)
    process.exit(1)
  }
}

/** Ends the process where they have a fault. */
function settingsOf(file: string): Extract<ReadResult, { settings: Settings }> {
  const result = readSettings(file, environment)
  if ('faults' in result) {
    complain(file, result.faults)
    complain(file, result.warnings, 'warning: ')
    process.exit(1)
  }
  return result
}

function complain(file: string, remarks: readonly Remark[], prefix = ''): void {
  for (const { line, text } of remarks) {
    process.stderr.write(`${file}${line > 0 ? `:${line}` : ''}: ${prefix}${printableLine(text)}\n`)
  }
}

function inspect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
