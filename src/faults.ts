// The one catalogue of faults a caller can make or meet: code -> HTTP status, and the words of the original.

import { nearest } from './settings/nearest.ts'

/** What each code is as an HTTP status. */
export const faultStatus = {
  body_not_json: 400,
  body_invalid: 400,
  query_invalid: 400,
  address_invalid: 400,
  host_unnamed: 400,
  token_needed: 401,
  write_not_allowed: 403,
  not_own_host: 403,
  origin_not_allowed: 403,
  configuration_not_found: 404,
  host_not_found: 404,
  lease_not_found: 404,
  discovered_not_found: 404,
  nothing_to_undo: 409,
  undo_conflict: 409,
  confirmation_needed: 409,
  host_declared: 409,
  host_exists: 409,
  mac_taken: 409,
  address_taken: 409,
  host_mismatch: 409,
  host_twice: 409,
  host_locked: 409,
  too_many_hosts: 409,
  power_failed: 409,
  power_unmanaged: 409,
  body_too_big: 413,
  host_has_no_mac: 409,
  loaders_not_installed: 409,
  configuration_not_allowed: 500,
  internal: 500,
  store_unavailable: 503,
  store_full: 507,
} as const

export type FaultCode = keyof typeof faultStatus

/** `message` is for a person: what happened, and what to do. */
export type Fault = {
  readonly code: FaultCode
  readonly message: string
  /** Beside the message in the answer: a `hint`, the number that `confirm` has to be. */
  readonly more?: Readonly<Record<string, unknown>> | undefined
}

/** Of more names the nearest takes too long to find for an answer. */
const mostNames = 1000

/** `where`: what shows those there are. */
function didYouMean(name: string, known: Iterable<string>, where: string): Pick<Fault, 'more'> {
  const names = [...known]
  const near = names.length > mostNames ? undefined : nearest(name, names)
  return { more: { hint: near === undefined ? where : `did you mean ${near}?` } }
}

const unstored = {
  full: 'The disk of the store is full: nothing was changed. Free some space and try again',
  unavailable: 'The database of the store is out of reach, as the log says: nothing was changed. Try again',
  unknown:
    'The database of the store went out of reach before it answered, as the log says: this is not in force, but may have been made there, and a restart before it is reached again would bring it into force. Look again, and try again',
} as const

/** The messages scripts of the original compare against: its spelling and its angle brackets (service.go). */
export const faults = {
  configurationNotFound: (name: string, known: Iterable<string> = []): Fault => ({
    code: 'configuration_not_found',
    message: `Configuration '${name}' does not exists`,
    ...didYouMean(name, known, 'pxe-pilot config list and GET /v1/configurations show those there are'),
  }),
  hostNotFound: (name: string, known: Iterable<string> = []): Fault => ({
    code: 'host_not_found',
    message: `No host declared for name <${name}>`,
    ...didYouMean(
      name,
      known,
      'pxe-pilot host list and GET /v1/hosts show those there are; a deploy takes a MAC, too',
    ),
  }),
  macNotFound: (mac: string): Fault => ({
    code: 'host_not_found',
    message: `No host declared with MAC address <${mac}>`,
    more: {
      hint: 'where the settings declare hosts, a deploy makes no others (hosts_policy: declared): declare it there, or POST /v1/hosts adds it (pxe-pilot host add)',
    },
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
    more: { hint: 'a host goes by the keys name and macAddress' },
  }),
  /** `path`: where in the body, or in the request's path. */
  macInvalid: (mac: string, path: string): Fault => ({
    code: 'body_invalid',
    more: { path },
    message: `<${mac}> is no MAC address; write six octets such as 22:34:a3:e9:09:cc`,
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
    message: `Host <${name}> is locked: only local may be deployed to it, and nothing switches it. pxe-pilot host set ${name} --unlock, or "locked" where the settings declare it, ends that`,
  }),
  hostDeclared: (name: string, file: string): Fault => ({
    code: 'host_declared',
    message: `Host <${name}> is declared in ${file}: change it there; the file is read again as soon as it is saved`,
  }),
  hostExists: (name: string): Fault => ({
    code: 'host_exists',
    message: `There is a host <${name}> already; pxe-pilot host set ${name} or PATCH /v1/hosts/${name} changes it`,
  }),
  macTaken: (mac: string, name: string): Fault => ({
    code: 'mac_taken',
    message: `MAC address <${mac}> is that of host <${name}>`,
  }),
  addressTaken: (address: string, why: string): Fault => ({
    code: 'address_taken',
    message: `${address} cannot be reserved: it ${why}`,
  }),
  discoveredNotFound: (mac: string): Fault => ({
    code: 'discovered_not_found',
    message: `No unknown machine with MAC address <${mac}> asked for a boot lately; pxe-pilot host add or POST /v1/hosts adds a host all the same`,
  }),
  confirmationNeeded: (why: string, hosts: number): Fault => ({
    code: 'confirmation_needed',
    message: `${why}: say "confirm": ${hosts}, the number of hosts that would change (--yes)`,
    more: { confirm: hosts },
  }),
  /** Of a request whose body has no room for it. */
  changeUnconfirmed: (why: string): Fault => ({
    code: 'confirmation_needed',
    message: `${why}: say ?confirm=1 behind the path (--yes)`,
    more: { confirm: 1 },
  }),
  tooManyNew: (hosts: number, most: number): Fault => ({
    code: 'too_many_hosts',
    message: `${hosts} of these MAC addresses are no host's, and one deploy makes at most ${most} hosts: declare them in the settings file, or deploy to fewer at once`,
  }),
  tooManyRegistered: (most: number): Fault => ({
    code: 'too_many_hosts',
    message: `Deploys made ${most} hosts, and make no more: declare machines in the settings file, or remove hosts of machines that are gone`,
  }),
  tooManyAdded: (most: number): Fault => ({
    code: 'too_many_hosts',
    message: `${most} hosts were added over the API, which adds no more: declare machines in the settings file, or remove hosts of machines that are gone`,
  }),
  tokenNeeded: (what: string): Fault => ({
    code: 'token_needed',
    message: `${what} needs a token of server.tokens_file: send "Authorization: Bearer TOKEN" (PXE_PILOT_TOKEN)`,
  }),
  notOwnHost: (host: { readonly name: string; readonly macs: readonly string[] }, from: string): Fault => ({
    code: 'not_own_host',
    message: `${from} is not known to be ${host.name} (${host.macs.join(' ')}): without a token (PXE_PILOT_TOKEN) a machine may deploy to itself alone, from an address it was leased or answers for on our link`,
  }),
  nothingToUndo: (): Fault => ({
    code: 'nothing_to_undo',
    message:
      'There is no change that could be taken back; pxe-pilot audit and GET /v1/audit show what was changed',
  }),
  undoConflict: (why: string): Fault => ({ code: 'undo_conflict', message: why }),
  addressInvalid: (address: string): Fault => ({
    code: 'address_invalid',
    message: `<${address}> is no IPv4 address; write four numbers such as 10.77.0.100`,
  }),
  leaseNotFound: (address: string): Fault => ({
    code: 'lease_not_found',
    message: `No lease of address <${address}>; GET /v1/leases and pxe-pilot lease list show those there are`,
  }),
  loadersNotInstalled: (why: string): Fault => ({
    code: 'loaders_not_installed',
    message: `The loaders were not copied into tftproot: ${why}. Machines are served them from the packages all the same`,
  }),
  notStored: (why: 'full' | 'unavailable' | 'unknown'): Fault => ({
    code: why === 'full' ? 'store_full' : 'store_unavailable',
    message: unstored[why],
  }),
} as const
