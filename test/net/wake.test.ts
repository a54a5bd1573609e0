// Wake-on-LAN on the wire: the magic packet comes to the link of the machine, and to no other.

import test from 'ava'
import type { Namespace } from './harness.ts'
import { makeNetwork, startAppliance } from './site.ts'

const mac = '52:54:00:77:00:01'
const magic = 'f'.repeat(12) + '525400770001'.repeat(16)

/** Prints what comes to UDP port 9, broadcasts included. */
const listener = `
const socket = require('node:dgram').createSocket('udp4').bind(9, '0.0.0.0', () => console.log('ready'))
socket.on('message', (bytes, { address }) => console.log(address, bytes.toString('hex')))`

function listen(namespace: Namespace) {
  return namespace.start([process.execPath, '-e', listener], { name: 'a sleeping machine' })
}

test('on is broadcast on the link of the host’s address, three times, and on all links where nobody knows it', async (t) => {
  const network = await makeNetwork(t)
  const near = await network.client()
  const far = await network.client()
  await far.must(['ip', 'link', 'set', 'eth0', 'down'])
  await network.server.must(['ip', 'link', 'set', 'port1', 'nomaster'])
  await network.server.must(['ip', 'link', 'set', 'port1', 'name', 'second', 'up'])
  await network.server.must(['ip', 'address', 'add', '10.79.0.1/24', 'dev', 'second'])
  await far.must(['ip', 'link', 'set', 'eth0', 'up'])
  const [here, there] = [listen(near), listen(far)]
  for (const each of [here, there]) {
    t.teardown(() => each.stop())
    await each.transcript.waitFor(/ready/, 10)
  }
  await startAppliance(
    t,
    network,
    `hosts:
  - { name: placed, mac_addresses: ["${mac}"], ip: 10.77.0.11, wol: {} }
  - { name: anywhere, mac_addresses: ["52:54:00:77:00:02"], wol: { password: "01:02:03:04:05:06" } }
dhcp: { mode: server, subnets: [{ subnet: 10.77.0.0/24 }] }
interfaces: [br0, second]`,
  )
  const patch = async (path: string) => {
    const url = `http://10.77.0.1:3478/v1/hosts/${path}`
    return await network.server.must(['curl', '-s', '-w', '%{http_code}', '-X', 'PATCH', url])
  }
  t.is(await patch('placed/on'), '204')
  for (let time = 0; time < 3; time++) {
    await here.transcript.waitFor(new RegExp(`10\\.77\\.0\\.1 ${magic}\n`), 5)
  }
  t.is(await patch('anywhere/on'), '204')
  await there.transcript.waitFor(/10\.79\.0\.1 f{12}(525400770002){16}010203040506\n/, 5)
  await here.transcript.waitFor(/10\.77\.0\.1 f{12}(525400770002){16}010203040506\n/, 5)
  t.notRegex(there.transcript.text, new RegExp(magic))
  const refused = await patch('placed/reboot')
  t.regex(refused, /Wake-on-LAN cannot tell whether a machine is on.*409$/)
})
