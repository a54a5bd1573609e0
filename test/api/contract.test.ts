// The original's API line by line, as its README, its Go client and the install scripts of others know it.

import test from 'ava'
import { parseMac } from '../../src/net/mac.ts'
import { exchange } from '../http/raw.ts'
import { serveApi } from './server.ts'

type Call = readonly [what: string, request: string, status: number, body: string | RegExp]

const request = (method: string, path: string, body = '', more = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: pxe-server:3478\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
const deploy = (body: string, configuration = 'sheep', more = '') =>
  request('PUT', `/v1/configurations/${configuration}/deploy`, body, more)
const fault = (message: string, code: string, more = '') => {
  const said = message.replaceAll('<', String.raw`\u003c`).replaceAll('>', String.raw`\u003e`)
  return `{"Message":"${said}","message":"${said}","code":"${code}"${more}}`
}
const done = (name: string, configuration = 'sheep') =>
  `{"hosts":[{"name":"${name}","configuration":"${configuration}","rebooted":"NO"}]}`
const page404 = '404 page not found'
const form = 'Content-Type: application/x-www-form-urlencoded\r\n'
const goClient = 'Content-Type: application/json\r\nUser-Agent: Go-http-client/1.1\r\n'

const calls: readonly Call[] = [
  ['healthcheck', request('GET', '/v1/healthcheck'), 204, ''],
  ['healthcheck with the Go client’s body', request('GET', '/v1/healthcheck', 'null\n', goClient), 204, ''],
  [
    'a configuration that is not there',
    request('GET', '/v1/configurations/x'),
    404,
    fault(
      "Configuration 'x' does not exists",
      'configuration_not_found',
      ',"hint":"pxe-pilot config list and GET /v1/configurations show those there are"',
    ),
  ],
  [
    'a name with what HTML escapes',
    request('GET', '/v1/configurations/%3Ca&b%3E'),
    404,
    /'\\u003ca\\u0026b\\u003e'/,
  ],
  [
    'curl -d of an install script',
    deploy('{"hosts":[{"macAddress":"00:00:00:00:00:01"}]}', 'local', form),
    200,
    done('h1', 'local'),
  ],
  [
    'the use case’s path and body',
    request(
      'PUT',
      '/configurations/local/deploy',
      '\n{\n    "hosts": [\n        {\n            "macAddress": "00:00:00:00:00:01"\n        }\n    ]\n}',
      form,
    ),
    200,
    done('h1', 'local'),
  ],
  ['no Content-Type', deploy('{"hosts":[{"name":"h1"}]}'), 200, done('h1')],
  ['keys in other cases', deploy('{"HOSTS":[{"NAME":"h1","Reboot":false}]}'), 200, done('h1')],
  ['the README’s key', deploy('{"hosts":[{"mac_address":"00:00:00:00:00:01"}]}'), 200, done('h1')],
  [
    'MAC with dashes in upper case',
    deploy('{"hosts":[{"macAddress":"00-00-00-00-0B-01"}]}'),
    200,
    done('h1'),
  ],
  ['MAC with dots', deploy('{"hosts":[{"macAddress":"0000.0000.0001"}]}'), 200, done('h1')],
  ['name and MAC', deploy('{"hosts":[{"name":"h1","macAddress":"00:00:00:00:0b:01"}]}'), 200, done('h1')],
  ['unknown keys', deploy('{"x":{"y":[1]},"hosts":[{"name":"h1","z":null}]}'), 200, done('h1')],
  ['what follows the first value', deploy('{"hosts":[{"name":"h1"}]} and more {'), 200, done('h1')],
  ['the last of two keys', deploy('{"hosts":[{"name":"h2","name":"h1"}]}'), 200, done('h1')],
  ['an empty object', deploy('{}'), 200, '{"hosts":[]}'],
  ['an empty list', deploy('{"hosts":[]}'), 200, '{"hosts":[]}'],
  ['null', deploy('null'), 200, '{"hosts":[]}'],
  ['null for the list', deploy('{"hosts":null}'), 200, '{"hosts":[]}'],
  ['null with a line behind it', deploy('null\n'), 200, '{"hosts":[]}'],
  ['no configuration for an empty list', deploy('{}', 'x'), 404, /Configuration 'x' does not exists/],
  ['an empty body', deploy(''), 400, /"code":"body_not_json"/],
  ['no JSON', deploy('hosts=h1', 'sheep', form), 400, /"code":"body_not_json"/],
  ['no JSON comes before no configuration', deploy('x', 'x'), 400, /"code":"body_not_json"/],
  [
    'reboot as a text',
    deploy('{"hosts":[{"name":"h1","reboot":"true"}]}'),
    400,
    /hosts\[0\]\.reboot must be true or false/,
  ],
  ['a name that is a number', deploy('{"hosts":[{"name":1}]}'), 400, /hosts\[0\]\.name must be a text/],
  ['hosts as an object', deploy('{"hosts":{"name":"h1"}}'), 400, /hosts must be a list/],
  ['a host that is a text', deploy('{"hosts":["h1"]}'), 400, /hosts\[0\] must be an object/],
  [
    'a host that is null',
    deploy('{"hosts":[null]}'),
    400,
    fault(
      'Either Name or MACAddress must be provided for each Host',
      'host_unnamed',
      ',"hint":"a host goes by the keys name and macAddress"',
    ),
  ],
  [
    'neither name nor MAC',
    deploy('{"hosts":[{}]}'),
    400,
    fault(
      'Either Name or MACAddress must be provided for each Host',
      'host_unnamed',
      ',"hint":"a host goes by the keys name and macAddress"',
    ),
  ],
  [
    'an unknown name',
    deploy('{"hosts":[{"name":"nobody"}]}'),
    404,
    fault(
      'No host declared for name <nobody>',
      'host_not_found',
      ',"hint":"pxe-pilot host list and GET /v1/hosts show those there are; a deploy takes a MAC, too"',
    ),
  ],
  [
    'another case of a name',
    deploy('{"hosts":[{"name":"H1"}]}'),
    404,
    /No host declared for name \\u003cH1\\u003e/,
  ],
  [
    'an unknown MAC, in small letters',
    deploy('{"hosts":[{"macAddress":"00:00:00:00:00:0F"}]}'),
    404,
    fault(
      'No host declared with MAC address <00:00:00:00:00:0f>',
      'host_not_found',
      ',"hint":"where the settings declare hosts, a deploy makes no others (hosts_policy: declared): declare it there, or POST /v1/hosts adds it (pxe-pilot host add)"',
    ),
  ],
  [
    'a name with another’s MAC',
    deploy('{"hosts":[{"name":"h1","macAddress":"00:00:00:00:00:02"}]}'),
    409,
    fault('Host <h1> does not match MAC address <00:00:00:00:00:02>', 'host_mismatch'),
  ],
  [
    'a name with nobody’s MAC',
    deploy('{"hosts":[{"name":"h1","macAddress":"00:00:00:00:00:0f"}]}'),
    409,
    fault('MAC address <00:00:00:00:00:0f> does not match host <h1>', 'host_mismatch'),
  ],
  [
    'a host twice',
    deploy('{"hosts":[{"name":"h1"},{"macAddress":"00:00:00:00:0b:01"}]}'),
    409,
    fault('Host <h1> appears several times in query', 'host_twice'),
  ],
  [
    'a configuration in a host',
    deploy('{"hosts":[{"name":"h1","configuration":"x"}]}'),
    500,
    fault('Configuration attribute for a host in this context is not allowed', 'configuration_not_allowed'),
  ],
  [
    'a configuration in a host comes before its name',
    deploy('{"hosts":[{"name":"x","configuration":"x"}]}'),
    500,
    /configuration_not_allowed/,
  ],
  ['the first bad host decides', deploy('{"hosts":[{},{"name":"x"}]}'), 400, /host_unnamed/],
  ['?status= of Go’s booleans only', request('GET', '/v1/hosts?status=yes'), 400, /"code":"query_invalid"/],
  [
    'reboot of an unknown host',
    request('PATCH', '/v1/hosts/x/reboot', 'null\n', goClient),
    404,
    /"code":"host_not_found"/,
  ],
  [
    'on of a host without power',
    request('PATCH', '/v1/hosts/h1/on', 'null\n', goClient),
    409,
    /"code":"power_unmanaged"/,
  ],
  ['off of a host without power', request('PATCH', '/v1/hosts/h1/off'), 409, /"code":"power_unmanaged"/],
  ['refresh', request('PATCH', '/v1/refresh', 'null\n', goClient), 204, ''],
  ['its name in 0.4.0', request('PATCH', '/v1/discovery'), 204, ''],
  ['a wrong method', request('POST', '/v1/configurations/sheep/deploy', '{}'), 404, page404],
  ['a wrong method of a known path', request('DELETE', '/v1/bootloaders'), 404, page404],
  ['an unknown path', request('GET', '/v1/nope'), 404, page404],
  ['HEAD', request('HEAD', '/v1/hosts'), 404, ''],
  ['a slash too many', request('GET', '/v1/bootloaders/'), 301, ''],
  ['a slash too many in a change', request('PUT', '/v1/configurations/sheep/deploy/', '{}'), 307, ''],
]

test('each line of the contract, byte for byte', async (t) => {
  const api = await serveApi(t)
  for (const [what, sent, status, body] of calls) {
    const { text } = await exchange(api.port, sent)
    const [head = '', said = ''] = text.split('\r\n\r\n', 2)
    t.is(Number(head.split(' ')[1]), status, what)
    if (typeof body === 'string') t.is(said, body, what)
    else t.regex(said, body, what)
    const type = /^content-type: (.*)$/im.exec(head)?.[1]
    if (said.startsWith('{')) t.is(type, 'application/json; charset=utf-8', what)
    if (said === page404) t.is(type, 'text/plain', what)
  }
})

test('a refused deploy changes nothing, and a good one is in force before it is answered', async (t) => {
  const api = await serveApi(t)
  await exchange(api.port, deploy('{"hosts":[{"name":"h1"},{"name":"nobody"}]}'))
  t.is(api.table.assignments.size, 0)
  await exchange(api.port, deploy('{"hosts":[{"name":"h1"},{"macAddress":"00:00:00:00:00:02"}]}'))
  t.deepEqual(
    [...api.table.assignments],
    [
      ['h1', 'sheep'],
      ['h2', 'sheep'],
    ],
  )
  t.is(api.table.hostByMac.get(parseMac('00:00:00:00:0b:01') ?? ('' as never)), 'h1')
})
