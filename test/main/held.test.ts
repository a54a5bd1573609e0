// A log that nobody reads: a terminal that is held, a log driver that is stuck. Machines boot on.

import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { program, Site } from './program.ts'

test('the API answers while nobody reads what is logged', async (t) => {
  const site = await Site.make(t)
  const file = await site.write('pxe-pilot.yml', site.settings('log: { level: debug }\n'))
  // Its standard output is a pipe of 64 KiB that is never read.
  const child = spawn(process.execPath, [program, 'server', '-c', file], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${site.ports.api}/v1/healthcheck`
  const ask = async () => (await fetch(url, { signal: AbortSignal.timeout(10_000) })).status
  for (let tries = 0; tries < 600 && (await ask().catch(() => 0)) !== 204; tries++) await sleep(50)
  // A line of some 70 characters each.
  for (let asked = 0; asked < 2_000; asked++) if ((await ask()) !== 204) t.fail(`request ${asked}`)
  t.is(await ask(), 204)
})
