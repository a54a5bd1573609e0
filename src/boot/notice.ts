// What a machine is shown that cannot boot what was deployed to it: some lines on its own screen, then its disk.

import type { Language } from '../model.ts'
import { grubToDisk, ipxeToDisk } from './render.ts'

/** How people know what reads each language. */
export const loaderNames: Readonly<Record<Language, string>> = {
  pxelinux: 'PXELINUX or SYSLINUX',
  grub: 'GRUB',
  ipxe: 'iPXE',
  rpi: 'a Raspberry Pi',
}

/** Long enough to be read by who walks over to it. */
const seconds = 30

/** The configuration that shows `lines` and goes on to the disk; undefined where a loader has no way to print. */
export function notice(language: Language, lines: readonly string[]): string | undefined {
  const shown = lines.map(plain)
  switch (language) {
    case 'pxelinux':
      return text([
        ...shown.map((line) => `SAY ${line}`),
        'DEFAULT local',
        'PROMPT 1',
        `TIMEOUT ${seconds * 10}`,
        'LABEL local',
        '  LOCALBOOT 0',
      ])
    case 'grub':
      return text([
        'set timeout=0',
        "menuentry 'PXE Pilot' {",
        ...shown.map((line) => `  echo '${line}'`),
        `  sleep --interruptible ${seconds}`,
        ...grubToDisk.map((line) => `  ${line}`),
        '}',
      ])
    case 'ipxe':
      return text(['#!ipxe', ...shown.map((line) => `echo ${line}`), `sleep ${seconds} ||`, ipxeToDisk])
    case 'rpi':
      return undefined
  }
}

/** What means something else to one of the loaders is left out. */
function plain(line: string): string {
  return line.replace(/[^\w .,:()<>/+-]/g, '?')
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`
}
