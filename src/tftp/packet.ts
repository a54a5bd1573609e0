// The TFTP codec: datagrams to packets and back (RFC 1350 5, RFC 2347).

/** Name in lower case, and value. RFC 2347: option names are case-insensitive. */
export type Option = readonly [name: string, value: string]

//   RRQ/WRQ  | 01/02 | file | 0 | mode | 0 | option | 0 | value | 0 | ...
//   DATA     | 03 | block (16) | 0..blksize octets
//   ACK      | 04 | block (16) |
//   ERROR    | 05 | code (16) | message | 0 |
//   OACK     | 06 | option | 0 | value | 0 | ...
export type Request = {
  readonly kind: 'rrq' | 'wrq'
  /** As the client spelled it. */
  readonly file: string
  /** In lower case; any text. */
  readonly mode: string
  readonly options: readonly Option[]
}
export type Packet =
  | Request
  | { readonly kind: 'data'; readonly block: number; readonly data: Uint8Array }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'oack'; readonly options: readonly Option[] }

export type Malformed = { readonly kind: 'malformed'; readonly because: string }

/** RFC 1350 5, RFC 2347. */
export const errorCodes = {
  undefined: 0,
  notFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransfer: 5,
  optionRefused: 8,
} as const

/** Octets in front of the data of a DATA. */
export const dataHeader = 4

/** RFC 2347 allows 512 octets; a path may have 4096, and no loader comes near either. */
export const longestRequest = 8192

export const opcodes = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const

/** Whether it asks for a file, as far as its opcode tells. */
export function isRequest(bytes: Buffer): boolean {
  return bytes.length >= 2 && bytes.readUInt16BE(0) === opcodes.rrq
}

/** Total: whatever the bytes, they give a packet, or the reason why they are none. */
export function decode(bytes: Buffer): Packet | Malformed {
  if (bytes.length < 2) return malformed('it is shorter than an opcode')
  const opcode = bytes.readUInt16BE(0)
  switch (opcode) {
    case opcodes.rrq:
      return decodeRequest('rrq', bytes)
    case opcodes.wrq:
      return decodeRequest('wrq', bytes)
    case opcodes.data:
      if (bytes.length < 4) return malformed('a DATA without a block number')
      return { kind: 'data', block: bytes.readUInt16BE(2), data: bytes.subarray(4) }
    case opcodes.ack:
      if (bytes.length < 4) return malformed('an ACK without a block number')
      return { kind: 'ack', block: bytes.readUInt16BE(2) }
    case opcodes.error:
      if (bytes.length < 4) return malformed('an ERROR without a code')
      return { kind: 'error', code: bytes.readUInt16BE(2), message: upToNul(bytes.subarray(4)) }
    case opcodes.oack:
      if (bytes.length > longestRequest) return malformed(`an OACK of ${bytes.length} octets`)
      return { kind: 'oack', options: pairs(texts(bytes, 2)) }
    default:
      return malformed(`opcode ${opcode} is unknown`)
  }
}

function decodeRequest(kind: 'rrq' | 'wrq', bytes: Buffer): Request | Malformed {
  if (bytes.length > longestRequest) return malformed(`a request of ${bytes.length} octets`)
  const [file, mode, ...rest] = texts(bytes, 2)
  if (file === undefined) return malformed('the file name has no end')
  if (file === '') return malformed('the file name is empty')
  if (mode === undefined) return malformed('the mode has no end')
  return { kind, file, mode: mode.toLowerCase(), options: pairs(rest) }
}

/** The NUL-ended texts of `bytes` from `start` on. What stands behind the last NUL is dropped. */
function texts(bytes: Buffer, start: number): string[] {
  const found: string[] = []
  for (let end = bytes.indexOf(0, start); end >= 0; end = bytes.indexOf(0, start)) {
    found.push(bytes.toString('utf8', start, end))
    start = end + 1
  }
  return found
}

/** Some clients leave out the NUL behind their message. */
function upToNul(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

/** Zeros behind a request, or an option cut short, are padding: what stands before them counts. */
function pairs(words: readonly string[]): Option[] {
  const options: Option[] = []
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [name = '', value = ''] = words.slice(at, at + 2)
    if (name === '') break
    options.push([name.toLowerCase(), value])
  }
  return options
}

function malformed(because: string): Malformed {
  return { kind: 'malformed', because }
}

/** Texts must hold no NUL. */
export function encode(packet: Packet): Buffer {
  switch (packet.kind) {
    case 'rrq':
    case 'wrq':
      return Buffer.concat([
        Buffer.from([0, opcodes[packet.kind]]),
        Buffer.from(`${packet.file}\0${packet.mode}\0${joined(packet.options)}`),
      ])
    case 'data': {
      const bytes = headed(Buffer.allocUnsafe(4 + packet.data.length), opcodes.data, packet.block)
      bytes.set(packet.data, 4)
      return bytes
    }
    case 'ack':
      return headed(Buffer.allocUnsafe(4), opcodes.ack, packet.block)
    case 'error':
      return headed(Buffer.from(`\0\0\0\0${packet.message}\0`), opcodes.error, packet.code)
    case 'oack':
      return Buffer.concat([Buffer.from([0, opcodes.oack]), Buffer.from(joined(packet.options))])
  }
}

function headed(bytes: Buffer, opcode: number, second: number): Buffer {
  bytes.writeUInt16BE(opcode, 0)
  bytes.writeUInt16BE(second, 2)
  return bytes
}

function joined(options: readonly Option[]): string {
  return options.map(([name, value]) => `${name}\0${value}\0`).join('')
}
