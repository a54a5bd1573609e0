// Commands of a site's own, as the original runs them: templates, arguments, patterns, and programs that fail.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { goPattern } from '../../src/power/command.ts'
import { argumentsOf, render } from '../../src/power/template.ts'
import { hide } from '../../src/settings/secrets.ts'
import { powerOf, programs } from './bench.ts'

const literal = (text: string) => [{ text, whole: false }]

for (const [template, ...expected] of [
  ['pdu on {{.plug}}', 'pdu', 'on', 'a b'],
  ['pdu  on', 'pdu', '', 'on'],
  ['pdu "a b"', 'pdu', '"a', 'b"'],
  ['pdu --plug={{ .plug }}x', 'pdu', '--plug=a bx'],
  ['{{.tool}} status', 'tool', '-x', 'status'],
  ['pdu {{- .plug -}} now', 'pdua bnow'],
  ['pdu {{.none}}', 'pdu', '<no', 'value>'],
  ['pdu } {', 'pdu', '}', '{'],
] as const) {
  test(`${template} is ${JSON.stringify(expected)}`, (t) => {
    const values = new Map([
      ['plug', [{ text: 'a b', whole: true }]],
      ['tool', literal('tool -x')],
    ])
    t.deepEqual(argumentsOf(render(template, values)), expected)
  })
}

for (const template of ['{{if .a}}x{{end}}', '{{.a.b}}', '{{ .a', '{{.a | printf "%s"}}', '{{.foo-bar}}']) {
  test(`${template} is refused in words`, (t) => {
    t.throws(() => render(template, new Map()), { message: /^only variables such as \{\{\.ip_address\}\} / })
  })
}

test('patterns of Go’s regexp', (t) => {
  t.true(goPattern('(?i)power is ON').test('Power Is on'))
  t.true(goPattern('\\Aon\\z').test('on'))
  t.true(goPattern('(?P<state>on)[[:space:]]').test('on '))
  const local = goPattern('^(?i:Outlet 3) is on')
  t.true(local.test('OUTLET 3 is on'))
  t.false(local.test('outlet 3 IS ON'))
  t.throws(() => goPattern('('), { message: /no regular expression/ })
})

const hosts = `
hosts:
  - name: h1
    management: { ip_address: 10.0.0.9, adapter: pdu, vars: [{ name: plug, value: "7 ; reboot" }, { name: password, value: hunter2 }] }
  - { name: nowhere, management: { mac_address: "00:00:00:00:10:02", adapter: pdu } }
  - { name: bare, management: { adapter: bare } }
  - { name: lost, management: { adapter: gone } }
host_management_adapters:
  - name: pdu
    vars: [{ name: tool, value: "pdu -a {{.ip_address}}" }, { name: plug, value: "{{.plug}}" }]
    power_status: { cmd: "{{.tool}} status {{.plug}}", pattern_on: "is on$", pattern_off: "is off$" }
    power_on: { cmd: "{{.tool}} on {{.plug}}" }
    power_off: { cmd: "{{.tool}} off {{.password}}" }
    power_reset: { cmd: "no-such-pdu reset" }
  - { name: bare, power_on: { cmd: "pdu on" } }
`

test.serial('a program gets arguments, no shell, and no password in what is told', async (t) => {
  const folder = await programs(t, {
    arp: 'exit 0',
    pdu: `for a in "$@"; do echo "$a" >>args; done
case "$3" in
status) cat state 2>/dev/null || echo "is off" ;;
on) echo "is on" >state ;;
off) echo "cannot log in with $4" >&2; exit 3 ;;
esac`,
  })
  const { power, events } = powerOf(t, hosts)
  t.like((await power.ask(['h1'])).get('h1'), { state: 'Off' })
  t.deepEqual(await power.order('h1', 'reboot'), { did: 'on' })
  t.like((await power.ask(['h1'])).get('h1'), { state: 'On' })
  const args = await readFile(join(folder, 'args'), 'utf8')
  t.is(args.split('\n').slice(0, 4).join('|'), '-a|10.0.0.9|status|7 ; reboot')
  const failures: readonly (readonly [string, 'off' | 'reboot' | 'on' | 'cycle', RegExp])[] = [
    ['h1', 'off', /power_off of the adapter pdu: ended with exit status 3: cannot log in with \*\*\*$/],
    ['h1', 'reboot', /power_reset of the adapter pdu: the program no-such-pdu is not on the PATH/],
    ['h1', 'cycle', /cannot cycle/],
    ['nowhere', 'on', /no address is known of its controller 00:00:00:00:10:02: run pxe-pilot host refresh/],
    ['bare', 'reboot', /nobody knows whether it is on: the adapter bare has no power_status/],
    ['lost', 'on', /has no adapter "gone"/],
    ['unknown', 'on', /has no power control/],
  ]
  for (const [name, order, expected] of failures) {
    const outcome = await power.order(name, order)
    t.regex('fault' in outcome ? outcome.fault.message : '', expected)
  }
  t.notRegex(JSON.stringify(events), /hunter2/)
})

for (const [what, cmd, message] of [
  ['that is elsewhere', '/no/such/pdu on', 'the program /no/such/pdu, or what runs it, is not there'],
  ['that is none', ' on', 'the command names no program'],
  ['with a NUL behind it', 'pdu {{.password}}', 'pdu cannot be run: a NUL is in it'],
] as const) {
  test(`a program ${what} is told in our words, and with no argument`, async (t) => {
    const { power, events } = powerOf(
      t,
      `
hosts: [{ name: h1, management: { adapter: pdu, vars: [{ name: password, value: "hun\\0ter2" }] } }]
host_management_adapters: [{ name: pdu, power_on: { cmd: "${cmd}" } }]
`,
    )
    t.deepEqual(await power.order('h1', 'on'), {
      fault: { code: 'power_failed', message: `h1: on failed: power_on of the adapter pdu: ${message}` },
    })
    t.notRegex(JSON.stringify(events), /hun/)
  })
}

for (const [what, password, said] of [
  ['as it is', 'hunter2', 'logged in with hunter2'],
  ['with a backslash', 'hunter\\2', 'logged in with hunter\\2'],
  ['where a long line is cut', 'hunter2', `${'x'.repeat(196)}hunter2`],
] as const) {
  for (const code of [0, 1]) {
    test.serial(`a password ${what}, printed with exit status ${code}, is told to nobody`, async (t) => {
      const cat = code === 0 ? 'cat' : 'cat >&2'
      await programs(t, { pdu: `${cat} <<'END'\n${said}\nEND\nexit ${code}` })
      const { power, events } = powerOf(
        t,
        `
hosts: [{ name: h1, management: { adapter: pdu, vars: [{ name: password, value: '${password}' }] } }]
host_management_adapters: [{ name: pdu, power_status: { cmd: "pdu {{.password}}", pattern_on: "^on", pattern_off: "^off" } }]
`,
      )
      const status = (await power.ask(['h1'])).get('h1')
      await power.order('h1', 'reboot')
      t.regex(status?.because ?? '', /\*\*\*|x…/)
      t.notRegex(JSON.stringify([status, events]), /hun/)
    })
  }
}

test('a secret that another one begins with leaves no rest of that one', (t) => {
  t.is(hide('abcdef abc', ['', 'abc', 'abcdef']), '*** ***')
})
