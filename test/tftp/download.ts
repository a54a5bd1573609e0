// The client's side of one download, as RFC 1350, 2347 and 7440 draw it: packets in, what to say out. No socket here.

import { decode, encode, type Option } from '../../src/tftp/packet.ts'

export type Asked = {
  readonly file: string
  readonly mode?: string
  readonly options?: readonly (readonly [name: string, value: string | number])[]
}

export class Download {
  oack?: ReadonlyMap<string, string> | undefined
  error?: { readonly code: number; readonly message: string } | undefined
  isOver = false
  readonly request: Buffer
  private readonly pieces: Buffer[] = []
  private unacknowledged = 0

  constructor({ file, mode = 'octet', options = [] }: Asked) {
    const spelled = options.map(([name, value]): Option => [name, String(value)])
    this.request = encode({ kind: 'rrq', file, mode, options: spelled })
  }

  /** Everything received so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }

  private get blksize(): number {
    return Number(this.oack?.get('blksize') ?? 512)
  }

  /** What to answer to `bytes`. */
  take(bytes: Buffer): Buffer | undefined {
    const packet = decode(bytes)
    if (this.isOver) return undefined
    if (packet.kind === 'error') {
      this.error = packet
      this.isOver = true
    } else if (packet.kind === 'oack') {
      if (this.pieces.length > 0) return undefined
      this.oack = new Map(packet.options)
      return encode({ kind: 'ack', block: 0 })
    } else if (packet.kind === 'data') {
      return this.data(packet.block, Buffer.from(packet.data))
    }
    return undefined
  }

  private data(block: number, data: Buffer): Buffer | undefined {
    const window = Number(this.oack?.get('windowsize') ?? 1)
    if (block === ((this.pieces.length + 1) & 0xffff)) {
      this.pieces.push(data)
      this.isOver = data.length < this.blksize
      if (!this.isOver && ++this.unacknowledged < window) return undefined
    }
    this.unacknowledged = 0
    return encode({ kind: 'ack', block: this.pieces.length & 0xffff })
  }
}
