// A tftp.root on a file server that hangs: what waits for it gets an ERROR within 5 s, and nothing else notices.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Download } from '../tftp/download.ts'
import { FileServer } from './file-server.ts'
import { serverAddress } from './harness.ts'
import { makeNetwork, Site, within } from './site.ts'
import { Peer } from './tftp-peer.ts'

async function make(t: ExecutionContext) {
  const files = await FileServer.start(t)
  const network = await makeNetwork(t)
  const site = await Site.make(t, network, '')
  const path = join(site.folder, 'pxe-pilot.yml')
  writeFileSync(path, readFileSync(path, 'utf8').replace('root: ./tftproot', `root: ${files.folder}`))
  mkdirSync(join(site.folder, 'tftproot/pxelinux.cfg/conf'), { recursive: true })
  writeFileSync(join(site.folder, 'tftproot/pxelinux.cfg/conf', 'install'), 'DEFAULT x\n')
  const appliance = await site.start()
  const machine = await network.client()
  await machine.must(['ip', 'address', 'add', '10.77.0.50/24', 'dev', 'eth0'])
  const peer = await Peer.start(machine)
  t.teardown(() => peer.stop())
  return { files, appliance, machine, client: () => peer.client(serverAddress) }
}

test('a tftp.root that hangs: ERROR within 5 s, texts and the API go on, and it recovers', async (t) => {
  const { files, appliance, machine, client } = await make(t)
  t.is((await client().fetch({ file: 'small' })).bytes.toString(), 'small')

  // One in the middle of its transfer, and forty that ask.
  const half = client()
  half.ask({ file: 'big', options: [['blksize', 1024]] })
  await half.nth(1)
  half.ack(0)
  await half.nth(2)
  files.stop()
  const waiting = Array.from({ length: 40 }, async (_, index) => {
    const one = client()
    const since = performance.now()
    one.ask({ file: `file${index}` })
    return { packet: (await one.nth(1)).packet, took: performance.now() - since }
  })
  for (let block = 1; half.got.at(-1)?.packet.kind === 'data' && block < 2000; block++) {
    half.ack(block)
    await half.nth(block + 2)
  }
  t.like(half.got.at(-1)?.packet, { kind: 'error', code: 0 })

  for (const { packet, took } of await Promise.all(waiting)) {
    t.is(packet.kind, 'error')
    t.true(took < 5000, `${took} ms`)
  }
  const began = performance.now()
  const url = `http://${serverAddress}:3478/v1/configurations/install/deploy`
  const body = '{"hosts":[{"macAddress":"52:54:00:00:00:01"}]}'
  await machine.must(['curl', '-sSf', '-X', 'PUT', url, '-d', body])
  const text = await client().fetch({ file: 'pxelinux.cfg/01-52-54-00-00-00-01' })
  t.is(text.bytes.toString(), 'DEFAULT x\n')
  t.true(performance.now() - began < 3000, `${performance.now() - began} ms`)

  const alone = client()
  alone.send(new Download({ file: 'small' }).request)
  const asked = performance.now()
  t.is((await alone.nth(1)).packet.kind, 'error')
  t.true(performance.now() - asked < 5000)

  files.goOn()
  const content = async () => (await client().fetch({ file: 'small' })).bytes.toString()
  await within(10, async () => (await content()) === 'small')
  t.is(await content(), 'small')
  t.true(appliance.running)
  t.notRegex(appliance.transcript.text, /started anew/)
})

test('a tftp.root that hangs does not keep the appliance from ending', async (t) => {
  const { files, appliance, client } = await make(t)
  files.stop()
  for (let count = 0; count < 6; count++) client().ask({ file: `file${count}` })
  await sleep(1000)
  t.is(await appliance.stop(20), 0)
})
