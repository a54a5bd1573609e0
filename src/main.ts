#!/usr/bin/env node
// Where the program begins: a server gets its file threads before anything else is loaded.

import { withFileThreads } from './threads.ts'

if (process.argv[2] === 'server') {
  // There are no settings yet to read again, and nobody else takes it: by default it would end us.
  process.on('SIGHUP', () => {})
  await withFileThreads()
}
await import('./program.ts')
