// The OpenAPI document: every route is in it, its schemas are the ones that validate, and the page shows it all.

import test from 'ava'
import { descriptions } from '../../src/api/descriptions.ts'
import { openApi } from '../../src/api/openapi.ts'
import { routes } from '../../src/api/routes.ts'
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
