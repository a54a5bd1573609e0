// A boot sector that tells on the first serial port that it was started, then powers the machine off.

const serialPort = 0x3f8
/** Line status register; its bit 6 says that everything written has left the port. */
const serialStatus = serialPort + 5

/** PM1a control of QEMU's pc and q35 machines, and the value that means S5: soft off. */
const powerPort = 0x604
const softOff = 0x2000

/** Where the firmware puts the sector. */
const origin = 0x7c00

/**
 * The 512 bytes, for the start of a disk: 8086 code, assembled by hand.
 * @param marker ASCII, at most 400 characters; a line of its own on the serial port
 */
export function bootSector(marker: string): Buffer {
  const before = bytes(
    'fa', //                             cli
    'fc', //                             cld
    '31c0', //                           xor ax, ax
    '8ed8', //                           mov ds, ax
  )
  const after = bytes(
    'ac', //                       next: lodsb
    '84c0', //                           test al, al
    '7412', //                           jz off
    '88c4', //                           mov ah, al
    `ba${word(serialStatus)}`, //        mov dx, serialStatus
    'ec', //                       wait: in al, dx
    'a840', //                           test al, 40h
    '74fb', //                           jz wait
    '88e0', //                           mov al, ah
    `ba${word(serialPort)}`, //          mov dx, serialPort
    'ee', //                             out dx, al
    'ebe9', //                           jmp next
    `ba${word(serialStatus)}`, //   off: mov dx, serialStatus
    'ec', //                      drain: in al, dx
    'a840', //                           test al, 40h
    '74fb', //                           jz drain
    `ba${word(powerPort)}`, //           mov dx, powerPort
    `b8${word(softOff)}`, //             mov ax, softOff
    'ef', //                             out dx, ax
    'f4', //                       stop: hlt
    'ebfd', //                           jmp stop
  )
  // The text's address is known once everything before it is.
  const loadText = 3
  const text = origin + before.length + loadText + after.length
  const code = Buffer.concat([before, bytes(`be${word(text)}`), after]) // mov si, text
  const sector = Buffer.alloc(512)
  sector.set(code)
  sector.write(`\r\n${marker}\r\n\0`, code.length, 'ascii')
  sector.set([0x55, 0xaa], 510)
  return sector
}

function bytes(...instructions: string[]): Buffer {
  return Buffer.from(instructions.join(''), 'hex')
}

/** Sixteen bits as the processor reads them: low byte first. */
function word(value: number): string {
  const text = Buffer.alloc(2)
  text.writeUInt16LE(value)
  return text.toString('hex')
}
