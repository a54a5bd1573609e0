// What the API answers, as schemas: OpenAPI shows them, and test/api/answers.test.ts holds every GET against them.

import { z } from 'zod'
import { faultStatus, type FaultCode } from '../faults.ts'
import { firmwares } from '../model.ts'

const time = z.iso.datetime()
const text = z.string()
const bootloader = z.strictObject({ name: text, file: text, config_path: text })

export const bootloaders = z.array(bootloader).nullable()

export const configurations = z.array(z.strictObject({ name: text, bootloader }))

export const configuration = z.strictObject({
  name: text,
  content: text.meta({ description: 'As it stands on disk, or stood there while it was good.' }),
  fault: text
    .optional()
    .meta({ description: 'What is wrong with its file, whose last good version is in force.' }),
})

export const deployed = z.strictObject({
  hosts: z.array(
    z.strictObject({
      name: text,
      configuration: text.meta({ description: 'What it boots from now on.' }),
      rebooted: z.enum(['NO', 'YES', 'ERROR']),
      before: text.nullable().optional().meta({ description: 'Of a dry run: what it boots now.' }),
      registered: z
        .literal(true)
        .optional()
        .meta({ description: 'A MAC that nobody declared became this host.' }),
      message: text.optional(),
    }),
  ),
  dry_run: z.literal(true).optional(),
  confirm: z
    .int()
    .optional()
    .meta({ description: 'Of a dry run: the deploy has to be confirmed by this number.' }),
  held: z
    .literal(true)
    .optional()
    .meta({ description: 'Machines boot local all the same, until the hold is released.' }),
})

const power = {
  powerState: z.enum(['', 'On', 'Off', 'Unknown']),
  powerReason: text.optional(),
  powerAskedAt: time.optional(),
} as const

export const hostPower = z.strictObject({ name: text, ...power })

const portNumber = z.int()
const password = z.literal('').meta({ description: 'Never shown.' })

// In the original's spelling.
const ipmi = z.strictObject({
  macAddress: text,
  username: text,
  password,
  interface: text,
  hostname: text.meta({ description: 'Of the settings, or found by the MAC.' }),
  subnet: text,
  cipher: z.int().optional(),
  port: portNumber.optional(),
})

const management = z.strictObject({
  macAddress: text,
  ipAddress: text.meta({ description: 'Of the settings, or found by the MAC.' }),
  adapter: text,
  subnet: text,
  vars: z
    .array(
      z.strictObject({ name: text, value: text.meta({ description: 'Empty where it may be a secret.' }) }),
    )
    .nullable(),
})

// As the settings write them.
const redfish = z.strictObject({
  hostname: text.optional(),
  mac_address: text.optional(),
  subnet: text.optional(),
  scheme: z.enum(['https', 'http']),
  port: portNumber.optional(),
  username: text.optional(),
  password: password.optional(),
  password_file: text.optional(),
  auth: z.enum(['basic', 'session']),
  verify: z.boolean(),
  system: text.optional(),
})

const wol = z.strictObject({
  mac_address: text.optional(),
  address: text.optional(),
  port: portNumber,
  password: password.optional(),
})

const host = z.strictObject({
  name: text,
  macAddresses: z.array(text).nullable(),
  configuration: z
    .strictObject({
      name: text,
      bootloader,
      vanished: z
        .literal(true)
        .optional()
        .meta({ description: 'Its file is gone, or has a fault: the host boots local.' }),
    })
    .nullable(),
  ...power,
  ipmi: ipmi.nullable(),
  management: management.nullable(),
  redfish: redfish.nullish(),
  wol: wol.nullish(),
  registered: z.literal(true).optional().meta({ description: 'Made by a deploy to its MAC.' }),
  added: z.literal(true).optional().meta({ description: 'Made over the API.' }),
  locked: z.literal(true).optional(),
})

export const hosts = z.array(host).nullable()

export const hostInFull = host.omit({ locked: true }).extend({
  origin: z.enum(['settings', 'added', 'registered']),
  ip: text,
  locked: z.boolean(),
  arch: z.enum(['', ...firmwares]),
  localMethod: z.enum(['', 'auto', 'withhold']),
  vars: z.record(z.string(), z.string()),
})

export const discovered = z.array(
  z.strictObject({
    mac: text,
    vendor: text,
    arch: z.enum(['', ...firmwares]),
    uuid: text,
    firstSeen: time,
    lastSeen: time,
    requests: z.int(),
  }),
)

export const leases = z.array(
  z.strictObject({
    ip: text,
    mac: text,
    host: text,
    hostname: text,
    clientId: text,
    state: z.enum(['bound', 'released', 'declined']),
    since: time,
    expires: time,
  }),
)

const hostChange = z.strictObject({
  name: text,
  before: text.nullable().optional(),
  after: text.nullable().optional(),
  host: z.enum(['added', 'changed', 'removed']).optional(),
  keys: z
    .array(text)
    .optional()
    .meta({ description: 'Which of its keys changed, such as ipmi.password; never their values.' }),
})

const change = z.strictObject({ id: z.int(), at: time, action: text, hosts: z.array(hostChange) })

export const audit = z.array(
  change.extend({
    by: text.meta({ description: 'The name of the token.' }),
    from: text.meta({ description: 'The address.' }),
    reason: text.optional().meta({ description: 'Of a hold.' }),
    lease: z
      .strictObject({ ip: text, mac: text, host: text })
      .optional()
      .meta({ description: 'The lease that was ended.' }),
    undoes: z.int().optional(),
    undoneBy: z.int().optional(),
  }),
)

export const undone = change.extend({ confirm: z.int().optional(), dry_run: z.literal(true).optional() })

export const imported = z.strictObject({
  hosts: z.array(hostChange),
  kept: z
    .array(
      z.strictObject({ name: text, boots: text, link: text.meta({ description: 'What its link says.' }) }),
    )
    .meta({ description: 'Hosts that boot something already, and go on so.' }),
  left: z
    .array(z.strictObject({ mac: text, link: text, because: text }))
    .meta({ description: 'Links that were not taken over, and stay where they are.' }),
  movedTo: text.meta({ description: 'The folder under tftproot that the links lie in now.' }),
})

export const hold = z.strictObject({
  held: z.boolean(),
  since: time.optional(),
  by: text.optional(),
  from: text.optional(),
  reason: text.optional(),
})

export const status = z.strictObject({
  serving: z.boolean(),
  listeners: z.array(
    z.strictObject({ name: text, where: text, serving: z.boolean(), because: text.optional() }),
  ),
})

export const lint = z.strictObject({
  findings: z.array(z.strictObject({ level: text, configuration: text, file: text, line: z.int(), text })),
})

const loader = z.strictObject({
  name: text,
  file: text,
  language: text,
  arch: z.array(text),
  ready: z.boolean().meta({ description: 'Machines can be sent it.' }),
  from: z.enum(['tftproot', 'package', 'firmware']).nullable(),
  path: text.nullable(),
  package: text.nullable(),
  remedy: text.nullable().meta({
    description: 'What brings it, where it is missing; what brings shim, where Secure Boot would refuse it.',
  }),
})

export const loaders = z.array(loader)

export const loadersInstalled = z.strictObject({ tftproot: text, copied: z.array(text) })

const asked = z.strictObject({
  path: text,
  gives: z.enum(['text', 'file', 'nothing']),
  rule: text,
  because: text,
})

const stage = z.strictObject({
  agent: text.meta({ description: 'The program that asks.' }),
  rule: text,
  because: text,
  offer: z
    .strictObject({
      server: text,
      file: text,
      url: text.nullable(),
      prefix: text
        .nullable()
        .meta({ description: 'What the loader puts before every path it asks for (option 210).' }),
    })
    .nullable(),
  asks: z.array(asked),
  text: text.nullable(),
})

export const explanation = z.strictObject({
  host: text.nullable(),
  mac: text,
  ip: text.nullable(),
  configuration: text.nullable(),
  via: z.enum(['dhcp', 'proxy']),
  mode: z.enum(['server', 'proxy', 'off']),
  boots: z.array(z.strictObject({ arch: text, stages: z.array(stage), notes: z.array(text) })),
})

export const fault = z.object({
  Message: text.meta({ description: 'For scripts of the original, in its words.' }),
  message: text,
  code: z.enum(Object.keys(faultStatus) as [FaultCode, ...FaultCode[]]),
  hint: text.optional(),
  path: text.optional().meta({ description: 'The part of the body that is wrong, or of the path.' }),
  confirm: z.int().optional(),
})
