// What a person reads who started the server: also that nothing can boot, where no server of files is run.

import test from 'ava'
import { banner } from '../src/banner.ts'
import { emptyTable } from '../src/boot/table.ts'
import { parseSettings } from '../src/settings/read.ts'

function bannerOf(text: string): string {
  const read = parseSettings(text, '/srv/pxe-pilot.yml')
  if (!('settings' in read)) throw new Error(JSON.stringify(read))
  const api = { name: 'API', where: 'tcp 0.0.0.0:3478', serving: true }
  return banner(read.settings, [api], emptyTable())
}

test('a file that runs neither TFTP nor HTTP is told which sections it lacks; one of the original is in order', (t) => {
  t.regex(
    bannerOf('server: { port: 3478 }'),
    /^No machine boots from here: \/srv\/pxe-pilot\.yml has no dhcp:, no tftp:, no http:, so/m,
  )
  t.regex(bannerOf('dhcp: { mode: proxy }'), /^No machine boots from here: .* has no tftp:, no http:, so/m)
  for (const text of ['tftp: { root: . }', 'http: { root: . }', 'dhcp:\ntftp: { root: . }'])
    t.notRegex(bannerOf(text), /No machine boots/)
})
