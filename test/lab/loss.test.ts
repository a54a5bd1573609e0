// Machines of both firmwares boot over a network that loses one packet in a hundred, each way.

import test, { type ExecutionContext } from 'ava'
import { losing } from '../net/loss.ts'
import { Lab } from './lab.ts'

const bios = '52:54:00:77:00:1a'
const uefi = '52:54:00:77:00:1b'
const shim = '52:54:00:77:00:1c'
const word = 'word=through-the-loss'

async function placeGrub(lab: Lab): Promise<void> {
  await lab.placeLinuxFiles()
  const entry = ['menuentry linux {', `  linux /vmlinuz ${word}`, '  initrd /initrd.gz', '}']
  await lab.placeConfiguration('grub/marker', ['set timeout=0', ...entry])
}

async function make(t: ExecutionContext, place: (lab: Lab) => Promise<void>) {
  const lab = await Lab.make(t)
  await place(lab)
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

const placeSyslinux = async (lab: Lab) => await lab.placeLinux('marker', word)

for (const [what, firmware, mac, place, loader, seconds] of [
  ['a BIOS machine', 'bios', bios, placeSyslinux, 'pxelinux.0', 180],
  ['a UEFI machine', 'uefi', uefi, placeSyslinux, 'syslinux.efi', 240],
  ['a UEFI machine with shim and the signed GRUB', 'uefi', shim, placeGrub, 'grubx64.efi', 240],
] as const) {
  test(`${what} boots while one packet in a hundred is lost`, async (t) => {
    const { lab, remote, appliance, lost } = await make(t, place)
    await appliance.deploy('marker', mac)
    const machine = await lab[firmware]({ mac }, remote)
    const [line] = await machine.prints(/LAB-LINUX .*\n/, seconds)
    t.regex(line, new RegExp(`mac=${mac} .*${word}`))
    await machine.isOff(30)
    const count = await lost()
    t.true(count >= 20, `${count} packets were lost`)
    t.regex(appliance.log, new RegExp(`has \\S*${loader}: `))
    t.regex(appliance.log, /has \S*vmlinuz: \d+ bytes in \d+ ms, \d+ packets sent again/)
    t.log(`${count} packets were lost`, ...(appliance.log.match(/has \S+: \d+ bytes in .*/g) ?? []))
  })
}
