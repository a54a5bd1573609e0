// A relay with many PXE machines behind it: keeps so many exchanges DISCOVER-OFFER-REQUEST-ACK under way, and times them.
// node load.ts SERVER RELAY IN_FLIGHT SECONDS; prints one line of JSON.

import { createSocket } from 'node:dgram'

const [server = '10.77.0.1', relay = '10.77.0.2', inFlight = '64', seconds = '5', first = '1'] =
  process.argv.slice(2)

const giaddr = Buffer.from(relay.split('.').map(Number))
const runsMs = Number(seconds) * 1000

// What an iPXE ROM asks for (option 55), and says of itself.
const common = Buffer.concat([
  option(57, Buffer.from([0x05, 0xc0])),
  option(93, Buffer.from([0, 0])),
  option(94, Buffer.from([1, 2, 1])),
  option(60, Buffer.from('PXEClient:Arch:00000:UNDI:002001')),
  option(77, Buffer.from('iPXE')),
  option(
    55,
    Buffer.from([
      1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203,
    ]),
  ),
  option(97, Buffer.concat([Buffer.from([0]), Buffer.alloc(16, 7)])),
])

function option(code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([code, value.length]), value])
}

function packet(type: number, more: Buffer): Buffer {
  const header = Buffer.alloc(240)
  header.set([1, 1, 6, 1])
  header.set(giaddr, 24)
  header.writeUInt32BE(0x63825363, 236)
  return Buffer.concat([header, option(53, Buffer.from([type])), more, common, Buffer.from([255])])
}

const discover = packet(1, Buffer.alloc(0))
const request = packet(3, Buffer.concat([option(50, Buffer.alloc(4)), option(54, Buffer.alloc(4))]))

type Exchange = { started: number; requested: number; phase: 'offer' | 'ack' }
const exchanges = new Map<number, Exchange>()
const whole: number[] = []
const ack: number[] = []
let next = Number(first)
let lost = 0
let naks = 0

const socket = createSocket({
  type: 'udp4',
  recvBufferSize: 4 * 1024 * 1024,
  lookup: (host, _, found) => found(null, host, 4),
})

function mac(bytes: Buffer, id: number): void {
  bytes.writeUInt16BE(0x5254, 28)
  bytes.writeUInt32BE(id, 30)
  bytes.writeUInt32BE(id, 4)
}

function send(template: Buffer, id: number): void {
  const bytes = Buffer.from(template)
  mac(bytes, id)
  socket.send(bytes, 67, server)
}

function begin(): void {
  const id = next++
  exchanges.set(id, { started: performance.now(), requested: 0, phase: 'offer' })
  send(discover, id)
}

socket.on('message', (bytes) => {
  const id = bytes.readUInt32BE(4)
  const exchange = exchanges.get(id)
  if (exchange === undefined) return
  const now = performance.now()
  // Every server here puts option 53 first; 54 is searched for.
  const type = bytes[242]
  if (type === 2 && exchange.phase === 'offer') {
    exchange.phase = 'ack'
    exchange.requested = now
    const copy = Buffer.from(request)
    mac(copy, id)
    bytes.copy(copy, 245, 16, 20)
    const at = indexOf54(bytes)
    bytes.copy(copy, 251, at, at + 4)
    socket.send(copy, 67, server)
  } else if (type === 5 && exchange.phase === 'ack') {
    exchanges.delete(id)
    whole.push(now - exchange.started)
    ack.push(now - exchange.requested)
    begin()
  } else if (type === 6) {
    naks++
    exchanges.delete(id)
    begin()
  }
})

function indexOf54(bytes: Buffer): number {
  for (let at = 240; at < bytes.length; at += 2 + (bytes[at + 1] ?? 0)) {
    if (bytes[at] === 54) return at + 2
    if (bytes[at] === 0) at--
  }
  return 0
}

socket.bind(67, relay, () => {
  const started = performance.now()
  for (let count = 0; count < Number(inFlight); count++) begin()
  // What was not answered in a second is lost: another machine takes its place.
  const sweep = setInterval(() => {
    const old = performance.now() - 1000
    for (const [id, { started: at }] of exchanges) {
      if (at > old) continue
      exchanges.delete(id)
      lost++
      begin()
    }
  }, 100)
  setTimeout(() => {
    clearInterval(sweep)
    const took = (performance.now() - started) / 1000
    const round = (value: number) => Math.round(value * 1000) / 1000
    const result = {
      perSecond: Math.round(whole.length / took),
      ackP50: round(quantile(ack, 0.5)),
      ackP99: round(quantile(ack, 0.99)),
      wholeP99: round(quantile(whole, 0.99)),
      lost,
      naks,
    }
    process.stdout.write(`${JSON.stringify(result)}\n`)
    process.exit(0)
  }, runsMs)
})

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
