// Reads the path out of a request's target, decoded once, and whether it can be a file's.

/**
 * The path as its client meant it, or undefined where the percent-encoding is broken. Only `%` means anything:
 * a `+` is a plus (Debian's mirrors are full of them), and what `//` or a backslash mean is the decision's matter.
 */
export function readTarget(target: string): string | undefined {
  // RFC 9112 3.2.2: a server accepts the absolute form that a proxy is sent.
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

/** A path whose last name is empty or `.` leads to no file (POSIX, pathname resolution). */
export function namesFolder(path: string): boolean {
  return /[/\\]\.?$/.test(path)
}
