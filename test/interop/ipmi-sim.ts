// A BMC that speaks lanplus: Debian's ipmi_sim, whose machine is a file that says whether it is on.

import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { freeUdp } from '../ports.ts'

export type IpmiSim = {
  readonly port: number
  /** What the machine was told, a line each: `get power`, `set power 1`, `set boot pxe`. */
  readonly told: () => Promise<readonly string[]>
}

/** `chassis` is what happens to the machine: a shell script that gets `get|set` and what. */
export async function ipmiSim(t: ExecutionContext, chassis = fileMachine): Promise<IpmiSim> {
  const port = await freeUdp()
  const { folder, argv } = await simFiles(t, '127.0.0.1', port, chassis)
  const [program = '', ...args] = argv
  const child = spawn(program, args, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  await answers(port)
  return {
    port,
    told: async () => (await readFile(join(folder, 'told'), 'utf8')).trim().split('\n'),
  }
}

/** What a BMC at that address needs, and the command that runs it. The script runs in the folder. */
export async function simFiles(
  t: ExecutionContext,
  address: string,
  port: number,
  chassis: string,
): Promise<{ readonly folder: string; readonly argv: readonly string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'pxe-pilot-ipmi-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const script = join(folder, 'chassis')
  await writeFile(script, `#!/bin/sh\ncd "${folder}"\nshift\necho "$@" >>told\n${chassis}\n`)
  await chmod(script, 0o755)
  await writeFile(
    join(folder, 'lan.conf'),
    `name "bmc"
set_working_mc 0x20
startlan 1
  addr ${address} ${port}
  priv_limit admin
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "${script} 0x20"
user 2 true "admin" "secret" admin 10 none md2 md5 straight
`,
  )
  await writeFile(
    join(folder, 'sim.emu'),
    `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
`,
  )
  const files = ['-c', join(folder, 'lan.conf'), '-f', join(folder, 'sim.emu'), '-s', folder]
  return { folder, argv: ['ipmi_sim', '-n', ...files] }
}

const fileMachine = `case "$1 $2" in
"get power") echo "power:$(cat power 2>/dev/null || echo 0)" ;;
"set power") echo "$3" >power ;;
esac`

/** Until it answers an RMCP presence ping (ASF 2.0 3.2.4). */
async function answers(port: number): Promise<void> {
  const ping = Buffer.from('0600ff06000011be80000000', 'hex')
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  socket.on('error', () => undefined)
  const answered = once(socket, 'message').then(() => true)
  try {
    for (let tries = 0; tries < 200; tries++) {
      socket.send(ping, port, '127.0.0.1')
      if (await Promise.race([answered, sleep(50, false)])) return
    }
    throw new Error('ipmi_sim does not answer')
  } finally {
    socket.close()
  }
}
