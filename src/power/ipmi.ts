// Switches a machine by IPMI through the program ipmitool; its password goes by the environment, never by argv.

import type { IpmiSettings } from '../settings/schema.ts'
import { PowerError, type Adapter, type PowerState } from './adapter.ts'
import { lastLine, run } from './run.ts'

export type IpmiParts = {
  readonly settings: IpmiSettings
  /** Of the BMC. */
  readonly address: (signal: AbortSignal) => Promise<string>
  readonly password: () => string
  /** Its firmware is UEFI: asked for a network boot of the other kind, some BMCs switch it to BIOS. */
  readonly isUefi: boolean
}

export function ipmiAdapter(parts: IpmiParts): Adapter {
  return {
    async status(signal) {
      const { stdout, said } = await ipmitool(parts, ['chassis', 'power', 'status'], signal)
      return stateOf(stdout, said)
    },
    async act(act, signal) {
      await ipmitool(parts, ['chassis', 'power', act], signal)
    },
    async bootFromNetwork(signal) {
      const options = parts.isUefi ? ['options=efiboot'] : []
      await ipmitool(parts, ['chassis', 'bootdev', 'pxe', ...options], signal)
    },
  }
}

async function ipmitool(parts: IpmiParts, words: readonly string[], signal: AbortSignal) {
  const { settings, password, address } = parts
  const { username, cipher, port } = settings
  const args = ['-I', settings.interface || 'lanplus']
  if (cipher !== undefined) args.push('-C', String(cipher))
  if (port !== undefined) args.push('-p', String(port))
  args.push('-N', '2', '-R', '2', '-H', await address(signal))
  if (username !== undefined) args.push('-U', username)
  args.push('-E', ...words)
  const secret = password()
  // ipmitool(1) -E: either of them; the second is what a script in its place may know.
  const env = { IPMITOOL_PASSWORD: secret, IPMI_PASSWORD: secret }
  const start = performance.now()
  const { code, stdout, stderr } = await run({ file: 'ipmitool', args, env }, signal)
  const elapsedMs = performance.now() - start
  if (code === 0) return { stdout, said: lastLine(stdout, [secret]) }
  const all = `${stdout}\n${stderr}`
  throw new PowerError(complaint(all, lastLine(all, [secret]), elapsedMs))
}

/** Within it ipmitool cannot have given up (-N 2 -R 2): somebody answered, and refused. */
const refusalMs = 3_000

/** ipmitool says the same of a BMC that is silent and of one that refuses us; they differ in the time it takes. */
function complaint(all: string, said: string, elapsedMs: number): string {
  const [lookup] = /Address lookup for .* failed/.exec(all) ?? []
  if (lookup !== undefined) return `${lookup}: see hostname of ipmi`
  if (/invalid authentication algorithm|Unable to Get Channel Cipher Suites|no matching cipher/i.test(all)) {
    return 'the BMC refuses this cipher suite: set cipher of ipmi, such as 17, or 3 for an old one'
  }
  if (/insufficient privilege/i.test(all)) {
    return 'the BMC lets this user not do it: give it the privilege OPERATOR or ADMINISTRATOR there'
  }
  if (/Unable to establish .* session/i.test(all)) {
    return elapsedMs < refusalMs
      ? 'the BMC refuses the session: see username and password of ipmi'
      : 'the BMC does not answer: see whether it is on, and its address'
  }
  return `ipmitool failed: ${said || 'it said nothing'}`
}

function stateOf(stdout: string, said: string): PowerState {
  const [, state] = /Chassis Power is (on|off)\b/i.exec(stdout) ?? []
  if (state === undefined) {
    throw new PowerError(`ipmitool printed no power state but "${said}"`)
  }
  return state.toLowerCase() === 'on' ? 'On' : 'Off'
}
