// Machines that would install although nobody deployed that: a host changes its cards, or loses what kept it from the default.

import { builtInLocal, hostOfMac, type Table } from '../boot/table.ts'
import { faults, type Fault } from '../faults.ts'
import type { Mac } from '../net/mac.ts'

/** What a deploy has to respect, of the settings. */
export type Guards = {
  /** What a deploy to a MAC that nobody declared does: make a host of it, or refuse. */
  readonly policy: 'register' | 'declared'
  /** The configuration of hosts that have none. */
  readonly default?: string | null | undefined
  readonly destructive?: readonly string[] | undefined
  readonly maxHosts?: number | undefined
}

/** What a host boots to which `assigned` was deployed; `local` where there is nothing. */
export function bootsWith(assigned: string | null | undefined, guards: Guards): string {
  return assigned ?? guards.default ?? builtInLocal
}

/**
 * Why a change of host `name` has to be confirmed, as a deploy would have to be: of these cards one would boot what
 * configuration.destructive names, and boots something else now. `after`: what is deployed to a card then.
 */
export function unconfirmed(
  name: string,
  macs: Iterable<Mac>,
  after: (mac: Mac) => string | undefined,
  { confirm, table, guards }: { confirm?: number | undefined; table: Table; guards: Guards },
): Fault | undefined {
  if (confirm === 1) return undefined
  for (const mac of macs) {
    const boots = bootsWith(after(mac), guards)
    const now = bootsWith(table.assignments.get(hostOfMac(table, mac)?.name ?? ''), guards)
    if (boots === now || boots === builtInLocal || guards.destructive?.includes(boots) !== true) continue
    const why = `The machine of ${mac} boots ${now}, and after this change of ${name} ${boots}, which is one of configuration.destructive`
    return faults.changeUnconfirmed(why)
  }
  return undefined
}
