// IPMI against Debian's ipmi_sim over lanplus, through the real ipmitool: what works, and each way it fails, told apart.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { powerOf } from '../power/bench.ts'
import { ipmiSim } from './ipmi-sim.ts'

const host = (name: string, port: number, more = '') =>
  `  - { name: ${name}, mac_addresses: [], ipmi: { hostname: 127.0.0.1, port: ${port}, cipher: 3, username: admin, password: secret${more} } }\n`

async function silent(t: ExecutionContext): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => void socket.close())
  return socket.address().port
}

test('on, off, cycle, reset and reboot do what they say', async (t) => {
  const { port, told } = await ipmiSim(t)
  const { power } = powerOf(t, `hosts:\n${host('h1', port)}`)
  const state = async () => (await power.ask(['h1'])).get('h1')?.state
  t.is(await state(), 'Off')
  t.deepEqual(await power.order('h1', 'reboot', { network: true }), { did: 'on' })
  t.is(power.last('h1').state, 'On')
  t.is(await state(), 'On')
  t.deepEqual(await power.order('h1', 'reboot', { network: true }), { did: 'reset' })
  t.deepEqual(await power.order('h1', 'reset'), { did: 'reset' })
  t.deepEqual(await power.order('h1', 'off'), { did: 'off' })
  t.is(await state(), 'Off')
  const changes = (await told()).filter((line) => line.startsWith('set'))
  t.deepEqual(changes, [
    'set boot pxe',
    'set power 1',
    'set boot pxe',
    'set reset 1',
    'set reset 1',
    'set power 0',
  ])
})

test('dead, refused, garbage and good at once: each host is told its own reason', async (t) => {
  const { port } = await ipmiSim(t)
  const broken = await ipmiSim(t, 'exit 1')
  const text = `hosts:
${host('dead', await silent(t))}${host('good', port)}${host('wrong', port, '-not')}${host('nobody', port).replace('admin', 'nobody')}${host('suite', port).replace('cipher: 3', 'cipher: 17')}${host('broken', broken.port)}`
  const { power } = powerOf(t, text)
  const start = performance.now()
  const states = await power.ask(['dead', 'good', 'wrong', 'nobody', 'suite', 'broken'])
  t.true(performance.now() - start < 25_000)
  t.is(states.get('good')?.state, 'Off')
  const because = (name: string) => {
    t.is(states.get(name)?.state, 'Unknown', name)
    return states.get(name)?.because ?? ''
  }
  t.regex(because('dead'), /does not answer: see whether it is on/)
  t.regex(because('wrong'), /refuses the session: see username and password/)
  t.regex(because('nobody'), /refuses the session: see username and password/)
  t.regex(because('suite'), /refuses this cipher suite: set cipher/)
  t.regex(because('broken'), /^ipmitool failed: /)
})
