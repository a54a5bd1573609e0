// What a reply says of the boot: server, file, and the options around them, all in one place.

import type { Answer } from '../boot/decide.ts'
import { formatIpv4, ipv4, type Ipv4 } from '../net/ipv4.ts'
import { subOptions, type Client } from './client.ts'
import { options as codes, pxeSubOptions } from './codes.ts'
import { kept } from './kept.ts'
import type { Message, Option, OptionList } from './packet.ts'

export type BootFields = {
  readonly siaddr: Ipv4
  readonly sname: string
  readonly file: string
  readonly options: OptionList
}

export type Boot = Extract<Answer, { kind: 'boot' }>

/** What the `file` field holds beside its final NUL (RFC 2131 2). */
const longestFile = 127

/**
 * Discovery control 8: no menu, no prompt, take the file of this very offer (PXE 2.1 table 2-1). EDK2 takes an offer
 * with option 60 and without such an option 43 for one whose file is to be asked for on port 4011
 * (PxeBcDhcp4.c, PxeBcParseDhcp4Packet).
 */
const takeTheFile = [pxeSubOptions.discoveryControl, 1, 8] as const
const pxeClient: Option = [codes.vendorClass, Buffer.from('PXEClient')]
const httpClient: Option = [codes.vendorClass, Buffer.from('HTTPClient')]

/**
 * The menu of one boot service that the boot ROM of a Raspberry Pi looks for: discovery control 3 (neither broadcast
 * nor multicast discovery), a prompt that waits 0 s, and the service of type 0 by its name.
 */
function menuOf(service: string): Option {
  const name = Buffer.from(service)
  const menu = [pxeSubOptions.discoveryControl, 1, 3, pxeSubOptions.menuPrompt, 4, 0, ...Buffer.from('PXE')]
  const item = [pxeSubOptions.bootMenu, name.length + 3, 0, 0, name.length, ...name]
  return [codes.vendorSpecific, Uint8Array.of(...menu, ...item, pxeSubOptions.end)]
}

const withoutMenu: Option = [codes.vendorSpecific, Uint8Array.of(...takeTheFile, pxeSubOptions.end)]

const bootfileName = kept((file: string): Option => [codes.bootfileName, Buffer.from(file)])
const tftpServer = kept((ip: Ipv4): Option => [codes.tftpServerName, Buffer.from(formatIpv4(ip))])
const pathPrefix = kept((prefix: string): Option => [codes.pathPrefix, Buffer.from(prefix)])

/** `boot` undefined: nothing to boot. Option 97 is echoed all the same (RFC 4578 2.3). */
export function bootFields(boot: Boot | undefined, client: Client, message: Message): BootFields {
  const options = boot === undefined ? [] : vendorOptions(boot, client, message)
  const uuid = message.options.get(codes.machineIdentifier)
  if (uuid !== undefined) options.push([codes.machineIdentifier, uuid])
  if (boot === undefined) return { siaddr: ipv4(0), sname: '', file: '', options }
  const file = boot.url ?? boot.file
  const isLong = Buffer.byteLength(file) > longestFile
  // EDK2 reads option 67 before the field; others know only one of the two.
  if (isLong || client.agent === 'httpboot' || client.wants.includes(codes.bootfileName)) {
    options.push(bootfileName(file))
  }
  if (client.wants.includes(codes.tftpServerName)) options.push(tftpServer(boot.server))
  if (boot.prefix !== undefined) options.push(pathPrefix(boot.prefix))
  return { siaddr: boot.server, sname: '', file: isLong ? '' : file, options }
}

/** Option 60, without which firmware does not take an offer for one of a boot server, and 43. */
function vendorOptions(boot: Boot, client: Client, message: Message): Option[] {
  if (client.vendorClass.startsWith('HTTPClient')) return [httpClient]
  if (!client.vendorClass.startsWith('PXEClient')) return []
  if (boot.service !== undefined) return [pxeClient, menuOf(boot.service)]
  const item = subOptions(message.options.get(codes.vendorSpecific)).get(pxeSubOptions.bootItem)
  if (item?.length !== 4) return [pxeClient, withoutMenu]
  // PXE 2.1 2.2.5: the item that was chosen from a menu, type and layer, comes back.
  const chosen = Uint8Array.of(...takeTheFile, pxeSubOptions.bootItem, 4, ...item, pxeSubOptions.end)
  return [pxeClient, [codes.vendorSpecific, chosen]]
}
