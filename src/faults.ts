// The one catalogue of faults a caller can make or meet: code -> HTTP status, and the words of the original.

/** What each code is as an HTTP status. */
export const faultStatus = {
  body_not_json: 400,
  body_invalid: 400,
  query_invalid: 400,
  address_invalid: 400,
  host_unnamed: 400,
  write_not_allowed: 403,
  origin_not_allowed: 403,
  configuration_not_found: 404,
  host_not_found: 404,
  lease_not_found: 404,
  host_mismatch: 409,
  host_twice: 409,
  host_locked: 409,
  body_too_big: 413,
  host_has_no_mac: 409,
  configuration_not_allowed: 500,
  internal: 500,
  store_full: 507,
} as const

export type FaultCode = keyof typeof faultStatus

/** `message` is for a person: what happened, and what to do. */
export type Fault = { readonly code: FaultCode; readonly message: string }

/** The messages scripts of the original compare against: its spelling and its angle brackets (service.go). */
export const faults = {
  configurationNotFound: (name: string): Fault => ({
    code: 'configuration_not_found',
    message: `Configuration '${name}' does not exists`,
  }),
  hostNotFound: (name: string): Fault => ({
    code: 'host_not_found',
    message: `No host declared for name <${name}>`,
  }),
  macNotFound: (mac: string): Fault => ({
    code: 'host_not_found',
    message: `No host declared with MAC address <${mac}>`,
  }),
  macMismatch: (name: string, mac: string): Fault => ({
    code: 'host_mismatch',
    message: `Host <${name}> does not match MAC address <${mac}>`,
  }),
  hostMismatch: (mac: string, name: string): Fault => ({
    code: 'host_mismatch',
    message: `MAC address <${mac}> does not match host <${name}>`,
  }),
  hostTwice: (name: string): Fault => ({
    code: 'host_twice',
    message: `Host <${name}> appears several times in query`,
  }),
  hostUnnamed: (): Fault => ({
    code: 'host_unnamed',
    message: 'Either Name or MACAddress must be provided for each Host',
  }),
  macInvalid: (mac: string): Fault => ({
    code: 'body_invalid',
    message: `<${mac}> is no MAC address; write six octets such as 23:34:a3:e9:09:cc`,
  }),
  hostWithoutMac: (name: string): Fault => ({
    code: 'host_has_no_mac',
    message: `Host <${name}> has no mac_addresses in the settings file, so nothing can be deployed to it`,
  }),
  configurationNotAllowed: (): Fault => ({
    code: 'configuration_not_allowed',
    message: 'Configuration attribute for a host in this context is not allowed',
  }),
  hostLocked: (name: string): Fault => ({
    code: 'host_locked',
    message: `Host <${name}> is locked in the settings file; only local may be deployed to it`,
  }),
  addressInvalid: (address: string): Fault => ({
    code: 'address_invalid',
    message: `<${address}> is no IPv4 address; write four numbers such as 10.77.0.100`,
  }),
  leaseNotFound: (address: string): Fault => ({
    code: 'lease_not_found',
    message: `No lease of address <${address}>; GET /v1/leases and pxe-pilot lease list show those there are`,
  }),
  storeFull: (): Fault => ({
    code: 'store_full',
    message: 'The disk of the store is full: nothing was changed. Free some space and try again',
  }),
} as const
