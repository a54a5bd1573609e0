// node --import ./without-koffi.mjs: a process in which koffi cannot be loaded, as on a machine it has no binary for.

import { register } from 'node:module'

const hooks = `export async function resolve(name, context, next) {
  if (name === 'koffi') throw new Error('there is no koffi here')
  return await next(name, context)
}`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
