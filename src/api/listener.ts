// What of ours listens, and whether it serves.

/** One port or link of ours, for GET /v1/status. */
export type Listener = {
  readonly name: string
  /** `udp 0.0.0.0:69`. */
  readonly where: string
  readonly serving: boolean
  /** Why it does not serve. */
  readonly because?: string | undefined
}
