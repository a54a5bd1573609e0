// The OpenAPI document: every route is in it, its schemas are the ones that validate, and the page shows it all.

import { request } from 'node:http'
import test from 'ava'
import { z } from 'zod'
import { descriptions } from '../../src/api/descriptions.ts'
import { openApi } from '../../src/api/openapi.ts'
import { isStatusAsked, isStatusQuery } from '../../src/api/hosts.ts'
import { hostOrder, macAddress } from '../../src/api/orders.ts'
import { routes } from '../../src/api/routes.ts'
import { faultStatus } from '../../src/faults.ts'
import { serveApi } from './server.ts'

test('every route is in the document, and no other', (t) => {
  const documented = Object.entries(openApi.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  const there = routes.map(({ method, path }) => `${method} /v1${path.replace(/:(\w+)/g, '{$1}')}`)
  t.deepEqual(documented.toSorted(), there.toSorted())
})

test('it is OpenAPI 3.1: versions, operations with answers, parameters for each name in a path, references that lead somewhere', async (t) => {
  const { url } = await serveApi(t)
  const reply = await fetch(`${url}/v1/openapi.json`)
  t.is(reply.headers.get('content-type'), 'application/json; charset=utf-8')
  const document = (await reply.json()) as typeof openApi
  t.deepEqual(document, JSON.parse(JSON.stringify(openApi)))
  t.regex(document.openapi, /^3\.1\.\d$/)
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const parameters = (operation.parameters ?? []) as readonly { name: string; in: string }[]
      t.deepEqual(
        parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
        names,
        path,
      )
      t.true(
        Object.keys(operation.responses).some((status) => status.startsWith('2')),
        `${method} ${path}`,
      )
    }
  }
  for (const [, name = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
    t.true(name in (document.components as { schemas: object }).schemas, name)
  }
  t.notRegex(JSON.stringify(document), /"\$ref":"#\/\$defs/)
})

/** The codes a route's document lists for a status. */
function listed(method: string, path: string, status: number): readonly string[] {
  const named = `/v1${path.replace(/:(\w+)/g, '{$1}')}`
  const response = openApi.paths[named]?.[method]?.responses[status] as { description?: string } | undefined
  return response?.description?.split(', ') ?? []
}

/** fetch() sets Host itself. */
async function asked(port: number, method: string, path: string, headers: Readonly<Record<string, string>>) {
  return await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

test('what refuses every route is in the document of every route', async (t) => {
  const looker = { name: 'looker', rights: 'read' } as const
  const { port } = await serveApi(t, {
    tokens: { find: (token) => (token === 'looker' ? looker : undefined) },
  })
  for (const { method, path } of routes) {
    const ask = async (headers: Readonly<Record<string, string>>) => {
      const reply = await asked(port, method.toUpperCase(), `/v1${path.replace(/:\w+/g, 'x')}`, headers)
      const { code } = JSON.parse(reply.text) as { code: string }
      t.true(listed(method, path, reply.status).includes(code), `${method} ${path}: ${reply.status} ${code}`)
      return code
    }
    t.is(await ask({ Origin: 'http://elsewhere.example', Host: 'elsewhere.example' }), 'origin_not_allowed')
    t.true(listed(method, path, 500).includes('internal'))
    if (method === 'get') continue
    t.is(await ask({ Authorization: 'Bearer wrong' }), 'token_needed')
    t.is(await ask({ Authorization: 'Bearer looker' }), 'write_not_allowed')
  }
  t.true(listed('post', '/undo', faultStatus.address_taken).includes('address_taken'))
  t.deepEqual(listed('patch', '/hosts/:name/on', faultStatus.store_full), [])
})

test('what a request may say is in the document: spellings of true, MACs, addresses', (t) => {
  const parameters = openApi.paths['/v1/hosts']?.['get']?.parameters as
    readonly { schema: { enum: string[] } }[] | undefined
  const spellings = parameters?.[0]?.schema.enum ?? []
  t.is(spellings.length, 13)
  for (const spelling of spellings) {
    t.true(isStatusQuery(spelling))
    t.is(isStatusAsked(spelling), !/^[0f]/i.test(spelling))
  }
  const { pattern } = z.toJSONSchema(macAddress, { io: 'input' })
  for (const text of ['23:34:a3:e9:09:cc', '23-34-A3-E9-09-CC', '2334.a3e9.09cc', '2334a3e909cc']) {
    t.regex(text, new RegExp(pattern ?? '$.'))
    t.true(macAddress.safeParse(text).success)
  }
  for (const text of ['zz', '23:34:a3:e9:09', '23:34:a3:e9:09:cc:00']) {
    t.notRegex(text, new RegExp(pattern ?? '.'))
    t.false(macAddress.safeParse(text).success)
  }
  const { properties } = z.toJSONSchema(hostOrder, { io: 'input', unrepresentable: 'any' })
  t.regex(JSON.stringify(properties?.['ip']), /"pattern"/)
  t.regex(JSON.stringify(properties?.['ipmi']), /"hostname":\{[^}]*"An IP address or a host name/)
})

test('the body of a deploy as the document has it', (t) => {
  const { requestBody } = openApi.paths['/v1/configurations/{name}/deploy']?.['put'] ?? {}
  const text = JSON.stringify(requestBody)
  for (const key of ['hosts', 'macAddress', 'reboot', 'dry_run', 'confirm'])
    t.regex(text, new RegExp(`"${key}"`))
})

test('the page shows every path, escaped, without a script', async (t) => {
  const { url } = await serveApi(t)
  const reply = await fetch(`${url}/ui/api`)
  t.is(reply.status, 200)
  t.is(reply.headers.get('content-security-policy'), "default-src 'self'")
  const text = await reply.text()
  for (const { path, method } of routes) {
    t.true(text.includes(`${method.toUpperCase()} /v1${path.replace(/:(\w+)/g, '{$1}')}`), path)
  }
  for (const { summary } of Object.values(descriptions))
    t.true(text.includes(summary.replaceAll("'", '&#39;')), summary)
  t.notRegex(text, /<script|https?:\/\//)
})
