// Runs one program with arguments, never through a shell, and ends it with all it started when its time is over.

import { spawn } from 'node:child_process'
import { hide } from '../settings/secrets.ts'
import { PowerError } from './adapter.ts'

export type Program = {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** What a power command says fits; the rest is read and dropped. */
const mostOutput = 64 * 1024

/** An ordinary user's PATH leaves out where arp is. */
function searchPath(): string {
  return [process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', '/usr/sbin', '/sbin'].join(':')
}

/** @throws PowerError where there is no such program */
export async function run({ file, args, env }: Program, signal: AbortSignal): Promise<Ended> {
  signal.throwIfAborted()
  return await new Promise<Ended>((resolve, reject) => {
    let child
    try {
      // A group of its own: a script's own children are ended with it.
      child = spawn(file, args, {
        detached: true,
        env: { ...process.env, PATH: searchPath(), LC_ALL: 'C', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    } catch {
      // Only of what was rendered into it. Node's reason would quote an argument, which may be a password.
      const why = file === '' ? 'the command names no program' : `${file} cannot be run: a NUL is in it`
      reject(new PowerError(why))
      return
    }
    const { pid } = child
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    const end = () => {
      if (pid !== undefined) killGroup(pid)
      child.stdout.destroy()
      child.stderr.destroy()
      reject(signal.reason)
    }
    signal.addEventListener('abort', end, { once: true })
    const over = () => signal.removeEventListener('abort', end)
    child.once('error', (error) => {
      over()
      reject(new PowerError(whyNot(file, error)))
    })
    child.once('close', (code) => {
      over()
      resolve({ code, stdout: stdout(), stderr: stderr() })
    })
  })
}

/** Whether an error of run() says that the program is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof PowerError && error.message.includes(missing)
}

/** Of what a program says, in characters. */
const longestLine = 200

/** The last line that says something; a program may repeat the `secrets` it was given. */
export function lastLine(text: string, secrets: Iterable<string>): string {
  const line = hide(text, secrets).trim().split('\n').at(-1)?.trim() ?? ''
  return line.length > longestLine ? `${line.slice(0, longestLine)}…` : line
}

const missing = 'is not on the PATH of the server'

function whyNot(file: string, error: Error): string {
  const code = 'code' in error ? error.code : ''
  // Also of a script whose first line names what is not there.
  if (code === 'ENOENT' && file.includes('/')) return `the program ${file}, or what runs it, is not there`
  if (code === 'ENOENT') return `the program ${file} ${missing}: install it`
  if (code === 'EACCES') return `the program ${file} may not be run: make it executable`
  return `the program ${file} cannot be run: ${error.message}`
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    if (size < mostOutput) chunks.push(chunk.subarray(0, mostOutput - size))
    size += chunk.length
  })
  stream.on('error', () => undefined)
  return () => Buffer.concat(chunks).toString()
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}
