// Netascii: a text as RFC 764 writes it, which RFC 1350 1 takes over.

const lf = 10
const cr = 13
const nul = 0

/** LF becomes CR LF, and a CR becomes CR NUL: each octet for itself, so that a text may be given piece by piece. */
export function toNetascii(bytes: Buffer): Buffer {
  let more = 0
  for (const byte of bytes) if (byte === lf || byte === cr) more++
  if (more === 0) return bytes
  const written = Buffer.allocUnsafe(bytes.length + more)
  let at = 0
  for (const byte of bytes) {
    if (byte === lf) written[at++] = cr
    written[at++] = byte
    if (byte === cr) written[at++] = nul
  }
  return written
}
