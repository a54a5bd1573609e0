// A machine that is off, and its BMC: a deploy with --now switches it on, and it boots what was deployed.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { serverAddress } from '../net/harness.ts'
import { simFiles } from '../interop/ipmi-sim.ts'
import { disk, diskMarker } from './images.ts'
import { Lab, repository } from './lab.ts'
import { biosCommand } from './machine.ts'

const mac = '52:54:00:77:00:01'
const port = 9623

/** Boots its disk, as an installed machine does, unless the BMC was told that the next boot is from the network. */
const chassis = (fromNetwork: readonly string[], fromDisk: readonly string[]) => `on() {
  case "$(cat boot 2>/dev/null)" in
  pxe) ${fromNetwork.join(' ')} </dev/null >>serial 2>&1 & ;;
  *) ${fromDisk.join(' ')} </dev/null >>serial 2>&1 & ;;
  esac
  echo $! >pid
  rm -f boot
}
runs() { test -e pid && kill -0 "$(cat pid)" 2>/dev/null; }
off() { runs && kill -9 "$(cat pid)" && while runs; do sleep 0.1; done; }
case "$1 $2 $3" in
"get power "*) if runs; then echo power:1; else echo power:0; fi ;;
"set power 1") runs || on ;;
"set power 0") off ;;
"set reset 1") off; on ;;
"set boot "*) echo "$3" >boot ;;
esac`

test('config deploy --now powers a machine on that boots its disk by itself, and it boots the network this once', async (t) => {
  const lab = await Lab.make(t)
  await lab.placeLinux('marker', 'word=powered-on')
  const tap = await lab.network.tap()
  const drive = await disk(join(lab.folder, 'disk'), 'bootable')
  const network = biosCommand(tap, { mac, disk: drive })
  const local = network.map((word) =>
    word.replace('bootindex=1', 'bootindex=3').replace('bootindex=2', 'bootindex=1'),
  )
  const { folder, argv } = await simFiles(t, serverAddress, port, chassis(network, local))
  const sim = lab.network.server.start(argv, { name: 'the BMC' })
  t.teardown(async () => {
    if (!t.passed) t.log(sim.transcript.text, await readFile(join(folder, 'serial'), 'utf8').catch(String))
    sim.kill()
    await sim.exited
  })
  await lab.appliance({
    dhcp: `dhcp: { mode: server, subnets: [{ subnet: 10.77.0.0/24, ranges: [10.77.0.100-10.77.0.199] }] }
hosts:
  - name: h1
    mac_addresses: ["${mac}"]
    ipmi: { hostname: ${serverAddress}, port: ${port}, cipher: 3, username: admin, password: secret }`,
  })
  const pxePilot = async (...words: readonly string[]) =>
    await lab.network.server.run([process.execPath, join(repository, 'dist/main.js'), ...words])
  const prints = async (marker: RegExp, seconds: number) => {
    for (let waited = 0; waited < seconds * 5; waited++) {
      const text = await readFile(join(folder, 'serial'), 'latin1').catch(() => '')
      if (marker.test(text)) return text
      await sleep(200)
    }
    throw new Error(`it did not print ${marker}`)
  }
  const isOff = async () => {
    for (let waited = 0; waited < 60; waited++) {
      const { stdout } = await pxePilot('host', 'status', 'h1')
      if (/^\| h1 +\| Off /m.test(stdout)) return
      await sleep(500)
    }
    throw new Error('it is not off')
  }

  t.regex((await pxePilot('host', 'list')).stdout, /^\| h1 +\| +\| 52:54:00:77:00:01 +\| .* Off +\|$/m)
  const deployed = await pxePilot('config', 'deploy', '--now', '--wait', 'marker', 'h1')
  t.deepEqual(deployed, {
    code: 0,
    stderr: '',
    stdout: `+------+---------------+----------+
| NAME | CONFIGURATION | REBOOTED |
+------+---------------+----------+
| h1   | marker        | YES      |
+------+---------------+----------+
`,
  })
  t.notRegex(await prints(/LAB-LINUX .* word=powered-on/, 120), new RegExp(diskMarker))
  await isOff()
  // Once: the next time it boots its disk.
  t.is((await pxePilot('host', 'on', '--wait', 'h1')).code, 0)
  await prints(new RegExp(diskMarker), 60)
  await isOff()
})
