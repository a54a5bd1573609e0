// A time limit for one piece of work, which ends it whatever the garbage collector does meanwhile.

import { setMaxListeners } from 'node:events'

/**
 * What `work` resolves with; its signal is aborted after `ms` with a TimeoutError, or with `outer` and its reason.
 * No AbortSignal.any: on Node 20 it holds its sources weakly, and a timeout that nobody else holds is collected.
 */
export async function within<T>(
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  // Every host that waits for its turn listens to it.
  setMaxListeners(0, limit.signal)
  const stop = () => limit.abort(outer.reason)
  const late = () => limit.abort(new DOMException(`not done within ${ms} ms`, 'TimeoutError'))
  outer.addEventListener('abort', stop, { once: true })
  if (outer.aborted) stop()
  const timer = setTimeout(late, ms)
  try {
    return await work(limit.signal)
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', stop)
  }
}
