// What the API's routes take: the schemas that validate bodies, and that OpenAPI shows.

import { z } from 'zod'
import type { DeployTarget } from '../registry.ts'
import { hostAddress, hostSchema, managementSubnet } from '../settings/schema.ts'
import { mostEntries } from './body.ts'

const confirm = z
  .int('must be a number of hosts')
  .min(0)
  .optional()
  .meta({ description: 'The number of hosts that would change, where a change has to be confirmed.' })
const dryRun = z.boolean().optional().meta({ description: 'Only say what would be.' })

/** Of what a deploy names, in characters. */
const longest = 256

const deployHost = z.object({
  name: z.string().max(longest).optional().meta({ description: 'The host, exactly.' }),
  macAddress: z
    .string()
    .max(longest)
    .optional()
    .meta({ description: 'Any of its cards, in any notation; mac_address is the same.' }),
  reboot: z.boolean().optional().meta({ description: 'Reboot it as soon as the deploy is in force.' }),
  configuration: z.string().optional().meta({ description: 'Refused: it is in the path.' }),
})

/** Unknown keys are ignored, and null is an empty list, as in the original. */
export const deployOrder = z
  .object({
    // A host that is null is one without a name.
    hosts: z
      .array(deployHost.nullable().transform((host) => host ?? {}))
      .max(mostEntries)
      .optional()
      .transform((hosts) => hosts ?? []),
    dry_run: dryRun,
    confirm,
  })
  .nullable()
  .transform((order) => order ?? { hosts: [] })

export type DeployBody = z.output<typeof deployOrder>

/** As the registry takes it. */
export function targetsOf({ hosts }: DeployBody): readonly DeployTarget[] {
  return hosts.map(({ name, macAddress, configuration }) => ({ name, mac: macAddress, configuration }))
}

/** A name that stands in a path, a file name and a log line as it is. */
export const hostName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/,
    'must be a name of letters, digits, ".", "_" and "-", at most 253',
  )

const own = hostSchema.shape
export const macAddress = own.mac_addresses.unwrap().unwrap().element
export const ipAddress = own.ip.unwrap()
const ipmi = own.ipmi
  .unwrap()
  .unwrap()
  .omit({ password_file: true })
  // `open` and others of ipmitool's would switch the machine that this server runs on.
  .extend({
    hostname: hostAddress.optional(),
    subnet: managementSubnet.optional(),
    interface: z.enum(['lan', 'lanplus'], 'must be lan or lanplus').optional(),
  })
const redfish = own.redfish
  .unwrap()
  .unwrap()
  .omit({ password_file: true })
  .extend({ subnet: managementSubnet.optional() })
const wol = own.wol.unwrap().unwrap()

/** Of the settings alone: what comes over the wire must become no option of the program it is handed to. */
const argument = z.string().regex(/^(?!-)/, 'must not begin with "-", as it is handed to a program')
const management = own.management
  .unwrap()
  .unwrap()
  .extend({
    ip_address: hostAddress.optional(),
    subnet: managementSubnet.optional(),
    vars: z.array(z.strictObject({ name: z.string(), value: argument })).optional(),
  })

type Group = z.ZodObject<Record<string, z.ZodType>>
type Parts<T> = { readonly [Key in keyof T]?: T[Key] | null }

/** Each part of `group` alone: left out it stays, null takes it away. */
function partsOf<T extends Group>(group: T): z.ZodType<Parts<z.output<T>>> {
  const parts = Object.entries(group.shape).map(([key, part]) => {
    const bare = part instanceof z.ZodOptional || part instanceof z.ZodDefault ? part.unwrap() : part
    return [key, z.nullish(bare)] as const
  })
  return z.strictObject(Object.fromEntries(parts)) as unknown as z.ZodType<Parts<z.output<T>>>
}

const described = {
  name: hostName,
  macAddresses: z.array(macAddress).min(1).max(64),
  ip: own.ip.meta({ description: 'Its reserved address.' }),
  locked: z
    .boolean()
    .default(false)
    .meta({ description: 'Nothing but local may be deployed to it, and nothing switches it.' }),
  arch: own.arch.meta({ description: 'Its firmware, where it does not tell.' }),
  localMethod: own.local_method,
  vars: own.vars.meta({ description: 'For the variables of templates.' }),
  // A file on the server is named by its settings alone.
  ipmi: ipmi.nullish(),
  management: management.nullish(),
  redfish: redfish.nullish(),
  wol: wol.nullish(),
} as const

/** A whole host: what is left out is at its default. */
export const hostOrder = z.strictObject(described)

/** What is left out stays as it is; null takes it away. */
export const hostPatch = z.strictObject({
  name: hostName.optional(),
  macAddresses: described.macAddresses.optional(),
  ip: own.ip.nullable(),
  locked: z.boolean().optional(),
  arch: own.arch.nullable(),
  localMethod: own.local_method.nullable(),
  vars: z.record(own.vars.unwrap().keyType, own.vars.unwrap().valueType.nullable()).nullish(),
  ipmi: partsOf(ipmi).nullish(),
  management: partsOf(management).nullish(),
  redfish: partsOf(redfish).nullish(),
  wol: partsOf(wol).nullish(),
})

export const hostReplacement = hostOrder.extend({ name: hostName.optional() })

export const adoptOrder = z.strictObject({ name: hostName, locked: z.boolean().default(false) })

export const undoOrder = z
  .strictObject({
    id: z
      .int('must be the number of a change')
      .min(1)
      .optional()
      .meta({ description: 'The change that is meant; another one is not taken back.' }),
    dry_run: dryRun,
    confirm,
  })
  .nullable()
  .transform((order) => order ?? {})

const oneLine = z.string().regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must be one line without control characters')

export const holdOrder = z
  .strictObject({ reason: oneLine.max(200).optional() })
  .nullable()
  .transform((order) => order ?? {})
