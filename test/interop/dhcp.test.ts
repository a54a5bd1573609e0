// The npm package dhcp as a client, which nobody here wrote: through a relay on loopback, as it needs no privilege there.

import { createSocket, type Socket } from 'node:dgram'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Appliance } from '../../src/appliance.ts'
import type { Event } from '../../src/events.ts'
import { readSettings } from '../../src/settings/read.ts'
import { freeTcp, freeUdp } from '../ports.ts'

type Lease = {
  readonly address: string
  readonly leasePeriod: number
  readonly renewPeriod: number
  readonly rebindPeriod: number
  readonly options: Readonly<Record<string, unknown>>
}

type Message = {
  readonly options: Readonly<Record<number, unknown>>
  readonly yiaddr: string
  giaddr: string
}

type NpmClient = {
  on(event: 'listening', listener: (socket: Socket) => void): void
  on(event: 'bound', listener: (lease: Lease) => void): void
  on(event: 'message', listener: (message: Message) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  sendDiscover(): void
  sendRequest(offer: Message): void
  listen(port: number, host: string): void
  close(): void
  /** Hands a message to UDP: always to port 67, which needs a privilege. */
  _send(host: string, message: Message): void
}

const load = createRequire(import.meta.url)
const npmDhcp = load('dhcp') as { createClient(config: object): NpmClient }
const protocol = load('dhcp/lib/protocol.js') as {
  format(message: Message): { readonly _data: Buffer; readonly _w: number }
}

const server = '127.0.0.1'
const relayAddress = '127.0.0.2'

test('the npm package dhcp gets a lease with what it asks for, and the same one when it starts again', async (t) => {
  const port = await freeUdp()
  const events = await start(t, port)
  const relay = await bound(t, port, relayAddress)
  const first = await boot(t, relay, port)
  t.is(first.address, '127.0.0.100')
  t.deepEqual([first.leasePeriod, first.renewPeriod, first.rebindPeriod], [3600, 1800, 3150])
  t.like(first.options, {
    netmask: '255.255.255.0',
    router: ['127.0.0.254'],
    dns: ['127.0.0.253'],
    server,
  })
  const again = await boot(t, relay, port)
  t.is(again.address, first.address)
  t.deepEqual(
    events.filter(({ level, step }) => (level === 'warn' || level === 'error') && step !== 'settings'),
    [],
  )
})

/** From its start until it is bound. */
async function boot(t: ExecutionContext, relay: Socket, port: number): Promise<Lease> {
  const client = npmDhcp.createClient({ mac: '52-54-00-00-00-01', features: ['router', 'dns', 'netmask'] })
  // oxlint-disable-next-line no-underscore-dangle -- it has no other way to another port
  client._send = (_, message) => {
    const { _data, _w } = protocol.format({ ...message, giaddr: relayAddress })
    relay.send(_data.subarray(0, _w), port, server)
  }
  // It takes 0 for none given, and then port 68.
  const free = await freeUdp()
  const socket = await new Promise<Socket>((resolve) => {
    client.on('listening', resolve)
    client.listen(free, server)
  })
  const own = socket.address().port
  const forward = (bytes: Buffer) => relay.send(bytes, own, server)
  relay.on('message', forward)
  t.teardown(() => client.close())
  try {
    return await new Promise((resolve, reject) => {
      client.on('error', reject)
      client.on('bound', resolve)
      // Its first REQUEST names no address (RFC 2131 4.3.2: it must), and only the second the one it was offered.
      client.on('message', (message) => {
        if (message.options[53] === 2) setImmediate(() => client.sendRequest(message))
      })
      client.sendDiscover()
    })
  } finally {
    relay.off('message', forward)
  }
}

/** The appliance with DHCP on `port` of loopback, for what comes through relays. */
async function start(t: ExecutionContext, port: number): Promise<readonly Event[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pxe-pilot-dhcp-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'tftproot/pxelinux.cfg/conf'), { recursive: true })
  const file = join(folder, 'pxe-pilot.yml')
  const text = `
dhcp:
  mode: server
  bind: ${server}
  port: ${port}
  subnets:
    - { subnet: 127.0.0.0/24, ranges: [127.0.0.100-127.0.0.109], router: 127.0.0.254, dns: [127.0.0.253] }
server: { bind: ${server}, port: ${await freeTcp()} }
store: ./pxe-pilot.db
`
  writeFileSync(file, text)
  const result = readSettings(file, {})
  if ('faults' in result) throw new Error(JSON.stringify(result.faults))
  const events: Event[] = []
  const appliance = new Appliance(result.settings, (event) => events.push(event))
  t.teardown(() => appliance.stop())
  await appliance.start()
  return events
}

async function bound(t: ExecutionContext, port: number, address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(port, address, resolve))
  t.teardown(() => socket.close())
  return socket
}
