// Reads a PXELINUX configuration as SYSLINUX does (com32/elflink/ldlinux/readconfig.c).

import { nearest } from '../settings/nearest.ts'
import { unknownWord, urlsIn, type Reading, type Reference, type Remark } from './lint-text.ts'

const kernels = ['kernel', 'linux', 'boot', 'bss', 'pxe', 'fdimage', 'comboot', 'com32']

const keywords = [...kernels].concat(
  `config label default ontimeout onerror append ipappend sysappend localboot initrd fdt fdtdir devicetree
  devicetreedir fdtoverlays devicetree-overlay kaslrseed prompt timeout totaltimeout allowoptions implicit
  noescape nocomplete nohalt serial console display font kbdmap say include menu ui text sendcookies path
  password f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12`.split(/\s+/),
)

/** What a label may have in a kernel's place. */
const endings = ['config', 'localboot', 'menu']

/** Tried in this order behind a name that is no label's: that of DEFAULT or UI (ldlinux.c, get_extension). */
const endingsTried = ['.c32', '.img', '.bss', '.bin', '.bs', '.0']

/** Behind a label's KERNEL, by old ones alone; to LINUX and its like nothing is added. */
const oldEndings = { endings: ['.cbt', '.0', '.com', '.c32'], endingsOf: 'PXELINUX before 5.00' }

type Label = { readonly name: string; readonly line: number; boots: boolean }

/** `via`: how its loader asks for a path. */
export function readPxelinux(text: string, via: 'tftp' | 'http'): Reading {
  const reader = new PxelinuxReader(via)
  for (const [index, line] of text.split(/\r?\n/).entries()) reader.read(line.trim(), index + 1)
  return reader.end()
}

class PxelinuxReader {
  private readonly via: 'tftp' | 'http'
  private readonly references: Reference[] = []
  private readonly remarks: Remark[] = []
  private readonly labels: Label[] = []
  private readonly starts: { readonly word: string; readonly name: string; readonly line: number }[] = []
  private inText = false
  private includes = false
  private hasUi = false

  constructor(via: 'tftp' | 'http') {
    this.via = via
  }

  read(line: string, at: number): void {
    const [, keyword = '', value = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? []
    const word = keyword.toLowerCase()
    if (this.inText) {
      if (word === 'endtext') this.inText = false
      return
    }
    if (word === '' || word.startsWith('#')) return
    if (!keywords.includes(word)) {
      this.remarks.push({
        line: at,
        level: 'fault',
        text: unknownWord(keyword, 'no keyword of PXELINUX', keywords),
      })
      return
    }
    this.obey(word, value, at)
  }

  private obey(word: string, value: string, line: number): void {
    const label = this.labels.at(-1)
    const [first = ''] = value.split(/\s+/)
    if (label !== undefined && (kernels.includes(word) || endings.includes(word))) label.boots = true
    if (word === 'com32') {
      // It always gets this ending (execute.c).
      this.refer('the module', first === '' ? '' : first.replace(/(?:\.c32)?$/, '.c32'), line)
    } else if (word === 'kernel') {
      this.refer('the kernel', first, line, oldEndings)
    } else if (kernels.includes(word)) this.refer('the kernel', first, line)
    switch (word) {
      case 'label':
        this.labels.push({ name: value, line, boots: false })
        return
      case 'default':
      case 'ontimeout':
      case 'onerror':
        if (first !== '') this.starts.push({ word, name: first, line })
        return
      case 'ui':
        this.hasUi = true
        this.refer('the module', first, line, { endings: endingsTried })
        return
      case 'text':
        this.inText = true
        return
      case 'append':
        this.append(value, line)
        return
      case 'menu':
        this.menu(value, line)
        return
      case 'include':
        this.includes = true
    }
    if (word === 'initrd') for (const path of value.split(',')) this.refer('the initrd', path.trim(), line)
    if (['include', 'config', 'display', 'fdt', 'devicetree'].includes(word))
      this.refer('the file', first, line)
  }

  private append(value: string, line: number): void {
    for (const [, paths = ''] of value.matchAll(/(?:^|\s)initrd=(\S+)/gi)) {
      for (const path of paths.split(',')) this.refer('the initrd', path, line)
    }
    this.references.push(...urlsIn(value.replace(/(?:^|\s)initrd=\S+/gi, ' '), line))
  }

  private menu(value: string, line: number): void {
    const [, word = '', path = ''] = /^(\S+)\s*(\S*)/.exec(value) ?? []
    if (word.toLowerCase() !== 'include') return
    this.includes = true
    this.refer('the file', path, line)
  }

  private refer(what: string, written: string, line: number, more: Partial<Reference> = {}): void {
    // `host::path` is another server's, and `::path` ours.
    const own = written.startsWith('::') ? written.slice(2) : written
    if (own === '' || own.includes('::')) return
    const at = /^[a-z]+:\/\//i.test(own) ? { url: own } : { via: this.via, path: own }
    this.references.push({ line, what, written, at, ...more })
  }

  end(): Reading {
    const names = this.labels.map(({ name }) => name)
    for (const { word, name, line } of this.starts) {
      if (names.includes(name) || this.includes) continue
      // Without a label it is a kernel, as `DEFAULT vesamenu.c32` is.
      const near = nearest(name, names)
      if (names.length > 0 && !name.includes('.') && !name.includes('/')) {
        const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean ${near}?`
        this.remarks.push({
          line,
          level: 'fault',
          text: `${word.toUpperCase()} names ${name}, and no LABEL is so called; ${hint}`,
        })
      } else this.refer('the kernel', name, line, { endings: endingsTried })
    }
    for (const { name, line, boots } of this.labels) {
      if (!boots)
        this.remarks.push({
          line,
          level: 'fault',
          text: `LABEL ${name} has no KERNEL, LINUX or LOCALBOOT line`,
        })
    }
    if (this.labels.length > 0 && this.starts.length === 0 && !this.hasUi && !this.includes) {
      const text = 'no line says what to begin with: write DEFAULT and a label, or UI and a menu'
      this.remarks.push({ line: 1, level: 'warning', text })
    }
    return { references: this.references, remarks: this.remarks }
  }
}
