// Reads an iPXE script: its commands, its labels, and the images it fetches.

import { nearest } from '../settings/nearest.ts'
import {
  unknown,
  unknownWord,
  urlsIn,
  type Ours,
  type Reading,
  type Reference,
  type Remark,
} from './lint-text.ts'

// Of iPXE's source, src/hci/commands.
const commands =
  `autoboot boot cert certfree certstat certstore chain choose clear colour config console cpair cpuid dhcp
  digest echo exit fcels fcstat form goto gdbstub help iflinkwait ifclose ifconf ifopen ifstat imgargs
  imgdecrypt imgexec imgextract imgfetch imgfree imgload imgmem imgselect imgstat imgtrust imgverify inc
  initrd ipstat iseq isset item iwlist iwstat kernel login lotest md4sum md5sum menu module neighbour nslookup
  nstat ntp param params pciscan ping poweroff present profstat prompt pxebs read reboot route sanboot sanhook
  sanunhook set sha1sum sha224sum sha256sum sha384sum sha512sum shell shim show sleep startpxe stoppxe sync
  time usbscan vcreate vdestroy ibstat fdt usb`.split(/\s+/)

/** What each command that fetches fetches. `boot` and `imgexec` may as well name an image that is there already. */
const fetches: ReadonlyMap<string, string> = new Map(
  Object.entries({
    kernel: 'the kernel',
    imgselect: 'the kernel',
    imgload: 'the kernel',
    initrd: 'the initrd',
    module: 'the module',
    imgfetch: 'the file',
    chain: 'the file',
    shim: 'the file',
  }),
)

/** Options that a word follows. */
const withValue = /^(?:--(?:name|timeout)|-[nt])$/

/** `script` is the path the script itself is fetched under, which relative paths begin at. */
export function readIpxe(text: string, ours: Ours, script: string, via: 'tftp' | 'http'): Reading {
  const references: Reference[] = []
  const remarks: Remark[] = []
  const values = new Map<string, string>([['next-server', ours.server]])
  const labels = new Set([...text.matchAll(/^\s*:([^\s#]+)/gm)].map(([, name = '']) => name))
  if (!/^#!(?:ipxe|gpxe)\b/.test(text)) {
    const why = 'the first line must be #!ipxe, or iPXE takes the file for no script of its own'
    remarks.push({ line: 1, level: 'fault', text: why })
  }
  for (const { words, line } of commandsOf(text)) {
    const [command = '', ...rest] = words.map((word) => filled(word, values))
    if (command.includes(unknown) || command.startsWith(':') || command.startsWith('#')) continue
    if (!commands.includes(command)) {
      remarks.push({ line, level: 'fault', text: unknownWord(command, 'no command of iPXE', commands) })
      continue
    }
    const [first = '', ...more] = rest
    if (command === 'set') values.set(first, more.join(' '))
    if (command === 'set' || command === 'echo') continue
    if (command === 'goto' && !first.includes(unknown) && !labels.has(first)) {
      const near = nearest(first, [...labels])
      const hint = near === undefined ? '' : `; did you mean ${near}?`
      remarks.push({ line, level: 'fault', text: `goto names ${first}, and no label is so called${hint}` })
    }
    const what = fetches.get(command)
    const target = rest.findIndex((word, at) => !word.startsWith('-') && !withValue.test(rest[at - 1] ?? ''))
    const path = rest[target]
    if (path === undefined) continue
    if (what !== undefined || /^[a-z]+:\/\//.test(path)) {
      references.push({ line, what: what ?? 'the file', written: path, at: placeOf(path, script, via) })
    }
    for (const word of rest.slice(target + 1)) references.push(...urlsIn(word, line))
  }
  return { references, remarks }
}

function placeOf(path: string, script: string, via: 'tftp' | 'http'): Reference['at'] {
  if (/^[a-z]+:/.test(path)) return { url: path }
  const folder = script.slice(0, script.lastIndexOf('/') + 1)
  return { via, path: path.startsWith('/') ? path : folder + path }
}

/** Variables of iPXE's that the script set itself; what only the machine knows stays unknown. */
function filled(word: string, values: ReadonlyMap<string, string>): string {
  return word.replace(/\$\{([^}]*)\}/g, (_, name: string) => values.get(name.replace(/:.*$/, '')) ?? unknown)
}

function* commandsOf(text: string): Generator<{ words: readonly string[]; line: number }> {
  let pending = ''
  let since = 0
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    if (pending === '') since = index + 1
    pending += raw
    if (raw.endsWith('\\')) {
      pending = pending.slice(0, -1)
      continue
    }
    let words: string[] = []
    for (const word of [...pending.trim().split(/\s+/), ';']) {
      if (!['&&', '||', ';'].includes(word)) words.push(word)
      else {
        if (words.length > 0 && words[0] !== '') yield { words, line: since }
        words = []
      }
    }
    pending = ''
  }
}
