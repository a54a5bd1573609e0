// The settings file's shape: every key, its type and its default. Names are those of the file.

import { isIP } from 'node:net'
import { z } from 'zod'
import { firmwares } from '../model.ts'
import { parseIpv4, parseRange, parseSubnet, type Ipv4, type Range, type Subnet } from '../net/ipv4.ts'
import { parseMac, type Mac } from '../net/mac.ts'
import { dhcpOptions } from './options.ts'

/**
 * A text that `parse` turns into a checked value; `what` names it in the fault. `pattern`: what OpenAPI says of it, as
 * near as a regular expression comes.
 */
function checked<T>(parse: (text: string) => T | undefined, what: string, pattern?: RegExp) {
  const description = `${what.charAt(0).toUpperCase()}${what.slice(1)}.`
  return z
    .string(`must be ${what}`)
    .meta({ description, ...(pattern && { pattern: pattern.source }) })
    .transform((text, context): T => {
      const value = parse(text)
      if (value === undefined) {
        context.issues.push({ code: 'custom', message: `must be ${what}, not "${text}"`, input: text })
        return z.NEVER
      }
      return value
    })
}

const ipv4 = checked<Ipv4>(parseIpv4, 'an IPv4 address such as 10.77.0.1', /^\d{1,3}(\.\d{1,3}){3}$/)
const mac = checked<Mac>(
  parseMac,
  'a MAC address such as 22:34:a3:e9:09:cc',
  /^[0-9A-Fa-f]{2}([^0-9A-Fa-f]?[0-9A-Fa-f]{2}){5}$|^[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}$/,
)
const subnet = checked<Subnet>(parseSubnet, 'a subnet such as 10.77.0.0/24')
const range = checked<Range>(parseRange, 'a range such as 10.77.0.100-10.77.0.199, the lower address first')
const label = /^\w(?:[\w-]{0,61}\w)?$/

/** RFC 1123 2.1, and the underscore that names of a site's own have. Empty: none, as in the original. */
export function parseHostAddress(text: string): string | undefined {
  const labels = text.replace(/\.$/, '').split('.')
  const isName = text.length <= 254 && labels.every((part) => label.test(part))
  return text === '' || isIP(text) > 0 || isName ? text : undefined
}

export const hostAddress = checked<string>(parseHostAddress, 'an IP address or a host name')
/** Empty: none, as it is shown. The settings take any text, as the original did. */
export const managementSubnet = checked<string>(
  (text) => (text === '' || parseSubnet(text) !== undefined ? text : undefined),
  'a subnet such as 10.77.0.0/24',
)
/** The original took any text, which a command of an adapter may make sense of: one argument, and no option. */
const controller = z.string().regex(/^(?!-)\P{Cc}*$/u, 'must be an IP address or a host name')
/** An empty one would be the folder of the settings file itself. */
const path = z.string().regex(/^[^\0]+$/, 'must be a path')
const bind = ipv4.prefault('0.0.0.0')
const port = (standard: number) =>
  z.int('must be a port, a number from 1 to 65535').min(1).max(65535).default(standard)
const share = (standard: number) =>
  z.number('must be a share between 0 and 1').min(0).max(1).default(standard)

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 }

/** 0xffffffff is a lease for ever (RFC 2132 9.2), which nobody means when writing a time. */
const longestLease = 0xfffffffe

function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhd])$/.exec(text)
  const time = Number(match?.[1]) * (seconds[match?.[2] ?? ''] ?? NaN)
  return time >= 1 && time <= longestLease ? time : undefined
}

/** Seconds: `90s`, `10m`, `1h`, `7d`, or a plain number. */
const duration = z.union([
  z.int().min(1).max(longestLease),
  checked(parseDuration, 'a time such as 90s, 10m, 1h or 7d'),
])

const dhcpMode = z.enum(['server', 'proxy', 'off'])
const firmware = z.enum(firmwares)
const localMethod = z.enum(['auto', 'withhold'])

const dhcpSubnet = z.strictObject({
  subnet,
  mode: dhcpMode.optional(),
  ranges: z.array(range).default([]),
  router: ipv4.optional(),
  dns: z.array(ipv4).optional(),
  domain: z.string().optional(),
  ntp: z.array(ipv4).optional(),
  lease_time: duration.prefault('1h'),
  min_lease_time: duration.prefault('1m'),
  max_lease_time: duration.prefault('1d'),
  next_server: ipv4.optional(),
  options: dhcpOptions.default([]),
})

const dhcp = z.strictObject({
  mode: dhcpMode.default('proxy'),
  identity: z.enum(['mac', 'client-id']).default('mac'),
  authoritative: z.boolean().default(false),
  other_servers: z.enum(['refuse', 'allow']).default('refuse'),
  conflict_check: z.boolean().default(true),
  subnets: z.array(dhcpSubnet).default([]),
  options: dhcpOptions.default([]),
  limits: z
    .strictObject({
      unknown_share: share(0.8),
      declined_share: share(0.1),
      offer_hold: duration.prefault('60s'),
    })
    .prefault({}),
  bind,
  port: port(67),
})

const tftp = z.strictObject({
  root: path.default('./tftproot'),
  bind,
  port: port(69),
  single_port: z.boolean().default(false),
  follow_links: z.enum(['inside', 'anywhere']).default('inside'),
  max_transfers: z.int().min(1).max(100_000).default(1000),
  max_per_client: z.int().min(1).max(100_000).default(64),
})

const http = z.strictObject({
  root: path.default('./httproot'),
  bind,
  port: port(80),
  listing: z.boolean().default(false),
})

const server = z.strictObject({
  bind,
  port: port(3478),
  names: z.array(z.string()).default([]),
  allow: z.array(subnet).optional(),
  tokens_file: path.optional(),
})

/** It names the folder of the bootloader's configurations. */
const folderName = z.string().regex(/^[^/.\0][^/\0]*$/, 'must be a name without "/" or a dot at its start')

const configuration = z.strictObject({
  directory: path.default('./tftproot/pxelinux.cfg/conf'),
  default: z.string().nullable().default(null),
  self_service: z.array(z.string()).default(['local']),
  destructive: z.array(z.string()).default([]),
  max_hosts_per_deploy: z.int().min(1).optional(),
  local_method: localMethod.default('auto'),
  bootloaders: z
    .array(
      z.strictObject({
        name: folderName,
        file: z.string().optional(),
        config_path: z.string().default(''),
        arch: z.array(firmware).optional(),
      }),
    )
    .optional(),
})

const namedValue = z.strictObject({ name: z.string(), value: z.string().default('') })

const ipmi = z.strictObject({
  mac_address: mac.optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  password_file: path.optional(),
  interface: z.string().optional(),
  cipher: z.int('must be a cipher suite such as 3 or 17').min(0).max(255).optional(),
  port: z.int('must be a port, a number from 1 to 65535').min(1).max(65535).optional(),
  hostname: controller.optional(),
  subnet: z.string().optional(),
})

const redfish = z.strictObject({
  hostname: hostAddress.optional(),
  mac_address: mac.optional(),
  subnet: z.string().optional(),
  scheme: z.enum(['https', 'http']).default('https'),
  port: z.int('must be a port, a number from 1 to 65535').min(1).max(65535).optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  password_file: path.optional(),
  auth: z.enum(['basic', 'session']).default('basic'),
  verify: z.boolean().default(true),
  system: z.string().startsWith('/', 'must be a path such as /redfish/v1/Systems/1').optional(),
})

const wol = z.strictObject({
  mac_address: mac.optional(),
  address: ipv4.optional(),
  port: port(9),
  password: mac.meta({ description: 'Six octets, written as a MAC address.' }).optional(),
})

const management = z.strictObject({
  mac_address: mac.optional(),
  ip_address: controller.optional(),
  adapter: z.string().optional(),
  subnet: z.string().optional(),
  vars: z.array(namedValue).optional(),
})

/** A line break in a value would be a command of its own in whatever a template becomes. */
const plainText = z
  .string()
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must be a text without line breaks and control characters')

const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name of letters, digits and _, as in ${rack}')

export const hostSchema = z.strictObject({
  name: plainText.optional(),
  mac_addresses: z.array(mac).nullish(),
  ip: ipv4.optional(),
  locked: z.boolean().default(false),
  arch: firmware.optional(),
  local_method: localMethod.optional(),
  vars: z.record(variableName, plainText).default({}),
  options: dhcpOptions.default([]),
  ipmi: ipmi.nullish(),
  management: management.nullish(),
  redfish: redfish.nullish(),
  wol: wol.nullish(),
})

const command = z.strictObject({ cmd: z.string().default('') })

const adapter = z.strictObject({
  name: z.string(),
  vars: z.array(namedValue).optional(),
  power_status: command
    .extend({ pattern_on: z.string().optional(), pattern_off: z.string().optional() })
    .optional(),
  power_on: command.optional(),
  power_off: command.optional(),
  power_reset: command.optional(),
})

/** The whole file. A section that is absent is a server that is not run. */
export const settingsSchema = z.strictObject({
  interfaces: z.array(z.string()).optional(),
  advertise: ipv4.optional(),
  clients: z.array(subnet).optional(),
  dhcp: dhcp.optional(),
  tftp: tftp.optional(),
  http: http.optional(),
  server: server.prefault({}),
  configuration: configuration.prefault({}),
  hosts: z.array(hostSchema).nullish(),
  hosts_policy: z.enum(['register', 'declared']).optional(),
  host_management_adapters: z.array(adapter).nullish(),
  store: path.optional(),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      format: z.enum(['pretty', 'json']).default('pretty'),
    })
    .prefault({}),
})

type Parsed = z.infer<typeof settingsSchema>
export type DhcpSettings = z.infer<typeof dhcp>
export type DhcpSubnet = z.infer<typeof dhcpSubnet>
export type DhcpMode = z.infer<typeof dhcpMode>
export type TftpSettings = z.infer<typeof tftp>
export type HttpSettings = z.infer<typeof http>
export type ServerSettings = z.infer<typeof server>
export type HostSettings = z.infer<typeof hostSchema>
export type IpmiSettings = z.infer<typeof ipmi>
export type ManagementSettings = z.infer<typeof management>
export type RedfishSettings = z.infer<typeof redfish>
export type AdapterSettings = z.infer<typeof adapter>
/** How a host is switched. */
export type PowerSettings = Pick<HostSettings, 'ipmi' | 'management' | 'redfish' | 'wol'>

/** The settings everything is built from: all paths absolute, all defaults filled in, frozen. */
export type Settings = Omit<Parsed, 'store' | 'hosts_policy' | 'hosts' | 'clients'> & {
  /** The file they were read from. */
  readonly file: string
  /** What of them stands in it at the top level, and says something. */
  readonly sections: readonly string[]
  readonly store: string
  readonly hosts: readonly HostSettings[]
  readonly hosts_policy: 'register' | 'declared'
  /** Who may fetch files; empty: everyone. */
  readonly clients: readonly Subnet[]
}
