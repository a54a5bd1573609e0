// Reads a Raspberry Pi's config.txt: the files that its lines name.

import type { Reading, Reference } from './lint-text.ts'

/** Below its serial number or its MAC a Raspberry Pi looks first, and for all its files where start4.elf is there. */
const folders = /^(?:[0-9a-f]{8}|(?:[0-9a-f]{2}-){5}[0-9a-f]{2})$/

export function readRpi(text: string): Reading {
  const references: Reference[] = []
  let prefix = ''
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const refer = (what: string, path: string) => {
      if (path !== '')
        references.push({ line: index + 1, what, written: path, at: { via: 'tftp', path }, folders })
    }
    const [, word = '', value = ''] = /^\s*(\w+)\s*[=\s]\s*(.*?)\s*$/.exec(line) ?? []
    const [first = ''] = value.split(/\s+/)
    if (word === 'os_prefix') prefix = value
    if (word === 'kernel') refer('the kernel', prefix + value)
    if (word === 'include') refer('the file', value)
    if (word === 'initramfs') for (const path of first.split(',')) refer('the initrd', prefix + path)
  }
  return { references, remarks: [] }
}
