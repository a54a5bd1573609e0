// The one decision: what a client gets for what it asks, and why. DHCP, TFTP, HTTP and the API only translate it.

import type { Decision, Site } from './decision.ts'
import { nothing } from './decision.ts'
import type { Facts } from './facts.ts'
import { decideFile, decideMenu } from './fetch.ts'
import { decideLoader } from './offer.ts'
import { readPath } from './paths.ts'
import type { Table } from './table.ts'

export { worrying, type Answer, type Decision, type Rule, type Site } from './decision.ts'

/** Synchronous, total, pure. */
export function decide(facts: Facts, table: Table, site: Site): Decision {
  if (facts.asks.kind === 'loader') return decideLoader(facts, table, site)
  const ask = readPath(facts.asks.path, site.bootloaders)
  switch (ask.kind) {
    case 'refused':
      return nothing('refused', ask.because)
    case 'menu':
      return decideMenu(facts, ask, table, site)
    case 'file':
      return decideFile(facts, ask.path, table, site)
  }
}
