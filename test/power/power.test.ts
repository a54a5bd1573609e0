// Many hosts at once: how many programs run, how long it takes, and what becomes of those that hang.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { parseMac, type Mac } from '../../src/net/mac.ts'
import { declaredHosts } from '../../src/settings/hosts.ts'
import type { Host } from '../../src/model.ts'
import { arpEntries } from '../../src/power/addresses.ts'
import { settingsOf } from '../settings/written.ts'
import { powerOf, programs } from './bench.ts'

const ipmi = (count: number, address = (index: number) => `10.0.0.${index}`) =>
  `hosts:\n${Array.from(
    { length: count },
    (_, index) =>
      `  - { name: h${index}, ipmi: { hostname: ${address(index)}, username: joe, password: hunter2 } }\n`,
  ).join('')}`
const halfDead = (index: number) => (index < 20 ? `10.0.1.${index}` : `10.0.0.${index}`)
const names = (count: number) => Array.from({ length: count }, (_, index) => `h${index}`)

test('arp -an as BSD spells it, too: octets of one digit', (t) => {
  const text =
    '? (10.0.0.5) at 0:0:0:0:a:1 on em0 expires\n? (10.0.0.6) at (incomplete) on em0\n? (10.0.0.7) at'
  t.deepEqual([...arpEntries(text)].map(String), ['00:00:00:00:0a:01,10.0.0.5'])
})

test.serial('ipmitool gets the arguments of the original, and the password by its environment', async (t) => {
  const folder = await programs(t, {
    ipmitool: 'echo "$@" "$IPMITOOL_PASSWORD" "$IPMI_PASSWORD" >>args; echo Chassis Power is on',
  })
  const { power } = powerOf(t, ipmi(1))
  t.like((await power.ask(['h0'])).get('h0'), { state: 'On' })
  t.deepEqual(await power.order('h0', 'cycle'), { did: 'cycle' })
  t.is(
    await readFile(join(folder, 'args'), 'utf8'),
    `-I lanplus -N 2 -R 2 -H 10.0.0.0 -U joe -E chassis power status hunter2 hunter2
-I lanplus -N 2 -R 2 -H 10.0.0.0 -U joe -E chassis power cycle hunter2 hunter2
`,
  )
})

test.serial('16 programs at once, and each host is asked once more when it fails at once', async (t) => {
  const folder = await programs(t, {
    ipmitool: `echo + >>trace; sleep 0.1; echo - >>trace
case "$*" in
*"10.0.0.3 "*) echo "Oops: garbage" ;;
*"10.0.0.4 "*) if test -e once; then echo Chassis Power is off; else touch once; exit 1; fi ;;
*) echo Chassis Power is on ;;
esac`,
  })
  // Of a busy machine, where a shell may take seconds.
  const { power } = powerOf(t, ipmi(40), { limits: { retryMs: 20_000 } })
  const states = await power.ask(names(40))
  const trace = (await readFile(join(folder, 'trace'), 'utf8')).trim().split('\n')
  t.is(trace.filter((mark) => mark === '+').length, 42)
  let running = 0
  const most = trace.reduce((top, mark) => Math.max(top, (running += mark === '+' ? 1 : -1)), 0)
  t.true(most > 1 && most <= 16, String(most))
  t.is(states.size, 40)
  t.like(states.get('h3'), {
    state: 'Unknown',
    because: 'ipmitool printed no power state but "Oops: garbage"',
  })
  t.like(states.get('h4'), { state: 'Off' })
  t.is([...states.values()].filter(({ state }) => state === 'On').length, 38)
})

test.serial('those that hang cost the others nothing the next time, and leave no process', async (t) => {
  const folder = await programs(t, {
    ipmitool: `case "$*" in
*10.0.1.*) sleep 987654 & echo $! >>left; wait ;;
*) echo Chassis Power is on ;;
esac`,
  })
  const limits = { atOnce: 4, hostMs: 2000, answerMs: 7000 }
  const { power } = powerOf(t, ipmi(24, halfDead), { limits })
  const first = await power.ask(names(24))
  t.regex(first.get('h0')?.because ?? '', /^no answer within 2 s$/)
  t.regex(first.get('h19')?.because ?? '', /turn did not come/)
  const second = await power.ask(names(24))
  for (const name of ['h20', 'h21', 'h22', 'h23']) t.is(second.get(name)?.state, 'On', name)
  const left = (await readFile(join(folder, 'left'), 'utf8')).trim().split('\n')
  const running = async () => {
    const alive = await Promise.all(left.map(runs))
    return left.filter((_, index) => alive[index])
  }
  for (let tries = 0; tries < 200 && (await running()).length > 0; tries++) await sleep(50)
  t.deepEqual(await running(), [])
})

test.serial('an answer comes in time whatever is collected meanwhile', async (t) => {
  await programs(t, { ipmitool: 'exec sleep 20' })
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  const again = setInterval(() => typeof collect === 'function' && collect(), 50)
  t.teardown(() => clearInterval(again))
  const { power } = powerOf(t, ipmi(6), { limits: { atOnce: 2, hostMs: 500, answerMs: 1200 } })
  const start = performance.now()
  const states = await power.ask(names(6))
  const tookMs = performance.now() - start
  t.true(tookMs < 5000, `${tookMs} ms`)
  t.deepEqual(
    [...states.values()].map(({ state }) => state),
    Array(6).fill('Unknown'),
  )
  t.is(states.get('h0')?.because, 'no answer within 0.5 s')
  t.regex(states.get('h5')?.because ?? '', /turn did not come within 1.2 s/)
  t.true('fault' in (await power.order('h0', 'off')))
  t.true(performance.now() - start < 10_000)
})

test.serial(
  'a reboot of a state that nobody knows is a failure, and a boot order that cannot be set is said',
  async (t) => {
    await programs(t, {
      ipmitool: `case "$*" in
*10.0.0.0*) exit 1 ;;
*bootdev*) echo no such command >&2; exit 1 ;;
*) echo Chassis Power is off ;;
esac`,
    })
    const { power } = powerOf(t, ipmi(2))
    const [bad, good] = await Promise.all(
      ['h0', 'h1'].map((name) => power.order(name, 'reboot', { network: true })),
    )
    t.regex(
      bad !== undefined && 'fault' in bad ? bad.fault.message : '',
      /^h0: reboot failed: nobody knows whether it is on/,
    )
    t.deepEqual(good, {
      did: 'on',
      warning:
        'its next boot could not be set to the network (ipmitool failed: no such command), so it boots as it always does',
    })
  },
)

test.serial('two who ask at once get one answer; orders for one host come one after another', async (t) => {
  const folder = await programs(t, {
    ipmitool: 'echo "${*##*power }" >>trace; sleep 0.2; echo "end" >>trace; echo Chassis Power is on',
  })
  const { power } = powerOf(t, ipmi(1))
  await Promise.all([power.ask(['h0']), power.ask(['h0']), power.ask(['h0'])])
  await Promise.all([power.order('h0', 'off'), power.order('h0', 'on')])
  const trace = await readFile(join(folder, 'trace'), 'utf8')
  t.is(trace, 'status\nend\noff\nend\non\nend\n')
})

const bmc = parseMac('00:00:00:00:10:02') as Mac
const byMac = `hosts:
  - { name: learnt, ipmi: { mac_address: "00:00:00:00:10:02", subnet: 10.0.0.0/24 } }
  - { name: fixed, ipmi: { mac_address: "00:00:00:00:10:02", hostname: 1.2.3.4, subnet: 10.0.0.0/24 } }
  - { name: other, management: { ip_address: 1.2.3.5, adapter: x, subnet: 10.0.1.0/24 } }
`

test.serial(
  'addresses: leases, then arp -an; refresh pings each subnet once and keeps what is configured',
  async (t) => {
    const folder = await programs(t, {
      ipmitool: 'echo "$@" >>args; echo Chassis Power is on',
      arp: 'echo short; echo "? (10.0.0.5) at <incomplete> on eth0"; cat arp.txt',
      fping:
        'echo "$@" >>fping.txt; echo "? (10.0.0.6) at 00:00:00:00:10:02 [ether] on eth0" >arp.txt; exit 1',
    })
    const leases = new Map<Ipv4, Mac>()
    const { power, events } = powerOf(t, byMac, { held: () => leases })
    const addresses = async () => {
      const before = (await readFile(join(folder, 'args'), 'utf8').catch(() => '')).length
      await power.ask(['learnt', 'fixed'])
      const text = (await readFile(join(folder, 'args'), 'utf8').catch(() => '')).slice(before)
      return [...text.matchAll(/-H (\S+)/g)].map(([, address]) => address).toSorted()
    }
    t.deepEqual(await addresses(), ['1.2.3.4'])
    t.regex(power.last('learnt').because ?? '', /no address is known.*host refresh/)
    await power.refresh()
    t.is(
      (await readFile(join(folder, 'fping.txt'), 'utf8')).split('\n').toSorted().join('\n').trim(),
      '-c 1 -D -q -g 10.0.0.0/24\n-c 1 -D -q -g 10.0.1.0/24',
    )
    t.is(power.last('learnt').address, '10.0.0.6', 'before anybody asks for its power')
    t.is(power.last('fixed').address, '1.2.3.4')
    t.deepEqual(await addresses(), ['1.2.3.4', '10.0.0.6'])
    t.is(power.last('learnt').address, '10.0.0.6')
    t.is(power.last('fixed').address, '1.2.3.4')
    leases.set(parseIpv4('10.0.0.7') as Ipv4, bmc)
    t.deepEqual(await addresses(), ['1.2.3.4', '10.0.0.7'])
    t.deepEqual(
      events.filter(({ level }) => level === 'warn'),
      [],
    )
  },
)

test.serial('16 programs at once, whatever they are for', async (t) => {
  const trace = 'echo + >>trace; sleep 0.1; echo - >>trace'
  const folder = await programs(t, { ipmitool: `${trace}; echo Chassis Power is on`, fping: trace })
  const hosts = Array.from(
    { length: 20 },
    (_, index) =>
      `  - { name: h${index}, ipmi: { hostname: 10.0.0.${index}, subnet: 10.0.${index}.0/24 } }\n`,
  )
  const { power } = powerOf(t, `hosts:\n${hosts.join('')}`)
  await Promise.all([power.refresh(), power.ask(names(20))])
  const marks = (await readFile(join(folder, 'trace'), 'utf8')).trim().split('\n')
  t.is(marks.length, 80)
  let running = 0
  const most = marks.reduce((top, mark) => Math.max(top, (running += mark === '+' ? 1 : -1)), 0)
  t.true(most > 1 && most <= 16, String(most))
})

test.serial('what was heard of a host is forgotten with it', async (t) => {
  await programs(t, { ipmitool: 'echo Chassis Power is on' })
  const [host] = declaredHosts(settingsOf(ipmi(1)).hosts)
  const hosts = new Map<string, Host>(host && [['h0', host]])
  const { power } = powerOf(t, ipmi(1), { hosts })
  await power.ask(['h0'])
  if (host !== undefined) hosts.set('h0', { ...host, locked: true })
  t.is(power.last('h0').state, 'On')
  hosts.delete('h0')
  t.is(power.last('h0').state, '')
  const [other] = declaredHosts(settingsOf(ipmi(1)).hosts)
  if (other !== undefined) hosts.set('h0', other)
  t.is(power.last('h0').state, '')
})

test.serial('a host without power control: where it gets one', async (t) => {
  const [host] = declaredHosts(
    settingsOf('hosts: [{ name: h1, mac_addresses: ["00:00:00:00:00:01"] }]').hosts,
  )
  for (const [origin, remedy] of [
    ['settings', /settings file$/],
    ['added', /pxe-pilot host set h1 .*--ipmi/],
  ] as const) {
    const hosts = new Map<string, Host>(host && [['h1', { ...host, origin }]])
    const { power } = powerOf(t, '', { hosts })
    const switched = await power.order('h1', 'on')
    t.regex('fault' in switched ? switched.fault.message : '', remedy)
  }
})

test.serial('a machine that is woken is not known to be on', async (t) => {
  const text = 'hosts: [{ name: h1, mac_addresses: ["00:00:00:00:00:01"], wol: { address: 127.0.0.1 } }]'
  const { power } = powerOf(t, text)
  t.deepEqual(await power.order('h1', 'on'), { did: 'on' })
  t.is(power.last('h1').state, '')
  t.is((await power.ask(['h1'])).get('h1')?.state, 'Unknown')
  await power.order('h1', 'on')
  t.is(power.last('h1').state, 'Unknown')
})

/** Without what has ended and waits for init. */
async function runs(pid: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return line.includes('987654')
}
