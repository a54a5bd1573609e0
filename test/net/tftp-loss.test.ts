// Clients that nobody here wrote, behind a router that loses packets: every file arrives whole, and soon.

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { pattern } from '../tftp/memory.ts'
import { serverAddress } from './harness.ts'
import { losing } from './loss.ts'
import { makeNetwork, Site } from './site.ts'

const size = 3 * 1024 * 1024

const clients: Readonly<Record<string, string>> = {
  // With options curl asks for a timeout of 6 s, and RFC 2349 has the server keep to it.
  'curl in lockstep': `curl -sS --max-time 60 --tftp-no-options tftp://${serverAddress}/file`,
  'busybox in lockstep': `busybox tftp -g -b 1468 -r file -l /dev/stdout ${serverAddress}`,
  'atftp, windowsize 4': `atftp --option 'blksize 1468' --option 'windowsize 4' --get -r file -l /dev/stdout ${serverAddress}`,
  'atftp, windowsize 16': `atftp --option 'blksize 1468' --option 'windowsize 16' --get -r file -l /dev/stdout ${serverAddress}`,
}

test('one packet in a hundred is lost each way: every client has its whole file', async (t) => {
  const network = await makeNetwork(t)
  const router = await network.client()
  await router.must(['ip', 'address', 'add', '10.77.0.2/24', 'dev', 'eth0'])
  await router.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
  const far = await network.client()
  // Behind the router only by its routes: both are on the one bridge.
  await far.must(['ip', 'address', 'add', '10.78.0.50/24', 'dev', 'eth0'])
  await far.must(['ip', 'route', 'add', '10.77.0.2', 'dev', 'eth0'])
  await far.must(['ip', 'route', 'add', 'default', 'via', '10.77.0.2'])
  await router.must(['ip', 'route', 'add', '10.78.0.0/24', 'dev', 'eth0'])
  await router.must([
    'sysctl',
    '-qw',
    'net.ipv4.conf.all.send_redirects=0',
    'net.ipv4.conf.eth0.send_redirects=0',
  ])
  await network.server.must(['ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
  const lost = await losing(network.server, router)
  const site = await Site.make(t, network, '')
  const content = pattern(size)
  writeFileSync(join(site.folder, 'tftproot', 'file'), content)
  const appliance = await site.start()
  const wanted = createHash('sha256').update(content).digest('hex')
  for (const [name, command] of Object.entries(clients)) {
    const began = performance.now()
    const sum = await far.must(['sh', '-c', `${command} | sha256sum`], { seconds: 90 })
    t.is(sum.slice(0, 64), wanted, name)
    t.log(`${name}: ${Math.round(performance.now() - began)} ms`)
  }
  const count = await lost()
  t.true(count >= 20, `${count} packets were lost`)
  t.regex(appliance.transcript.text, /packets sent again/)
})
