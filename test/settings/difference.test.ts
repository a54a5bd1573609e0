// What of settings that were read again needs a restart, by the keys that a person wrote.

import test from 'ava'
import { needRestart } from '../../src/settings/difference.ts'
import { settingsOf } from './written.ts'

const subnet = (second: number) => `dhcp: { subnets: [{ subnet: 10.${second}.0.0/24 }] }\n`

test('clients that follow from the subnets are not named beside them; those that are written are', (t) => {
  const before = settingsOf(subnet(77))
  t.deepEqual(needRestart(before, settingsOf(subnet(78))), ['dhcp.subnets'])
  t.deepEqual(needRestart(before, settingsOf(`${subnet(77)}clients: [10.0.0.0/8]\n`)), ['clients'])
})
