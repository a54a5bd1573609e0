// npm run bench:tftp -- [ROUNDS [SECONDS]] [workload=NAME]... [server=NAME]...: the comparison, or a part of it.

import { benchTftp } from './bench.ts'

const words = process.argv.slice(2)
const [rounds = '5', seconds = '1.5'] = words.filter((word) => !word.includes('='))
const named = (what: string) =>
  words.filter((word) => word.startsWith(`${what}=`)).map((word) => word.slice(what.length + 1))

const table = await benchTftp({
  rounds: Number(rounds),
  seconds: Number(seconds),
  workloads: named('workload'),
  servers: named('server'),
  progress: (text) => void (process.stderr.isTTY && process.stderr.write(`${text}\n`)),
})
process.stdout.write(`Medians; in brackets the ratio to dnsmasq.\n\n${table}`)
