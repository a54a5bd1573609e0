// The install loop that everybody fears is told of: the same kernel three times within an hour, and no deploy between.

import test from 'ava'
import { applyDelta, emptyTable, registeredHost } from '../src/boot/table.ts'
import type { Event } from '../src/events.ts'
import { parseMac, type Mac } from '../src/net/mac.ts'
import { InstallLoops } from '../src/registry/loops.ts'

const host = registeredHost(parseMac('52:54:00:00:00:01') as Mac)

function make(text: string, configuration = 'ubuntu') {
  const table = emptyTable()
  const form = { language: 'pxelinux', file: 'ubuntu', text, template: false } as const
  applyDelta(table, {
    revision: 1,
    changes: [
      { kind: 'host', host },
      { kind: 'assignment', host: host.name, configuration },
      {
        kind: 'catalog',
        catalog: { configurations: [{ name: 'ubuntu', forms: [form] }], menus: [], loaders: [] },
      },
    ],
  })
  const told: Event[] = []
  let time = 0
  const loops = new InstallLoops(
    table,
    (event) => void told.push(event),
    () => time,
  )
  const tftp = (file: string) =>
    loops.note({ level: 'info', step: 'tftp.done', text: '', client: { mac: host.macs[0] }, data: { file } })
  const http = (path: string, status = 200) =>
    loops.note({
      level: 'info',
      step: 'http.get',
      text: '',
      client: { host: host.name },
      data: { path, status },
    })
  return { told, loops, tftp, http, pass: (ms: number) => (time += ms) }
}

const menu = 'DEFAULT u\nLABEL u\n  KERNEL ubuntu/1604/linux\n  APPEND initrd=ubuntu/1604/initrd.gz\n'

test('three times the kernel over TFTP: a warning that says what to do; the initrd is none', (t) => {
  const { told, tftp } = make(menu)
  for (let boot = 0; boot < 3; boot++) {
    t.is(told.length, 0)
    tftp('pxelinux.cfg/01-52-54-00-00-00-01')
    tftp('ubuntu/1604/initrd.gz')
    tftp('/ubuntu/1604/linux')
  }
  t.is(told.length, 1)
  t.is(told[0]?.level, 'warn')
  t.regex(told[0]?.text ?? '', /install loop\?.*local\/deploy/)
})

test('over HTTP, and by GRUB’s and iPXE’s words; a piece of it does not count', (t) => {
  const grub = make('menuentry x {\n linuxefi /u/vmlinuz quiet\n}\n')
  for (let boot = 0; boot < 3; boot++) grub.http('/u/vmlinuz')
  t.is(grub.told.length, 1)
  const ipxe = make('#!ipxe\nkernel --name k http://x/u/vmlinuz?a=b quiet\nboot\n')
  for (let piece = 0; piece < 9; piece++) ipxe.http('/u/vmlinuz', 206)
  t.is(ipxe.told.length, 0)
  for (let boot = 0; boot < 3; boot++) ipxe.http('/u/vmlinuz')
  t.is(ipxe.told.length, 1)
})

test('not after a deploy, not over more than an hour, and not on local', (t) => {
  const deployed = make(menu)
  for (let boot = 0; boot < 5; boot++) {
    deployed.tftp('ubuntu/1604/linux')
    if (boot % 2 === 1)
      deployed.loops.note({ level: 'info', step: 'deploy', text: '', client: { host: host.name } })
  }
  const slow = make(menu)
  for (let boot = 0; boot < 6; boot++) {
    slow.tftp('ubuntu/1604/linux')
    slow.pass(1_900_000)
  }
  const local = make(menu, 'local')
  for (let boot = 0; boot < 4; boot++) local.tftp('ubuntu/1604/linux')
  t.deepEqual([deployed.told, slow.told, local.told], [[], [], []])
})
