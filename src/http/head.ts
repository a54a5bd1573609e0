// What is wrong with a request: what Node says of one that it refuses, and what it does not see in the head of another.

import type { IncomingMessage } from 'node:http'

/** For the log and for its sender. */
export type Fault = { readonly what: string; readonly because: string }

export const tornBody = 'a request whose body does not end where its headers say'

/** Undefined: nothing. */
export function faultOf(request: IncomingMessage): Fault | undefined {
  if (!hasItsHost(request)) {
    return { what: 'no request', because: 'a request has one Host line, and HTTP/1.0 may do without' }
  }
  if (!hostName.test(request.headers.host ?? '')) {
    return { what: 'no request', because: 'its Host line names no host' }
  }
  return hasItsEnd(request)
    ? undefined
    : { what: tornBody, because: 'its Transfer-Encoding does not say where it ends' }
}

/** RFC 9112 3.2. Of several, Node takes the first, a proxy before us perhaps the last. */
function hasItsHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const lines = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length
  return lines === 1 || (lines === 0 && httpVersion !== '1.1')
}

/** RFC 9110 4.2.3 and 7.2: a name or an address, and perhaps a port. */
const hostName = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.v]+\])(?::\d*)?$/i

/** RFC 9112 6.1 and 6.3: `chunked` comes last, and HTTP/1.0 has none; Node answers a GET before it looks for its end. */
function hasItsEnd({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding === undefined || (httpVersion === '1.1' && /(?:^|[\s,])chunked\s*$/i.test(coding))
}

/** `code`: of Node's error. */
export function statusOf(code: string): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
}
