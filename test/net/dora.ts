// Many machines behind one relay, each of which wants one lease: begins so many a second, repeats what is not answered, and
// prints a line for each ACK: MAC, address, milliseconds since its first DISCOVER. Ends when all have one.
// dora.ts SERVER RELAY COUNT PER_SECOND

import { createSocket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'

const [server = '', relay = '', count = '0', perSecond = '0'] = process.argv.slice(2)

/** RFC 2131 4.1: twice as long each time, up to 64 s; it begins with 4 s, PXE ROMs with less. */
const firstRepeatMs = 2000
const longestRepeatMs = 64_000

const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
type Machine = { readonly began: number; due: number; repeatMs: number; request?: Uint8Array | undefined }
const machines = new Map<number, Machine>()
let leased = 0

function message(type: number, id: number, options: readonly number[]): Buffer {
  const header = Buffer.alloc(240)
  header.set([1, 1, 6, 1])
  header.writeUInt32BE(id, 4)
  header.set(relay.split('.').map(Number), 24)
  header.writeUInt16BE(0x5254, 28)
  header.writeUInt32BE(id, 30)
  header.writeUInt32BE(0x63825363, 236)
  return Buffer.concat([header, Buffer.from([53, 1, type, ...options, 255])])
}

function send(id: number, machine: Machine): void {
  machine.due = performance.now() + machine.repeatMs
  machine.repeatMs = Math.min(machine.repeatMs * 2, longestRepeatMs)
  socket.send(machine.request ?? message(1, id, []), 67, server, () => undefined)
}

function optionOf(bytes: Buffer, wanted: number): Uint8Array | undefined {
  for (let at = 240; at + 1 < bytes.length;) {
    const [code = 0, length = 0] = bytes.subarray(at, at + 2)
    if (code === wanted) return bytes.subarray(at + 2, at + 2 + length)
    at += code === 0 ? 1 : 2 + length
  }
  return undefined
}

socket.on('message', (bytes) => {
  const id = bytes.readUInt32BE(4)
  const machine = machines.get(id)
  if (machine === undefined) return
  const type = optionOf(bytes, 53)?.[0]
  const yiaddr = [...bytes.subarray(16, 20)]
  if (type === 2 && machine.request === undefined) {
    machine.repeatMs = firstRepeatMs
    machine.request = message(3, id, [50, 4, ...yiaddr, 54, 4, ...(optionOf(bytes, 54) ?? [])])
    send(id, machine)
  } else if (type === 5 && machine.request !== undefined) {
    machines.delete(id)
    leased++
    const mac = bytes.subarray(28, 34).toString('hex').match(/../g)?.join(':')
    process.stdout.write(`${mac} ${yiaddr.join('.')} ${Math.round(performance.now() - machine.began)}\n`)
  } else if (type === 6) {
    machine.repeatMs = firstRepeatMs
    machine.request = undefined
    send(id, machine)
  }
})

await new Promise<void>((resolve) => socket.bind(67, relay, resolve))
const started = performance.now()
for (let next = 0; leased < Number(count);) {
  const due = Math.min(Number(count), Math.floor(((performance.now() - started) / 1000) * Number(perSecond)))
  for (; next < due; next++) {
    const machine: Machine = { began: performance.now(), due: 0, repeatMs: firstRepeatMs }
    machines.set(next + 1, machine)
    send(next + 1, machine)
  }
  const now = performance.now()
  for (const [id, machine] of machines) if (machine.due < now) send(id, machine)
  await sleep(10)
}
process.exit(0)
