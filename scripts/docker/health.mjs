// The container's health check: exits 0 when the API of the settings file named by the first argument answers.

import { formatIpv4 } from '../../dist/net/ipv4.js'
import { readSettings } from '../../dist/settings/read.js'

const result = readSettings(process.argv[2])
if ('faults' in result) process.exit(1)
const { bind, port } = result.settings.server
const address = bind === 0 ? '127.0.0.1' : formatIpv4(bind)
const { status } = await fetch(`http://${address}:${port}/v1/healthcheck`, {
  signal: AbortSignal.timeout(4_000),
})
process.exit(status === 204 ? 0 : 1)
