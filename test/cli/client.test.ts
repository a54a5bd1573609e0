// The client: what it does when a server is late, silent, another one, or not there.

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { ClientError } from '../../src/cli/client.ts'
import { leases, releaseLease } from '../../src/cli/lease.ts'
import { freeTcp } from '../ports.ts'

const quiet = () => {}

async function serve(t: ExecutionContext, answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a server that starts meanwhile is waited for', async (t) => {
  const port = await freeTcp()
  const said: string[] = []
  const server = createServer((_, response) => response.end('[]'))
  t.teardown(() => server.close())
  const debug = (text: string) => {
    if (said.length === 0) server.listen(port, '127.0.0.1')
    said.push(text)
  }
  t.deepEqual(await leases({ server: `http://127.0.0.1:${port}`, debug, refusedMs: 20_000 }), [])
  t.regex(said[0] ?? '', /ECONNREFUSED/)
  t.regex(said.at(-1) ?? '', /^GET http:\/\/127\.0\.0\.1:\d+\/v1\/leases: 200 \[\]$/)
})

// No browser asks these (fetch.spec.whatwg.org, port blocking).
test('a server on a port that is of another protocol, too', async (t) => {
  const server = createServer((_, response) => void response.end('[]'))
  t.teardown(() => server.close())
  const listens = async (port: number) => {
    server.listen(port, '127.0.0.1')
    return await once(server, 'listening').then(
      () => true,
      () => false,
    )
  }
  for (const port of [6666, 6667, 6668, 6669, 10080]) {
    if (!(await listens(port))) continue
    t.deepEqual(await leases({ server: `http://127.0.0.1:${port}`, debug: quiet }), [])
    return
  }
  t.fail('all of them are taken')
})

test('a server that is not there: given up after a second, with what to do', async (t) => {
  const start = performance.now()
  const server = `http://127.0.0.1:${await freeTcp()}`
  const error = await t.throwsAsync(leases({ server, debug: quiet }), { instanceOf: ClientError })
  t.true(performance.now() - start > 900)
  t.is(
    error.message,
    `${server}: nothing listens there; start pxe-pilot server, or name its address with --server`,
  )
})

test('a name with several addresses, none of which listens', async (t) => {
  const server = `http://localhost:${await freeTcp()}`
  await t.throwsAsync(leases({ server, debug: quiet }), { message: /: nothing listens there;/ })
})

test('a server that says nothing is left after the limit', async (t) => {
  const server = await serve(t, quiet)
  await t.throwsAsync(leases({ server, debug: quiet, totalMs: 200 }), {
    instanceOf: ClientError,
    message: `${server}: it did not answer in time; see its log, and try again`,
  })
})

test('a server that says nothing behind its headers is left after the limit', async (t) => {
  const server = await serve(t, (_, response) => void response.write('['))
  await t.throwsAsync(leases({ server, debug: quiet, totalMs: 200 }), { message: /did not answer in time/ })
})

test('https:// of a server that speaks none, and a token that no header can hold', async (t) => {
  const server = await serve(t, (_, response) => void response.end('[]'))
  const secure = server.replace('http:', 'https:')
  await t.throwsAsync(leases({ server: secure, debug: quiet }), {
    instanceOf: ClientError,
    message: `${secure}: what listens there does not speak TLS; name it by http:// with --server`,
  })
  await t.throwsAsync(leases({ server, token: 'a\nb', debug: quiet }), {
    instanceOf: ClientError,
    message: /: PXE_PILOT_TOKEN has a character that no token has; see its line in server\.tokens_file$/,
  })
})

test('a connection that breaks off is one line', async (t) => {
  const server = await serve(t, (request) => void request.socket.destroy())
  const error = await t.throwsAsync(leases({ server, debug: quiet }), { instanceOf: ClientError })
  t.regex(error.message, /^http:.*; see whether --server names a PXE Pilot$/)
})

for (const [what, body] of [
  ['no JSON', '<html>\nhello'],
  ['no list', '{}'],
  ['other leases', '[{"ip":"10.77.0.100","mac":5}]'],
] as const) {
  test(`an answer that is ${what} is another program's`, async (t) => {
    const server = await serve(t, (_, response) => void response.end(body))
    const error = await t.throwsAsync(leases({ server, debug: quiet }), { instanceOf: ClientError })
    t.regex(error.message, /^http:.*: its answer is not understood \(answer\b[^\n]*; is a PXE Pilot there/)
  })
}

test('a refusal is said in its own words, in one line that no terminal obeys', async (t) => {
  const server = await serve(t, (_, response) => {
    response.statusCode = 403
    response.end(JSON.stringify({ message: 'not\nyou \u001b[31m' }))
  })
  await t.throwsAsync(releaseLease({ server, debug: quiet }, '10.77.0.100'), {
    instanceOf: ClientError,
    message: 'not\\x0ayou \\x1b[31m',
  })
})

test('a route that the server has not: it may be older', async (t) => {
  const server = await serve(t, (_, response) => {
    response.statusCode = 404
    response.end('404 page not found')
  })
  await t.throwsAsync(leases({ server, debug: quiet }), { message: /\/v1\/leases: 404; .*none older/ })
  const meant = { message: /\/v1\/v1\/leases: 404; name the server without \/v1$/ }
  await t.throwsAsync(leases({ server: `${server}/v1`, debug: quiet }), meant)
})
