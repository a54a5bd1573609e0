// The API and the pages: the guard in front, the routes, and the answer to everything else.

import Koa from 'koa'
import type { Context } from 'koa'
import { Router, type RouterContext } from 'koa-router'
import { hushed, LazyEvent, printable, type Event, type Tell } from '../events.ts'
import { faults, type Fault } from '../faults.ts'
import { allow, clientOf, refuse, summary } from './answer.ts'
import { refuseDeploy } from './deploys.ts'
import { accessOf } from './guard.ts'
import { firstPage } from './page.ts'
import { sendFault, sendNotFound } from './reply.ts'
import { routes, type ApiParts } from './routes.ts'
import { stylesheet } from './style.ts'

export { type ApiParts } from './routes.ts'

/** Of each warning in a second, as strangers can cause it. */
const mostWarnings = 20

const isWarning = ({ level }: Event) => level === 'warn' || level === 'error'

export function apiApp(given: ApiParts): Koa {
  const sparing = hushed(given.tell, mostWarnings, () => performance.now())
  const parts = { ...given, tell: (event: Event) => (isWarning(event) ? sparing : given.tell)(event) }
  // A router tries all its paths, whatever their method: a deploy finds its own among few.
  const routers = {
    get: newRouter(),
    put: newRouter(),
    post: newRouter(),
    patch: newRouter(),
    delete: newRouter(),
  }
  for (const { method, path, answer } of routes) {
    routers[method][method](`{/v1}${path}`, async (ctx) => {
      await answer(ctx, ctx.params['name'] ?? ctx.params['mac'] ?? ctx.params['ip'] ?? '', parts)
    })
  }
  routers.get.get('/', (ctx) => ctx.redirect('/ui/'))
  routers.get.get('/ui', (ctx) => ctx.redirect('/ui/'))
  routers.get.get('/ui/', async (ctx) => {
    await parts.look()
    ctx.type = 'html'
    ctx.body = firstPage(parts, `http://${ctx.req.socket.localAddress}:${ctx.req.socket.localPort}`)
  })
  routers.get.get('/ui/api', async (ctx) => {
    const { apiPage } = await import('./api-page.ts')
    ctx.type = 'html'
    ctx.body = apiPage
  })
  routers.get.get('/ui/style.css', (ctx) => {
    ctx.type = 'css'
    ctx.set('Cache-Control', 'max-age=3600')
    ctx.body = stylesheet
  })

  const app = new Koa()
  app.on('error', (error: Error) => told(parts.tell, 'debug', error.message))
  app.use((ctx, next) => guarded(ctx, next, parts))
  const served = new Map(
    Object.entries(routers).map(([method, each]) => [method.toUpperCase(), each.routes()]),
  )
  const routerOf = ({ method }: Context) => served.get(method === 'HEAD' ? 'GET' : method)
  app.use<object, RouterContext>((ctx, next) => routerOf(ctx)?.(ctx, next) ?? next())
  app.use((ctx) => unknownPath(ctx, routerOf(ctx)?.router))
  return app
}

function newRouter(): Router {
  return new Router({ strict: true, sensitive: true })
}

async function guarded(ctx: Context, next: () => Promise<unknown>, parts: ApiParts): Promise<void> {
  ctx.set('Content-Security-Policy', "default-src 'self'")
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.set('X-Frame-Options', 'DENY')
  ctx.set('Cache-Control', 'no-store')
  const access = accessOf(ctx, parts)
  if ('fault' in access) return await turnAway(ctx, access.fault, parts)
  allow(ctx, access)
  if (access.rights === 'self' && deployPath.exec(ctx.path) === null) {
    return await turnAway(ctx, faults.tokenNeeded('This'), parts)
  }
  // gin answers HEAD only where someone asked it to, and the original did not.
  if (ctx.method === 'HEAD' && !ctx.path.startsWith('/ui') && ctx.path !== '/') return sendNotFound(ctx)
  try {
    await next()
  } catch (error) {
    if (ctx.req.destroyed && !ctx.req.complete) return
    told(parts.tell, 'error', error instanceof Error ? (error.stack ?? error.message) : String(error))
    sendFault(ctx, { code: 'internal', message: 'The server failed, and its log says why' })
  }
  parts.tell(new LazyEvent('debug', 'api.request', clientOf(ctx), () => summary(ctx, '')))
}

/** What a machine may call for itself; the name as it is written in the path. With a slash too many it is redirected. */
const deployPath = /^(?:\/v1)?\/configurations\/([^/]+)\/deploy\/?$/

async function turnAway(ctx: Context, fault: Fault, parts: ApiParts): Promise<void> {
  const [, written] = ctx.method === 'PUT' ? (deployPath.exec(ctx.path) ?? []) : []
  if (written === undefined) return refuse(ctx, fault, parts.tell)
  await refuseDeploy(ctx, decoded(written), fault, parts)
}

function decoded(written: string): string {
  try {
    return decodeURIComponent(written)
  } catch {
    return written
  }
}

/** gin leads a path with one slash too many to its route, and knows no other. */
function unknownPath(ctx: Context, router: Router | undefined): void {
  const path = ctx.path.replace(/\/$/, '')
  if (path === ctx.path || path === '' || router?.match(path, ctx.method).route !== true)
    return sendNotFound(ctx)
  ctx.set('Location', path + ctx.search)
  ctx.status = ctx.method === 'GET' ? 301 : 307
  ctx.body = ''
}

function told(tell: Tell, level: 'debug' | 'error', text: string): void {
  tell({ level, step: 'api.fault', text: printable(text) })
}
