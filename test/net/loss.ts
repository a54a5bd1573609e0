// A router that loses one packet in a hundred, each way.

import { bridge, type Namespace } from './harness.ts'

/**
 * What `router` forwards is dropped at random, in its kernel; yields how much was. A window leaves `server` as one
 * datagram and is cut up on its way: here before the router, so that this loses single packets.
 */
export async function losing(server: Namespace, router: Namespace): Promise<() => Promise<number>> {
  const ports = await server.must(['ls', `/sys/class/net/${bridge}/brif`])
  for (const port of ports.trim().split(/\s+/)) {
    await server.must(['ip', 'link', 'set', port, 'gso_max_segs', '1'])
  }
  const drop = ['-m', 'statistic', '--mode', 'random', '--probability', '0.01', '-j', 'DROP']
  await router.must(['iptables-legacy', '-A', 'FORWARD', ...drop])
  return async () => {
    const counters = await router.must(['iptables-legacy', '-nvxL', 'FORWARD'])
    return Number(/^\s*(\d+)\s+\d+ DROP/m.exec(counters)?.[1])
  }
}
