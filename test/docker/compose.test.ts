// What docker-compose.yml promises: the image builds, a machine boots through the container as shipped, nobody in it
// has more rights than it takes, and what was deployed outlives the container.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Lab } from '../lab/lab.ts'
import { buildImage, Composed } from './compose.ts'

const mac = '52:54:00:77:00:0d'

/** The daemon's folder: one test after the other uses it, with a daemon in its own network. */
let folder = ''

test.before('the image builds from what is in the repository', async (t) => {
  t.timeout(600_000)
  folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-docker-'))
  await buildImage(folder)
})

test.after.always('nothing is left', async () => {
  if (folder !== '') await rm(folder, { recursive: true })
})

test('a machine boots its configuration through the container as shipped, beside a router', async (t) => {
  const lab = await Lab.make(t)
  await lab.router()
  const service = await Composed.make(t, lab, folder)
  await lab.placeLinux('marker', 'word=through-docker')
  const appliance = await service.up()
  await appliance.deploy('marker', mac)
  const machine = await lab.bios({ mac })
  await machine.prints(/net0: 10\.77\.0\.5\d\//, 60)
  const [line] = await machine.prints(/LAB-LINUX .*\n/, 90)
  t.regex(line, /word=through-docker/)
  await machine.isOff(20)
})

test('the appliance is an ordinary user with two capabilities, and nothing but its store can be written', async (t) => {
  const service = await Composed.make(t, await Lab.make(t), folder)
  await service.up()
  const status = await service.inside('cat', '/proc/1/status')
  t.regex(status, /^Uid:\t1000\t1000\t1000\t1000$/m)
  t.regex(status, /^Groups:\s*$/m)
  t.regex(status, /^NoNewPrivs:\t1$/m)
  // Bits 10 and 13 of linux/capability.h: NET_BIND_SERVICE and NET_RAW.
  for (const set of ['Prm', 'Eff', 'Bnd', 'Amb']) t.regex(status, new RegExp(`^Cap${set}:\\t0{12}2400$`, 'm'))
  for (const path of ['/opt/pxe-pilot/x', '/srv/pxe-pilot/x', '/srv/pxe-pilot/tftproot/x']) {
    await t.throwsAsync(service.inside('touch', path), { message: /Read-only file system/ })
  }
})

test('the container says that it is well, ends when told, and what was deployed outlives it', async (t) => {
  const service = await Composed.make(t, await Lab.make(t), folder)
  const first = await service.up()
  await first.deploy('local', mac)
  await service.isHealthy(20)
  await service.compose('stop')
  t.is(await service.inspect('{{.State.ExitCode}}'), '0')
  await service.compose('down')
  const second = await service.up()
  t.is(await second.assigned(mac), 'local')
  t.regex(await service.inside('pxe-pilot', 'host', 'list'), /52-54-00-77-00-0d/)
})
