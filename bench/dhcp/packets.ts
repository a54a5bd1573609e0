// What an iPXE ROM behind a relay sends, made once and filled in for each machine.

const relay = [10, 77, 0, 2]

// What it asks for (option 55), and says of itself.
const common = Buffer.concat([
  option(57, Buffer.from([0x05, 0xc0])),
  option(93, Buffer.from([0, 0])),
  option(94, Buffer.from([1, 2, 1])),
  option(60, Buffer.from('PXEClient:Arch:00000:UNDI:002001')),
  option(77, Buffer.from('iPXE')),
  option(
    55,
    Buffer.from([
      1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203,
    ]),
  ),
  option(97, Buffer.concat([Buffer.from([0]), Buffer.alloc(16, 7)])),
])

const discover = packet(1, Buffer.alloc(0))
const request = packet(3, Buffer.concat([option(50, Buffer.alloc(4)), option(54, Buffer.alloc(4))]))

function option(code: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([code, value.length]), value])
}

function packet(type: number, more: Buffer): Buffer {
  const header = Buffer.alloc(240)
  header.set([1, 1, 6, 1])
  header.set(relay, 24)
  header.writeUInt32BE(0x63825363, 236)
  return Buffer.concat([header, option(53, Buffer.from([type])), more, common, Buffer.from([255])])
}

/** The DISCOVER of machine `id`; its transaction has the same number. */
export function discoverOf(id: number): Buffer {
  return numbered(discover, id)
}

/** The REQUEST of machine `id` for what `offer` offers. */
export function requestOf(id: number, offer: Buffer): Buffer {
  const bytes = numbered(request, id)
  offer.copy(bytes, 245, 16, 20)
  const at = serverIdentifierIn(offer)
  offer.copy(bytes, 251, at, at + 4)
  return bytes
}

function numbered(template: Buffer, id: number): Buffer {
  const bytes = Buffer.from(template)
  bytes.writeUInt16BE(0x5254, 28)
  bytes.writeUInt32BE(id, 30)
  bytes.writeUInt32BE(id, 4)
  return bytes
}

function serverIdentifierIn(bytes: Buffer): number {
  let at = 240
  while (at < bytes.length && bytes[at] !== 54) at += bytes[at] === 0 ? 1 : 2 + (bytes[at + 1] ?? 0)
  return at + 2
}
