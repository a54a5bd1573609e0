// Finds in a settings file what a path of the settings means: its line, and how it was spelled.

import { isAlias, isMap, isNode, isScalar, isSeq, type Document, type LineCounter } from 'yaml'
import type { Path } from './explain.ts'

export class Lines {
  private readonly document: Document
  private readonly lines: LineCounter

  constructor(document: Document, lines: LineCounter) {
    this.document = document
    this.lines = lines
  }

  /** The line of the node at `path`, or of the nearest one above it that stands in the file. */
  of(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const key = path[length - 1]
      const pair = pairOf(this.nodeAt(path.slice(0, length - 1)), key)
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

  /** Keys by their text, as 42 may be one, and through aliases. */
  private nodeAt(path: Path): unknown {
    return path.reduce<unknown>(
      (node, step) => this.resolved(isSeq(node) ? node.items[Number(step)] : pairOf(node, step)?.value),
      this.document.contents,
    )
  }

  private resolved(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.document) : node
  }
}

function pairOf(node: unknown, key: PropertyKey | undefined) {
  return isMap(node)
    ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
    : undefined
}
