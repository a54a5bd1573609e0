// Keeps what was made last, as nearly all clients get the same: an option of a lease time, of a file, of our address.

/** `make` is pure: what it made of a key serves until another key comes. */
export function kept<Key extends string | number, Value extends object>(
  make: (key: Key) => Value,
): (key: Key) => Value {
  let last: { readonly key: Key; readonly value: Value } | undefined
  return (key) => {
    if (last?.key !== key) last = { key, value: make(key) }
    return last.value
  }
}
