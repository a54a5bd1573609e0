// The same rows through the TFTP thread: its replica decides as the main thread does, and a client gets it.

import test from 'ava'
import { Addresses } from '../../src/boot/addresses.ts'
import { applyDelta, emptyTable, snapshotOf, type Change, type Table } from '../../src/boot/table.ts'
import type { Event, Tell } from '../../src/events.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { errorCodes } from '../../src/tftp/packet.ts'
import { tftpThread, type TftpThread } from '../../src/tftp/thread.ts'
import { tree } from '../folder.ts'
import { until } from '../tftp/memory.ts'
import { fetchFrom, where } from '../tftp/socket.ts'
import { changesOf, h1, rows, server, siteOf, type Row } from './rows.ts'

const us = parseIpv4('127.0.0.1') as Ipv4

/** What a name of a TFTP request can hold, and what the thread itself counts. */
function canBeAsked({ facts }: Row): boolean {
  return facts.asks?.kind === 'path' && !facts.asks.path.includes('\0') && facts.recent === undefined
}

const asked = rows.filter(canBeAsked)

/** Nothing that an earlier row left. */
const cleared = ['h1', 'pi'].map((host): Change => ({ kind: 'assignment', host, configuration: null }))

test('each row by TFTP', async (t) => {
  t.true(asked.length > 30)
  // Every real file of a row, its name in it.
  const files = asked.flatMap(({ answers }) => answers.filter((answer) => answer.kind === 'file'))
  const root = tree(Object.fromEntries(files.map(({ path }) => [path, path])))
  const bySite = new Map<string, Row[]>()
  for (const row of asked) {
    const key = JSON.stringify(row.site ?? {})
    bySite.set(key, [...(bySite.get(key) ?? []), row])
  }
  for (const group of bySite.values()) {
    const [first] = group
    if (first === undefined) continue
    const table = emptyTable()
    const host = hostOf(root, first, table, () => undefined)
    const [listening] = await host.start()
    try {
      for (const row of group) {
        const { asks, mac } = row.facts
        const nobody: Change = { kind: 'addresses', shared: new Addresses().shared }
        const delta = { revision: table.revision + 1, changes: [...cleared, nobody, ...changesOf(row)] }
        applyDelta(table, delta)
        host.follow(delta)
        table.addresses.set(us, mac)
        const file = asks?.kind === 'path' ? asks.path : ''
        const { bytes, error } = await fetchFrom(where(listening), { file })
        check(t, row, error === undefined ? bytes.toString() : error.code)
      }
    } finally {
      await host.stop()
    }
  }
})

test('a loader in a loop is no longer sent until something is deployed, and that is told', async (t) => {
  const root = tree({ 'pxelinux.0': 'loader' })
  const table = emptyTable()
  const [row] = asked
  if (row === undefined) throw new Error('no row')
  applyDelta(table, { revision: 1, changes: changesOf(row) })
  table.addresses.set(us, h1)
  const events: Event[] = []
  const host = hostOf(root, row, table, (event) => events.push(event))
  const [listening] = await host.start()
  t.teardown(() => host.stop())
  const fetch = async (file: string) => await fetchFrom(where(listening), { file })
  for (let times = 0; times < 3; times++) t.is((await fetch('pxelinux.0')).bytes.toString(), 'loader')
  // The last ACK of the third may be read behind the next request, which came by another socket.
  await until(() => events.filter(({ step }) => step === 'tftp.done').length === 3)
  const { error } = await fetch('pxelinux.0')
  t.is(error?.code, errorCodes.notFound)
  t.regex(error?.message ?? '', /3 times in a minute/)
  const told = /h1 .*pxelinux\.0.*a loader that loads itself/
  await until(() => events.some(({ level, text }) => level === 'warn' && told.test(text)))
  const deploy: Change = { kind: 'assignment', host: 'h1', configuration: 'ubuntu' }
  const delta = { revision: 2, changes: [deploy] }
  applyDelta(table, delta)
  host.follow(delta)
  t.is((await fetch('pxelinux.0')).bytes.toString(), 'loader')
})

function hostOf(root: string, row: Row, table: Table, tell: Tell): TftpThread {
  const settings = {
    root,
    bind: us,
    port: 0,
    single_port: false,
    follow_links: 'inside',
    max_transfers: 1000,
    max_per_client: 64,
  } as const
  const fed = { site: siteOf(row), snapshot: () => snapshotOf(table), tell }
  return tftpThread({ settings, clients: [], advertise: server }, fed)
}

function check(
  t: {
    is: (actual: unknown, expected: unknown, message: string) => void
    regex: (actual: string, expected: RegExp, message: string) => void
  },
  { given, expect, answers }: Row,
  got: string | number,
): void {
  const [answer] = answers
  if (answer?.kind === 'text') t.is(got, answer.body.replace('10.77.0.129', '127.0.0.1'), given)
  else if (answer?.kind === 'shown') t.regex(String(got), answer.text, given)
  else if (answer?.kind === 'file') t.is(got, answer.path, given)
  else t.is(got, expect === 'refused' ? errorCodes.accessViolation : errorCodes.notFound, given)
}
