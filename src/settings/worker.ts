// The thread of aside.ts.

import { parentPort, workerData } from 'node:worker_threads'
import type { ReadOrder } from './aside.ts'
import { readSettings } from './read.ts'

const { file, environment } = workerData as ReadOrder
parentPort?.postMessage(readSettings(file, environment))
