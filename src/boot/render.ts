// The texts we write ourselves: the built-in `local` in each loader's language, and the variables of templates.

import type { Language } from '../model.ts'

/** What `${name}` stands for; undefined where it is not known for this client. */
export type Variables = Readonly<Record<string, string | undefined>>

/** The variables every template may name; a host's own vars come on top (pxe-pilot.yml, hosts[].vars). */
export const templateVariables = ['server', 'http', 'http_host', 'api', 'mac', 'ip', 'hostname'] as const

/** Of a file of httproot, in bytes: a preseed has some kilobytes; what is bigger is no template. */
export const biggestTemplate = 1024 * 1024

export type Rendered = { readonly text: string } | { readonly fault: string }

/**
 * GRUB's way to the disk, inside a menu entry. On UEFI its `exit` ends in the firmware's menu (OVMF), so the loader
 * that a system left on a disk is looked for: a vendor's own before the one for removable media, which may only be
 * a copy that repairs boot entries. Wildcards are the module regexp's; where it is not to be had, `search` is.
 */
export const grubToDisk: readonly string[] = [
  'if [ "$grub_platform" = pc ]; then chainloader (hd0)+1; boot; fi',
  'set efi=x64',
  'if [ "$grub_cpu" = arm64 ]; then set efi=aa64; fi',
  'if [ "$grub_cpu" = i386 ]; then set efi=ia32; fi',
  'if [ "$grub_cpu" != x86_64 -a "$grub_cpu" != arm64 -a "$grub_cpu" != i386 ]; then set efi=$grub_cpu; fi',
  'insmod regexp',
  'for disk in (*); do',
  '  for loader in $disk/EFI/*/shim$efi.efi $disk/EFI/*/grub$efi.efi $disk/EFI/systemd/systemd-boot$efi.efi \\',
  '    $disk/EFI/Microsoft/Boot/bootmgfw.efi $disk/EFI/BOOT/BOOT$efi.EFI; do',
  '    if [ -f "$loader" ]; then chainloader "$loader"; boot; fi',
  '  done',
  'done',
  'search --no-floppy --set=root --file /EFI/BOOT/BOOT$efi.EFI',
  'chainloader /EFI/BOOT/BOOT$efi.EFI',
  'boot',
  "echo 'PXE Pilot: no disk of this machine has a system to start.'",
  'sleep --interruptible 30',
  'exit 1',
]

/** On UEFI a plain `exit` of iPXE ends in the firmware's menu; `exit 1` goes on to the next boot entry. */
export const ipxeToDisk = 'iseq ${platform} efi && exit 1 || exit'

const local: Readonly<Record<Language, string>> = {
  pxelinux: ['DEFAULT local', 'PROMPT 0', 'TIMEOUT 1', 'LABEL local', '  LOCALBOOT 0', ''].join('\n'),
  grub: ['set timeout=0', "menuentry 'local' {", ...grubToDisk.map((line) => `  ${line}`), '}', ''].join(
    '\n',
  ),
  ipxe: ['#!ipxe', ipxeToDisk, ''].join('\n'),
  // A Raspberry Pi on local is offered nothing, and asks for nothing.
  rpi: '',
}

/** The configuration `local` as each loader understands it. */
export function localBoot(language: Language): string {
  return local[language]
}

// Only plain names are ours: `${net0/mac}` and `${x:-y}` belong to iPXE and the shell. `${name|default}` is an error in
// each of the languages that templates are written in. `$${name}` is a literal `${name}`.
const variable = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(?:\|([^}\n]*))?\}/g

/**
 * `template` with its variables filled in, or the first that has neither a value nor a default, with its line. `host`:
 * the one whose variables they are.
 */
export function render(template: string, variables: Variables, host?: string): Rendered {
  let fault: string | undefined
  const text = template.replace(
    variable,
    (whole, name: string, standIn: string | undefined, offset: number) => {
      if (whole.startsWith('$$')) return whole.slice(1)
      const value = (Object.hasOwn(variables, name) ? variables[name] : undefined) ?? standIn
      if (value !== undefined) return value
      fault ??= `line ${lineAt(template, offset)}: ${lackOf(name, variables, host)} (write $\${${name}} for the text itself, \${${name}|default} to stand in for it)`
      return ''
    },
  )
  return fault === undefined ? { text } : { fault }
}

function lackOf(name: string, variables: Variables, host: string | undefined): string {
  if (Object.hasOwn(variables, name)) return `\${${name}} is not known for this client`
  return host === undefined ? `\${${name}} is no variable of ours` : `${host} has no variable ${name}`
}

/** The first of `names` that a slip left open (`${server/x`, `${rack|7`), as a fault with its line; undefined: none. */
export function openVariable(template: string, names: readonly string[]): string | undefined {
  // `${mac:-x}` and `${mac//:/-}` are the shell's, and have their bracket.
  const open = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(?=[\s"'`$;&<>()]|$)|(?![A-Za-z0-9_])(?=[^}\n]*(?:\n|$)))/g
  for (const match of template.matchAll(open)) {
    const [whole, name = ''] = match
    if (whole.startsWith('$$') || !names.includes(name)) continue
    return `line ${lineAt(template, match.index)}: \${${name} is not closed by "}"`
  }
  return undefined
}

/** Whether a value may stand for a variable: a line of its own would be a command of its own in every loader. */
export function isPlainValue(value: string): boolean {
  return !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
