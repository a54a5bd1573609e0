// The first page: hosts and what each boots, what can be deployed, and how.

import { choose, type Site } from '../boot/decision.ts'
import { builtInLocal, configurationExists, type Table } from '../boot/table.ts'
import type { Host, Lease } from '../model.ts'
import { formatIpv4 } from '../net/ipv4.ts'
import { macWithDashes } from '../net/mac.ts'
import { listConfigurations } from './configurations.ts'
import { html, type Html } from '../html.ts'
import type { Listener } from './listener.ts'
import { withToken } from './tokens.ts'

type PageParts = {
  readonly table: Table
  readonly site: Site
  readonly listeners: () => readonly Listener[]
  readonly leases: () => readonly Lease[]
  /** Undefined where none is needed. */
  readonly tokens: unknown
}

/** `address`: where the reader reached us. */
export function firstPage(parts: PageParts, address: string): string {
  const { table, site, listeners, leases } = parts
  const hosts = [...table.hosts.values()]
  const held = leases().filter(({ state }) => state === 'bound')
  const page = html`<!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>PXE Pilot</title>
        <link rel="stylesheet" href="/ui/style.css" />
      </head>
      <body>
        <h1>PXE Pilot</h1>
        <p class="listeners">${listeners().map(listenerItem)}</p>
        <h2>Hosts</h2>
        ${
          hosts.length === 0
            ? html`<p>None yet: declare them in pxe-pilot.yml, or deploy to a MAC address.</p>`
            : html`<table>
                <tr>
                  <th>Host</th>
                  <th>MAC</th>
                  <th>Address</th>
                  <th>Boots</th>
                  <th>Why</th>
                </tr>
                ${hosts.map((host) => hostRow(host, held, table, site))}
              </table>`
        }
        <h2>Configurations</h2>
        <table>
          <tr>
            <th>Configuration</th>
            <th>Loader</th>
          </tr>
          ${configurationRows(table, site)}
        </table>
        <h2>Deploy one</h2>
        <p>It is in force before the answer comes; the machine boots it the next time it starts.</p>
        <pre>${deployLine(parts, address)}</pre>
      </body>
    </html> `
  return page.html
}

function listenerItem({ name, where, serving, because }: Listener): Html {
  const state = serving ? '' : `: not serving${because === undefined ? '' : `, ${because}`}`
  return html`<span class="${serving ? 'up' : 'down'}">${name} ${where}${state}</span> `
}

function hostRow(host: Host, held: readonly Lease[], table: Table, site: Site): Html {
  const addresses = held.filter(({ mac }) => host.macs.includes(mac)).map(({ ip }) => formatIpv4(ip))
  const choice = choose(host, host.macs[0], table, site)
  const why = choice === undefined ? whyNothing(host, table) : choice.because
  return html`<tr class="${choice?.rule ?? 'none'}">
    <td>${host.name}</td>
    <td><code>${host.macs.join(' ')}</code></td>
    <td><code>${addresses.join(' ')}</code></td>
    <td>${choice?.name ?? '-'}</td>
    <td>${choice?.rule === 'assigned' ? 'deployed' : why}</td>
  </tr>`
}

function whyNothing(host: Host, table: Table): string {
  const names = [...host.macs.map((mac) => `01-${macWithDashes(mac)}`), 'default']
  const file = names.map((name) => `pxelinux.cfg/${name}`).find((name) => table.menus.has(name))
  return file === undefined
    ? 'nothing is deployed: it is left alone'
    : `nothing is deployed, but the file ${file} is there`
}

function configurationRows(table: Table, site: Site): readonly Html[] {
  const rows = listConfigurations(table, site).map(
    ({ name, bootloader }) =>
      html`<tr>
        <td><a href="/v1/configurations/${encodeURIComponent(name)}">${name}</a></td>
        <td>${bootloader.name}</td>
      </tr>`,
  )
  return table.configurations.has(builtInLocal)
    ? rows
    : [
        ...rows,
        html`<tr>
          <td><a href="/v1/configurations/local">local</a></td>
          <td>built in: boots the disk</td>
        </tr>`,
      ]
}

/** The use case's line, for the first host and the first configuration that is not `local`. */
function deployLine({ table, site, tokens }: PageParts, address: string): string {
  const other = listConfigurations(table, site).find(({ name }) => name !== builtInLocal)?.name
  const name = other !== undefined && configurationExists(table, other) ? other : builtInLocal
  const mac = [...table.hosts.values()].find((host) => host.macs.length > 0)?.macs[0] ?? '22:34:a3:e9:09:cc'
  const url = `${address}/v1/configurations/${encodeURIComponent(name).replaceAll("'", '%27')}/deploy`
  const token = tokens === undefined ? '' : `${withToken} `
  return `curl -i -X PUT ${token}'${url}' -d '{"hosts":[{"macAddress":"${mac}"}]}'`
}
