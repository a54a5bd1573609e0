// What we tell an ordinary user to run so that ports below 1024 are ours: run as it is printed, and then it starts.

import { chown, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { Network, type Daemon, type Namespace } from './harness.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
/** Debian's `nobody`: may read what everybody may, and nothing more. */
const user = 65534

for (const tool of ['sysctl', 'setcap']) {
  test(`an ordinary user is refused, runs what is printed for ${tool}, and starts`, async (t) => {
    const network = await Network.make()
    t.teardown(() => network.close())
    const home = await makeHome(t)
    const refused = start(network.server, home)
    t.is(await refused.exited, 1)
    const { text } = refused.transcript
    t.regex(text, /^TFTP cannot listen on UDP port 69: an ordinary user may not\. .*\n$/)
    const command = new RegExp(`\`sudo (${tool} [^\`]*)\``).exec(text)?.[1] ?? ''
    await network.server.must(['sh', '-c', command])
    const allowed = start(network.server, home)
    t.teardown(() => allowed.stop())
    await allowed.transcript.waitFor(/PXE Pilot is ready:/, 20)
    t.regex(allowed.transcript.text, /DHCP proxy +br0 \(10\.77\.0\.1\)\n/)
    t.is(await allowed.stop(), 0)
    // Nothing that the user could not remove.
    t.is(await network.server.must(['find', home, '!', '-uid', String(user)]), '')
  })
}

/** A user's home with a Node of its own, as nvm puts it there. */
async function makeHome(t: ExecutionContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'pxe-pilot-home-'))
  t.teardown(() => rm(home, { recursive: true }))
  await copyFile(process.execPath, join(home, 'node'))
  for (const name of ['app', 'tftproot', 'httproot', 'conf']) await mkdir(join(home, name))
  const settings = [
    'dhcp: { mode: proxy }',
    'tftp: { root: ./tftproot }',
    'http: { root: ./httproot }',
    'server: {}',
  ]
  settings.push('configuration: { directory: ./conf }', 'store: ./var/pxe-pilot.db')
  await writeFile(join(home, 'pxe-pilot.yml'), settings.join('\n'))
  for (const name of ['', ...(await readdir(home))]) await chown(join(home, name), user, user)
  return home
}

/** The repository is mounted below the home, as its own place may be closed to other users. */
function start(namespace: Namespace, home: string): Daemon {
  const ordinary = `setpriv --reuid=${user} --regid=${user} --clear-groups`
  const script = `mount --bind "$2" "$1/app" && cd "$1" &&
    exec ${ordinary} ./node app/dist/main.js server -c pxe-pilot.yml`
  return namespace.start(['unshare', '--mount', 'sh', '-c', script, 'sh', home, repository], {
    name: 'pxe-pilot',
  })
}
