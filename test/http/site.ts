// A site for the tests: roots on disk, a table, and the boot files' port on loopback.

import { bootloader } from '../../src/boot/bootloaders.ts'
import { lackOf } from '../../src/boot/lack.ts'
import { decide, type Site } from '../../src/boot/decide.ts'
import { Recent } from '../../src/boot/recent.ts'
import { applyDelta, emptyTable, type Change } from '../../src/boot/table.ts'
import type { Event } from '../../src/events.ts'
import { openGlance } from '../../src/glance.ts'
import { bootFiles, type BootFilesParts } from '../../src/http/files.ts'
import { sendBy } from '../../src/http/sender.ts'
import { HttpListener } from '../../src/http/server.ts'
import type { Form, Host } from '../../src/model.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { openLibc, type Libc } from '../../src/net/libc.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'

export const mac = (text: string) => parseMac(text) as Mac
export const ip = (text: string) => parseIpv4(text) as Ipv4

export const site: Site = {
  bootloaders: [
    bootloader({ name: 'pxelinux', file: 'pxelinux.0' }),
    bootloader({ name: 'grub', file: 'grub/grubx64.efi' }),
  ],
  default: null,
  localMethod: 'auto',
  httpPort: 80,
  apiPort: 3478,
}

export const form = (text: string, more: Partial<Form> = {}): Form => ({
  language: 'pxelinux',
  file: 'conf/x',
  text,
  template: false,
  ...more,
})

export const h1: Host = {
  name: 'h1',
  macs: [mac('00:00:00:00:00:01')],
  origin: 'settings',
  locked: false,
  vars: { disk: '/dev/vda' },
  options: [],
}

export async function serveFiles(
  t: { teardown(stop: () => Promise<void>): void },
  {
    changes = [],
    send,
    ...parts
  }: Partial<BootFilesParts> & { httproot: string; changes?: readonly Change[]; send?: Libc['send'] },
) {
  const events: Event[] = []
  const tell = (event: Event) => void events.push(event)
  const table = emptyTable()
  const called = await openLibc()
  const libc = 'unavailable' in called ? undefined : called
  applyDelta(table, { revision: 1, changes: [{ kind: 'host', host: h1 }, ...changes] })
  const handle = bootFiles({
    tftproot: undefined,
    tftpLinks: 'inside',
    clients: [],
    apiPort: 3478,
    listing: false,
    catchUp: () => undefined,
    decide: (facts) => decide(facts, table, site),
    lackOf: (file, host) => lackOf(file, host, table, site),
    recent: new Recent(table),
    macOf: () => undefined,
    tell,
    now: () => performance.now(),
    glance: await openGlance(),
    libc,
    ...parts,
  })
  const listener = new HttpListener({
    service: 'HTTP',
    setting: 'http.port',
    bind: ip('127.0.0.1'),
    port: 0,
    handle,
    tell,
    limits: { stopMs: 50 },
    send: sendBy({ send: send ?? ((...call) => libc?.send(...call) ?? 0) }),
  })
  const port = await listener.start()
  t.teardown(() => listener.stop())
  return { port, url: `http://127.0.0.1:${port}`, events, table }
}
