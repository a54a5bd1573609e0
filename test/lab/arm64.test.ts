// An arm64 UEFI machine: Debian's signed GRUB behind shim, and a kernel over HTTP.

import { join } from 'node:path'
import test from 'ava'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:31'

/** What Debian's package debian-installer-12-netboot-arm64 has for a boot server of any processor. */
const installer = '/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64'

test('arm64: shim, GRUB and its kernel', async (t) => {
  const lab = await Lab.make(t)
  await lab.place(join(installer, 'bootnetaa64.efi'), 'tftproot/bootaa64.efi')
  await lab.place(join(installer, 'grubaa64.efi'), 'tftproot/grubaa64.efi')
  // The signed GRUB has HTTP as a module only.
  const http = 'grub/arm64-efi/http.mod'
  await lab.place(join(installer, http), `tftproot/debian-installer/arm64/${http}`)
  await lab.place(join(installer, 'linux'), 'httproot/arm64/linux')
  await lab.placeConfiguration('marker.yml', [
    'kernel: { arm64: "${http}/arm64/linux" }',
    'arguments: { arm64: console=ttyAMA0 word=on-arm64 }',
  ])
  const appliance = await lab.appliance('server')
  await appliance.deploy('marker', mac)
  const machine = await lab.arm64({ mac, memory: 1024 })
  await machine.prints(/GRUB/, 120)
  // The kernel's own words; it has no system to start.
  const [line] = await machine.prints(/Kernel command line: .*\n/, 180)
  t.regex(line, /word=on-arm64/)
  t.regex(appliance.log, /GET \/arm64\/linux: 200/)
})
