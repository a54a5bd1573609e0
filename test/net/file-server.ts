// A file server that hangs: a FUSE file system whose program is stopped, as NFS is when its server is gone.

import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { within } from './site.ts'

const big = 64 * 1024 * 1024

/** A folder behind a file system that can be stopped and set going again. */
export class FileServer {
  readonly folder: string
  readonly #pid: number

  private constructor(folder: string, pid: number) {
    this.folder = folder
    this.#pid = pid
  }

  static async start(t: ExecutionContext): Promise<FileServer> {
    const at = await mkdtemp(join(tmpdir(), 'pxe-pilot-fuse-'))
    const [source, folder] = [join(at, 'source'), join(at, 'mount')]
    for (const path of [source, folder]) await mkdir(path)
    await writeFile(join(source, 'small'), 'small')
    await writeFile(join(source, 'x.seed.tmpl'), '${mac}')
    for (let count = 0; count < 40; count++) await writeFile(join(source, `file${count}`), 'x')
    await writeFile(join(source, 'big'), Buffer.alloc(big))
    const options = ['-f', '-o', 'attr_timeout=0', '-o', 'entry_timeout=0', '-o', 'direct_io']
    const child = spawn('bindfs', [...options, source, folder], { stdio: 'inherit' })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    t.teardown(async () => {
      // The kernel lets go of everybody who waits for it.
      child.kill('SIGKILL')
      await ended
      await new Promise((resolve) => spawn('umount', ['-l', folder]).once('exit', resolve))
      await rm(at, { recursive: true })
    })
    await within(10, async () => (await readdir(folder)).length > 0)
    return new FileServer(folder, child.pid ?? 0)
  }

  stop(): void {
    process.kill(this.#pid, 'SIGSTOP')
  }

  goOn(): void {
    process.kill(this.#pid, 'SIGCONT')
  }
}
