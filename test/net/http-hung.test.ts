// An http.root on a file server that hangs: a FUSE file system whose program is stopped, as NFS is when its server is gone.

import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { FileServer } from './file-server.ts'
import { serverAddress, type Namespace } from './harness.ts'
import { makeNetwork, Site, within } from './site.ts'

const dora = fileURLToPath(new URL('dora.ts', import.meta.url))
const relay = '10.77.0.2'

const settings = (root: string) => `http: { root: ${root} }
dhcp:
  mode: server
  other_servers: allow
  conflict_check: false
  limits: { unknown_share: 1 }
  subnets:
    - { subnet: 10.77.0.0/16, ranges: ['10.77.1.0-10.77.200.255'] }
`

async function make(t: ExecutionContext) {
  const server = await FileServer.start(t)
  const network = await makeNetwork(t)
  const site = await Site.make(t, network, settings(server.folder))
  await writeFile(join(site.folder, 'tftproot', 'loader'), 'loader')
  await writeFile(join(site.folder, 'tftproot/pxelinux.cfg/conf', 'install'), 'DEFAULT x\n')
  const appliance = await site.start()
  const client = await network.client()
  await client.must(['ip', 'address', 'add', `${relay}/16`, 'dev', 'eth0'])
  return { server, appliance, client }
}

/** Status and seconds. */
async function get(
  client: Namespace,
  path: string,
  ...more: string[]
): Promise<{ status: number; took: number }> {
  const url = `http://${serverAddress}/${path}`
  const argv = ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code} %{time_total}', ...more, url]
  const { stdout } = await client.run(argv)
  const [status = 0, took = NaN] = stdout.split(' ').map(Number)
  return { status, took }
}

const deploy = async (client: Namespace, configuration: string) => {
  const began = performance.now()
  const url = `http://${serverAddress}:3478/v1/configurations/${configuration}/deploy`
  const body = '{"hosts":[{"macAddress":"52:54:00:00:00:01"}]}'
  await client.must(['curl', '-sSf', '-X', 'PUT', url, '-d', body])
  return performance.now() - began
}

/** Descriptors of the process that have something under `folder` open. */
async function openUnder(folder: string, pid: number | undefined): Promise<number> {
  const descriptors = await readdir(`/proc/${pid}/fd`)
  const paths = await Promise.all(
    descriptors.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
  )
  return paths.filter((path) => path.startsWith(folder)).length
}

test('a root that hangs: its files are 503 within 5 s, everything else works, and it recovers', async (t) => {
  const { server, appliance, client } = await make(t)
  t.is((await get(client, 'small')).status, 200)
  t.regex(await readFile(`/proc/${appliance.pid}/environ`, 'utf8'), /\0UV_THREADPOOL_SIZE=16\0/)
  const download = get(client, 'big', '--limit-rate', '8M', '--max-time', '25')
  await sleep(1000)
  server.stop()
  const asked = ['small', 'x.seed', ...Array.from({ length: 40 }, (_, count) => `file${count}`)]
  const hung = Promise.all(asked.map((path) => get(client, path)))
  await sleep(500)

  const machines = client.start([process.execPath, '--import=tsx', dora, serverAddress, relay, '100', '50'])
  t.teardown(() => machines.stop())
  for (const configuration of ['install', 'local', 'install', 'local', 'install']) {
    t.true((await deploy(client, configuration)) < 2000)
    t.is((await get(client, 'pxelinux.cfg/01-52-54-00-00-00-01')).status, 200)
    t.is(await client.must(['curl', '-sS', '--max-time', '2', `tftp://${serverAddress}/loader`]), 'loader')
  }
  for (const { status, took } of await hung) {
    t.is(status, 503)
    t.true(took < 5, `${took} s`)
  }
  // Now it is known: nobody waits the 4 s for it.
  t.true((await get(client, 'small')).took < 4)
  t.is((await get(client, 'small')).status, 503)
  t.is(await machines.exited, 0)
  const slowest = Math.max(
    ...Array.from(machines.transcript.text.matchAll(/ (\d+)$/gm), ([, ms]) => Number(ms)),
  )
  t.true(slowest < 2000, `the slowest machine had its lease after ${slowest} ms`)
  t.true((await download).took < 25, 'a download under way is cut, so that its client can ask again')

  server.goOn()
  await within(5, async () => (await get(client, 'small')).status === 200)
  for (const path of asked) t.is((await get(client, path)).status, 200, path)
  await within(5, async () => (await openUnder(server.folder, appliance.pid)) === 0)
  t.is(await openUnder(server.folder, appliance.pid), 0)
})

test('a root that hangs does not keep the appliance from ending', async (t) => {
  const { server, appliance, client } = await make(t)
  server.stop()
  const hung = Array.from({ length: 6 }, (_, count) => get(client, `file${count}`))
  await sleep(1000)
  t.is(await appliance.stop(20), 0)
  await Promise.all(hung)
})
