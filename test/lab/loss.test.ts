// Machines of both firmwares boot over a network that loses one packet in a hundred, each way.

import test, { type ExecutionContext } from 'ava'
import { losing } from '../net/loss.ts'
import { Lab } from './lab.ts'

const bios = '52:54:00:77:00:1a'
const uefi = '52:54:00:77:00:1b'

async function make(t: ExecutionContext) {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=through-the-loss')
  const remote = await lab.behindRelay(['10.77.0.1'])
  const appliance = await lab.appliance({
    dhcp: `dhcp:
  mode: server
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.149'], router: 10.77.0.2 }
    - { subnet: 10.78.0.0/24, ranges: ['10.78.0.100-10.78.0.149'], router: 10.78.0.1 }`,
  })
  return { lab, remote, appliance, lost: await losing(lab.network.server, remote.server) }
}

for (const [firmware, mac, seconds] of [
  ['bios', bios, 180],
  ['uefi', uefi, 240],
] as const) {
  test(`a ${firmware.toUpperCase()} machine boots while one packet in a hundred is lost`, async (t) => {
    const { lab, remote, appliance, lost } = await make(t)
    await appliance.deploy('marker', mac)
    const machine = await lab[firmware]({ mac }, remote)
    const [line] = await machine.prints(/LAB-LINUX .*\n/, seconds)
    t.regex(line, new RegExp(`mac=${mac} .* word=through-the-loss`))
    await machine.isOff(30)
    const count = await lost()
    t.true(count >= 20, `${count} packets were lost`)
    t.regex(appliance.log, /has \S*vmlinuz: \d+ bytes in \d+ ms, \d+ packets sent again/)
    t.log(`${count} packets were lost`, ...(appliance.log.match(/has \S+: \d+ bytes in .*/g) ?? []))
  })
}
