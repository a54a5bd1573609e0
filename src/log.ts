// Writes events as log lines: pretty for people, JSON for programs.

import { pino } from 'pino'
import pretty from 'pino-pretty'
import type { Event, Level, Tell } from './events.ts'
import { formatIpv4 } from './net/ipv4.ts'

/** Says events on standard output from `level` upwards. */
export function logTo(settings: { readonly level: Level; readonly format: 'pretty' | 'json' }): Tell {
  const options = { level: settings.level, base: null }
  const logger =
    settings.format === 'json'
      ? pino(options)
      : pino(
          options,
          pretty({
            colorize: process.stdout.isTTY,
            translateTime: 'SYS:HH:MM:ss.l',
            messageFormat: '{step}: {msg}',
            hideObject: true,
            sync: true,
          }),
        )
  return (event) => logger[event.level](fields(event), event.text)
}

function fields(event: Event): Readonly<Record<string, unknown>> {
  const { mac, ip, host } = event.client ?? {}
  return { step: event.step, mac, ip: ip === undefined ? undefined : formatIpv4(ip), host, ...event.data }
}
