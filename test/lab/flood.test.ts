// Malformed packets by the thousand while real machines boot: the boots go on, the process stays and does not grow.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { serverAddress } from '../net/harness.ts'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:0f'
const flood = fileURLToPath(new URL('flood.ts', import.meta.url))

function megabytesOf(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

test('machines boot through a flood of mutated DHCP and TFTP datagrams', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=through-the-flood')
  const appliance = await lab.appliance({
    dhcp: `dhcp:
  mode: server
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.199'] }`,
  })
  await appliance.deploy('marker', mac)
  const attacker = await lab.network.client()
  await attacker.must(['ip', 'address', 'add', '10.77.0.66/24', 'dev', 'eth0'])
  const before = megabytesOf(appliance.pid)
  const stream = attacker.start([process.execPath, '--import=tsx', flood, serverAddress, '2000', '45'])
  t.teardown(() => stream.stop())
  for (let boot = 0; boot < 2; boot++) {
    const machine = await lab.bios({ mac })
    const [line] = await machine.prints(/LAB-LINUX .*\n/, 120)
    t.regex(line, /word=through-the-flood/)
    await machine.isOff(20)
  }
  t.is(await stream.exited, 0)
  t.regex(stream.transcript.text, /^\d{5} sent$/m)
  t.true(appliance.running)
  const grown = megabytesOf(appliance.pid) - before
  t.true(grown < 100, `it grew by ${Math.round(grown)} MB`)
  t.log(`${stream.transcript.text.trim()}; it grew by ${Math.round(grown)} MB`)
})
