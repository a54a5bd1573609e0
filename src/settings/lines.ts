// Finds in a settings file what a path of the settings means: its line, and how it was spelled.

import { isMap, isScalar, type Document, type LineCounter, type Node } from 'yaml'
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
      const parent = this.document.getIn(path.slice(0, length - 1), true)
      const key = path[length - 1]
      const pair = isMap(parent)
        ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
        : undefined
      const node = (pair?.key ?? this.document.getIn(path.slice(0, length), true)) as Node | undefined
      if (node?.range) return this.lines.linePos(node.range[0]).line
    }
    return 1
  }

  /** What stands there, where YAML made a number or a boolean of it: a password 0123 is no 123. */
  sourceOf(path: Path): string | undefined {
    const node = this.document.getIn(path, true)
    if (!isScalar(node) || (typeof node.value !== 'number' && typeof node.value !== 'boolean'))
      return undefined
    return node.source
  }
}
