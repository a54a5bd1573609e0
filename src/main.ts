#!/usr/bin/env node
// Where the program begins: a server gets its file threads before anything else is loaded.

import { withFileThreads } from './threads.ts'

if (process.argv[2] === 'server') await withFileThreads()
await import('./program.ts')
