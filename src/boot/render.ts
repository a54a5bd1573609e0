// The texts we write ourselves: the built-in `local` in each loader's language, and the variables of templates.

import type { Language } from '../model.ts'

/** What `${name}` stands for; undefined where it is not known for this client. */
export type Variables = Readonly<Record<string, string | undefined>>

/** The variables every template may name; a host's own vars come on top (pxe-pilot.yml, hosts[].vars). */
export const templateVariables = ['server', 'http', 'http_host', 'api', 'mac', 'ip', 'hostname'] as const

export type Rendered = { readonly text: string } | { readonly fault: string }

const local: Readonly<Record<Language, string>> = {
  pxelinux: ['DEFAULT local', 'PROMPT 0', 'TIMEOUT 1', 'LABEL local', '  LOCALBOOT 0', ''].join('\n'),
  // GRUB's `exit` ends in the firmware's menu on OVMF, so the disk's own loader is looked for.
  grub: [
    'set timeout=0',
    'menuentry "local" {',
    '  for loader in /EFI/BOOT/BOOTX64.EFI /EFI/BOOT/BOOTAA64.EFI /EFI/BOOT/BOOTIA32.EFI; do',
    '    search --no-floppy --set=root --file "$loader" && chainloader "$loader" && boot',
    '  done',
    '  exit 1',
    '}',
    '',
  ].join('\n'),
  // On UEFI a plain `exit` ends in the firmware's menu; `exit 1` goes on to the next boot entry.
  ipxe: ['#!ipxe', 'iseq ${platform} efi && exit 1 || exit', ''].join('\n'),
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

/** `template` with its variables filled in, or the first that has neither a value nor a default, with its line. */
export function render(template: string, variables: Variables): Rendered {
  let fault: string | undefined
  const text = template.replace(
    variable,
    (whole, name: string, standIn: string | undefined, offset: number) => {
      if (whole.startsWith('$$')) return whole.slice(1)
      const value = (Object.hasOwn(variables, name) ? variables[name] : undefined) ?? standIn
      if (value !== undefined) return value
      const why = Object.hasOwn(variables, name) ? 'is not known for this client' : 'is no variable of ours'
      fault ??= `line ${lineAt(template, offset)}: \${${name}} ${why} (write $\${${name}} for the text itself, \${${name}|default} to stand in for it)`
      return ''
    },
  )
  return fault === undefined ? { text } : { fault }
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
