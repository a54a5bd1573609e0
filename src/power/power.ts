// Switches machines and asks whether they are on: an adapter for each host, so many at once, none longer than its time.

import { setMaxListeners } from 'node:events'
import { printableLine, type Tell } from '../events.ts'
import type { Fault } from '../faults.ts'
import type { Host } from '../model.ts'
import type { Ipv4 } from '../net/ipv4.ts'
import type { Link } from '../net/links.ts'
import type { Mac } from '../net/mac.ts'
import type { AdapterSettings, PowerSettings } from '../settings/schema.ts'
import { PowerError, type Act, type Adapter, type PowerState } from './adapter.ts'
import { Addresses } from './addresses.ts'
import { within } from './limit.ts'
import { adapterOf, placeOf, powered, subnetOf, type Powered } from './pick.ts'
import { Turns } from './turns.ts'

export type PowerParts = {
  /** As they are now: they come, change and go. */
  readonly hosts: ReadonlyMap<string, Host>
  readonly adapters: () => readonly AdapterSettings[]
  /** Who holds which address: our leases. */
  readonly held: () => Iterable<readonly [Ipv4, Mac]>
  /** Our links that lead to machines. */
  readonly links: () => readonly Link[]
  readonly tell: Tell
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly limits?: Partial<Limits>
}

/** Milliseconds, and how many are switched or asked at once: each may be a process. */
export type Limits = {
  readonly atOnce: number
  readonly hostMs: number
  readonly answerMs: number
  /** A failure that took longer is not tried again. */
  readonly retryMs: number
}

// ipmitool gives up a silent BMC after 10 s, and its own start: only then it can be told from one that refuses us.
const usualLimits: Limits = { atOnce: 16, hostMs: 12_000, answerMs: 24_000, retryMs: 3_000 }

/** `reboot`: what is on is reset, what is off is switched on. */
export type Order = Act | 'reboot'

export type PowerStatus = {
  /** `''`: the host has no power control, or was never asked. */
  readonly state: PowerState | 'Unknown' | ''
  /** When it was asked: milliseconds since 1970. */
  readonly at?: number
  /** Why it is unknown. */
  readonly because?: string
  /** Of the host's controller, as far as it is known by now. */
  readonly address?: string
}

/** `did`: what was sent. `warning`: what of it failed and does not matter to all. */
export type Switched = { readonly did: Act; readonly warning?: string } | { readonly fault: Fault }

export class Power {
  private readonly parts: PowerParts
  private readonly limits: Limits
  private readonly turns: Turns
  private readonly addresses: Addresses
  /** By what they are switched with: a host that is removed, or gets another controller, is another machine. */
  private readonly known = new WeakMap<PowerSettings, PowerStatus>()
  /** Those that had their turn and failed. */
  private readonly silent = new WeakSet<PowerSettings>()
  /** Two who ask at once get one answer. */
  private readonly asked = new WeakMap<PowerSettings, Promise<PowerStatus>>()
  /** Orders for one host come one after another. */
  private readonly lastOrder = new Map<string, Promise<unknown>>()
  private readonly stopped = new AbortController()

  constructor(parts: PowerParts) {
    this.parts = parts
    this.limits = { ...usualLimits, ...parts.limits }
    this.turns = new Turns(this.limits.atOnce)
    // Every answer under way listens to it.
    setMaxListeners(0, this.stopped.signal)
    this.addresses = new Addresses({
      held: parts.held,
      turns: this.turns,
      tell: parts.tell,
    })
  }

  /** What was last heard. */
  last(name: string): PowerStatus {
    const host = powered(this.parts.hosts.get(name))
    const address = host && this.addresses.known(placeOf(host.power))
    const known = host && this.known.get(host.power)
    return { ...(known ?? { state: '' }), ...(address !== undefined && { address }) }
  }

  /**
   * Asks all of `names` at once, and answers within `answerMs` whatever they do. Those that did not answer the last
   * time are asked behind the others, so that they take nobody's time.
   */
  async ask(names: readonly string[]): Promise<ReadonlyMap<string, PowerStatus>> {
    const isSilent = (name: string) => {
      const power = this.parts.hosts.get(name)?.power
      return Number(power !== undefined && this.silent.has(power))
    }
    const order = names.toSorted((a, b) => isSilent(a) - isSilent(b))
    await this.inTime((signal) => Promise.all(order.map((name) => this.askOne(name, signal))))
    return new Map(names.map((name) => [name, this.last(name)]))
  }

  /** Never rejects. `network`: the next boot, and no other, is to be from the network. */
  async order(name: string, order: Order, { network = false } = {}): Promise<Switched> {
    const before = this.lastOrder.get(name)
    const done = this.inTime(async (signal) => {
      await before
      return await this.carryOut(name, order, network, signal)
    })
    this.lastOrder.set(name, done)
    const switched = await done
    if (this.lastOrder.get(name) === done) this.lastOrder.delete(name)
    return switched
  }

  /** Forgets the controllers' addresses that were learnt, and looks for them; configured ones stay. */
  async refresh(): Promise<void> {
    const controlled = [...this.parts.hosts.values()].flatMap(({ power }) => power ?? [])
    const subnets = controlled.flatMap((power) => subnetOf(power) ?? [])
    await this.addresses.refresh(subnets, controlled.map(placeOf))
  }

  /** Ends what is under way. */
  stop(): void {
    this.stopped.abort(new PowerError('the server is stopping'))
  }

  private async askOne(name: string, signal: AbortSignal): Promise<PowerStatus> {
    const host = powered(this.parts.hosts.get(name))
    if (host === undefined) return { state: '' }
    const { power } = host
    const running = this.asked.get(power)
    if (running !== undefined) return await running
    const asking = this.askTwice(host, signal)
    this.asked.set(power, asking)
    const status = await asking
    this.asked.delete(power)
    this.known.set(power, status)
    return status
  }

  /** A BMC may be busy with another; one that is silent was asked several times already. */
  private async askTwice(host: Powered, signal: AbortSignal): Promise<PowerStatus> {
    const { now } = this.parts
    try {
      const adapter = this.adapter(host)
      const state = await this.turn(signal, async (limit) => {
        this.silent.add(host.power)
        const start = performance.now()
        try {
          return await adapter.status(limit)
        } catch (error) {
          if (limit.aborted || performance.now() - start > this.limits.retryMs) throw error
          return await adapter.status(limit)
        }
      })
      this.silent.delete(host.power)
      return { state, at: now() }
    } catch (error) {
      return { state: 'Unknown', at: now(), because: this.reasonOf(error, signal) }
    }
  }

  private async carryOut(
    name: string,
    order: Order,
    network: boolean,
    signal: AbortSignal,
  ): Promise<Switched> {
    const host = powered(this.parts.hosts.get(name))
    if (host === undefined) return { fault: noPowerControl(name, this.parts.hosts.get(name)?.origin) }
    try {
      const adapter = this.adapter(host)
      let act = order
      if (act === 'reboot') {
        const { state, because = '' } = await this.askOne(name, signal)
        // A state nobody knows is no reason to do nothing and call it done, nor to cut the current.
        if (state !== 'On' && state !== 'Off') {
          return this.failed(host, order, `nobody knows whether it is on: ${because}`)
        }
        act = state === 'On' ? 'reset' : 'on'
      }
      const warning = network ? await this.bootFromNetwork(adapter, signal) : undefined
      await this.turn(signal, (limit) => adapter.act(act, limit))
      const state = act === 'off' ? 'Off' : 'On'
      if (adapter.blind === undefined) this.known.set(host.power, { state, at: this.parts.now() })
      this.say(
        'info',
        host,
        `${name}: ${order}${order === act ? '' : ` (${act})`} was sent${warning ? `; ${warning}` : ''}`,
        { order, act },
      )
      return { did: act, ...(warning !== undefined && { warning }) }
    } catch (error) {
      return this.failed(host, order, this.reasonOf(error, signal))
    }
  }

  private failed(host: Powered, order: Order, why: string): Switched {
    const message = `${host.host.name}: ${order} failed: ${why}`
    this.say('warn', host, message, { order })
    return { fault: { code: 'power_failed', message } }
  }

  /** What went wrong; the machine is rebooted all the same, as most boot from the network anyway. */
  private async bootFromNetwork(adapter: Adapter, signal: AbortSignal): Promise<string | undefined> {
    if (adapter.bootFromNetwork === undefined) return undefined
    try {
      await this.turn(signal, async (limit) => adapter.bootFromNetwork?.(limit))
      return undefined
    } catch (error) {
      return `its next boot could not be set to the network (${this.reasonOf(error, signal)}), so it boots as it always does`
    }
  }

  private adapter(host: Powered): Adapter {
    const { adapters, links, held } = this.parts
    return adapterOf(host, { adapters: adapters(), addresses: this.addresses, links, held })
  }

  /** One step of one host: it waits for its turn, and then has `hostMs`. */
  private turn<T>(signal: AbortSignal, step: (limit: AbortSignal) => Promise<T>): Promise<T> {
    return this.turns.take(signal, () => within(this.limits.hostMs, signal, step))
  }

  /** All of one answer. */
  private inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return within(this.limits.answerMs, this.stopped.signal, work)
  }

  /** What controllers and programs say is in it: for a log line and a terminal, and of some length. */
  private reasonOf(error: unknown, deadline: AbortSignal): string {
    if (error instanceof Error && error.name === 'TimeoutError') {
      return deadline.aborted
        ? `its turn did not come within ${this.limits.answerMs / 1000} s, as other hosts do not answer; try again`
        : `no answer within ${this.limits.hostMs / 1000} s`
    }
    return printableLine(error instanceof Error ? error.message : String(error))
  }

  private say(level: 'info' | 'warn', { host }: Powered, text: string, data: Record<string, string>): void {
    this.parts.tell({
      level,
      step: 'power',
      text,
      client: { host: host.name, mac: host.macs[0] },
      data,
    })
  }
}

function noPowerControl(name: string, origin: Host['origin'] = 'settings'): Fault {
  const remedy =
    origin === 'settings'
      ? 'give it ipmi, redfish, wol or management in the settings file'
      : `pxe-pilot host set ${name} with --ipmi ADDRESS, --redfish ADDRESS or --wol gives it one`
  return { code: 'power_unmanaged', message: `Host <${name}> has no power control: ${remedy}` }
}
