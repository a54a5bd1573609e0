// The tokens of people and programs that may change things: a file, read again when it changes.

import { createHash, timingSafeEqual } from 'node:crypto'
import { statSync } from 'node:fs'
import { printable, type Tell } from '../events.ts'
import { mostOfSecrets, readOwn } from '../files.ts'

/** For a line with curl, as a person is shown it. */
export const withToken = '-H "Authorization: Bearer $PXE_PILOT_TOKEN"'

export type Token = { readonly name: string; readonly rights: 'read' | 'write' }

type Known = Token & { readonly digest: Buffer }

/** How often, in milliseconds, the file is looked at for a change: at most so late is a token withdrawn. */
const lookMs = 1000

/** Kept while a file is empty or cannot be read: nobody gets in who had no token before. */
export class Tokens {
  private readonly path: string
  private readonly tell: Tell
  private known: readonly Known[] = []
  private signature = ''
  private lookedAt = -Infinity

  /** @throws Error with one line for a person, where the file cannot be read or understood. */
  constructor(path: string, tell: Tell) {
    this.path = path
    this.tell = tell
    const faults = this.read()
    if (faults.length > 0) throw new Error(faults.join('\n'))
    this.lookedAt = performance.now()
  }

  /** Whose token this is. It takes the same time whichever of them is nearly right. */
  find(text: string): Token | undefined {
    this.look()
    const digest = digestOf(text)
    let found: Token | undefined
    for (const token of this.known) if (timingSafeEqual(token.digest, digest)) found = token
    return found
  }

  private look(): void {
    if (performance.now() - this.lookedAt < lookMs) return
    this.lookedAt = performance.now()
    const before = this.signature
    if (this.signatureNow() === before) return
    const faults = this.read()
    for (const fault of faults) {
      const text = `${fault}; the tokens that were read last stay in force`
      this.tell({ level: 'error', step: 'tokens', text: printable(text) })
    }
    if (faults.length === 0) {
      const text = `${this.path} was read again: tokens that may write ${this.countOf('write')}, that may only read ${this.countOf('read')}`
      this.tell({ level: 'info', step: 'tokens', text })
    }
  }

  private countOf(wanted: Token['rights']): number {
    return this.known.filter(({ rights }) => rights === wanted).length
  }

  /** What is wrong with the file, in whole sentences. */
  private read(): readonly string[] {
    let text: string
    this.signature = this.signatureNow()
    try {
      text = readOwn(this.path, mostOfSecrets)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return [`server.tokens_file: ${this.path} cannot be read: ${why}`]
    }
    const known: Known[] = []
    const faults: string[] = []
    for (const [index, line] of text.split('\n').entries()) {
      const words = line.trim()
      if (words === '' || words.startsWith('#')) continue
      const token = tokenOf(words, known)
      // Any word of the line may be the secret.
      if (typeof token === 'string') faults.push(`${this.path}:${index + 1}: ${token}`)
      else known.push(token)
    }
    if (faults.length === 0 && known.length === 0) {
      faults.push(`${this.path} holds no token: a line each, NAME TOKEN [read|write]`)
    }
    if (faults.length === 0) {
      this.known = known
      this.tellShort(text)
    }
    return faults
  }

  private tellShort(text: string): void {
    for (const [index, line] of text.split('\n').entries()) {
      const [name = '', token] = line.trim().split(/\s+/)
      if (name.startsWith('#') || token === undefined || token.length >= shortest) continue
      const why = `${this.path}:${index + 1}: the token is shorter than ${shortest} characters, and can be guessed: openssl rand -hex 16 makes one`
      this.tell({ level: 'warn', step: 'tokens', text: why })
    }
  }

  private signatureNow(): string {
    try {
      const { mtimeMs, size, ino, mode } = statSync(this.path)
      if ((mode & 0o077) !== 0 && this.signature === '') this.tellOpen()
      return `${mtimeMs} ${size} ${ino}`
    } catch {
      return 'missing'
    }
  }

  private tellOpen(): void {
    const text = `${this.path} can be read by others than its owner: chmod 600 ${this.path}`
    this.tell({ level: 'warn', step: 'tokens', text })
  }
}

/** Of a token nobody guesses, in characters. */
const shortest = 16

const shape = 'a line is NAME TOKEN [read|write]'

function tokenOf(line: string, others: readonly Known[]): Known | string {
  const [name = '', token, rights = 'write', ...more] = line.split(/\s+/)
  if (token === undefined || more.length > 0) return shape
  if (rights !== 'read' && rights !== 'write') return `${shape}: the third word is neither read nor write`
  if (token === 'read' || token === 'write') return `${shape}: the name or the token is missing`
  if (others.some((other) => other.name === name)) return 'its name is there twice'
  return { name, rights, digest: digestOf(token) }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
