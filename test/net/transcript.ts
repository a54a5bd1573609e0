// What a process or a machine's serial port has printed so far, and waiting for the next thing it prints.

type Waiter = { readonly check: () => boolean; readonly end: () => void }

/** CSI, OSC and two-character escape codes: EFI consoles put them between the letters of a word. */
// oxlint-disable-next-line no-control-regex
const escapes = /\u001B(?:\[[0-9;?=]*[A-Za-z]|\][^\u0007]*\u0007|[@-Z\\^_=>78c])/g

export class Transcript {
  readonly #name: string
  readonly #waiters = new Set<Waiter>()
  #raw = ''
  #text = ''
  /** Where the next wait starts to look: just behind what the last one found. */
  #seen = 0
  #ended = false

  /** @param name what failure messages call the one who prints */
  constructor(name: string) {
    this.#name = name
  }

  /** Everything printed so far, without escape codes and carriage returns. */
  get text(): string {
    return this.#text
  }

  /** Everything printed so far, as it was. */
  get raw(): string {
    return this.#raw
  }

  append(chunk: string): void {
    this.#raw += chunk
    // Again over the whole, as a code may be split between two chunks; a boot prints some 50 kB at most.
    this.#text = this.#raw.replace(escapes, '').replaceAll('\r', '')
    for (const waiter of this.#waiters) if (waiter.check()) this.#waiters.delete(waiter)
  }

  /** Nothing will be printed any more: waits that are still open fail now and not at their time limit. */
  end(): void {
    this.#ended = true
    for (const waiter of this.#waiters) waiter.end()
    this.#waiters.clear()
  }

  /**
   * Waits until `pattern` is printed behind whatever the last wait found.
   * @throws Error with the whole transcript when `seconds` pass, or the printing ends, without it
   */
  waitFor(pattern: RegExp, seconds: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const check = (): boolean => {
        const found = pattern.exec(this.#text.slice(this.#seen))
        if (found === null) return false
        this.#seen += found.index + found[0].length
        clearTimeout(timer)
        resolve(found)
        return true
      }
      const fail = (why: string): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        reject(new Error(`${this.#name} did not print ${String(pattern)} ${why}; it printed:\n${this.#text}`))
      }
      const waiter = { check, end: () => fail('before it ended') }
      const timer = setTimeout(() => fail(`within ${seconds} s`), seconds * 1000)
      if (check()) return
      if (this.#ended) fail('before it ended')
      else this.#waiters.add(waiter)
    })
  }
}
