// The process and its threads. Its file threads are one pool for the store and every root: it has more of them than Node's
// four, as a root that hangs may keep four, and ends without those that hang.

import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'

const wanted = '16'

// Linux, all architectures: asm-generic/fcntl.h.
const F_SETFD = 2

/**
 * Starts this program anew as the same process, once. libuv reads the number when its pool is first used, and Node has
 * used it for reading a module before any of ours runs. Returns where it is set, or koffi cannot load: what shares the
 * pool takes less of it then (disk.ts).
 */
export async function withFileThreads(): Promise<void> {
  const name = 'UV_THREADPOOL_SIZE'
  if (process.env[name] !== undefined) return
  try {
    const { default: koffi } = await import('koffi')
    const libc = koffi.load(null)
    const fcntl = libc.func('int fcntl(int fd, int command, ...)')
    const execve = libc.func('int execve(const char *path, const char **argv, const char **environment)')
    // Node closes all it inherited when another program takes its place; this one needs its terminal.
    for (const fd of [0, 1, 2]) fcntl(fd, F_SETFD, 'int', 0)
    const argv = [process.argv0, ...process.execArgv, ...process.argv.slice(1), null]
    const environment = Object.entries({ ...process.env, [name]: wanted }).map(
      ([key, value]) => `${key}=${value ?? ''}`,
    )
    execve(process.execPath, argv, [...environment, null])
  } catch {
    // As if it had not been tried.
  }
}

/** Ends the process. process.exit() waits for every file thread and worker, and so for ever where a root hangs. */
export async function exit(code: number): Promise<never> {
  try {
    const { default: koffi } = await import('koffi')
    koffi.load(null).func('void _exit(int status)')(code)
  } catch {
    // Then as Node does it.
  }
  process.exit(code)
}

/** A thread of our own code. `home`: the module beside which the worker.ts lies. `data`: its workerData. */
export function startWorker(home: string, name: string, data?: unknown): Worker {
  const options = { name, workerData: data }
  const worker = home.endsWith('.ts')
    ? fromSource(home, options)
    : new Worker(new URL('./worker.js', home), options)
  // Whoever starts it listens, too; until then an error that nobody hears would end the process.
  return worker.on('error', () => undefined)
}

/** As the tests run it: Node 20 gives a thread no loader of TypeScript, so it brings one along. */
function fromSource(home: string, options: { readonly name: string; readonly workerData: unknown }): Worker {
  const loader = JSON.stringify(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/cjs$/, 'mjs'),
  )
  const code = `import(${loader}).then(({ tsImport }) => tsImport('./worker.ts', ${JSON.stringify(home)}))`
  return new Worker(code, { ...options, eval: true })
}
