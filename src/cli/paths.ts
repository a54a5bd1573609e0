// The API's paths of what a person named.

import { printable } from '../events.ts'
import { Refusal } from './client.ts'

/** @throws Refusal in the server's words where there is none of that name, as a path could not say it */
export function configurationPath(name: string): string {
  const none = `Configuration '${name}' does not exists; pxe-pilot config list shows those there are`
  return path('configurations', name, none, 'configuration_not_found')
}

/** @throws Refusal as configurationPath() */
export function hostPath(name: string): string {
  const none = `No host declared for name <${name}>; pxe-pilot host list shows those there are`
  return path('hosts', name, none, 'host_not_found')
}

/** @throws Refusal as configurationPath() */
export function discoveredPath(mac: string): string {
  const none = `<${mac}> is no MAC address; pxe-pilot host discovered shows machines that may be adopted`
  return path('discovered', mac, none, 'body_invalid')
}

/** An empty name, "." and ".." lead to another path. */
function path(kind: string, name: string, none: string, code: string): string {
  if (['', '.', '..'].includes(name)) throw new Refusal(printable(none), 404, code)
  return `/v1/${kind}/${encodeURIComponent(name)}`
}
