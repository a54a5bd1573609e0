// What a deploy and a DISCOVER have to wait, while others download: one PUT after the other, and a DISCOVER every 10 ms.
// probe.ts SERVER RELAY SECONDS; prints one line of JSON, in ms.

import { createSocket } from 'node:dgram'
import { discoverOf } from '../dhcp/packets.ts'

const [server = '', relay = '', seconds = '5'] = process.argv.slice(2)
const ends = performance.now() + Number(seconds) * 1000
const began = new Map<number, number>()
const offers: number[] = []
const deploys: number[] = []
let lost = 0

const socket = createSocket('udp4')
socket.on('message', (bytes) => {
  const id = bytes.readUInt32BE(4)
  const at = began.get(id)
  if (at === undefined) return
  began.delete(id)
  offers.push(performance.now() - at)
})
await new Promise<void>((resolve) => socket.bind(67, relay, resolve))
let next = 1
const machines = setInterval(() => {
  // Few machines: their addresses are held for them, so that the range lasts.
  const id = (next++ % 2000) + 1
  if (began.has(id)) lost++
  began.set(id, performance.now())
  socket.send(discoverOf(id), 67, server)
}, 10)

const configurations = ['install', 'local']
for (let count = 0; performance.now() < ends; count++) {
  const started = performance.now()
  const url = `http://${server}:3478/v1/configurations/${configurations[count % 2]}/deploy`
  const reply = await fetch(url, { method: 'PUT', body: '{"hosts":[{"macAddress":"52:54:00:00:00:01"}]}' })
  if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`)
  await reply.arrayBuffer()
  deploys.push(performance.now() - started)
}
clearInterval(machines)
const result = {
  deploys: deploys.length,
  deployP50: quantile(deploys, 0.5),
  deployP99: quantile(deploys, 0.99),
  offers: offers.length,
  offerP50: quantile(offers, 0.5),
  offerP99: quantile(offers, 0.99),
  lost: lost + began.size,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exit(0)

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN) * 10) / 10
}
