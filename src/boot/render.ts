// The texts we write ourselves: the built-in `local` in each loader's language, and the variables of templates.

import type { Language } from '../model.ts'

/** What `${name}` stands for; undefined where it is not known for this client. */
export type Variables = Readonly<Record<string, string | undefined>>

/** The variables every template may name; a host's own vars come on top (pxe-pilot.yml, hosts[].vars). */
export const templateVariables = ['server', 'http', 'api', 'mac', 'ip', 'hostname'] as const

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

// Only plain names are ours: `${net0/mac}` and `${x:-y}` belong to iPXE and the shell. `$${name}` is a literal `${name}`.
const variable = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** `template` with its variables filled in, or the first that has no value, with its line. */
export function render(template: string, variables: Variables): Rendered {
  let fault: string | undefined
  const text = template.replace(variable, (whole, name: string, offset: number) => {
    if (whole.startsWith('$$')) return whole.slice(1)
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined
    if (value !== undefined) return value
    const line = template.slice(0, offset).split('\n').length
    const why = Object.hasOwn(variables, name) ? 'is not known for this client' : 'is no variable of ours'
    fault ??= `line ${line}: \${${name}} ${why} (write $\${${name}} for the text itself)`
    return ''
  })
  return fault === undefined ? { text } : { fault }
}
