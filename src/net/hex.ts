// Octets as hexadecimal text with signs between them, written in one piece.

const digits = Buffer.from('0123456789abcdef')

/**
 * Writes octets in the places of each `xx` of the pattern, as they stand from `offset`. A text that is joined from parts
 * would be as many objects for as long as somebody keeps it.
 */
export function spelling(pattern: string): (bytes: Uint8Array, offset: number) => string {
  const text = Buffer.from(pattern)
  const places = Array.from(pattern.matchAll(/xx/g), ({ index }) => index)
  return (bytes, offset) => {
    let at = offset
    for (const place of places) {
      const octet = bytes[at++] ?? 0
      text[place] = digits[octet >> 4] ?? 0
      text[place + 1] = digits[octet & 15] ?? 0
    }
    return text.toString('latin1')
  }
}
