// Asks every 10 ms until the first OFFER comes, and prints the milliseconds since a moment given in nanoseconds since 1970.
// first.ts SERVER RELAY MOMENT

import { createSocket } from 'node:dgram'
import { discoverOf } from './packets.ts'

const [server = '', relay = '', moment = '0'] = process.argv.slice(2)
const socket = createSocket({ type: 'udp4' })
socket.on('message', () => {
  process.stdout.write(`${Date.now() - Math.round(Number(moment) / 1e6)}\n`)
  process.exit(0)
})
socket.bind(67, relay, () => {
  let id = 5_000_000
  setInterval(() => socket.send(discoverOf(id++), 67, server, () => undefined), 10)
})
