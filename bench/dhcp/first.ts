// Asks every 5 ms until the first OFFER comes: prints a line when it begins, and then the moment it came, in ms since 1970.
// first.ts SERVER RELAY

import { createSocket } from 'node:dgram'
import { discoverOf } from './packets.ts'

const [server = '', relay = ''] = process.argv.slice(2)
const socket = createSocket({ type: 'udp4' })
socket.on('message', () => {
  process.stdout.write(`${Date.now()}\n`)
  process.exit(0)
})
socket.bind(67, relay, () => {
  let id = 5_000_000
  setInterval(() => socket.send(discoverOf(id++), 67, server, () => undefined), 5)
  process.stdout.write('asking\n')
})
