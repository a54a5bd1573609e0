// A Redfish service as DMTF's schema says (DSP0266, ComputerSystem 1.20): one machine, its power and its next boot.

import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import Koa, { type Context } from 'koa'
import { handlerOf } from '../../src/http/server.ts'

export type Behaviour = {
  readonly tls?: boolean
  readonly auth?: 'basic' | 'session'
  readonly systems?: readonly string[]
  readonly resetTypes?: readonly string[]
  /** The types stand in an ActionInfo of their own. */
  readonly actionInfo?: boolean
  /** A change without the system's ETag is refused (428). */
  readonly needsTag?: boolean
  /** Answers everything with this. */
  readonly garbage?: string
  /** Refuses everything with this. */
  readonly refusal?: string
  /** Gives no answer where the path is this. */
  readonly hangs?: RegExp
}

export class RedfishService {
  power = 'Off'
  readonly log: string[] = []
  readonly bodies: unknown[] = []
  sessions = 0
  port = 0
  readonly #behaviour: Behaviour

  private constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour
  }

  static async start(t: ExecutionContext, behaviour: Behaviour = {}): Promise<RedfishService> {
    const service = new RedfishService(behaviour)
    const app = new Koa()
    app.use((ctx) => service.#answer(ctx))
    const handle = handlerOf(app)
    const server = behaviour.tls ? createHttps(certificate(t), handle) : createHttp(handle)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    service.port = (server.address() as AddressInfo).port
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    return service
  }

  async #answer(ctx: Context): Promise<void> {
    const { auth = 'basic', systems = ['1'], needsTag = false, garbage, refusal, hangs } = this.#behaviour
    const body = await bodyOf(ctx)
    this.log.push(`${ctx.method} ${ctx.path}`)
    if (hangs?.test(ctx.path)) return new Promise(() => {})
    if (garbage !== undefined) return void (ctx.body = garbage)
    if (refusal !== undefined) return refuse(ctx, 400, refusal)
    if (ctx.path === '/redfish/v1/')
      return void (ctx.body = { Systems: { '@odata.id': '/redfish/v1/Systems' } })
    if (ctx.path === '/redfish/v1/SessionService/Sessions') return this.#logIn(ctx, body)
    const basic = `Basic ${Buffer.from('admin:secret').toString('base64')}`
    const isIn = auth === 'basic' ? ctx.get('Authorization') === basic : ctx.get('X-Auth-Token') === 'token-1'
    if (!isIn) return refuse(ctx, 401, 'There is no valid session established.')
    if (ctx.path === '/redfish/v1/SessionService/Sessions/1' && ctx.method === 'DELETE') {
      this.sessions--
      return void (ctx.status = 204)
    }
    if (ctx.path === '/redfish/v1/Systems') {
      return void (ctx.body = {
        Members: systems.map((id) => ({ '@odata.id': `/redfish/v1/Systems/${id}` })),
      })
    }
    const [, id = '', rest = ''] = /^\/redfish\/v1\/Systems\/([^/]+)(.*)$/.exec(ctx.path) ?? []
    if (!systems.includes(id)) return refuse(ctx, 404, 'The resource was not found.')
    if (rest === '' && ctx.method === 'GET') return this.#show(ctx, id)
    if (rest === '' && ctx.method === 'PATCH') {
      if (needsTag && ctx.get('If-Match') !== '"7"') return refuse(ctx, 428, 'A precondition is needed.')
      this.bodies.push(body)
      return void (ctx.status = 204)
    }
    if (rest === '/ResetActionInfo') {
      return void (ctx.body = { Parameters: [{ Name: 'ResetType', AllowableValues: this.#types() }] })
    }
    if (rest === '/Actions/ComputerSystem.Reset' && ctx.method === 'POST') return this.#reset(ctx, body)
    refuse(ctx, 404, 'The resource was not found.')
  }

  #logIn(ctx: Context, body: unknown): void {
    const { UserName, Password } = body as { UserName?: string; Password?: string }
    if (UserName !== 'admin' || Password !== 'secret') return refuse(ctx, 401, 'Wrong user or password.')
    this.sessions++
    ctx.status = 201
    ctx.set('X-Auth-Token', 'token-1')
    ctx.set('Location', '/redfish/v1/SessionService/Sessions/1')
    ctx.body = { Id: '1' }
  }

  #show(ctx: Context, id: string): void {
    const self = `/redfish/v1/Systems/${id}`
    ctx.set('ETag', '"7"')
    ctx.body = {
      '@odata.id': self,
      Id: id,
      PowerState: this.power,
      Boot: {
        BootSourceOverrideEnabled: 'Disabled',
        'BootSourceOverrideTarget@Redfish.AllowableValues': ['None', 'Pxe', 'Hdd', 'UefiHttp'],
      },
      Actions: {
        '#ComputerSystem.Reset': {
          target: `${self}/Actions/ComputerSystem.Reset`,
          ...(this.#behaviour.actionInfo
            ? { '@Redfish.ActionInfo': `${self}/ResetActionInfo` }
            : { 'ResetType@Redfish.AllowableValues': this.#types() }),
        },
      },
    }
  }

  #types(): readonly string[] {
    return this.#behaviour.resetTypes ?? ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart', 'PowerCycle']
  }

  #reset(ctx: Context, body: unknown): void {
    const { ResetType: type = '' } = body as { ResetType?: string }
    if (!this.#types().includes(type)) return refuse(ctx, 400, `The value ${type} is not in the list.`)
    this.bodies.push(body)
    this.power = type === 'ForceOff' ? 'Off' : 'On'
    ctx.status = 204
  }
}

function refuse(ctx: Context, status: number, message: string): void {
  ctx.status = status
  ctx.body = { error: { code: 'Base.1.8.GeneralError', '@Message.ExtendedInfo': [{ Message: message }] } }
}

async function bodyOf(ctx: Context): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}

/** One that the service signed itself, as controllers do. */
function certificate(t: ExecutionContext): { readonly key: Buffer; readonly cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'pxe-pilot-redfish-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const argv = ['req', '-x509', ...how, '-subj', '/CN=bmc', '-keyout', key, '-out', cert]
  execFileSync('openssl', argv, { stdio: 'ignore' })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}
