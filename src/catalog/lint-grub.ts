// Reads a GRUB configuration: its shell's words and brackets, its commands, and the files they load.

import {
  unknown,
  unknownWord,
  urlsIn,
  type Ours,
  type Reading,
  type Reference,
  type Remark,
} from './lint-text.ts'

// Of command.lst in Debian's grub-efi-amd64-bin, grub-efi-ia32-bin and grub-pc-bin 2.06, and of GRUB's core.
const commands = new Set(
  `. [ acpi authenticate background_color background_image backtrace badram blocklist boot break cat chainloader clear
  cmp configfile continue cpuid crc cryptomount cutmem date devicetree distrust drivemap dump echo eval exit export
  extract_entries_configfile extract_entries_source extract_legacy_entries_configfile extract_legacy_entries_source
  extract_syslinux_entries_configfile extract_syslinux_entries_source fakebios false file fix_video freedos fwsetup
  gdbstub getenv gettext gptsync halt hashsum hdparm hello help hexdump initrd initrd16 initrdefi insmod keymap
  keystatus kfreebsd kfreebsd_loadenv kfreebsd_module kfreebsd_module_elf knetbsd knetbsd_module knetbsd_module_elf
  kopenbsd kopenbsd_ramdisk legacy_check_password legacy_configfile legacy_initrd legacy_initrd_nounzip legacy_kernel
  legacy_password legacy_source linux linux16 linuxefi list_env list_trusted load_env load_video loadbios loadfont
  loopback ls lsacpi lsapm lsefi lsefimmap lsefisystab lsfonts lsmmap lsmod lspci lssal md5sum menuentry module module2
  multiboot multiboot2 nativedisk net_add_addr net_add_dns net_add_route net_bootp net_bootp6 net_del_addr net_del_dns
  net_del_route net_dhcp net_get_dhcp_option net_ipv6_autoconf net_ls_addr net_ls_cards net_ls_dns net_ls_routes
  net_nslookup normal normal_exit ntldr parttool password password_pbkdf2 pcidump play probe pxechainloader rdmsr read
  read_byte read_dword read_word reboot regexp return rmmod save_env search search.file search.fs_label search.fs_uuid
  sendkey serial set setparams setpci sha1sum sha256sum sha512sum shift shim_lock sleep smbios source submenu
  syslinux_configfile syslinux_source terminal_input terminal_output terminfo test testload testspeed time tr true
  truecrypt trust unset usb vbeinfo vbetest verify_detached videoinfo videotest wrmsr write_byte write_dword write_word
  xen_hypervisor xen_module xnu_kernel xnu_kernel64 xnu_kext xnu_mkext xnu_ramdisk zfs-bootfs zfsinfo zfskey`.split(
    /\s+/,
  ),
)

const kernelCommands = /^(?:linux|linux16|linuxefi|multiboot2?|xen_hypervisor|kfreebsd|knetbsd|kopenbsd)$/
const initrdCommands = /^(?:initrd|initrd16|initrdefi)$/
const fileCommands = /^(?:chainloader|configfile|source|\.|devicetree|module2?|xen_module)$/

/** Words of the shell that a command follows. */
const leading = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', '{', '!', 'time'])
const closes: ReadonlyMap<string, string> = new Map(Object.entries({ fi: 'if', done: 'do', '}': '{' }))

type Statement = { readonly words: readonly string[]; readonly line: number }

export function readGrub(text: string, ours: Ours): Reading {
  const lexed = statementsOf(text)
  const remarks = [...lexed.remarks]
  const references: Reference[] = []
  const open: { readonly word: string; readonly line: number }[] = []
  const functions = new Set([...text.matchAll(/^\s*function\s+([\w.-]+)/gm)].map(([, name]) => name))
  const values = new Map<string, string>([
    ['net_default_server', ours.server],
    ['pxe_default_server', ours.server],
  ])
  let onDisk = false
  for (const { words, line } of lexed.statements) {
    for (const word of words) {
      if (['if', 'do', '{'].includes(word) && isKeyword(word, words)) open.push({ word, line })
      const opener = closes.get(word)
      if (opener === undefined || !isKeyword(word, words)) continue
      if (open.at(-1)?.word === opener) open.pop()
      else remarks.push({ line, level: 'fault', text: `${word} closes no ${opener}` })
    }
    const [command = '', ...rest] = withoutShell(words).map((word) => filled(word, values))
    const assigned = /^([\w?]+)=(.*)$/s.exec(command === 'set' ? (rest[0] ?? '') : command)
    if (command === 'menuentry' || command === 'submenu') onDisk = false
    if (assigned !== null) {
      const [, name = '', value = ''] = assigned
      values.set(name, value)
      if (name === 'root') onDisk = /^\(?(?:hd|cd|fd|lvm|md|crypto|memdisk)/.test(value)
      continue
    }
    // What the disk holds is the machine's own.
    if (command === 'search' || command.startsWith('search.')) onDisk = true
    if (command === '' || command.includes(unknown) || functions.has(command)) continue
    if (!commands.has(command)) {
      const said = unknownWord(command, 'no command of GRUB', [...commands])
      remarks.push({ line, level: said.includes('did you mean') ? 'fault' : 'warning', text: said })
    } else references.push(...filesOf(command, rest, line, onDisk))
  }
  for (const { word, line } of open) {
    remarks.push({ line, level: 'fault', text: `${word} is not closed` })
  }
  return { references, remarks }
}

function filesOf(command: string, rest: readonly string[], line: number, onDisk: boolean): Reference[] {
  const paths = rest.filter((word) => !word.startsWith('--'))
  const isKernel = kernelCommands.test(command)
  const what = isKernel ? 'the kernel' : initrdCommands.test(command) ? 'the initrd' : 'the file'
  if (!isKernel && what === 'the file' && !fileCommands.test(command)) return []
  const files = initrdCommands.test(command) ? paths : paths.slice(0, 1)
  const named = files.flatMap((written): Reference[] => {
    const at = placeOf(written, onDisk)
    return at === undefined ? [] : [{ line, what, written, at }]
  })
  return [...named, ...paths.slice(files.length).flatMap((word) => urlsIn(word, line))]
}

/** `(http,10.77.0.1)/x`, `(tftp)/x`, `/x` on the root, which is where GRUB itself came from. */
function placeOf(written: string, onDisk: boolean): Reference['at'] | undefined {
  const [, device, path = ''] = /^(?:\(([^)]*)\))?(.*)$/s.exec(written) ?? []
  if (device === undefined || device === unknown) {
    return onDisk || path === '' || path.startsWith('+') ? undefined : { via: 'tftp', path }
  }
  const [, protocol = '', server] = /^(http|tftp|pxe)(?:,(.*))?$/.exec(device) ?? []
  if (protocol === '') return undefined
  if (server === undefined) return { via: protocol === 'http' ? 'http' : 'tftp', path }
  return { url: `${protocol === 'http' ? 'http' : 'tftp'}://${server}${path}` }
}

function isKeyword(word: string, words: readonly string[]): boolean {
  // `echo done` has it as an argument; a bracket always is one.
  return word === '{' || word === '}' || words.slice(0, words.indexOf(word)).every((one) => leading.has(one))
}

function withoutShell(words: readonly string[]): readonly string[] {
  const rest = [...words]
  while (leading.has(rest[0] ?? '') || closes.has(rest[0] ?? '')) rest.shift()
  return ['for', 'function', 'in', 'select'].includes(rest[0] ?? '')
    ? []
    : rest.filter((word) => word !== '{')
}

function filled(word: string, values: ReadonlyMap<string, string>): string {
  return word.replace(/\$(?:\{([^}]*)\}|([\w?@*#]+))/g, (_, braced: string | undefined, plain: string) => {
    return values.get(braced ?? plain) ?? unknown
  })
}

/** GRUB's lexer (grub-core/script/yylex.l) as far as files are concerned. */
function statementsOf(text: string): {
  readonly statements: readonly Statement[]
  readonly remarks: readonly Remark[]
} {
  const statements: Statement[] = []
  const remarks: Remark[] = []
  let words: string[] = []
  let line = 1
  for (const token of text.matchAll(
    /\\\r?\n|\r?\n|[ \t\r]+|#[^\n]*|&&|\|\||[;&|]|(?:\\[^\n]|'[^']*'|"(?:\\.|[^"\\])*"|\$\{[^}\n]*\}|[^\s;&|'"\\])+|./gs,
  )) {
    const [raw] = token
    const breaks = raw.split('\n').length - 1
    if (raw.startsWith('#')) continue
    if (/^(?:\r?\n|&&|\|\||[;&|])$/.test(raw)) {
      if (words.length > 0) statements.push({ words, line })
      words = []
    } else if (raw === "'" || raw === '"') {
      remarks.push({ line, level: 'fault', text: `the quote ${raw} is not closed` })
      break
    } else if (!/^\s+$/.test(raw) && !raw.startsWith('\\\n') && !raw.startsWith('\\\r')) {
      words.push(raw.replace(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/gs, '$1$2$3'))
      if ((raw === '{' || raw === '}') && words.length > 0) {
        statements.push({ words, line })
        words = []
      }
    }
    line += breaks
  }
  if (words.length > 0) statements.push({ words, line })
  return { statements, remarks }
}
