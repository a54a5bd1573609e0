// Who asks for a change, as far as it is known.

import type { Mac } from '../net/mac.ts'

export type Caller = {
  /** The name of its token; empty without one. */
  readonly by: string
  /** The address of its connection; empty where it is ourselves. */
  readonly from: string
  /** Of the card that holds that address; looked up only where it matters. */
  readonly mac?: (() => Mac | undefined) | undefined
}

/** Of a change of one host. */
export type ChangeHow = {
  readonly caller: Caller
  /** 1: its machine may install something. */
  readonly confirm?: number | undefined
}

/** A change that comes from the settings or the disk, and from nobody on the network. */
export const ourselves: Caller = { by: '', from: '' }
