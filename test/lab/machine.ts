// A real machine's firmware in QEMU, on a test's network, with its serial port as the only thing to look at.

import { copyFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Daemon, Namespace } from '../net/harness.ts'

/** A link that machines are plugged into: where their taps are made and they run. */
export type Segment = { readonly server: Namespace; readonly tap: () => Promise<string> }

const ovmf = '/usr/share/OVMF'
const aavmf = '/usr/share/AAVMF'

export type MachineOptions = {
  readonly mac: string
  /** A raw image, second in the boot order behind the network card. */
  readonly disk?: string | undefined
  readonly name?: string | undefined
  /** In megabytes; 768 if left out. */
  readonly memory?: number | undefined
  /** QEMU's name of the network card; virtio-net-pci if left out. */
  readonly card?: string | undefined
  /** What the UEFI firmware's own network boot uses; PXE if left out. */
  readonly boot?: 'pxe' | 'http' | undefined
}

/** graphics=off makes SeaBIOS, iPXE and PXELINUX write to the serial port. */
const biosHardware = ['-machine', 'pc,accel=tcg,graphics=off']

/** A machine that is switched on. Software emulation only: not every /dev/kvm runs a Linux kernel. */
export class Machine {
  readonly #daemon: Daemon

  private constructor(daemon: Daemon) {
    this.#daemon = daemon
  }

  /** Switches a BIOS machine on: SeaBIOS, whose network boot is iPXE's ROM on a virtio card. */
  static async bios(segment: Segment, options: MachineOptions): Promise<Machine> {
    return Machine.#start(segment, options, 'qemu-system-x86_64', biosHardware, '')
  }

  /**
   * Switches a UEFI machine on: OVMF, whose own network boot it uses, with IPv6 switched off in its setup, as it would
   * wait a minute for HTTP boot by that. `folder` keeps its variables.
   */
  static async uefi(segment: Segment, options: MachineOptions, folder: string): Promise<Machine> {
    const variables = `${folder}/vars-${options.mac.replaceAll(':', '')}.fd`
    await copyFile(`${ovmf}/OVMF_VARS_4M.fd`, variables)
    const hardware = [
      '-machine',
      'q35,accel=tcg',
      '-device',
      'virtio-rng-pci',
      '-drive',
      `if=pflash,format=raw,readonly=on,file=${ovmf}/OVMF_CODE_4M.fd`,
      '-drive',
      `if=pflash,format=raw,file=${variables}`,
      ...firmwareSetting('IPv6Support', 'no'),
      ...(options.boot === 'http' ? firmwareSetting('IPv4PXESupport', 'no') : []),
    ]
    // Without romfile= the option ROM of the card, iPXE, would take over.
    return Machine.#start(segment, options, 'qemu-system-x86_64', hardware, ',romfile=')
  }

  /** Switches an arm64 UEFI machine on. Its firmware is of 64 MiB, which QEMU maps from files of that size. */
  static async arm64(segment: Segment, options: MachineOptions, folder: string): Promise<Machine> {
    const variables = `${folder}/vars-${options.mac.replaceAll(':', '')}.fd`
    await copyFile(`${aavmf}/AAVMF_VARS.fd`, variables)
    const arm = ['-machine', 'virt,accel=tcg', '-cpu', 'cortex-a57', '-device', 'virtio-rng-pci']
    const code = ['-drive', `if=pflash,format=raw,readonly=on,file=${aavmf}/AAVMF_CODE.fd`]
    const kept = ['-drive', `if=pflash,format=raw,file=${variables}`]
    const hardware = [...arm, ...code, ...kept, ...firmwareSetting('IPv6PXESupport', 'no')]
    return Machine.#start(segment, options, 'qemu-system-aarch64', hardware, ',romfile=')
  }

  static async #start(
    segment: Segment,
    options: MachineOptions,
    program: string,
    hardware: readonly string[],
    card: string,
  ): Promise<Machine> {
    const argv = [program, ...hardware, ...parts(await segment.tap(), options, card)]
    const daemon = segment.server.start(argv, { name: options.name ?? 'the machine' })
    return new Machine(daemon)
  }

  /** Everything its serial port printed. */
  get log(): string {
    return this.#daemon.transcript.text
  }

  /**
   * Waits until the serial port prints `marker`, behind whatever was waited for last.
   * @throws Error with the serial log
   */
  prints(marker: RegExp, seconds: number): Promise<RegExpExecArray> {
    return this.#daemon.transcript.waitFor(marker, seconds)
  }

  /** Waits until the machine switched itself off. */
  async isOff(seconds: number): Promise<void> {
    const limit = sleep(seconds * 1000, 'late', { ref: false })
    const outcome = await Promise.race([this.#daemon.exited, limit])
    if (outcome === 'late') throw new Error(`the machine is on after ${seconds} s; it printed:\n${this.log}`)
  }

  /** Pulls the plug. */
  async unplug(): Promise<void> {
    this.#daemon.kill()
    await this.#daemon.exited
  }
}

function firmwareSetting(name: string, value: string): readonly string[] {
  return ['-fw_cfg', `name=opt/org.tianocore/${name},string=${value}`]
}

/** The command that switches a BIOS machine on, for a BMC: `tap` is plugged in. */
export function biosCommand(tap: string, options: MachineOptions): readonly string[] {
  return ['qemu-system-x86_64', ...biosHardware, ...parts(tap, options, '')]
}

function parts(
  tap: string,
  { mac, disk, memory = 768, card: model = 'virtio-net-pci' }: MachineOptions,
  card: string,
): readonly string[] {
  const link = `tap,id=net0,ifname=${tap},script=no,downscript=no`
  const device = `${model},netdev=net0,mac=${mac},bootindex=1${card}`
  const argv = [
    '-m',
    String(memory),
    '-smp',
    '1',
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-monitor',
    'none',
  ]
  argv.push('-serial', 'stdio', '-netdev', link, '-device', device)
  if (disk === undefined) return argv
  argv.push('-drive', `if=none,id=disk0,format=raw,file=${disk}`)
  return [...argv, '-device', 'virtio-blk-pci,drive=disk0,bootindex=2']
}

/** Tells iPXE at once that there is no IPv6 router, which it otherwise waits 12 s for at every boot. */
export function answerRouterSolicitations(segment: Segment): Daemon {
  const script = fileURLToPath(new URL('../net/advertise-router.ts', import.meta.url))
  return segment.server.start([process.execPath, '--import=tsx', script], { name: 'router advertisements' })
}
