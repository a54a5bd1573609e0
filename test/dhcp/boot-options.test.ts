// The options around a boot file: what one kind of firmware insists on, octet by octet.

import test from 'ava'
import { bootFields, type Boot } from '../../src/dhcp/boot-options.ts'
import { readClient } from '../../src/dhcp/client.ts'
import { decode } from '../../src/dhcp/packet.ts'
import { parseIpv4, type Ipv4 } from '../../src/net/ipv4.ts'
import { DISCOVER, write } from './wire.ts'

const rom = [
  [60, 'PXEClient:Arch:00000:UNDI:002001'],
  [93, Uint8Array.of(0, 0)],
  [55, Uint8Array.of(1, 3, 66, 67)],
] as const

const boot: Boot = {
  kind: 'boot',
  server: parseIpv4('10.77.0.1') as Ipv4,
  file: 'pxelinux.0',
  url: undefined,
}

function optionsOf(answer: Boot): ReadonlyMap<number, Buffer> {
  const message = decode(write({ type: DISCOVER, mac: 'dc:a6:32:00:00:01', options: rom }))
  if ('malformed' in message) throw new Error(message.malformed)
  const client = readClient(message)
  if ('refused' in client) throw new Error(client.refused)
  return new Map(
    bootFields(answer, client, message).options.map(([code, bytes]) => [code, Buffer.from(bytes)]),
  )
}

test('a Raspberry Pi is offered the boot service that it looks for, by name', (t) => {
  const options = optionsOf({ ...boot, file: 'bootcode.bin', service: 'Raspberry Pi Boot' })
  t.is(options.get(60)?.toString(), 'PXEClient')
  // Discovery control 3; a prompt of 0 s, "PXE"; one service of type 0.
  const expected = `060103 0a0400505845 0914000011 ${Buffer.from('Raspberry Pi Boot').toString('hex')} ff`
  t.is(options.get(43)?.toString('hex'), expected.replaceAll(' ', ''))
})

test('every other PXE client is told to take the file of the offer', (t) => {
  const options = optionsOf(boot)
  t.is(options.get(43)?.toString('hex'), '060108ff')
  t.is(options.get(67)?.toString(), 'pxelinux.0')
  t.false(options.has(210))
})

test('LPXELINUX gets the prefix of what it fetches by HTTP (RFC 5071)', (t) => {
  const options = optionsOf({ ...boot, file: 'lpxelinux.0', prefix: 'http://10.77.0.1/' })
  t.is(options.get(210)?.toString(), 'http://10.77.0.1/')
})
