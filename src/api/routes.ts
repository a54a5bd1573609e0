// Every path of the API, on one page; each is there with and without /v1, as the use case writes it.

import type { Context } from 'koa'
import { refuse, whoAsks } from './answer.ts'
import { listConfigurations, readConfiguration, showBootloader } from './configurations.ts'
import { deploy, explained, type DeployParts } from './deploys.ts'
import { sendExplanation, type ExplainParts } from './explain.ts'
import type { GuardParts } from './guard.ts'
import type { Order } from '../power/power.ts'
import { isStatusAsked, isStatusQuery, listHosts } from './hosts.ts'
import { endLease, listLeases, type LeaseParts } from './leases.ts'
import { lintAll, lintOne, type LintParts } from './lint.ts'
import type { Listener } from './listener.ts'
import { install, sendLoaders, type LoadersParts } from './loaders.ts'
import { powerStates, sendPower, switchHost } from './power.ts'
import {
  addHost,
  adopt,
  changeHost,
  importLinks,
  releaseHold,
  removeHost,
  replaceHost,
  sendAudit,
  sendDiscovered,
  sendHold,
  sendHost,
  setHold,
  undeploy,
  undo,
  type RegistryParts,
} from './registry-routes.ts'
import { goJson, sendFault, sendJson, sendWritten } from './reply.ts'

export type ApiParts = GuardParts &
  LeaseParts &
  LintParts &
  ExplainParts &
  LoadersParts &
  DeployParts &
  RegistryParts & {
    readonly listeners: () => readonly Listener[]
    /** Whether the settings file has a list of hosts, be it an empty one. */
    readonly hasHosts: () => boolean
  }

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete'

/** `named`: what stands in the path for `:name`, `:mac` or `:ip`. */
export type Route = {
  readonly method: Method
  readonly path: string
  readonly answer: (ctx: Context, named: string, parts: ApiParts) => unknown
}

const route = (method: Method, path: string, answer: Route['answer']): Route => ({ method, path, answer })

export const routes: readonly Route[] = [
  route('get', '/healthcheck', (ctx) => (ctx.status = 204)),
  route('get', '/status', (ctx, _, { listeners }) => sendStatus(ctx, listeners())),
  route('get', '/openapi.json', async (ctx) => {
    // Made when somebody asks: no start waits for it.
    const { openApi } = await import('./openapi.ts')
    sendWritten(ctx, goJson(openApi))
  }),
  route('get', '/configurations', async (ctx, _, { look, table, site }) => {
    await look('configurations')
    sendJson(ctx, listConfigurations(table, site))
  }),
  route('get', '/configurations/:name', async (ctx, name, { look, table, lint }) => {
    await look('configurations')
    const found = readConfiguration(name, table)
    if ('code' in found) sendFault(ctx, explained(found, name, { lint }))
    else sendJson(ctx, { ...found, fault: lint.faultOf(name) })
  }),
  route('get', '/configurations/:name/lint', async (ctx, name, parts) => {
    await parts.look()
    await lintOne(ctx, name, parts)
  }),
  route('get', '/lint', async (ctx, _, parts) => {
    await parts.look()
    await lintAll(ctx, parts)
  }),
  route('put', '/configurations/:name/deploy', deploy),
  route('get', '/bootloaders', (ctx, _, { site }) =>
    sendJson(ctx, site.bootloaders.length === 0 ? null : site.bootloaders.map(showBootloader)),
  ),
  route('get', '/loaders', (ctx, _, parts) => sendLoaders(ctx, parts)),
  route('put', '/loaders/install', async (ctx, _, parts) => {
    const fault = await install(ctx, parts)
    if (fault !== undefined) refuse(ctx, fault, parts.tell)
  }),
  route('get', '/explain', async (ctx, _, parts) => {
    await parts.look()
    await sendExplanation(ctx, parts)
  }),
  route('get', '/hosts', async (ctx, _, parts) => {
    const { status } = ctx.query
    if (!isStatusQuery(status)) {
      return sendFault(ctx, { code: 'query_invalid', message: 'status must be true or false' })
    }
    const powerOf = await powerStates(parts, isStatusAsked(status))
    const hosts = listHosts(parts.registry.declared, powerOf, parts)
    // Null as the original, which had no other hosts than those of the file.
    sendJson(ctx, hosts.length === 0 && !parts.hasHosts() ? null : hosts)
  }),
  route('post', '/hosts', addHost),
  route('get', '/hosts/:name', sendHost),
  route('put', '/hosts/:name', replaceHost),
  route('patch', '/hosts/:name', changeHost),
  route('delete', '/hosts/:name', removeHost),
  route('delete', '/hosts/:name/configuration', undeploy),
  route('get', '/hosts/:name/power', sendPower),
  route('patch', '/hosts/:name/reboot', (ctx, name, parts) => switchPower(ctx, name, 'reboot', parts)),
  route('patch', '/hosts/:name/on', (ctx, name, parts) => switchPower(ctx, name, 'on', parts)),
  route('patch', '/hosts/:name/off', (ctx, name, parts) => switchPower(ctx, name, 'off', parts)),
  route('patch', '/hosts/:name/reset', (ctx, name, parts) => switchPower(ctx, name, 'reset', parts)),
  route('patch', '/hosts/:name/cycle', (ctx, name, parts) => switchPower(ctx, name, 'cycle', parts)),
  route('patch', '/refresh', refresh),
  route('patch', '/discovery', refresh),
  route('get', '/discovered', (ctx, _, parts) => sendDiscovered(ctx, parts)),
  route('post', '/discovered/:mac/adopt', adopt),
  route('get', '/leases', (ctx, _, parts) => sendJson(ctx, listLeases(parts))),
  route('delete', '/leases/:ip', releaseLease),
  route('get', '/audit', (ctx, _, parts) => sendAudit(ctx, parts)),
  route('post', '/undo', undo),
  route('post', '/import', importLinks),
  route('get', '/hold', (ctx, _, parts) => sendHold(ctx, parts)),
  route('put', '/hold', setHold),
  route('delete', '/hold', releaseHold),
]

async function switchPower(ctx: Context, name: string, order: Order, parts: ApiParts): Promise<void> {
  const switched = await switchHost(name, order, parts)
  if ('fault' in switched) return refuse(ctx, switched.fault, parts.tell)
  ctx.status = 204
}

async function refresh(ctx: Context, _: string, { power }: ApiParts): Promise<void> {
  await power.refresh()
  ctx.status = 204
}

async function releaseLease(ctx: Context, ip: string, parts: ApiParts): Promise<void> {
  const fault = await endLease(ip, whoAsks(ctx, parts), parts)
  if (fault !== undefined) return refuse(ctx, fault, parts.tell)
  ctx.status = 204
}

function sendStatus(ctx: Context, listeners: readonly Listener[]): void {
  const serving = listeners.every((listener) => listener.serving)
  sendJson(ctx, { serving, listeners }, serving ? 200 : 503)
}
