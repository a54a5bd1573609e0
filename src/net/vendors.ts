// Who made a network card, for the few makers whose machines boot from the network most.

import type { Mac } from './mac.ts'

// IEEE's registry of MA-L assignments, in an extract; whoever wants all of it finds 35,000 there.
const makers: readonly (readonly [maker: string, prefixes: string])[] = [
  ['QEMU', '52:54:00'],
  ['VMware', '00:50:56 00:0c:29 00:05:69'],
  ['VirtualBox', '08:00:27'],
  ['Microsoft Hyper-V', '00:15:5d'],
  ['Xen', '00:16:3e'],
  ['Raspberry Pi', 'b8:27:eb dc:a6:32 e4:5f:01 d8:3a:dd 28:cd:c1 2c:cf:67'],
  ['Super Micro', '00:25:90 0c:c4:7a ac:1f:6b 3c:ec:ef 00:30:48'],
]

const byPrefix = new Map(
  makers.flatMap(([maker, prefixes]) => prefixes.split(' ').map((prefix) => [prefix, maker] as const)),
)

/** The maker; `local` where the address was made up by software (IEEE 802: the second lowest bit); else empty. */
export function vendorOf(mac: Mac): string {
  const known = byPrefix.get(mac.slice(0, 8))
  if (known !== undefined) return known
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) === 0 ? '' : 'local'
}
