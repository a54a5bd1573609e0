// Finds in a settings file what a path of the settings means: its line, and how it was spelled.

import { isAlias, isMap, isNode, isScalar, isSeq, visit } from 'yaml'
import type { Alias, Document, LineCounter, Node, Pair } from 'yaml'
import type { Path } from './explain.ts'

export class Lines {
  private readonly document: Document
  private readonly lines: LineCounter
  private readonly targets: ReadonlyMap<Alias, Node>

  constructor(document: Document, lines: LineCounter) {
    this.document = document
    this.lines = lines
    this.targets = targetsOf(document)
  }

  /** The line of the node at `path`, or of the nearest one above it that stands in the file. */
  of(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const key = path[length - 1]
      const pair = this.pairOf(this.nodeAt(path.slice(0, length - 1)), key)
      const node = pair?.key ?? this.nodeAt(path.slice(0, length))
      if (isNode(node) && node.range) return this.lines.linePos(node.range[0]).line
    }
    return 1
  }

  /** What stands there, where YAML made a number or a boolean of it: a password 0123 is no 123. */
  sourceOf(path: Path): string | undefined {
    const node = this.nodeAt(path)
    if (!isScalar(node) || (typeof node.value !== 'number' && typeof node.value !== 'boolean'))
      return undefined
    return node.source
  }

  /** Of aliases without an anchor before them. */
  looseAliases(): readonly number[] {
    const loose: Alias[] = []
    visit(this.document, {
      Alias: (_, node) => {
        if (!this.targets.has(node)) loose.push(node)
      },
    })
    return loose.map((node) => this.lines.linePos(node.range?.[0] ?? 0).line)
  }

  /** Through aliases. */
  private nodeAt(path: Path): unknown {
    return path.reduce<unknown>(
      (node, step) => this.resolved(isSeq(node) ? node.items[Number(step)] : this.pairOf(node, step)?.value),
      this.document.contents,
    )
  }

  /** Keys by their text, as 42 may be one; also those that `<<` brings. */
  private pairOf(node: unknown, key: PropertyKey | undefined): Pair | undefined {
    if (!isMap(node)) return undefined
    const own = node.items.find(({ key: its }) => isScalar(its) && String(its.value) === String(key))
    if (own !== undefined) return own
    return node.items
      .filter(
        ({ key: its }) => isScalar(its) && typeof its.value === 'symbol' && its.value.description === '<<',
      )
      .map(({ value }) => this.resolved(value))
      .flatMap((source) => (isSeq(source) ? source.items : [source]))
      .map((source) => this.pairOf(this.resolved(source), key))
      .find((pair) => pair !== undefined)
  }

  private resolved(node: unknown): unknown {
    return isAlias(node) ? this.targets.get(node) : node
  }
}

/** What each alias stands for, found in one walk: the parser's own way takes one for each alias. */
function targetsOf(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>()
  const targets = new Map<Alias, Node>()
  visit(document, {
    Node: (_, node) => {
      const target = isAlias(node) ? anchors.get(node.source) : undefined
      if (isAlias(node) && target !== undefined) targets.set(node, target)
      if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node)
    },
  })
  return targets
}
