// Writes a file into an ISO 9660 image (ECMA-119), as little as Linux needs to mount it: no path tables, no dates.

const sectorSize = 2048
/** ECMA-119 6.2.1: the first sixteen sectors belong to the system. */
const firstDescriptor = 16

type Extent = { readonly sector: number; readonly bytes: number }

/**
 * An image with one file. Linux shows the names in lower case.
 * @param folders the folders it lies in, from the root down
 */
export function isoImage(folders: readonly string[], name: string, content: Buffer): Buffer {
  const root = firstDescriptor + 2
  const fileSector = root + folders.length + 1
  const folder = (depth: number): Extent => ({ sector: root + depth, bytes: sectorSize })
  const sectors = fileSector + Math.ceil(content.length / sectorSize)
  const image = Buffer.alloc(sectors * sectorSize)
  image.set(volume(folder(0), sectors), firstDescriptor * sectorSize)
  image.set(descriptor(255), (firstDescriptor + 1) * sectorSize)
  for (let depth = 0; depth <= folders.length; depth++) {
    const child = folders[depth]
    const entries = [
      // ECMA-119 6.8.2.2: every folder begins with itself and the one above.
      record('\0', folder(depth), true),
      record('\u0001', folder(Math.max(0, depth - 1)), true),
      child === undefined
        ? record(`${name.toUpperCase()};1`, { sector: fileSector, bytes: content.length }, false)
        : record(child.toUpperCase(), folder(depth + 1), true),
    ]
    image.set(Buffer.concat(entries), (root + depth) * sectorSize)
  }
  image.set(content, fileSector * sectorSize)
  return image
}

/** ECMA-119 8.1: the start of every volume descriptor. */
function descriptor(type: number): Buffer {
  const sector = Buffer.alloc(sectorSize)
  sector[0] = type
  sector.write('CD001', 1, 'ascii')
  sector[6] = 1
  return sector
}

/** ECMA-119 8.4: the primary volume descriptor. */
function volume(root: Extent, sectors: number): Buffer {
  const sector = descriptor(1)
  both32(sector, 80, sectors)
  both16(sector, 120, 1) // volumes in the set
  both16(sector, 124, 1) // this one's number
  both16(sector, 128, sectorSize)
  sector.set(record('\0', root, true), 156)
  sector[881] = 1
  return sector
}

/** ECMA-119 9.1: a directory record. */
function record(name: string, extent: Extent, isFolder: boolean): Buffer {
  const length = 33 + name.length
  const entry = Buffer.alloc(length + (length % 2))
  entry[0] = entry.length
  both32(entry, 2, extent.sector)
  both32(entry, 10, extent.bytes)
  entry[25] = isFolder ? 2 : 0
  both16(entry, 28, 1)
  entry[32] = name.length
  entry.write(name, 33, 'latin1')
  return entry
}

/** ECMA-119 7.2.3, 7.3.3: numbers stand there twice, in both byte orders. */
function both16(target: Buffer, at: number, value: number): void {
  target.writeUInt16LE(value, at)
  target.writeUInt16BE(value, at + 2)
}

function both32(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value, at)
  target.writeUInt32BE(value, at + 4)
}
