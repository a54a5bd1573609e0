// Redfish: a service as the standard has it, those that differ as real ones do, and each way one fails.

import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { PowerParts } from '../../src/power/power.ts'
import { powerOf, programs } from './bench.ts'
import { freeTcp } from '../ports.ts'
import { RedfishService, type Behaviour } from './redfish-service.ts'

function host(port: number, more = '', password = 'secret'): string {
  return `hosts: [{ name: h1, redfish: { hostname: 127.0.0.1, port: ${port}, scheme: http, username: admin, password: ${password}${more} } }]`
}

async function start(
  t: ExecutionContext,
  behaviour: Behaviour = {},
  more = '',
  parts: Partial<PowerParts> = {},
) {
  const service = await RedfishService.start(t, behaviour)
  return { service, ...powerOf(t, host(service.port, more), parts) }
}

for (const [what, behaviour, more] of [
  ['basic authentication', {}, ''],
  ['a session, which is ended each time', { auth: 'session' }, ', auth: session'],
  ['types in an ActionInfo', { actionInfo: true }, ''],
  ['a service that wants the ETag', { needsTag: true }, ''],
  ['one machine of several', { systems: ['1', '2'] }, ', system: /redfish/v1/Systems/2'],
] as const) {
  test(`${what}: status, network boot, on, reset, cycle, off`, async (t) => {
    const { service, power } = await start(t, behaviour, more)
    t.like((await power.ask(['h1'])).get('h1'), { state: 'Off' })
    t.deepEqual(await power.order('h1', 'reboot', { network: true }), { did: 'on' })
    t.like((await power.ask(['h1'])).get('h1'), { state: 'On' })
    t.deepEqual(await power.order('h1', 'reboot'), { did: 'reset' })
    t.deepEqual(await power.order('h1', 'cycle'), { did: 'cycle' })
    t.deepEqual(await power.order('h1', 'off'), { did: 'off' })
    t.deepEqual(service.bodies, [
      { Boot: { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' } },
      { ResetType: 'On' },
      { ResetType: 'ForceRestart' },
      { ResetType: 'PowerCycle' },
      { ResetType: 'ForceOff' },
    ])
    t.is(service.sessions, 0)
  })
}

test('what a service does not offer: the next best, or a failure that names what there is', async (t) => {
  const { service, power } = await start(t, { resetTypes: ['ForceOn', 'PowerCycle'] })
  t.deepEqual(await power.order('h1', 'on'), { did: 'on' })
  t.deepEqual(await power.order('h1', 'reset'), { did: 'reset' })
  t.deepEqual(service.bodies, [{ ResetType: 'ForceOn' }, { ResetType: 'PowerCycle' }])
  const off = await power.order('h1', 'off')
  t.regex(
    'fault' in off ? off.fault.message : '',
    /^h1: off failed: .*cannot off; it takes ForceOn, PowerCycle$/,
  )
})

test('a certificate that it signed itself: refused with the setting that takes it, then taken', async (t) => {
  const service = await RedfishService.start(t, { tls: true })
  const strict = powerOf(t, host(service.port).replace('scheme: http', 'scheme: https'))
  t.regex((await strict.power.ask(['h1'])).get('h1')?.because ?? '', /signed its certificate.*verify: false/)
  const lax = powerOf(t, host(service.port, ', verify: false').replace('scheme: http', 'scheme: https'))
  t.like((await lax.power.ask(['h1'])).get('h1'), { state: 'Off' })
})

test('each failure in its own words, and no password in any', async (t) => {
  const because = async (text: string) => {
    const { power, events } = powerOf(t, text)
    const status = (await power.ask(['h1'])).get('h1')
    t.is(status?.state, 'Unknown')
    t.notRegex(JSON.stringify(events) + (status?.because ?? ''), /hunter2/)
    return status?.because ?? ''
  }
  const good = await RedfishService.start(t)
  t.regex(await because(host(good.port, '', 'hunter2')), /refuses the user name or the password \(401\)/)
  const two = await RedfishService.start(t, { systems: ['1', '2'] })
  t.regex(await because(host(two.port)), /several machines: name one as system.*Systems\/1, .*Systems\/2/)
  const none = await RedfishService.start(t, { systems: [] })
  t.regex(await because(host(none.port)), /no machine/)
  const page = await RedfishService.start(t, { garbage: '<html>' })
  t.regex(await because(host(page.port)), /something other than JSON/)
  t.regex(await because(host(await freeTcp())), /nothing listens there; see its address and port/)
  t.regex(
    await because(host(good.port, ', system: /redfish/v1/Systems/9')),
    /got 404: The resource was not found/,
  )
})

for (const said of ['constructor', '__proto__', 'toString', 'Sideways']) {
  test(`a PowerState of ${said} is neither on nor off`, async (t) => {
    const { service, power } = await start(t)
    service.power = said
    const status = (await power.ask(['h1'])).get('h1')
    t.is(status?.state, 'Unknown')
    t.regex(status?.because ?? '', /gives no PowerState that says on or off/)
  })
}

test('a service that hangs behind the log-in loses its session all the same', async (t) => {
  const limits = { hostMs: 3000 }
  const { service, power } = await start(t, { auth: 'session', hangs: /Systems/ }, ', auth: session', {
    limits,
  })
  t.regex((await power.ask(['h1'])).get('h1')?.because ?? '', /^no answer within 3 s$/)
  const isOver = () => service.log.some((line) => line.startsWith('DELETE '))
  for (let tries = 0; tries < 300 && !isOver(); tries++) await sleep(50)
  t.true(isOver())
  t.is(service.sessions, 0)
})

test('a service that hangs at the log-out does not take the answer with it', async (t) => {
  const hangs = /Sessions\/1$/
  const { power } = await start(t, { auth: 'session', hangs }, ', auth: session')
  t.like((await power.ask(['h1'])).get('h1'), { state: 'Off' })
})

test('what a service says is one line of some length, without the password, in answers and in the log', async (t) => {
  const said = `no such value secret\n2026-01-01T00:00:00Z error: forged ${'x'.repeat(500_000)}`
  for (const garbage of [undefined, JSON.stringify({ PowerState: said })]) {
    const behaviour = garbage === undefined ? { refusal: said } : { garbage }
    const { power, events } = await start(t, behaviour, ', system: /redfish/v1/Systems/1')
    const status = (await power.ask(['h1'])).get('h1')
    const outcome = await power.order('h1', 'reboot', { network: true })
    const message = 'fault' in outcome ? outcome.fault.message : ''
    for (const text of [status?.because ?? '', message, ...events.map((event) => event.text)]) {
      t.regex(text, /no such value (secret|\*\*\*)\\x0a2026/)
      t.true(text.length < 1200)
      if (garbage === undefined) t.notRegex(text, /secret/)
    }
    t.true(events.length > 0)
  }
})

test('a password_file that is a FIFO holds nobody up', async (t) => {
  const folder = await programs(t, {})
  execFileSync('mkfifo', [`${folder}/password`])
  const named = host(1).replace('password: secret', `password_file: ${folder}/password`)
  const status = (await powerOf(t, named).power.ask(['h1'])).get('h1')
  t.is(status?.because, 'its password_file cannot be read: it is no regular file')
})
