// The API as an OpenAPI 3.1 document, made of the very schemas that validate bodies.

import { z } from 'zod'
import { faultStatus, type FaultCode } from '../faults.ts'
import * as answers from './answers.ts'
import { descriptions, type Description } from './descriptions.ts'
import * as orders from './orders.ts'

export type Operation = {
  readonly summary: string
  readonly parameters?: readonly object[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
}

export type OpenApi = {
  readonly openapi: string
  readonly info: object
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: object
}

/** Of the guard in front of every route, and of what nobody foresaw. */
const everywhere: readonly FaultCode[] = ['origin_not_allowed', 'internal']
const everyChange: readonly FaultCode[] = ['token_needed', 'write_not_allowed']

const inPath: Readonly<Record<string, z.ZodType>> = { mac: orders.macAddress, ip: orders.ipAddress }

export const openApi: OpenApi = {
  openapi: '3.1.0',
  info: {
    title: 'PXE Pilot',
    version: '1',
    license: { name: 'MIT', identifier: 'MIT' },
    description:
      'Every path is there without /v1, too. A body is read as JSON whatever its Content-Type, with keys in any case, with or without underscores.',
  },
  paths: pathsOf(descriptions),
  components: {
    schemas: { Fault: jsonSchema(answers.fault, 'output') },
    securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
  },
}

function pathsOf(all: typeof descriptions): OpenApi['paths'] {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const [key, description] of Object.entries(all)) {
    const [method = '', path = ''] = key.split(' ')
    const named = `/v1${path.replace(/:(\w+)/g, '{$1}')}`
    paths[named] = { ...paths[named], [method]: operationOf(method, named, description) }
  }
  return paths
}

function operationOf(method: string, path: string, description: Description): Operation {
  const { summary, body, isOptional = false, query = [], answers: good, faults = [] } = description
  const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: jsonSchema(inPath[name] ?? z.string(), 'input'),
  }))
  const asked = query.map(({ name, what, schema }) => ({
    name,
    in: 'query',
    description: what,
    schema: jsonSchema(schema, 'input'),
  }))
  const parameters = [...named, ...asked]
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: !isOptional, content: json(jsonSchema(body, 'input')) } }),
    ...(method !== 'get' && { security: [{}, { token: [] }] }),
    responses: {
      ...goodOnes(good),
      ...badOnes([...everywhere, ...(method === 'get' ? [] : everyChange), ...faults]),
    },
  }
}

function goodOnes(good: Description['answers']): Record<string, object> {
  return Object.fromEntries(
    Object.entries(good).map(([status, schema]) => [
      status,
      {
        description: status === '503' ? 'Something does not serve' : 'Done',
        ...(schema && { content: json(jsonSchema(schema, 'output')) }),
      },
    ]),
  )
}

function badOnes(faults: readonly FaultCode[]): Record<string, object> {
  const byStatus = new Map<number, FaultCode[]>()
  for (const code of faults)
    byStatus.set(faultStatus[code], [...(byStatus.get(faultStatus[code]) ?? []), code])
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      { description: codes.join(', '), content: json({ $ref: '#/components/schemas/Fault' }) },
    ]),
  )
}

function json(schema: object): object {
  return { 'application/json': { schema } }
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
