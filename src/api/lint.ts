// What is wrong with configurations, as the API tells it.

import type { Context } from 'koa'
import type { Finding } from '../catalog/lint.ts'
import { faults } from '../faults.ts'
import { sendFault, sendJson } from './reply.ts'

export type LintParts = {
  readonly lint: {
    readonly all: () => Promise<readonly Finding[]>
    /** Undefined: there is no configuration of this name. */
    readonly one: (name: string, remote?: boolean) => Promise<readonly Finding[] | undefined>
    /** Of its file, where that cannot be taken as it stands. */
    readonly faultOf: (name: string) => string | undefined
  }
}

export async function lintAll(ctx: Context, { lint }: LintParts): Promise<void> {
  sendJson(ctx, { findings: await lint.all() })
}

export async function lintOne(ctx: Context, name: string, { lint }: LintParts): Promise<void> {
  const { remote } = ctx.query
  if (remote !== undefined && remote !== 'true' && remote !== 'false') {
    return sendFault(ctx, { code: 'query_invalid', message: 'remote must be true or false' })
  }
  const findings = await lint.one(name, remote !== 'false')
  if (findings === undefined) sendFault(ctx, faults.configurationNotFound(name))
  else sendJson(ctx, { findings })
}
