// Mutated DHCP and TFTP datagrams at a server's ports, so many a second for so many seconds. flood.ts SERVER PER_SECOND SECONDS

import { createSocket } from 'node:dgram'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [server = '', perSecond = '0', seconds = '0'] = process.argv.slice(2)
const fixtures = new URL('../fixtures/dhcp/', import.meta.url)

const captures = readdirSync(fixtures).map((name) =>
  Buffer.from(readFileSync(new URL(name, fixtures), 'utf8').replace(/#.*$/gm, '').replace(/\s/g, ''), 'hex'),
)
const requests = [
  '\0\x01pxelinux.0\0octet\0tsize\x000\0blksize\x001408\0',
  '\0\x04\0\x01',
  '\0\x05\0\x08x\0',
  '\0\x02x\0octet\0',
].map((text) => Buffer.from(text, 'latin1'))

// The same flood each time (Numerical Recipes' generator).
let state = 20260101
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}

/** One to eight octets changed, or the end cut off, or octets added. */
function mutated(original: Buffer): Buffer {
  const bytes = Buffer.from(original)
  for (let count = random(8); count >= 0; count--) bytes[random(bytes.length)] = random(256)
  if (random(8) === 0) return bytes.subarray(0, random(bytes.length))
  return random(8) === 0 ? Buffer.concat([bytes, Buffer.alloc(random(600), random(256))]) : bytes
}

const socket = createSocket({ type: 'udp4', lookup: (host, _options, found) => found(null, host, 4) })
const started = performance.now()
let sent = 0
while (performance.now() - started < Number(seconds) * 1000) {
  const due = ((performance.now() - started) / 1000) * Number(perSecond)
  for (; sent < due; sent++) {
    const isDhcp = sent % 2 === 0
    const list = isDhcp ? captures : requests
    socket.send(
      mutated(list[random(list.length)] ?? Buffer.alloc(1)),
      isDhcp ? 67 : 69,
      server,
      () => undefined,
    )
  }
  await sleep(5)
}
process.stdout.write(`${sent} sent\n`)
socket.close()
