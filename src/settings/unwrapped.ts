// What a schema is beneath its wrappings: the kind of value that a person writes there.

import { z } from 'zod'

/** What optional(), nullable(), default() and a transformation wrap. */
export function unwrapped(schema: unknown): unknown {
  let here = schema
  for (;;) {
    if (
      here instanceof z.ZodOptional ||
      here instanceof z.ZodNullable ||
      here instanceof z.ZodDefault ||
      here instanceof z.ZodPrefault
    ) {
      here = here.unwrap()
    } else if (here instanceof z.ZodPipe) here = here.in
    else return here
  }
}
