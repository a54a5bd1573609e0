// What OpenAPI and the API page say of each route: its body, its answers, its faults.

import { z } from 'zod'
import type { FaultCode } from '../faults.ts'
import * as answers from './answers.ts'
import { statusSpellings } from './hosts.ts'
import * as orders from './orders.ts'

/** What the routes' page does not say of a path. */
export type Description = {
  readonly summary: string
  readonly body?: z.ZodType
  /** A body may be left out. */
  readonly isOptional?: boolean
  readonly query?: readonly { readonly name: string; readonly what: string; readonly schema: z.ZodType }[]
  /** By status; undefined: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | undefined>>
  /** Beside those that every route, and every change, may meet. */
  readonly faults?: readonly FaultCode[]
}

const stored: readonly FaultCode[] = ['store_full', 'store_unavailable']
const bodies: readonly FaultCode[] = ['body_not_json', 'body_invalid', 'body_too_big']
const hostMade: readonly FaultCode[] = [
  ...bodies,
  ...stored,
  'host_exists',
  'mac_taken',
  'address_taken',
  'too_many_hosts',
  'confirmation_needed',
]
const hostChanges: readonly FaultCode[] = [...hostMade, 'host_declared', 'host_not_found']

const confirmed: Description['query'] = [
  {
    name: 'confirm',
    what: '1: its machine may boot what configuration.destructive names',
    schema: z.literal('1'),
  },
]

const switching: readonly FaultCode[] = ['host_not_found', 'host_locked', 'power_unmanaged', 'power_failed']

/** By method and path, as on the routes' page. */
export const descriptions: Readonly<Record<string, Description>> = {
  'get /healthcheck': { summary: 'The process answers', answers: { 204: undefined } },
  'get /status': {
    summary: 'Whether everything serves',
    answers: { 200: answers.status, 503: answers.status },
  },
  'get /openapi.json': { summary: 'This document', answers: { 200: z.object({}).loose() } },
  'get /configurations': { summary: 'What can be deployed', answers: { 200: answers.configurations } },
  'get /configurations/:name': {
    summary: 'The text of a configuration',
    answers: { 200: answers.configuration },
    faults: ['configuration_not_found'],
  },
  'get /configurations/:name/lint': {
    summary: 'What is wrong with a configuration',
    query: [
      {
        name: 'remote',
        what: 'whether other servers are asked for the files that are theirs',
        schema: z.enum(['true', 'false']),
      },
    ],
    answers: { 200: answers.lint },
    faults: ['query_invalid', 'configuration_not_found'],
  },
  'get /lint': { summary: 'What is wrong with all configurations', answers: { 200: answers.lint } },
  'put /configurations/:name/deploy': {
    summary: 'Deploy: what each of these hosts boots from now on; all of them, or none',
    body: orders.deployOrder,
    answers: { 200: answers.deployed },
    faults: [
      ...bodies,
      ...stored,
      'not_own_host',
      'host_unnamed',
      'configuration_not_found',
      'host_not_found',
      'host_mismatch',
      'host_twice',
      'host_locked',
      'host_has_no_mac',
      'too_many_hosts',
      'confirmation_needed',
      'configuration_not_allowed',
    ],
  },
  'get /bootloaders': {
    summary: 'The loaders, in order of preference',
    answers: { 200: answers.bootloaders },
  },
  'get /loaders': {
    summary: 'Which loaders are there, for which firmware, and what brings the others',
    answers: { 200: answers.loaders },
  },
  'put /loaders/install': {
    summary: 'Copy the loaders of packages into tftproot',
    answers: { 200: answers.loadersInstalled },
    faults: [...stored, 'loaders_not_installed'],
  },
  'get /explain': {
    summary: 'What a machine would boot, step by step, and why; nothing is changed',
    query: [
      { name: 'host', what: 'which machine, by its name', schema: z.string() },
      { name: 'mac', what: 'or by a MAC, which need belong to no host', schema: z.string() },
      { name: 'arch', what: 'its firmware, or a number of option 93', schema: z.string() },
      { name: 'agent', what: 'the program that asks first', schema: z.enum(['rom', 'httpboot', 'ipxe']) },
      { name: 'via', what: 'how DHCP answers it', schema: z.enum(['dhcp', 'proxy']) },
    ],
    answers: { 200: answers.explanation },
    faults: ['query_invalid', 'host_not_found', 'host_has_no_mac'],
  },
  'get /hosts': {
    summary: 'Every host',
    query: [
      {
        name: 'status',
        what: 'a false one: the power state that was heard last; a true or empty one: asked now',
        schema: z.enum(statusSpellings),
      },
    ],
    answers: { 200: answers.hosts },
    faults: ['query_invalid'],
  },
  'post /hosts': {
    summary: 'Add a host',
    body: orders.hostOrder,
    query: confirmed,
    answers: { 201: answers.hostInFull },
    faults: hostMade,
  },
  'get /hosts/:name': {
    summary: 'One host, with all that is known of it',
    answers: { 200: answers.hostInFull },
    faults: ['host_not_found'],
  },
  'put /hosts/:name': {
    summary: 'Make a host what the body says, whether it is there or not',
    body: orders.hostReplacement,
    query: confirmed,
    answers: { 200: answers.hostInFull, 201: answers.hostInFull },
    faults: hostChanges,
  },
  'patch /hosts/:name': {
    summary: 'Change a host: what the body leaves out stays, null takes away',
    body: orders.hostPatch,
    query: confirmed,
    answers: { 200: answers.hostInFull },
    faults: hostChanges,
  },
  'delete /hosts/:name': {
    summary: 'Remove a host, and forget what it boots',
    query: confirmed,
    answers: { 204: undefined },
    faults: [...stored, 'confirmation_needed', 'host_not_found', 'host_declared'],
  },
  'delete /hosts/:name/configuration': {
    summary: 'Undeploy: the host boots nothing of its own any more',
    query: confirmed,
    answers: { 204: undefined },
    faults: [...stored, 'confirmation_needed', 'host_not_found', 'host_locked'],
  },
  'patch /hosts/:name/reboot': {
    summary: 'Reset what is on, switch on what is off',
    answers: { 204: undefined },
    faults: switching,
  },
  'get /hosts/:name/power': {
    summary: 'Whether it is on, asked now',
    answers: { 200: answers.hostPower },
    faults: ['host_not_found'],
  },
  'patch /hosts/:name/on': { summary: 'Switch on', answers: { 204: undefined }, faults: switching },
  'patch /hosts/:name/off': { summary: 'Switch off', answers: { 204: undefined }, faults: switching },
  'patch /hosts/:name/reset': { summary: 'Reset', answers: { 204: undefined }, faults: switching },
  'patch /hosts/:name/cycle': {
    summary: 'Take the current away for a moment',
    answers: { 204: undefined },
    faults: switching,
  },
  'patch /refresh': {
    summary: 'Look for the addresses of the controllers anew',
    answers: { 204: undefined },
  },
  'patch /discovery': {
    summary: 'The same, as old scripts call it',
    answers: { 204: undefined },
  },
  'get /discovered': {
    summary: 'Unknown machines that asked for a boot, the last one first',
    answers: { 200: answers.discovered },
  },
  'post /discovered/:mac/adopt': {
    summary: 'Make a host of an unknown machine',
    body: orders.adoptOrder,
    query: confirmed,
    answers: { 201: answers.hostInFull },
    faults: [...hostMade, 'discovered_not_found'],
  },
  'get /leases': { summary: 'Who holds which address, and until when', answers: { 200: answers.leases } },
  'delete /leases/:ip': {
    summary: 'End a lease',
    answers: { 204: undefined },
    faults: [...stored, 'address_invalid', 'lease_not_found'],
  },
  'get /audit': {
    summary: 'Who changed what, the last change first',
    query: [{ name: 'limit', what: 'so many at most', schema: z.int().min(1).default(100) }],
    answers: { 200: answers.audit },
    faults: ['query_invalid'],
  },
  'post /undo': {
    summary: 'Take the last change back',
    body: orders.undoOrder,
    isOptional: true,
    answers: { 200: answers.undone },
    faults: [
      ...bodies,
      ...stored,
      'nothing_to_undo',
      'undo_conflict',
      'confirmation_needed',
      'host_locked',
      'mac_taken',
      'address_taken',
    ],
  },
  'post /import': {
    summary: 'Make assignments of the links that the original PXE Pilot left',
    answers: { 200: answers.imported },
    faults: stored,
  },
  'get /hold': { summary: 'Whether everything boots local', answers: { 200: answers.hold } },
  'put /hold': {
    summary: 'Every machine boots local, whatever was deployed, until this is released',
    body: orders.holdOrder,
    isOptional: true,
    answers: { 200: answers.hold },
    faults: [...bodies, ...stored],
  },
  'delete /hold': { summary: 'Release the hold', answers: { 200: answers.hold }, faults: stored },
}
