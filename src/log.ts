// Writes events as log lines: pretty for people, JSON for programs. A reader that stops reading stops nothing else.

import { pino } from 'pino'
import pretty from 'pino-pretty'
import type { Event, Level, Tell } from './events.ts'
import { formatIpv4 } from './net/ipv4.ts'

/** What waits for a reader that does not read, in bytes; what comes beyond it is dropped. */
const mostWaiting = 4 * 1024 * 1024
const longestFlushMs = 500

export type Log = {
  readonly tell: Tell
  /** Says it as it stands, between the lines. */
  readonly print: (text: string) => void
  /** Resolves when what waits is written, or nobody reads it within half a second. */
  readonly flush: () => Promise<void>
}

/** Says events on standard output from `level` upwards. */
export function logTo(settings: { readonly level: Level; readonly format: 'pretty' | 'json' }): Log {
  // Not synchronous: a pipe that nobody reads, or a terminal that is held, would hold DHCP and the API.
  const output = pino.destination({ dest: 1, sync: false, maxLength: mostWaiting })
  output.on('error', () => undefined)
  const options = { level: settings.level, base: null }
  const logger =
    settings.format === 'json'
      ? pino(options, output)
      : pino(
          options,
          pretty({
            colorize: process.stdout.isTTY,
            translateTime: 'SYS:HH:MM:ss.l',
            messageFormat: '{step}: {msg}',
            hideObject: true,
            destination: output,
          }),
        )
  return {
    tell: (event) => {
      if (logger.isLevelEnabled(event.level)) logger[event.level](fields(event), event.text)
    },
    print: (text) => void output.write(text),
    flush: () =>
      new Promise((resolve) => {
        setTimeout(resolve, longestFlushMs)
        output.flush(() => resolve())
      }),
  }
}

function fields(event: Event): Readonly<Record<string, unknown>> {
  const { mac, ip, host } = event.client ?? {}
  return { step: event.step, mac, ip: ip === undefined ? undefined : formatIpv4(ip), host, ...event.data }
}
