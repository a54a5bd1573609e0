// The types of the package pgpass, which brings none.

declare module 'pgpass' {
  /** Hands over the password that ~/.pgpass, or $PGPASSFILE, has for a connection; undefined where it has none. */
  export default function pgpass(connection: object, take: (password: string | undefined) => void): void
}
