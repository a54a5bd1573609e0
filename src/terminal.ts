// Tells a SIGHUP that a person sent from the kernel's, where the terminal is closed that we run in.

import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'

/**
 * Asked at the start; what it gives says whether the terminal of then is gone. Never of what nohup, a unit or `&`
 * started, which is to outlive it.
 */
export function losesTerminal(): () => boolean {
  return isatty(0) && look() === 'foreground' ? () => look() === 'none' : () => false
}

function look(): 'none' | 'foreground' | 'background' {
  // proc(5): behind the name in parentheses.
  const [, , , group, , terminal, foreground] = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\)/s, '')
    .split(' ')
  if (terminal === '0') return 'none'
  return group === foreground ? 'foreground' : 'background'
}
