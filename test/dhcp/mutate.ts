// The captured messages, and what becomes of a message on a bad day: the same from the same seed.

export const golden = [
  'ipxe-bios-discover',
  'ipxe-bios-request',
  'ipxe-efi-discover',
  'ipxe-efi-request',
  'ovmf-pxe-discover',
  'ovmf-pxe-request',
  'ovmf-http-discover',
  'udhcpc-discover',
  'udhcpc-request',
  'debian-installer-discover',
  'debian-installer-request',
] as const

/** Mulberry32: the same numbers from the same seed, below `limit`. */
export function generator(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) % limit
  }
}

/** One to six changes: an octet, a length, a piece cut out, doubled or appended. */
export function mutated(original: Buffer, random: (limit: number) => number): Buffer {
  let bytes = Buffer.from(original)
  for (let left = 1 + random(6); left > 0; left--) {
    const at = random(bytes.length + 1)
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
    switch (random(24)) {
      case 0:
        bytes = Buffer.from(head)
        break
      case 1:
        bytes = Buffer.concat([head, tail.subarray(random(20))])
        break
      case 2:
        bytes = Buffer.concat([head, tail.subarray(0, random(60)), tail])
        break
      case 3:
        bytes = Buffer.concat([
          head,
          Buffer.from(Array.from({ length: random(20) }, () => random(256))),
          tail,
        ])
        break
      default:
        // Mostly among the options, where there is something to be misread.
        if (bytes.length > 0)
          bytes[random(2) === 0 ? at % bytes.length : (240 + random(160)) % bytes.length] = random(256)
    }
  }
  return bytes
}
