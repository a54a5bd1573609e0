// A thread that reads who holds 1 to 100 until somebody holds 500, and says whom it saw.

import { parentPort, workerData } from 'node:worker_threads'
import { tsImport } from 'tsx/esm/api'

const { Addresses } = await tsImport('../../src/boot/addresses.ts', import.meta.url)
const addresses = new Addresses(workerData)
const seen = new Set()
parentPort.postMessage('reading')
while (addresses.get(500) === undefined) for (let ip = 1; ip <= 100; ip++) seen.add(addresses.get(ip))
parentPort.postMessage([...seen])
