// Machines that fetch the same kernel again and again with no deploy between: an installer that nobody ends?

import { builtInLocal, hostOfMac, type Table } from '../boot/table.ts'
import type { Event, Tell } from '../events.ts'

/** So many deliveries in so long, in milliseconds. */
const suspicious = 3
const withinMs = 3_600_000

// KERNEL and LINUX of PXELINUX; linux, linux16 and linuxefi of GRUB; kernel of iPXE, whose options may have a value.
const kernelLine =
  /^[ \t]*(?:kernel|linux|linux16|linuxefi)[ \t]+(?:(?:-n|--name|-t|--timeout)[ \t=]+\S+[ \t]+|-\S+[ \t]+)*(\S+)/gim

export class InstallLoops {
  private readonly table: Table
  private readonly tell: Tell
  private readonly now: () => number
  /** When each host was given its kernel, the last times. */
  private readonly given = new Map<string, { file: string; times: number[] }>()

  /** `now`: milliseconds, even. */
  constructor(table: Table, tell: Tell, now: () => number) {
    this.table = table
    this.tell = tell
    this.now = now
  }

  /** Of everything that happens. */
  note(event: Event): void {
    const { step, client } = event
    if (step === 'deploy' && client?.host !== undefined) this.given.delete(client.host)
    if (step !== 'tftp.done' && step !== 'http.get') return
    const host = client?.host ?? hostOfMac(this.table, client?.mac)?.name
    const file = deliveredBy(event)
    if (host === undefined || file === undefined) return
    const configuration = this.table.assignments.get(host)
    if (configuration === undefined || configuration === builtInLocal) return
    if (this.isKernel(file, configuration)) this.count(host, file, configuration)
  }

  private isKernel(file: string, configuration: string): boolean {
    const name = lastOf(file)
    const forms = this.table.configurations.get(configuration)?.forms ?? []
    return forms.some(({ text }) =>
      Array.from(text.matchAll(kernelLine), ([, path = '']) => lastOf(path)).includes(name),
    )
  }

  private count(host: string, file: string, configuration: string): void {
    const now = this.now()
    const before = this.given.get(host)
    const times = before?.file === file ? before.times.filter((time) => now - time < withinMs) : []
    times.push(now)
    this.given.set(host, { file, times })
    if (times.length < suspicious) return
    // The next warning comes after as many again.
    this.given.delete(host)
    const text = `${host} was given the kernel of ${configuration}, ${file}, ${suspicious} times within an hour, and nobody deployed anything: an install loop? Its last step should be a PUT of /v1/configurations/local/deploy; the log says where that was refused`
    this.tell({ level: 'warn', step: 'install.loop', text, client: { host }, data: { configuration, file } })
  }
}

/** The path of a whole file that was delivered. */
function deliveredBy({ step, data }: Event): string | undefined {
  if (step === 'tftp.done') return typeof data?.['file'] === 'string' ? data['file'] : undefined
  return data?.['status'] === 200 && typeof data['path'] === 'string' ? data['path'] : undefined
}

function lastOf(path: string): string {
  return (
    path
      .replace(/[?#].*$/, '')
      .split(/[/\\]/)
      .at(-1) ?? ''
  )
}
