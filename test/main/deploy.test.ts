// Deploys, through the real program: in force when the answer comes, and still there after kill -9.

import test from 'ava'
import { fetchFrom } from '../tftp/socket.ts'
import { macOf, Site } from './program.ts'

const numbers = Array.from({ length: 100 }, (_, number) => number)

test('kill -9 in the middle of deploys: after the next start every acknowledged one is there', async (t) => {
  const site = await Site.make(t)
  const program = await site.start()
  const acknowledged: string[] = []
  // They end with the program.
  await Promise.allSettled(
    numbers.map(async (number) => {
      if ((await site.deploy('local', macOf(number))) !== 200) return
      acknowledged.push(macOf(number))
      if (acknowledged.length === 30) program.kill()
    }),
  )
  t.true(acknowledged.length >= 30)
  t.is(await program.exited, null)
  await site.start()
  const assigned = await site.assigned()
  for (const mac of acknowledged) t.is(assigned.get(mac), 'local', mac)
})

test('100 deploys and 100 machines at once: the first request behind each answer sees what was deployed', async (t) => {
  const site = await Site.make(t)
  for (const name of ['one', 'two', 'three']) await site.write(`tftproot/conf/${name}`, `DEFAULT ${name}\n`)
  await site.start()
  const server = { address: '127.0.0.1', port: site.ports.tftp }
  for (const name of ['one', 'two', 'three']) {
    await Promise.all(
      numbers.map(async (number) => {
        const mac = macOf(number)
        t.is(await site.deploy(name, mac), 200)
        // A machine that asks once, and again only after a second, as firmware does.
        const fetched = await fetchFrom(server, { file: `pxelinux.cfg/01-${mac.replaceAll(':', '-')}` }, 1000)
        t.is(fetched.bytes.toString(), `DEFAULT ${name}\n`)
      }),
    )
  }
})

test('an address of this very machine is reserved for nobody', async (t) => {
  const site = await Site.make(t)
  await site.start()
  const body = JSON.stringify({ name: 'h1', macAddresses: ['52:54:00:00:00:01'], ip: '127.0.0.1' })
  const response = await fetch(`http://127.0.0.1:${site.ports.api}/v1/hosts`, { method: 'POST', body })
  t.is(response.status, 409)
  t.regex(await response.text(), /127\.0\.0\.1 cannot be reserved: it is this machine's own/)
})
