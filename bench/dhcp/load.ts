// A relay with many PXE machines behind it: keeps so many exchanges DISCOVER-OFFER-REQUEST-ACK under way, and times them.
// node load.ts SERVER RELAY IN_FLIGHT SECONDS; prints one line of JSON.

import { createSocket } from 'node:dgram'
import { discoverOf, requestOf } from './packets.ts'

const [server = '10.77.0.1', relay = '10.77.0.2', inFlight = '64', seconds = '5', first = '1'] =
  process.argv.slice(2)

const runsMs = Number(seconds) * 1000

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

function begin(): void {
  const id = next++
  exchanges.set(id, { started: performance.now(), requested: 0, phase: 'offer' })
  socket.send(discoverOf(id), 67, server)
}

socket.on('message', (bytes) => {
  const id = bytes.readUInt32BE(4)
  const exchange = exchanges.get(id)
  if (exchange === undefined) return
  const now = performance.now()
  // Every server here puts option 53 first.
  const type = bytes[242]
  if (type === 2 && exchange.phase === 'offer') {
    exchange.phase = 'ack'
    exchange.requested = now
    socket.send(requestOf(id, bytes), 67, server)
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

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
