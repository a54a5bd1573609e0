// The API and the first page: every path on one page, with and without /v1 as the use case writes it.

import Koa from 'koa'
import type { Context } from 'koa'
import { Router } from 'koa-router'
import type { Site } from '../boot/decide.ts'
import { printable, type Tell } from '../events.ts'
import type { Fault } from '../faults.ts'
import { parseIpv4 } from '../net/ipv4.ts'
import type { Order } from '../power/power.ts'
import type { DeployResult, DeployTarget } from '../registry.ts'
import type { HostSettings } from '../settings/schema.ts'
import { readBody, readDeploy } from './body.ts'
import { listConfigurations, readConfiguration, showBootloader, showDeployed } from './configurations.ts'
import { callerOf, objectionTo, type GuardParts } from './guard.ts'
import { isStatusAsked, isStatusQuery, listHosts } from './hosts.ts'
import { endLease, listLeases, type LeaseParts } from './leases.ts'
import { lintAll, lintOne, type LintParts } from './lint.ts'
import type { Listener } from './listener.ts'
import { powerStates, rebootAll, switchHost, type PowerParts } from './power.ts'
import { sendFault, sendJson, sendNotFound } from './reply.ts'
import { firstPage } from './page.ts'
import { stylesheet } from './style.ts'

export type ApiParts = GuardParts &
  LeaseParts &
  PowerParts &
  LintParts & {
    readonly site: Site
    /** The settings file's hosts, for what the table does not hold: management and IPMI. */
    readonly declared: readonly HostSettings[]
    readonly deploy: (configuration: string, targets: readonly DeployTarget[]) => Promise<DeployResult>
    /** The directories as they are now, in force when it resolves: scripts write a file and deploy it at once. */
    readonly look: () => Promise<unknown>
    readonly listeners: () => readonly Listener[]
  }

export function apiApp(parts: ApiParts): Koa {
  const { table, site, declared } = parts
  const router = new Router({ strict: true, sensitive: true })
  const route = (
    method: 'get' | 'put' | 'patch' | 'delete',
    path: string,
    answer: (ctx: Context, named: string) => unknown,
  ) => {
    router[method]([`/v1${path}`, path], async (ctx) => {
      await answer(ctx, ctx.params['name'] ?? ctx.params['ip'] ?? '')
    })
  }

  route('get', '/healthcheck', (ctx) => (ctx.status = 204))
  route('get', '/status', (ctx) => sendStatus(ctx, parts.listeners()))
  route('get', '/configurations', async (ctx) => {
    await parts.look()
    sendJson(ctx, listConfigurations(table, site))
  })
  route('get', '/configurations/:name', async (ctx, name) => {
    await parts.look()
    const found = readConfiguration(name, table)
    if ('code' in found) sendFault(ctx, found)
    else sendJson(ctx, found)
  })
  route('get', '/configurations/:name/lint', async (ctx, name) => {
    await parts.look()
    await lintOne(ctx, name, parts)
  })
  route('get', '/lint', async (ctx) => {
    await parts.look()
    await lintAll(ctx, parts)
  })
  route('put', '/configurations/:name/deploy', (ctx, name) => deploy(ctx, name, parts))
  route('get', '/bootloaders', (ctx) =>
    sendJson(ctx, site.bootloaders.length === 0 ? null : site.bootloaders.map(showBootloader)),
  )
  route('get', '/hosts', async (ctx) => {
    const { status } = ctx.query
    if (!isStatusQuery(status)) {
      return sendFault(ctx, { code: 'query_invalid', message: 'status must be true or false' })
    }
    const powerOf = await powerStates(parts, isStatusAsked(status))
    sendJson(ctx, listHosts(table, site, declared, powerOf))
  })
  route('patch', '/hosts/:name/reboot', (ctx, name) => switchPower(ctx, name, 'reboot', parts))
  route('patch', '/hosts/:name/on', (ctx, name) => switchPower(ctx, name, 'on', parts))
  route('patch', '/hosts/:name/off', (ctx, name) => switchPower(ctx, name, 'off', parts))
  route('patch', '/hosts/:name/reset', (ctx, name) => switchPower(ctx, name, 'reset', parts))
  route('patch', '/hosts/:name/cycle', (ctx, name) => switchPower(ctx, name, 'cycle', parts))
  route('patch', '/refresh', (ctx) => refresh(ctx, parts))
  route('patch', '/discovery', (ctx) => refresh(ctx, parts))
  route('get', '/leases', (ctx) => sendJson(ctx, listLeases(parts)))
  route('delete', '/leases/:ip', (ctx, ip) => releaseLease(ctx, ip, parts))
  router.get('/', (ctx) => ctx.redirect('/ui/'))
  router.get('/ui', (ctx) => ctx.redirect('/ui/'))
  router.get('/ui/', async (ctx) => {
    await parts.look()
    ctx.type = 'html'
    ctx.body = firstPage(parts, `http://${ctx.req.socket.localAddress}:${ctx.req.socket.localPort}`)
  })
  router.get('/ui/style.css', (ctx) => {
    ctx.type = 'css'
    ctx.set('Cache-Control', 'max-age=3600')
    ctx.body = stylesheet
  })

  const app = new Koa()
  app.on('error', (error: Error) => told(parts.tell, 'debug', error.message))
  app.use((ctx, next) => guarded(ctx, next, parts))
  app.use(router.routes())
  app.use((ctx) => unknownPath(ctx, router))
  return app
}

async function guarded(ctx: Context, next: () => Promise<unknown>, parts: ApiParts): Promise<void> {
  ctx.set('Content-Security-Policy', "default-src 'self'")
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.set('X-Frame-Options', 'DENY')
  ctx.set('Cache-Control', 'no-store')
  const objection = objectionTo(ctx, parts)
  if (objection !== undefined) return refuse(ctx, objection, parts.tell)
  // gin answers HEAD only where someone asked it to, and the original did not.
  if (ctx.method === 'HEAD' && !ctx.path.startsWith('/ui') && ctx.path !== '/') return sendNotFound(ctx)
  try {
    await next()
  } catch (error) {
    if (ctx.req.destroyed && !ctx.req.complete) return
    told(parts.tell, 'error', error instanceof Error ? (error.stack ?? error.message) : String(error))
    sendFault(ctx, { code: 'internal', message: 'The server failed, and its log says why' })
  }
  parts.tell({ level: 'debug', step: 'api.request', text: summary(ctx, ''), client: clientOf(ctx) })
}

async function deploy(ctx: Context, configuration: string, parts: ApiParts): Promise<void> {
  const body = await readBody(ctx.req)
  const orders = typeof body === 'string' ? readDeploy(body) : body
  if ('code' in orders) return refuse(ctx, orders, parts.tell)
  await parts.look()
  const result = await parts.deploy(configuration, orders)
  if ('fault' in result) return refuse(ctx, result.fault, parts.tell)
  const asked = result.hosts.map(({ name }, index) => ({ name, reboot: orders[index]?.reboot === true }))
  sendJson(ctx, showDeployed(result.hosts, await rebootAll(asked, configuration, parts)))
}

async function switchPower(ctx: Context, name: string, order: Order, parts: ApiParts): Promise<void> {
  const switched = await switchHost(name, order, parts)
  if ('fault' in switched) return refuse(ctx, switched.fault, parts.tell)
  ctx.status = 204
}

async function refresh(ctx: Context, { power }: ApiParts): Promise<void> {
  await power.refresh()
  ctx.status = 204
}

async function releaseLease(ctx: Context, ip: string, parts: ApiParts): Promise<void> {
  const fault = await endLease(ip, callerOf(ctx), parts)
  if (fault !== undefined) return refuse(ctx, fault, parts.tell)
  ctx.status = 204
}

/** A refused change is what an admin looks for in the log: an installer shows nobody what curl said. */
function refuse(ctx: Context, fault: Fault, tell: Tell): void {
  sendFault(ctx, fault)
  tell({ level: 'warn', step: 'api.refused', text: summary(ctx, ` ${fault.message}`), client: clientOf(ctx) })
}

function sendStatus(ctx: Context, listeners: readonly Listener[]): void {
  const serving = listeners.every((listener) => listener.serving)
  sendJson(ctx, { serving, listeners }, serving ? 200 : 503)
}

/** gin leads a path with one slash too many to its route, and knows no other. */
function unknownPath(ctx: Context, router: Router): void {
  const path = ctx.path.replace(/\/$/, '')
  if (path === ctx.path || path === '' || !router.match(path, ctx.method).route) return sendNotFound(ctx)
  ctx.set('Location', path + ctx.search)
  ctx.status = ctx.method === 'GET' ? 301 : 307
  ctx.body = ''
}

function summary(ctx: Context, more: string): string {
  return printable(`${ctx.method} ${ctx.url}: ${ctx.status}${more}`)
}

function clientOf(ctx: Context) {
  return { ip: parseIpv4(callerOf(ctx)) }
}

function told(tell: Tell, level: 'debug' | 'error', text: string): void {
  tell({ level, step: 'api.fault', text: printable(text) })
}
