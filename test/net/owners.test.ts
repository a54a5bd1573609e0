// Whose address it is, where somebody else gives the addresses: TFTP and HTTP know a machine by the kernel's neighbours.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { serverAddress } from './harness.ts'
import { makeNetwork, Site } from './site.ts'

const mac = '52:54:00:77:00:01'
const names = ['pxelinux.cfg/4c4c4544-0000-2010-8020-80c04f202020', 'pxelinux.cfg/default']

test('dhcp.mode off: a machine is known by its address, and the next one that has the address is another', async (t) => {
  const network = await makeNetwork(t)
  const machine = await network.client(mac)
  const settings = `hosts: [{ name: h1, mac_addresses: ["${mac}"] }]\nhttp: { root: ./httproot }\n`
  const site = await Site.make(t, network, settings)
  const write = (name: string, text: string) =>
    writeFile(join(site.folder, 'tftproot/pxelinux.cfg/conf', name), text)
  await write('own', 'DEFAULT own\n')
  await site.start()
  const url = `http://${serverAddress}:3478/v1/configurations/own/deploy`
  const body = '{"hosts":[{"name":"h1"}]}'
  await network.server.must([
    'curl',
    '-sSf',
    '-X',
    'PUT',
    '-H',
    'Content-Type: application/json',
    '-d',
    body,
    url,
  ])
  const fetch = async (protocol: string, name: string) => {
    const argv = ['curl', '-sS', '--max-time', '20', `${protocol}://${serverAddress}/${name}`]
    return (await machine.run(argv)).stdout
  }
  await machine.must(['ip', 'address', 'add', '10.77.0.129/24', 'dev', 'eth0'])
  for (const protocol of ['tftp', 'http']) {
    for (const name of names) t.regex(await fetch(protocol, name), /DEFAULT own/, `${name} by ${protocol}`)
  }
  // A stranger takes the address; the kernel goes on with the old card for a second at least (arp_process, LOCKTIME).
  await machine.must(['ip', 'link', 'set', 'eth0', 'address', '52:54:00:77:00:99'])
  await machine.must(['sh', '-c', 'sleep 1.2; ip neigh flush dev eth0'])
  for (const protocol of ['tftp', 'http']) {
    for (const name of names) t.notRegex(await fetch(protocol, name), /DEFAULT own/, `${name} by ${protocol}`)
  }
})
