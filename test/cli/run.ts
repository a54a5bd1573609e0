// The built `pxe-pilot` as a person or a script runs it: a process, and what it printed.

import { execFile } from 'node:child_process'

export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

export async function run(...argv: readonly string[]): Promise<Ended> {
  return await runWith({}, ...argv)
}

export async function runWith(
  environment: Readonly<Record<string, string>>,
  ...argv: readonly string[]
): Promise<Ended> {
  return await new Promise((resolve) => {
    const env = { ...process.env, ...environment }
    const child = execFile(process.execPath, ['dist/main.js', ...argv], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}
