// Claims one address after the other, eight at a time, and prints each that was acknowledged, until it is killed.
// Of the built program, and no TypeScript itself: it is started 25 times.

import { writeSync } from 'node:fs'
import { openFile, openStore } from '../../dist/store/open.js'

const [where, first] = process.argv.slice(2)
// A small journal, so that a kill often comes amid a move to SQLite.
const limits = { journal: 16 * 1024, slice: 10, quiet: 60_000, patience: 10_000 }
const store = await (where.includes('://') ? openStore(where) : openFile(where, limits))
let next = Number(first)

async function write() {
  for (;;) {
    const id = next++
    const lease = { ip: 0x0a000000 + id, mac: `m${id}`, state: 'bound', since: 1, expires: 2_000_000_000_000 }
    const outcomes = await store.apply([
      { kind: 'lease', lease, now: 1 },
      { kind: 'assignment', host: 'h', configuration: String(id) },
    ])
    if (outcomes.some((outcome) => outcome !== 'ok')) throw new Error(`${id}: ${outcomes.join(' ')}`)
    writeSync(1, `${id}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, write))
