// The real Debian installer: its preseed over HTTP, and a command of it that deploys local.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Lab } from './lab.ts'

const mac = '52:54:00:77:00:41'

/** Of Debian's package debian-installer-12-netboot-amd64. */
const installer = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64'

test('the Debian installer reads its preseed and deploys local', async (t) => {
  const lab = await Lab.make(t)
  for (const file of ['linux', 'initrd.gz'])
    await lab.place(join(installer, file), `tftproot/debian/12/${file}`)
  // It has GNU wget, and no curl.
  const command = `wget -q -O - --method=PUT --body-data='{"hosts":[{"macAddress":"\${mac}"}]}' \${api}/configurations/local/deploy`
  const early = `d-i preseed/early_command string ${command} >/dev/console; echo LAB-INSTALLER >/dev/console; poweroff -f\n`
  await writeFile(join(lab.folder, 'httproot/lab.seed.tmpl'), early)
  await lab.placeConfiguration('debian-12.yml', [
    'kernel: debian/12/linux',
    'initrd: debian/12/initrd.gz',
    'arguments:',
    '  - auto=true priority=critical url=${http}/lab.seed console=ttyS0 DEBIAN_FRONTEND=text',
    '  - ipv6.disable=1 locale=en_US keymap=us hostname=${hostname} domain=lab',
  ])
  // Where the DHCP answer lacks a name server or a router it asks for them by a dialog, before any preseed.
  const appliance = await lab.appliance({
    dhcp: `dhcp:
  mode: server
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.199'], router: 10.77.0.1, dns: [10.77.0.1] }`,
  })
  await appliance.deploy('debian-12', mac)
  // With less than a gigabyte it asks about that, before any preseed.
  const machine = await lab.bios({ mac, memory: 1536 })
  await machine.prints(/"configuration":"local"/, 300)
  await machine.prints(/LAB-INSTALLER/, 20)
  await machine.isOff(30)
  t.is(await appliance.assigned(mac), 'local')
  t.regex(appliance.log, /GET \/lab\.seed: 200/)
})
