// What every way to switch a machine offers, and the error that tells a person why it did not.

/** Of the machine, as its controller tells. */
export type PowerState = 'On' | 'Off'

/** `reset` needs a machine that is on; `cycle` takes its current away for a moment. */
export type Act = 'on' | 'off' | 'reset' | 'cycle'

/** One host's controller. Everything rejects with a PowerError, or with the reason of `signal`. */
export type Adapter = {
  /** Nobody can tell whether the machine is on, nor whether it took an order. */
  readonly blind?: true
  status(signal: AbortSignal): Promise<PowerState>
  /** Resolves when the controller took it. */
  act(act: Act, signal: AbortSignal): Promise<void>
  /** Its next boot, and no other, is from the network; left out where that cannot be set. */
  bootFromNetwork?(signal: AbortSignal): Promise<void>
}

/** `message` is for a person: what is wrong and what to do, in one line, without a secret. */
export class PowerError extends Error {}
