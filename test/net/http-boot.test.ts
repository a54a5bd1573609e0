// UEFI HTTP boot as EDK2 does it: a URL from DHCP, HEAD, then GET, and every file it asks for on the way.

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { uint16 } from '../dhcp/wire.ts'
import { Site, Station } from './dhcp-site.ts'
import { serverAddress } from './harness.ts'

const exec = promisify(execFile)

const settings = `
dhcp:
  mode: server
  other_servers: allow
  conflict_check: false
  subnets:
    - { subnet: 10.77.0.0/24, ranges: ['10.77.0.100-10.77.0.199'] }
tftp: { root: ./tftproot }
http: { root: ./httproot }
configuration:
  directory: ./tftproot/pxelinux.cfg/conf
  default: debian
  bootloaders: [{ name: grub, file: grubx64.efi, arch: [http-x64] }]
store: ./var/pxe-pilot.db
log: { level: debug }
`

test('P10 the URL of option 67 is a program: HEAD tells its length, GET gives it, whole and without a redirect', async (t) => {
  const loader = 'MZ'.padEnd(300_000, 'efi')
  const site = await Site.make(settings, {
    'httproot/grubx64.efi': loader,
    'tftproot/grubx64.efi': 'not this one',
    'tftproot/pxelinux.cfg/conf/grub/debian': 'menuentry x {}\n',
  })
  t.teardown(() => site.close())
  const peer = await site.peer()
  await site.start()
  const client = new Station(peer).client()
  const got = await client.offer([
    [60, 'HTTPClient:Arch:00016:UNDI:003001'],
    [93, uint16(16)],
    [55, Buffer.of(1, 3, 6, 43, 60, 67)],
  ])
  const url = got.options.get(67)?.toString() ?? ''
  t.true(url.startsWith(`http://${serverAddress}/`), url)
  await peer.namespace.must(['ip', 'address', 'add', '10.77.0.2/24', 'dev', 'eth0'])
  const file = join(site.folder, 'fetched')
  const curl = async (...words: string[]) => {
    const argv = [
      'netns',
      'exec',
      peer.namespace.name,
      'curl',
      '-sS',
      '--path-as-is',
      '-A',
      'UefiHttpBoot/1.0',
    ]
    return (await exec('ip', [...argv, ...words])).stdout
  }
  for (const spelled of [url, url.replace(/(\d)\//, '$1//'), url.replace(/(\d)\//, '$1/./')]) {
    const head = await curl('-I', spelled)
    t.regex(head, /^HTTP\/1\.1 200 /)
    t.regex(head, new RegExp(`\r\nContent-Length: ${loader.length}\r\n`))
    t.regex(head, /\r\nContent-Type: application\/efi\r\n/)
    t.notRegex(head, /\r\n(?:Location|Transfer-Encoding):/i)
    const status = await curl('-o', file, '-w', '%{http_code} %{num_redirects}', spelled)
    t.is(status, '200 0')
    t.is(await readFile(file, 'latin1'), loader)
  }
})
